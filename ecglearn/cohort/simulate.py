"""`simulate`: patients whose ECG, cine, report and laboratory share one physiology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.render import CHUNK, CohortSpec, patient_views, rows_of, runs
from ecglearn.cohort.truth import Truth
from ecglearn.errors import InputError


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
        return Cohort(**{f.name: rows_of(getattr(self, f.name), rows) for f in fields(self)})

    def counterfactual(self, switch_off: str | tuple[str, ...] | list[str]) -> Cohort:
        """The same patients, the same noise, without some findings or conditions.

        Args:
            switch_off: names from `FINDINGS` or `CONDITIONS`.

        Raises:
            InputError: a name is unknown.

        Book: simulated-cohort#counterfactuals
        """
        names = (switch_off,) if isinstance(switch_off, str) else tuple(switch_off)
        source = replace(self.truth.source, without=self.truth.source.without + names)
        return _gather([patient_views(source, *run) for run in runs(self.truth.index)], source)


def simulate(
    n: int,
    *,
    seed: int = 0,
    fs: float = 100,
    frames: int = 26,
    size: int = 42,
    noise: bool = True,
    coupled: bool = True,
    table_noise: float = 1.0,
    start: int = 0,
) -> Cohort:
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
        table_noise: how much of laboratory values and vital signs has no reason, times the usual:
            0 lets them say exactly what the diseases do to them, large values say hardly anything.
        start: index of the first patient; patient i is the same in every cohort of this seed.

    Raises:
        InputError: a size is not positive, the start or the noise negative.

    Book: simulated-cohort#one-patient-five-views
    """
    for name, value in {"n": n, "fs": fs, "frames": frames, "size": size}.items():
        if value <= 0:
            raise InputError(f"simulate: {name} must be positive, not {value}")
    if start < 0:
        raise InputError(f"simulate: start must not be negative, but is {start}")
    if not 0 <= table_noise < float("inf"):
        raise InputError(
            f"simulate: table_noise must be finite and not negative, but is {table_noise}"
        )
    source = CohortSpec(seed, start, fs, frames, size, noise, coupled, table_noise=table_noise)
    ends = range(start, start + n, CHUNK)
    return _gather(
        [patient_views(source, first, min(CHUNK, start + n - first)) for first in ends], source
    )


def stream(n: int, *, chunk: int = 256, start: int = 0, **settings) -> Iterator[Cohort]:
    """The same patients as `simulate`, a chunk at a time: memory does not grow with n.

    Args:
        n: number of patients in all.
        chunk: patients in each piece.
        start: index of the first patient.
        **settings: other arguments of `simulate`.

    Raises:
        InputError: a size is not positive.

    Book: simulated-cohort#random-streams
    """
    for name, value in {"n": n, "chunk": chunk}.items():
        if value <= 0:
            raise InputError(f"stream: {name} must be positive, not {value}")
    for first in range(start, start + n, chunk):
        yield simulate(min(chunk, start + n - first), start=first, **settings)


def _gather(parts: list[dict], source: CohortSpec) -> Cohort:
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
        fs=source.fs,
        truth=truth,
        reports=[line for part in parts for line in part["reports"]],
        latents={
            name: np.concatenate([part["latents"][name] for part in parts])
            for name in parts[0]["latents"]
        },
        **{name: join(name) for name in names},
    )
