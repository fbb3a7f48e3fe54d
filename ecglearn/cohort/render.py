"""The views of some neighbouring patients, and what decides every byte of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.cine import render_cine
from ecglearn.cohort.clinical import DEMOGRAPHICS, laboratory, vital_signs
from ecglearn.cohort.electrocardiogram import render_ecg
from ecglearn.cohort.findings import grade, without
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import DIAGNOSES, PHENOTYPES, Latents, draw_latents
from ecglearn.cohort.reports import write_reports
from ecglearn.cohort.rhythm import cardiac_phase, draw_rhythm

CHUNK = 32  # patients at a time: their signals stay in the processor's cache
CINE_CHUNK = 2
BLOCK = 256  # patients whose beats are drawn together where only some are shown
STRANGER = "stranger/"  # stream prefix of the unrelated patients whose ECG is shown when uncoupled


@dataclass(frozen=True)
class CohortSpec:
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
    table_noise: float = 1.0


def patient_views(source: CohortSpec, start: int, n: int) -> dict[str, Any]:
    """All views of the patients `start` to `start + n - 1`, by name.

    Args:
        source: what decides the cohort's bytes.
        start: index of the first patient.
        n: number of patients.

    Book: simulated-cohort#one-patient-five-views
    """
    place: dict[str, Any] = {"seed": source.seed, "start": start}
    p = _physiology(source, start, n)
    grades = grade(p, draw_beat(p, **place))
    cine = np.empty((n, source.frames, source.size, source.size), np.uint8)
    for first in range(0, n, CINE_CHUNK):
        part = slice(first, first + CINE_CHUNK)
        few = {name: value[part] for name, value in p.items()}
        cine[part] = render_cine(
            few,
            frames=source.frames,
            size=source.size,
            seed=source.seed,
            start=start + first,
            noisy=source.noise,
        )
    return {
        **_electric_views(source, start, n),
        "cine": cine,
        "grades": grades,
        "findings": grades > 0,
        "reports": write_reports(p, grades, **place),
        "phenotypes": np.stack([p[name] for name in PHENOTYPES], 1),
        "diagnoses": np.stack([p[name] > 0 for name in DIAGNOSES], 1),
        "labs": laboratory(p, **place, noise=source.table_noise),
        "vitals": vital_signs(p, **place, noise=source.table_noise),
        "demographics": np.stack([p[name] for name in DEMOGRAPHICS], 1),
        "index": np.arange(start, start + n),
        "latents": p,
    }


def noise_free_ecg(
    source: CohortSpec, first: int, offsets: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Noise-free ECG of the patients `first` + `offsets`, which need not be neighbours.

    Args:
        source: what decides the cohort's bytes.
        first: index of a patient.
        offsets: positions after that patient, each below `BLOCK`.

    Book: simulated-cohort#evidence-maps
    """
    prefix = "" if source.coupled else STRANGER
    place: dict[str, Any] = {"seed": source.seed, "start": first, "prefix": prefix}
    p = _physiology(source, first, BLOCK, prefix)
    drawn = (p, draw_beat(p, **place), draw_rhythm(p, **place))
    parts = [offsets[i : i + CHUNK] for i in range(0, len(offsets), CHUNK)]
    return np.concatenate(
        [
            render_ecg(*(rows_of(item, part) for item in drawn), fs=source.fs, noisy=False, **place)
            for part in parts
        ]
    )


def runs(index: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Neighbouring patients as (first, how many), at most `CHUNK` at a time, in the given order.

    Args:
        index: indices of patients.

    Book: simulated-cohort#random-streams
    """
    cuts = np.flatnonzero(np.diff(index) != 1) + 1
    for part in np.split(index, cuts):
        for i in range(0, len(part), CHUNK):
            yield int(part[i]), min(CHUNK, len(part) - i)


def rows_of(value: Any, rows: NDArray[np.int64]) -> Any:
    """The rows of one field: arrays, lists, dictionaries and data classes of arrays.

    Args:
        value: one field of a cohort; what has no rows is returned as it is.
        rows: positions of the wanted patients.

    Book: simulated-cohort#one-patient-five-views
    """
    if isinstance(value, np.ndarray):
        return value[rows]
    if isinstance(value, list):
        return [value[i] for i in rows]
    if isinstance(value, dict):
        return {name: item[rows] for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: rows_of(getattr(value, f.name), rows) for f in fields(value)}
        )
    return value


def _physiology(source: CohortSpec, start: int, n: int, prefix: str = "") -> Latents:
    z = draw_latents(n, seed=source.seed, start=start, prefix=prefix)
    return without(z, source.without, seed=source.seed, start=start, prefix=prefix)


def _electric_views(source: CohortSpec, start: int, n: int) -> dict:
    """ECG and what is read from it; of a stranger when the cohort is not coupled."""
    prefix = "" if source.coupled else STRANGER
    place: dict[str, Any] = {"seed": source.seed, "start": start, "prefix": prefix}
    p = _physiology(source, start, n, prefix)
    beat, rhythm = draw_beat(p, **place), draw_rhythm(p, **place)
    ecg = render_ecg(p, beat, rhythm, fs=source.fs, noisy=source.noise, **place)
    inside = (rhythm.r_times >= 0) & (rhythm.r_times < ecg.shape[-1] / source.fs)
    return {
        "ecg": ecg,
        "r_times": np.where(inside, rhythm.r_times, np.nan),
        "phase_ecg": cardiac_phase(rhythm, source.fs, ecg.shape[-1]),
    }
