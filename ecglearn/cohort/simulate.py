"""`simulate`: patients whose ECG, cine, report and laboratory share one physiology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.cine import render_cine
from ecglearn.cohort.clinical import DEMOGRAPHICS, laboratory, vital_signs
from ecglearn.cohort.electrocardiogram import render_ecg
from ecglearn.cohort.findings import FINDINGS, REMOVALS, RHYTHM_FINDINGS, grade, without
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import DIAGNOSES, PHENOTYPES, Latents, draw_latents
from ecglearn.cohort.reports import write_reports
from ecglearn.cohort.rhythm import cardiac_phase, draw_rhythm

CHUNK = 32  # patients at a time: their signals stay in the processor's cache
CINE_CHUNK = 2
SEGMENTS = 20
STRANGER = "stranger/"  # stream prefix of the unrelated patients whose ECG is shown when uncoupled


@dataclass(frozen=True)
class Source:
    """Everything that decides the cohort's bytes: equal sources give equal cohorts.

    Book: simulated-cohort#random-streams
    """

    seed: int
    start: int
    fs: float
    frames: int
    size: int
    noise: bool
    coupled: bool
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Truth:
    """Ground truth that no real data set has.

    Attributes:
        r_times: R times in seconds (n, beats), NaN outside the record.
        phase_ecg: cardiac phase of every sample, 0 at an R wave (n, time).
        phase_cine: cardiac phase of every frame (n, frames).
        grades: how marked each finding is, 0 to 1 (n, K).

    Book: simulated-cohort#ground-truth
    """

    r_times: NDArray[np.float64]
    phase_ecg: NDArray[np.float32]
    phase_cine: NDArray[np.float32]
    grades: NDArray[np.float64]
    source: Source
    index: NDArray[np.int64]

    @cached_property
    def evidence(self) -> NDArray[np.float32]:
        """Share of each finding's evidence by lead and half-second (n, K, 12, 20).

        See `evidence`.
        """
        return evidence(self, segments=SEGMENTS)


@dataclass(frozen=True)
class Cohort:
    """n simulated patients.

    Attributes:
        ecg: millivolt (n, 12, time), float32; leads in the order of `ecglearn.signals.leads.LEADS`.
        fs: sampling rate in hertz.
        cine: grey values (n, frames, size, size), uint8; frame 0 is end-diastole.
        phenotypes: (n, 10), columns `PHENOTYPES`, units `PHENOTYPE_UNITS`.
        reports: n strings.
        findings: (n, K) bool, columns `FINDINGS`: what the ECG shows.
        diagnoses: (n, D) bool, columns `DIAGNOSES`: what the patient has.
        labs: (n, L), NaN where unmeasured, columns `LABS`.
        vitals: (n, V), columns `VITALS`.
        demographics: (n, 4), columns `DEMOGRAPHICS`.
        truth: ground truth.
        latents: name to (n,), physical values behind all views.

    Book: simulated-cohort#one-patient-five-views
    """

    ecg: NDArray[np.float32]
    fs: float
    cine: NDArray[np.uint8]
    phenotypes: NDArray[np.float64]
    reports: list[str]
    findings: NDArray[np.bool_]
    diagnoses: NDArray[np.bool_]
    labs: NDArray[np.float64]
    vitals: NDArray[np.float64]
    demographics: NDArray[np.float64]
    truth: Truth
    latents: Latents

    def __len__(self) -> int:
        return len(self.ecg)

    def __getitem__(self, index: slice | NDArray) -> Cohort:
        """Some of the patients, in the order asked for."""
        rows = np.arange(len(self))[index]
        return Cohort(**{f.name: _rows(getattr(self, f.name), rows) for f in fields(self)})

    def counterfactual(self, switch_off: str | tuple[str, ...] | list[str]) -> Cohort:
        """The same patients, the same noise, without some findings or conditions.

        Args:
            switch_off: names from `FINDINGS` or `CONDITIONS`.

        Raises:
            ValueError: a name is unknown.

        Book: simulated-cohort#counterfactuals
        """
        names = (switch_off,) if isinstance(switch_off, str) else tuple(switch_off)
        source = replace(self.truth.source, without=self.truth.source.without + names)
        return _gather([_patient_views(source, int(i), 1) for i in self.truth.index], source)


def simulate(
    n: int, *, seed: int = 0, fs: float = 100, frames: int = 26, size: int = 42, noise: bool = True,
    coupled: bool = True, start: int = 0,
) -> Cohort:  # fmt: skip
    """A cohort of simulated patients: every number in it is made, none was measured.

    Args:
        n: number of patients.
        seed: same seed, same bytes.
        fs: sampling rate of the ECG in hertz.
        frames: cine frames for each cardiac cycle.
        size: cine pixels along each side of a 15.1 cm field of view.
        noise: electrode noise and image noise.
        coupled: False shows every patient the ECG of an unrelated patient: the control in which no
            method can learn anything across modalities.
        start: index of the first patient; patient i is the same in every cohort of this seed.

    Raises:
        ValueError: a size is not positive.

    Book: simulated-cohort#one-patient-five-views
    """
    for name, value in {"n": n, "fs": fs, "frames": frames, "size": size}.items():
        if value <= 0:
            raise ValueError(f"simulate: {name} must be positive, not {value}")
    source = Source(seed, start, fs, frames, size, noise, coupled)
    ends = range(start, start + n, CHUNK)
    return _gather(
        [_patient_views(source, first, min(CHUNK, start + n - first)) for first in ends], source
    )


def stream(n: int, *, chunk: int = 256, start: int = 0, **settings) -> Iterator[Cohort]:
    """The same patients as `simulate`, a chunk at a time: memory does not grow with n.

    Args:
        n: number of patients in all.
        chunk: patients in each piece.
        start: index of the first patient.
        **settings: other arguments of `simulate`.

    Book: simulated-cohort#random-streams
    """
    for first in range(start, start + n, chunk):
        yield simulate(min(chunk, start + n - first), start=first, **settings)


def evidence(truth: Truth, *, segments: int = SEGMENTS) -> NDArray[np.float32]:
    """Where in the record each finding is written: the noise-free ECG with and without it.

    The squared difference is summed in each lead and time segment and divided by its total.

    Args:
        truth: ground truth of a cohort.
        segments: equal time segments of the record.

    Returns:
        (n, K, 12, segments), each map sums to 1; zeros where the finding is absent; NaN for
        findings of rhythm, which move every beat and have no place.

    Book: simulated-cohort#evidence-maps
    """
    n = len(truth.index)
    maps = np.zeros((n, len(FINDINGS), 12, segments), np.float32)
    source = replace(truth.source, noise=False)
    for k, name in enumerate(FINDINGS):
        if REMOVALS[name] == REMOVALS["normal ECG"]:
            continue
        rows = np.flatnonzero(truth.grades[:, k] > 0)
        if name in RHYTHM_FINDINGS:
            maps[rows, k] = np.nan
            continue
        for row in rows:
            i = int(truth.index[row])
            with_it = _electric_views(source, i, 1)["ecg"]
            gone = replace(source, without=(*source.without, name))
            change = (with_it - _electric_views(gone, i, 1)["ecg"])[0] ** 2
            edges = np.linspace(0, change.shape[1], segments + 1).astype(int)[:-1]
            total = np.add.reduceat(change, edges, axis=1)
            maps[row, k] = total / max(total.sum(), 1e-12)
    return maps


def _physiology(source: Source, start: int, n: int, prefix: str = "") -> Latents:
    z = draw_latents(n, seed=source.seed, start=start, prefix=prefix)
    return without(z, source.without)


def _electric_views(source: Source, start: int, n: int) -> dict:
    """ECG and what is read from it; of a stranger when the cohort is not coupled."""
    prefix = "" if source.coupled else STRANGER
    place: dict[str, Any] = {"seed": source.seed, "start": start, "prefix": prefix}
    p = _physiology(source, start, n, prefix)
    beat, rhythm = draw_beat(p, **place), draw_rhythm(p, **place)
    ecg = render_ecg(p, beat, rhythm, fs=source.fs, noisy=source.noise, **place)
    inside = (rhythm.r_times >= 0) & (rhythm.r_times < ecg.shape[-1] / source.fs)
    return {
        "ecg": ecg, "r_times": np.where(inside, rhythm.r_times, np.nan),
        "phase_ecg": cardiac_phase(rhythm, source.fs, ecg.shape[-1]),
    }  # fmt: skip


def _patient_views(source: Source, start: int, n: int) -> dict:
    place: dict[str, Any] = {"seed": source.seed, "start": start}
    p = _physiology(source, start, n)
    grades = grade(p, draw_beat(p, **place))
    cine = np.empty((n, source.frames, source.size, source.size), np.uint8)
    for first in range(0, n, CINE_CHUNK):
        part = slice(first, first + CINE_CHUNK)
        few = {name: value[part] for name, value in p.items()}
        cine[part] = render_cine(
            few, frames=source.frames, size=source.size, seed=source.seed, start=start + first,
            noisy=source.noise,
        )  # fmt: skip
    return {
        **_electric_views(source, start, n),
        "cine": cine, "grades": grades, "findings": grades > 0,
        "reports": write_reports(p, grades, **place),
        "phenotypes": np.stack([p[name] for name in PHENOTYPES], 1),
        "diagnoses": np.stack([p[name] > 0 for name in DIAGNOSES], 1),
        "labs": laboratory(p, **place), "vitals": vital_signs(p, **place),
        "demographics": np.stack([p[name] for name in DEMOGRAPHICS], 1),
        "index": np.arange(start, start + n), "latents": p,
    }  # fmt: skip


def _gather(parts: list[dict], source: Source) -> Cohort:
    def join(name: str) -> NDArray:
        return np.concatenate([part[name] for part in parts])

    n = sum(len(part["ecg"]) for part in parts)
    phase = (np.arange(source.frames) / source.frames).astype(np.float32)
    phase_cine = np.tile(phase, (n, 1))
    truth = Truth(
        join("r_times"), join("phase_ecg"), phase_cine, join("grades"), source, join("index")
    )
    names = ("ecg", "cine", "phenotypes", "findings", "diagnoses", "labs", "vitals", "demographics")
    return Cohort(
        fs=source.fs, truth=truth, reports=[line for part in parts for line in part["reports"]],
        latents={
            name: np.concatenate([part["latents"][name] for part in parts])
            for name in parts[0]["latents"]
        },
        **{name: join(name) for name in names},
    )  # fmt: skip


def _rows(value, rows: NDArray):
    """The rows of one field: arrays, lists, dictionaries of arrays, and the truth."""
    if isinstance(value, np.ndarray):
        return value[rows]
    if isinstance(value, list):
        return [value[i] for i in rows]
    if isinstance(value, dict):
        return {name: item[rows] for name, item in value.items()}
    if isinstance(value, Truth):
        kept = {f.name: _rows(getattr(value, f.name), rows) for f in fields(value)}
        return Truth(**kept)
    return value
