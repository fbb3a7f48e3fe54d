"""Phase x phase: pieces of a beat against cine frames, through training and rolls of the cine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn

from ecglearn.cohort import Cohort
from ecglearn.cohort.cine import event_times, inner_outlines
from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import roll_frames
from ecglearn.errors import InputError
from ecglearn.evaluate.metrics.alignment import alignment_maps
from ecglearn.plots.views.contract import View, pack, picture, whole_numbers

EARLY_FILLING = 0.18  # seconds until 95 % of the early filling is done
BEAT_POINTS = 131
OUTLINE_POINTS = 24


@dataclass
class AlignmentTrack:
    """Asks an encoder pair, now and while it trains: call it after an epoch.

    Args:
        model: has `local(batch)` and a `config` with `segments`, as PTACL.
        cohort: the patients that are watched; the shown ones are among them.
        patients: rows of `cohort` that are shown one by one.
        rolls: by how many phases the cine starts later.
        moments: epochs at which to ask; None asks whenever it is called.

    Attributes:
        shown: epoch to cosines of the shown patients (patients, rolls, T, T).
        mean: epoch to the mean over usable patients (rolls, T, T).
        right: epoch to the share of right phases over them (rolls,).

    Raises:
        InputError: a patient is no row of the cohort or has no usable beat, or the frames do not
            divide into the phases.

    Book: alignment-matrices#one-contract
    """

    model: nn.Module
    cohort: Cohort
    patients: Sequence[int]
    rolls: Sequence[int] = tuple(range(13))
    moments: Collection[int] | None = None
    shown: dict[int, Float[Tensor, "P R T T"]] = field(default_factory=dict, init=False)
    mean: dict[int, Float[Tensor, "R T T"]] = field(default_factory=dict, init=False)
    right: dict[int, list[float]] = field(default_factory=dict, init=False)
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.batch = ECGBatch.from_cohort(self.cohort)
        if outside := [row for row in self.patients if not 0 <= row < len(self.cohort)]:
            raise InputError(f"{outside} are no rows of a cohort of {len(self.cohort)}")
        frames, steps = self.cohort.cine.shape[1], self.model.config.segments  # pyright: ignore
        if frames % steps:
            raise InputError(f"{frames} frames do not divide into {steps} phases")
        self.each = frames // steps

    def __call__(self, epoch: int = 0) -> None:
        if self.moments is not None and epoch not in self.moments:
            return
        maps, valid = self._ask()
        if bad := [row for row in self.patients if not valid[row]]:
            raise InputError(f"patients {bad} have no usable beat")
        steps = maps.shape[-1]
        truth = torch.arange(steps) - torch.tensor(self.rolls)[:, None]
        hits = maps[valid].argmax(-1) == truth % steps
        self.shown[epoch] = maps[list(self.patients)]
        self.mean[epoch] = maps[valid].mean(0)
        self.right[epoch] = hits.float().mean((0, 2)).tolist()
        self.count = int(valid.sum())

    def _ask(self) -> tuple[Float[Tensor, "B R T T"], Bool[Tensor, " B"]]:
        cine = self.batch.cine
        assert cine is not None
        training, maps, valid = self.model.training, [], None
        for roll in self.rolls:
            late = replace(self.batch, cine=roll_frames(cine, roll * self.each))
            ecg, found, valid = self.model.local(late)  # pyright: ignore[reportCallIssue]
            maps.append(alignment_maps(ecg, found).cpu())
        self.model.train(training)
        assert valid is not None
        return torch.stack(maps, 1), valid.cpu()


class AlignmentView(View):
    """Encoders side by side: the beat along the left edge, the cine along the bottom, a dial.

    Book: alignment-matrices#the-dial
    """

    kind: ClassVar[str] = "alignment"

    @classmethod
    def from_model(
        cls, model: nn.Module, cohort: Cohort, patients: Mapping[str, int], **options: Any
    ) -> AlignmentView:
        """The view of one trained model.

        Args:
            model: see `AlignmentTrack`.
            cohort: the patients it is asked about.
            patients: the name each is shown under, and its row.
            **options: `rolls`, and what `from_tracks` takes.
        """
        rolls = options.pop("rolls", tuple(range(13)))
        track = AlignmentTrack(model, cohort, list(patients.values()), rolls)
        track()
        name = options.pop("name", type(model).__name__)
        return cls.from_tracks({name: track}, list(patients), **options)

    @classmethod
    def from_tracks(
        cls,
        tracks: Mapping[str, AlignmentTrack],
        names: Sequence[str],
        *,
        notes: Sequence[str] = (),
        short: Sequence[str] = (),
        losses: Sequence[Sequence[float]] = (),
        temperature: float = 0.1,
        sigma: float = 0.0,
        small: bool = False,
        label: str = "Alignment of ECG and cine, phase by phase",
    ) -> AlignmentView:
        """The view of several encoders that were asked at the same moments.

        Args:
            tracks: heading of each encoder, and what it answered.
            names: of the patients, as a physician would call them.
            notes: beside each heading.
            short: name of each in a sentence.
            losses: mean loss of each epoch.
            temperature: of the softmax at first.
            sigma: width of the target at first.
            small: the dial and the maps alone.
            label: of the whole view, read aloud.

        Raises:
            InputError: the encoders were asked about other patients, at other moments or rolls.
        """
        first = next(iter(tracks.values()))
        moments = sorted(first.shown)
        for name, track in tracks.items():
            same = (sorted(track.shown), list(track.patients), list(track.rolls))
            if same != (moments, list(first.patients), list(first.rolls)):
                raise InputError(f"'{name}' was asked about something else")
        if len(names) != len(first.patients) or not moments:
            raise InputError(f"{len(names)} names for {len(first.patients)} patients asked")
        maps = np.stack([[t.shown[m].numpy() for m in moments] for t in tracks.values()])
        means = np.stack([[t.mean[m].numpy() for m in moments] for t in tracks.values()])
        steps = maps.shape[-1]
        models = [
            {
                "name": name,
                "note": notes[k] if notes else "",
                "short": short[k] if short else name,
                "loss": [round(float(v), 3) for v in losses[k]] if losses else [],
            }
            for k, name in enumerate(tracks)
        ]
        right = [[[round(v, 4) for v in t.right[m]] for m in moments] for t in tracks.values()]
        data = {
            "label": label,
            "steps": steps,
            "models": models,
            "moments": moments,
            "patients": [
                {"name": name, **patient_edges(first.cohort, row, steps)}
                for name, row in zip(names, first.patients, strict=True)
            ],
            "maps": pack(maps),
            "best": whole_numbers(maps.argmax(-1)),
            "reach": round(float(np.abs(maps).max()), 3),
            "mean": {"count": first.count, "maps": pack(means), "right": right},
            "temperature": temperature,
            "sigma": sigma,
            "small": small,
        }
        return cls(data)


def patient_edges(cohort: Cohort, row: int, steps: int) -> dict[str, Any]:
    """What stands along the edges for one patient: beat, waves, frames, outline, phase names.

    Args:
        cohort: of simulated patients.
        row: the patient.
        steps: phases T of a beat.

    Book: alignment-matrices#one-contract
    """
    beat = mean_beat(cohort, row)
    one = cohort[np.array([row])]
    cycle = float(event_times(one.latents).rr[0])
    cine = one.cine[0][:: one.cine.shape[1] // steps]
    source = one.truth.source
    outline = inner_outlines(
        one.latents,
        frames=source.frames,
        size=source.size,
        points=OUTLINE_POINTS,
        seed=source.seed,
        start=int(one.truth.index[0]),
    )[0][:: one.cine.shape[1] // steps]
    corner, size = _window(outline, cine.shape[-1])
    cut = cine[:, corner[1] : corner[1] + size, corner[0] : corner[0] + size]
    return {
        "beat": np.round(beat, 3).tolist(),
        "waves": _waves(beat, cycle, bool(one.latents["p_amplitude"][0] > 0)),
        "frames": picture(np.concatenate(list(cut), axis=1)),
        "pixels": size,
        "count": steps,
        "contour": pack(np.moveaxis(outline - corner, 2, 1)),
        "phases": mechanical_phases(one, steps),
    }


def mean_beat(cohort: Cohort, row: int) -> NDArray[np.float64]:
    """Lead II from one R wave to the next, averaged over the record's whole beats, in millivolt.

    Args:
        cohort: of simulated patients.
        row: the patient.

    Book: alignment-matrices#one-contract
    """
    times = cohort.truth.r_times[row]
    times = times[np.isfinite(times)]
    clock = np.arange(cohort.ecg.shape[-1]) / cohort.fs
    share = np.linspace(0, 1, BEAT_POINTS)
    beats = [
        np.interp(begin + share * (end - begin), clock, cohort.ecg[row, 1].astype(float))
        for begin, end in pairwise(times)
        if begin >= 0 and end <= clock[-1]
    ]
    if not beats:
        raise InputError(f"patient {row} has no whole beat in the record")
    beat = np.mean(beats, axis=0)
    return beat - np.median(beat)


def mechanical_phases(one: Cohort, steps: int) -> list[str]:
    """What the heart does in each piece of the beat, by the simulator's own clock.

    Args:
        one: a cohort of one patient.
        steps: phases T of a beat.

    Book: alignment-matrices#one-contract
    """
    timing = event_times(one.latents)
    opening, closing, filling, kick, cycle = (
        float(getattr(timing, name)[0]) for name in ("opening", "closing", "filling", "kick", "rr")
    )
    atria = bool(one.latents["p_amplitude"][0] > 0)
    names = []
    for k in range(steps):
        time = (k + 0.5) / steps * cycle
        if time < opening:
            names.append("isovolumic contraction")
        elif time < closing:
            names.append("ejection")
        elif time < filling:
            names.append("isovolumic relaxation")
        elif atria and time >= kick:
            names.append("atrial contraction")
        elif time < filling + EARLY_FILLING:
            names.append("early filling")
        else:
            names.append("diastasis")
    return names


def _waves(beat: NDArray[np.float64], cycle: float, atria: bool) -> list[dict[str, Any]]:
    """Names at the waves: QRS at both ends, T and P where the mean beat is largest around them."""
    share = np.linspace(0, 1, len(beat))

    def peak(low: float, high: float) -> float:
        inside = (share > low) & (share < high)
        return float(share[inside][np.abs(beat[inside]).argmax()])

    named = [("QRS", 0.0), ("T", peak(0.14 / cycle, 0.62))]
    if atria:
        named.append(("P", peak(1 - 0.26 / cycle, 1 - 0.07 / cycle)))
    return [{"name": name, "at": round(at, 3)} for name, at in [*named, ("QRS", 1.0)]]


def _window(outline: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], int]:
    """Corner and side of a square around the ventricle in end-diastole, with its wall."""
    low, high = outline[0].min(0), outline[0].max(0)
    side = min(size, int(np.ceil(float((high - low).max()) * 2.1)))
    corner = np.clip(np.round((low + high) / 2 - side / 2), 0, size - side).astype(np.int64)
    return corner, side
