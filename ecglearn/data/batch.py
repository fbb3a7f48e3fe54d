"""`ECGBatch`: named fields of some patients; a field that is absent is None, never invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.cohort import Cohort
from ecglearn.data.clinical.schema import clinical_table
from ecglearn.data.preprocess import clean_ecg
from ecglearn.signals.beats import detect_r_peaks, pad_peaks
from ecglearn.signals.filters import zscore
from ecglearn.signals.leads import LEADS


@dataclass(frozen=True)
class ECGBatch:
    """Some patients.

    Attributes:
        ecg: filtered, standardised signals (B, 12, time).
        fs: sampling rate in hertz.
        r_peaks: R peaks in samples (B, peaks), -1 where a record has fewer.
        keep: which samples were observed (B, 12, time); None means all.
        cine: grey values (B, frames, rows, columns).
        phenotypes: (B, 10), standardised by nobody: physical units.
        findings: (B, K).
        labs: (B, L), NaN where unmeasured; columns `LAB_COLUMNS`.
        table: demographics and vital signs (B, C), NaN where unmeasured; columns `TABLE_COLUMNS`,
            then sex (0 female, 1 male).
        diagnoses: (B, D), what the patients have, seen or not in the ECG.
        reports: B strings.
        index: number of each patient in its source (B,).

    Book: ptacl#data
    """

    ecg: Float[Tensor, "B lead time"]
    fs: float
    r_peaks: Int[Tensor, "B peak"] | None = None
    keep: Bool[Tensor, "B lead time"] | None = None
    cine: UInt8[Tensor, "B frames rows columns"] | None = None
    phenotypes: Float[Tensor, "B phenotypes"] | None = None
    findings: Bool[Tensor, "B findings"] | None = None
    labs: Float[Tensor, "B labs"] | None = None
    table: Float[Tensor, "B entries"] | None = None
    diagnoses: Bool[Tensor, "B diagnoses"] | None = None
    reports: list[str] | None = None
    index: Int[Tensor, " B"] | None = None

    def __len__(self) -> int:
        return len(self.ecg)

    def __getitem__(self, rows: Tensor | NDArray | slice) -> ECGBatch:
        """Some of the patients, in the order asked for."""
        chosen = torch.arange(len(self))[rows]

        def take(value: Any) -> Any:
            if isinstance(value, Tensor):
                return value[chosen.to(value.device)]
            return [value[i] for i in chosen.tolist()] if isinstance(value, list) else value

        return self._mapped(take)

    def to(self, device: torch.device | str) -> ECGBatch:
        """The same patients on another device."""
        return self._mapped(lambda value: value.to(device) if isinstance(value, Tensor) else value)

    def _mapped(self, change: Callable[[Any], Any]) -> ECGBatch:
        return ECGBatch(**{f.name: change(getattr(self, f.name)) for f in fields(self)})

    def need(self, *names: str) -> None:
        """Raise one clear sentence when a field is absent.

        Args:
            *names: fields that the caller is about to use.

        Raises:
            ValueError: one of them is None.
        """
        absent = [name for name in names if getattr(self, name) is None]
        if absent:
            raise ValueError(
                f"this step needs {', '.join(absent)}, which the batch of {len(self)} patients "
                "does not carry; build the batch with them or choose a step that needs only the ECG"
            )

    def signal(self, fs: float, samples: int) -> Float[Tensor, "B lead {samples}"]:
        """The first samples of each record, for a model that reads one rate and one length.

        Args:
            fs: sampling rate the model reads, in hertz.
            samples: how many samples it reads.

        Raises:
            ValueError: the records have another rate, or are shorter.

        Book: ptacl#data
        """
        if self.fs != fs:
            raise ValueError(
                f"this configuration reads {fs:g} Hz and the batch has {self.fs:g} Hz; build the "
                f"batch with fs={fs:g}"
            )
        if self.ecg.shape[-1] < samples:
            raise ValueError(
                f"records have {self.ecg.shape[-1]} samples, and this configuration reads "
                f"{samples}; take longer records or a smaller `samples`"
            )
        return self.ecg[..., :samples]

    @classmethod
    def from_cohort(
        cls,
        cohort: Cohort,
        index: NDArray | slice | None = None,
        *,
        per: Literal["lead", "record"] = "record",
        peaks: Literal["detected", "true"] = "detected",
        fs: float | None = None,
    ) -> ECGBatch:
        """Filter, standardise and find beats, as for a real record.

        Args:
            cohort: simulated patients.
            index: some of them; None takes all.
            per: z-score per "lead" or per "record"; per record keeps voltage ratios between leads.
            peaks: R peaks found by the detector, or the simulator's own.
            fs: sampling rate to resample to; None keeps the cohort's.

        Book: ptacl#data
        """
        if index is not None:
            cohort = cohort[index]
        rate = fs or cohort.fs
        clean = clean_ecg(cohort.ecg, cohort.fs, fs=rate)
        if peaks == "true":
            times = [row[~np.isnan(row)] for row in cohort.truth.r_times]
            beats = [np.round(row * rate).astype(np.int64) for row in times]
        else:
            beats = [detect_r_peaks(record, rate, leads=LEADS) for record in clean]
        return cls(
            ecg=torch.from_numpy(zscore(clean, per=per)),
            fs=rate,
            r_peaks=pad_peaks(beats),
            cine=torch.from_numpy(cohort.cine),
            phenotypes=torch.from_numpy(cohort.phenotypes).float(),
            findings=torch.from_numpy(cohort.findings),
            labs=torch.from_numpy(cohort.labs).float(),
            table=torch.from_numpy(clinical_table(cohort.demographics, cohort.vitals)).float(),
            diagnoses=torch.from_numpy(cohort.diagnoses),
            reports=list(cohort.reports),
            index=torch.from_numpy(cohort.truth.index),
        )
