"""R peaks that a reader moves, and what PTACL's local loss then asks for."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import cine_frames
from ecglearn.errors import InputError
from ecglearn.plots.views.contract import View, picture

T_AFTER = (0.18, 0.45)  # seconds after an R peak in which its T wave is looked for
LEAD_II = 1


@runtime_checkable
class Cuts(Protocol):
    """How an ECG is cut into tokens and a beat into phases; a `PTACLConfig` is one.

    Book: ptacl#heart-phases
    """

    @property
    def fs(self) -> float: ...
    @property
    def samples(self) -> int: ...
    @property
    def patch(self) -> int: ...
    @property
    def segments(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def sigma(self) -> float: ...
    @property
    def distance(self) -> str: ...
    @property
    def phase_exact(self) -> bool: ...


class PeakView(View):
    """An R peak is moved, missed or found twice; beat matrix, mean beat and target follow.

    The script makes the beat matrix as `ecglearn.signals.beat_matrices` does, and P as
    `ecglearn.losses.phase_target`.

    Book: ptacl#heart-phases
    """

    kind: ClassVar[str] = "peaks"

    @classmethod
    def from_batch(
        cls,
        batch: ECGBatch,
        row: int,
        config: Cuts,
        *,
        label: str = "R peaks, heart phases and what the local loss asks for",
    ) -> PeakView:
        """The view of one record.

        Args:
            batch: needs `ecg`, `r_peaks` and `cine`; the first `config.samples` samples are shown.
            row: the record.
            config: of PTACL: how the ECG is cut into tokens and a beat into phases.
            label: of the whole view, read aloud.

        Raises:
            InputError: no such record; another sampling rate than the configuration's; or fewer
                than three R peaks in the window, so that none has a beat on both sides.
        """
        batch.need("ecg", "r_peaks", "cine")
        assert batch.r_peaks is not None
        if not 0 <= row < len(batch):
            raise InputError(f"{row} is no row of a batch of {len(batch)} records")
        if batch.fs != config.fs:
            raise InputError(
                f"the batch has {batch.fs} Hz and this configuration reads {config.fs} Hz: prepare "
                "it with that rate, or change `fs`"
            )
        signal = batch.ecg[row, LEAD_II, : config.samples].double().cpu().numpy()
        found = batch.r_peaks[row].cpu().numpy()
        peaks = found[(found >= 0) & (found < len(signal))].astype(int)
        if len(peaks) < 3:
            raise InputError(
                f"record {row} has {len(peaks)} R peaks in its first {len(signal)} samples; to "
                "move one, three are needed"
            )
        phases = np.arange(config.segments) + 0.5
        frames = cine_frames(
            batch[row : row + 1], frames=config.frames, size=config.size, generator=None
        )[0]
        shown = frames[(phases * len(frames) / config.segments).astype(int)].cpu().numpy()
        edge = shown.shape[-1] // 7
        strip = np.concatenate(list(shown[:, edge:-edge, edge:-edge]), axis=1)
        low, high = strip.min(), strip.max()
        grey = ((strip - low) / max(high - low, 1e-9) * 255).round().astype(np.uint8)
        data = {
            "label": label,
            "fs": config.fs,
            "patch": config.patch,
            "segments": config.segments,
            "exact": config.phase_exact,
            "sigma": config.sigma,
            "circular": config.distance == "circular",
            "peaks": peaks.tolist(),
            "t_waves": t_waves(signal, peaks, config.fs).tolist(),
            "signal": np.round(signal, 2).tolist(),
            "frames": picture(grey),
            "pixels": grey.shape[0],
            "count": config.segments,
        }
        return cls(data)


def t_waves(
    signal: Float[np.ndarray, " time"], peaks: Int[np.ndarray, " peak"], fs: float
) -> Int[np.ndarray, " beat"]:
    """Sample of the T wave in each beat, where a detector may see a second R peak.

    Args:
        signal: one lead (time).
        peaks: samples of its R peaks, rising (peak).
        fs: samples per second.

    Returns:
        One sample for each beat (beat): the furthest from the record's median between 0.18 and 0.45
        s after the R peak; where the heart beats faster, within the second third of the beat.

    Book: ptacl#heart-phases
    """
    calm = float(np.median(signal))
    places = []
    for peak, following in pairwise(peaks.tolist()):
        beat = following - peak
        begin = peak + int(min(T_AFTER[0] * fs, beat / 3))
        stop = peak + max(int(min(T_AFTER[1] * fs, 2 * beat / 3)), begin - peak + 1)
        places.append(begin + int(np.abs(signal[begin:stop] - calm).argmax()))
    return np.array(places, dtype=int)
