"""`ECGBatch`: named fields of some patients; a field that is absent is None, never invented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.cohort import DIAGNOSES, FINDINGS, Cohort
from ecglearn.data.clinical.schema import (
    LAB_COLUMNS,
    SEX,
    TABLE_COLUMNS,
    Column,
    age_and_sex,
    clinical_table,
)
from ecglearn.data.datasets.base import clean_report
from ecglearn.data.preprocess import Preprocess, clean_ecg, clean_records
from ecglearn.data.wfdb.record import ECGRecord
from ecglearn.errors import InputError
from ecglearn.signals.beats import pad_peaks
from ecglearn.signals.filters import minmax, zscore
from ecglearn.signals.leads import LEADS
from ecglearn.signals.r_peaks import detect_r_peaks


@dataclass(frozen=True)
class ECGBatch:
    """Some patients.

    Attributes:
        ecg: signals as `preprocess` says (B, 12, time); 0 where nothing was observed.
        fs: sampling rate in hertz.
        r_peaks: R peaks in samples (B, peaks), -1 where a record has fewer.
        keep: which samples were observed (B, 12, time); None means all.
        cine: grey values (B, frames, rows, columns).
        phenotypes: (B, 10), standardised by nobody: physical units.
        findings: (B, K).
        labs: (B, L), NaN where unmeasured; columns `lab_columns`.
        table: demographics and vital signs (B, C), NaN where unmeasured; columns `table_names`, the
            last of them sex (0 female, 1 male).
        diagnoses: (B, D), what the patients have, seen or not in the ECG; where it is not known of
            everybody, numbers with NaN there.
        reports: B strings.
        index: number of each patient in its source (B,).
        leads: names of the rows of `ecg`.
        label_names: names of the columns of `findings`.
        names: of the B records, where their source names them.
        preprocess: how `ecg` was made: "standard", filtered and z-scored; or "minmax", unfiltered
            and scaled to [0, 1] by least and greatest value of the record.
        lab_columns: what `labs` are, with their reference ranges.
        table_names: of the columns of `table`.
        diagnosis_names: of the columns of `diagnoses`.

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
    diagnoses: Shaped[Tensor, "B diagnoses"] | None = None
    reports: list[str] | None = None
    index: Int[Tensor, " B"] | None = None
    leads: tuple[str, ...] = LEADS
    label_names: tuple[str, ...] | None = None
    names: list[str] | None = None
    preprocess: Preprocess = "standard"
    lab_columns: tuple[Column, ...] = LAB_COLUMNS
    table_names: tuple[str, ...] = (*(column.name for column in TABLE_COLUMNS), SEX)
    diagnosis_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        ecg: Any = self.ecg
        if not isinstance(ecg, Tensor):
            raise InputError(
                f"ecg is a {type(ecg).__name__}: give a tensor (records, leads, time), by "
                "torch.from_numpy, or records to ECGBatch.from_records"
            )
        leads = len(self.leads)
        if ecg.ndim != 3 or ecg.shape[1] != leads:
            turned = ecg.ndim == 3 and ecg.shape[2] == leads
            advice = (
                "time comes last: transpose the last two"
                if turned
                else "one record is ecg[None]"
                if ecg.ndim == 2
                else "name other leads in `leads`"
            )
            raise InputError(
                f"ecg is {tuple(ecg.shape)} and not (records, {leads} leads, time): {advice}"
            )
        # asked where records are made; on an accelerator the answer would hold up every step, in
        # a graph there is none
        asked = ecg.device.type == "cpu" and not torch.compiler.is_compiling()
        # the sum of finite numbers takes one pass and no memory; where it is not finite, all are
        # looked at
        if asked and not bool(torch.isfinite(ecg.sum())):
            self._refuse_gaps()

    def _refuse_gaps(self) -> None:
        seen = torch.ones_like(self.ecg, dtype=torch.bool) if self.keep is None else self.keep
        if seen.shape != self.ecg.shape:
            return  # said by whoever reads `keep`
        wrong = (~torch.isfinite(self.ecg) & seen).flatten(1).any(1)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise InputError(
                f"{self.called(row)} has NaN or infinite samples that count as observed "
                f"({int(wrong.sum())} of {len(self)} records): mark them in `keep`, "
                "or take ECGBatch.from_records"
            )

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

    def called(self, row: int) -> str:
        """What a message calls a record: its name, or its place among those read together.

        Args:
            row: its number here.
        """
        return self.names[row] if self.names else f"row {row} of {len(self)} records read together"

    def need(self, *names: str) -> None:
        """Raise one clear sentence when a field is absent.

        Args:
            *names: fields that the caller is about to use.

        Raises:
            InputError: one of them is None.
        """
        absent = [name for name in names if getattr(self, name) is None]
        if absent:
            raise InputError(
                f"this step needs {', '.join(absent)}, which the batch of {len(self)} patients "
                "does not carry; build the batch with them or choose a step that needs only the ECG"
            )

    def signal(
        self, fs: float, samples: int, preprocess: Preprocess = "standard"
    ) -> Float[Tensor, "B lead {samples}"]:
        """The first samples of each record, for a model that reads one rate and one length.

        Args:
            fs: sampling rate the model reads, in hertz.
            samples: how many samples it reads.
            preprocess: what it reads, see `ECGBatch.preprocess`.

        Raises:
            InputError: the records have another rate or preprocessing, or are shorter.

        Book: ptacl#data
        """
        if self.fs != fs:
            raise InputError(
                f"this configuration reads {fs:g} Hz and the batch has {self.fs:g} Hz; build the "
                f"batch with fs={fs:g}"
            )
        if self.preprocess != preprocess:
            raise InputError(
                f"this configuration reads ECGs that were preprocessed as {preprocess!r}, and "
                f"these are {self.preprocess!r}; build the batch or the store with "
                f"preprocess={preprocess!r}"
            )
        if self.ecg.shape[-1] < samples:
            raise InputError(
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
        preprocess: Preprocess = "standard",
    ) -> ECGBatch:
        """Filter, standardise and find beats, as for a real record.

        Args:
            cohort: simulated patients.
            index: some of them; None takes all.
            per: z-score per "lead" or per "record"; per record keeps voltage ratios between leads.
            peaks: R peaks found by the vote of the leads, as in records, or the simulator's own.
            fs: sampling rate to resample to; None keeps the cohort's.
            preprocess: "minmax" scales to [0, 1] instead of filtering and standardising.

        Book: ptacl#data
        """
        if index is not None:
            cohort = cohort[index]
        rate = fs or cohort.fs
        clean = clean_ecg(cohort.ecg, cohort.fs, fs=rate, preprocess=preprocess)
        if peaks == "true":
            times = [row[~np.isnan(row)] for row in cohort.truth.r_times]
            beats = [np.round(row * rate).astype(np.int64) for row in times]
        else:
            beats = [detect_r_peaks(record, rate) for record in clean]
        return cls(
            ecg=torch.from_numpy(
                minmax(clean) if preprocess == "minmax" else zscore(clean, per=per)
            ),
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
            label_names=FINDINGS,
            preprocess=preprocess,
            diagnosis_names=DIAGNOSES,
        )

    @classmethod
    def from_records(
        cls,
        records: ECGRecord | Sequence[ECGRecord],
        *,
        fs: float = 100,
        seconds: float | None = 10.0,
        per: Literal["lead", "record"] = "record",
        preprocess: Preprocess = "standard",
        reports: Sequence[str] | None = None,
        findings: Any = None,
        label_names: Sequence[str] | None = None,
    ) -> ECGBatch:
        """Clean records of any rate and length, as a store does, and standardise what was observed.

        Records longer than `seconds` are cut at their end, shorter ones filled up; the fill, gaps
        and missing leads are marked in `keep` and 0 in `ecg`.

        Args:
            records: one or more, as `read_record` gives them.
            fs: samples per second wanted, 61 or more.
            seconds: length wanted, 2 or more; None takes the longest of the records.
            per: z-score per "lead" or per "record".
            preprocess: "minmax" scales to [0, 1] instead of filtering and standardising.
            reports: one for each record; None takes what their headers say.
            findings: labels, true or false (B, K); None carries none.
            label_names: names of their columns.

        Raises:
            RecordError: a record cannot be used; names it.
            InputError: no record, another number of reports or labels, or a length that cannot be.

        Book: your-own-data#data-store
        """
        some = [records] if isinstance(records, ECGRecord) else list(records)
        if not some:
            raise InputError("a batch needs one record or more; give what read_record returns")
        if reports is not None and len(reports) != len(some):
            raise InputError(f"{len(reports)} reports for {len(some)} records; give one for each")
        done = clean_records(some, fs=fs, seconds=seconds, preprocess=preprocess)
        longest = max(record.signal.shape[1] for record in done)
        length = longest if seconds is None else round(seconds * fs)
        signal = np.zeros((len(some), len(LEADS), length), np.float32)
        seen = np.zeros(signal.shape, bool)
        for row, record in enumerate(done):
            samples = record.signal.shape[1]
            signal[row, :, :samples], seen[row, :, :samples] = record.signal, record.observed
        return cls(
            ecg=torch.from_numpy(
                minmax(signal, keep=seen)
                if preprocess == "minmax"
                else zscore(signal, per=per, keep=seen)
            ),
            fs=fs,
            r_peaks=pad_peaks([record.r_peaks for record in done]),
            keep=None if seen.all() else torch.from_numpy(seen),
            findings=_labels(findings, len(some), label_names),
            table=torch.from_numpy(age_and_sex([r.age for r in some], [r.sex for r in some])),
            reports=[clean_report(r.text) for r in some] if reports is None else list(reports),
            index=torch.arange(len(some)),
            label_names=None if label_names is None else tuple(label_names),
            names=[Path(r.source).name.removesuffix(".hea") for r in some],
            preprocess=preprocess,
        )


def _labels(
    findings: Any, records: int, names: Sequence[str] | None
) -> Bool[Tensor, "B findings"] | None:
    if findings is None and names is None:
        return None
    given = np.asarray(findings.cpu() if isinstance(findings, Tensor) else findings)
    columns = given.shape[-1] if names is None and given.ndim else len(names or ())
    if given.shape != (records, columns):
        raise InputError(
            f"labels are {given.shape} and not ({records}, {columns}): give one row for each "
            "record and one column for each label name"
        )
    if not np.isin(given, (0, 1)).all():
        raise InputError("labels are true or false; leave out records whose labels are unknown")
    return torch.from_numpy(given.astype(bool))
