"""A prepared data set: signals stay on disk, some of them become a batch when asked for."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import age_and_sex
from ecglearn.data.datasets.base import SPLITS
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.store.companions import Companions
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.reading import Buffers, Counts, Stretch, finished
from ecglearn.data.store.remote import RemoteSignals
from ecglearn.signals.beats import pad_peaks

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("start", "samples", "mean", "std", "crc")
_TINY = 1e-5  # microvolt, as `zscore` adds to the spread
_HIDDEN = ("start", "crc", "mean", "std", "r_peaks", "gaps")


@dataclass(frozen=True, eq=False)
class Ragged:
    """Lists of whole numbers, one for each row, end to end.

    Attributes:
        edges: where each list begins, and where the last ends.
        values: all lists.

    Book: your-own-data#data-store
    """

    edges: NDArray[np.int64]
    values: NDArray[np.int32]

    @classmethod
    def of(cls, lists: Any) -> Ragged:
        """From a column of lists.

        Args:
            lists: an array of pyarrow.
        """
        return cls(lists.offsets.to_numpy().astype(np.int64), lists.values.to_numpy())

    def __getitem__(self, row: int | np.integer) -> NDArray[np.int32]:
        return self.values[self.edges[row] : self.edges[row + 1]]


@dataclass(frozen=True, eq=False)
class Store:
    """Prepared records, or some of them; `ecglearn.train.fit` takes it as it is.

    Attributes:
        about: what `store.json` says: data set, licence, citation, settings.
        label_set: name of the label set in use; empty where there is none.
        rows: numbers of these records in the whole store.
        companions: films and values that were joined to the whole store; None where none were.
        films: whether batches carry the films, see `with_films`.
        own_splits: part of each record of the whole store, where it is not the published one.

    Book: your-own-data#data-store
    """

    about: dict[str, Any]
    label_set: str
    rows: NDArray[np.int64]
    _table: Any
    _signals: NDArray[np.int16] | RemoteSignals
    _peaks: Ragged
    _gaps: Ragged
    # rows whose signal was compared with its checksum; shared by all parts
    _seen: NDArray[np.bool_]
    companions: Companions | None = None
    films: bool = False
    own_splits: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Tensor | NDArray | Sequence[int] | slice) -> ECGBatch:
        """Some records as a batch, scaled record by record, in the order asked for.

        Records shorter than the store's `seconds`, or than the longest of the batch where it has
        none, are filled up at their end; the fill is marked in `keep` as not observed.

        Args:
            rows: numbers, or a slice, within this store.

        Raises:
            StoreError: a signal is not what was written; looked at once for each record.
        """
        return self.read(rows)

    def read(
        self, rows: Tensor | NDArray | Sequence[int] | slice, buffers: Buffers | None = None
    ) -> ECGBatch:
        """The same, into memory that is used again: several times faster for large batches.

        Args:
            rows: numbers, or a slice, within this store.
            buffers: where the signals are put; None takes fresh memory.

        Raises:
            StoreError: a signal is not what was written.
        """
        here, length, missing, mean, scale = self._plan(rows)
        shape = len(here), 12, length
        ecg = torch.empty(shape) if buffers is None else buffers.take(shape, torch.float32)
        off, by = mean.numpy(), scale.numpy()
        for line, signal, m, k in zip(ecg.numpy(), self._lines(here), off, by, strict=True):
            samples = signal.shape[1]
            np.subtract(signal, m, out=line[:, :samples], dtype=np.float32)
            line[:, :samples] *= k
            line[:, samples:] = 0
        return finished(ecg, missing, self._rest(here), "cpu")

    def counts(
        self, rows: Tensor | NDArray | Sequence[int] | slice, buffers: Buffers | None = None
    ) -> Counts:
        """The same as integers, which half the memory holds; `to(device)` makes the batch there.

        Args:
            rows: numbers, or a slice, within this store.
            buffers: where the signals are put; None takes fresh memory.

        Raises:
            StoreError: a signal is not what was written.
        """
        here, length, missing, mean, scale = self._plan(rows)
        shape = len(here), 12, length
        counts = (
            torch.empty(shape, dtype=torch.int16)
            if buffers is None
            else buffers.take(shape, torch.int16)
        )
        for line, signal in zip(counts.numpy(), self._lines(here), strict=True):
            samples = signal.shape[1]
            line[:, :samples], line[:, samples:] = signal, 0
        return Counts(counts, mean, scale, missing, self._rest(here))

    def _plan(
        self, rows: Tensor | NDArray | Sequence[int] | slice
    ) -> tuple[NDArray[np.int64], int, list[Stretch], Tensor, Tensor]:
        """Which records, how long they become, what is missing in them, and their scaling."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        here = np.atleast_1d(np.arange(len(self))[chosen])
        whole = self.rows[here]
        lengths, seconds = self._columns["samples"][whole], self.about["seconds"]
        length = int(lengths.max(initial=0)) if seconds is None else round(seconds * self.fs)
        missing = []
        for number, (row, samples) in enumerate(zip(whole, lengths, strict=True)):
            if samples < length:
                missing += [(number, lead, int(samples), length) for lead in range(12)]
            missing += [(number, *stretch) for stretch in self._gaps[row].reshape(-1, 3).tolist()]
        mean, std = (torch.from_numpy(self._columns[name][whole]) for name in ("mean", "std"))
        return here, length, missing, mean, 1 / (std + _TINY)

    def _lines(self, here: NDArray[np.int64]) -> Iterator[NDArray[np.int16]]:
        """The signals of some records (12, time), compared with their checksums when first read."""
        whole = self.rows[here]
        starts, lengths = self._columns["start"][whole], self._columns["samples"][whole]
        ends, stored = starts + 12 * lengths.astype(np.int64), self._signals
        if isinstance(stored, RemoteSignals):
            found = iter(stored.fetch(starts, ends))
        else:
            found = (stored[start:end] for start, end in zip(starts, ends, strict=True))
        for row, signal, samples in zip(whole, found, lengths, strict=True):
            if not self._seen[row]:
                self._compare(row, signal)
            yield signal.reshape(12, samples)

    def _rest(self, here: NDArray[np.int64]) -> dict[str, Any]:
        """All fields of a batch but the signals."""
        whole = self.rows[here]
        rest: dict[str, Any] = {
            "fs": self.fs,
            "r_peaks": pad_peaks([self._peaks[row].astype(np.int64) for row in whole]),
            "findings": torch.from_numpy(self.labels[here]) if self.label_set else None,
            "table": torch.from_numpy(self._demographics[here]),
            "reports": [self.reports[row] for row in here],
            "index": torch.from_numpy(whole),
            "label_names": self.label_names if self.label_set else None,
            "names": [self._names[row] for row in here],
            "preprocess": self.preprocess,
        }
        joined = self.companions
        if joined is None:
            return rest
        if self.films:
            rest["cine"] = joined.cines(whole)
        known = self._demographics[here][:, [0, -1]]
        rest |= joined.fields(whole, known, self._somebodys_age)
        if (those := self._diagnoses) is not None:
            rest["diagnoses"] = torch.from_numpy(those.labels[here])
            rest["diagnosis_names"] = those.label_names
        return rest

    def fields(self) -> dict[str, Any]:
        """All fields of a batch of these records but the signals and what marks their gaps."""
        return self._rest(np.arange(len(self)))

    def lacks(self, needs: Sequence[str]) -> list[str]:
        """Fields of a batch that these records do not have at all.

        Args:
            needs: fields of `ECGBatch`, such as a method names them.
        """
        first = replace(self, films=False)._rest(np.arange(min(1, len(self))))
        there = {name for name, value in first.items() if value is not None} | {"ecg"}
        there -= {"reports"} if not self._written.any() else set()
        there |= {"cine"} if self.has_film.any() else set()
        return [name for name in needs if name not in there]

    def damaged(self) -> list[str]:
        """Names of the records whose signals are not what was written; reads all of them."""
        found = []
        columns = self._columns
        for row, number in enumerate(self.rows.tolist()):
            first = columns["start"][number]
            signal = self._signals[first : first + 12 * columns["samples"][number]]
            if zlib.crc32(signal.data) != columns["crc"][number]:
                found.append(self._names[row])
        return found

    def _compare(self, row: int | np.integer, signal: NDArray[np.int16]) -> None:
        if zlib.crc32(signal.data) != self._columns["crc"][row]:
            name = self._table["record"][int(row)].as_py()
            raise StoreError(
                f"the signal of record {name!r} is not what was written: prepare the store again; "
                "`ecglearn check --full` lists every such record"
            )
        self._seen[row] = True

    @property
    def checksums(self) -> NDArray[np.float64]:
        """What tells one signal from another (records, 4): equal where all samples are."""
        names = ("crc", "samples", "mean", "std")
        return np.stack([self._columns[name][self.rows].astype(float) for name in names], 1)

    @property
    def preprocess(self) -> Preprocess:
        """How its records are made ready, see `ECGBatch.preprocess`."""
        return self.about["preprocess"]

    @property
    def fs(self) -> float:
        """Samples per second."""
        return self.about["fs"]

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row for each record: name, path, patient, split, age, sex, report, notes."""
        shown = [
            name
            for name in self._table.column_names
            if name not in _HIDDEN and not name.startswith("labels ")
        ]
        found = self._table.select(shown).take(self.rows).to_pandas()
        if self.own_splits is not None:
            found["split"] = self.own_splits[self.rows]
        return found

    @property
    def patients(self) -> NDArray:
        """Patient of each record."""
        return self.index["patient"].to_numpy(object)

    @cached_property
    def reports(self) -> list[str]:
        """Report of each record; empty where there is none."""
        return self.index["report"].fillna("").tolist()

    @cached_property
    def _written(self) -> Bool[np.ndarray, " n"]:
        return np.array([bool(text.strip()) for text in self.reports], bool)

    @cached_property
    def _diagnoses(self) -> Store | None:
        """The same records with the label set that the schema of the values names."""
        columns = None if self.companions is None else self.companions.columns
        return (
            None
            if columns is None or not columns.label_set
            else self.with_labels(columns.label_set)
        )

    @cached_property
    def _somebodys_age(self) -> bool:
        ages = self._table["age"].to_numpy(zero_copy_only=False)
        return bool(np.isfinite(ages.astype(float)).any())

    @property
    def names(self) -> list[str]:
        """Name of each record."""
        return self._names

    @cached_property
    def _names(self) -> list[str]:
        return self.index["record"].tolist()

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of the label sets that the store has."""
        return tuple(self.about["label sets"])

    @property
    def label_names(self) -> tuple[str, ...]:
        """Classes of the label set in use."""
        return tuple(self.about["label sets"].get(self.label_set, ()))

    @cached_property
    def labels(self) -> Bool[np.ndarray, "n K"]:
        """Which record has which class of the label set in use."""
        has = np.zeros((len(self), len(self.label_names)), bool)
        if self.label_set:
            lists = self._table[f"labels {self.label_set}"].take(self.rows).combine_chunks()
            names = {name: k for k, name in enumerate(self.label_names)}
            row = np.repeat(np.arange(len(self)), lists.value_lengths().to_numpy())
            has[row, [names[text] for text in lists.flatten().to_pylist()]] = True
        return has

    def with_labels(self, name: str) -> Store:
        """The same records with another label set.

        Args:
            name: one of `label_sets`.

        Raises:
            StoreError: the store has no such set.
        """
        if name not in self.label_sets:
            raise StoreError(
                f"no label set {name!r} in this store; "
                f"it has {', '.join(self.label_sets) or 'none'}"
            )
        return replace(self, label_set=name)

    def split(self, name: str) -> Store:
        """The records of one part.

        Args:
            name: "train", "validation" or "test".

        Raises:
            StoreError: no record is in such a part.
        """
        inside = (self.index["split"] == name).to_numpy(bool)
        if not inside.any():
            there = self.index["split"].value_counts().to_dict()
            raise StoreError(f"no record is in the part {name!r}; there are {there}")
        return self.select(inside)

    def with_splits(self, parts: Mapping[str, str]) -> Store:
        """The same records in other parts.

        Args:
            parts: name of a record to "train", "validation" or "test"; a record that is not named
                is in no part.

        Raises:
            StoreError: another part, no such record, or a patient in two parts.
        """
        if strange := sorted({part for part in parts.values() if part not in SPLITS}):
            raise StoreError(f"the part {strange[0]!r} is none of {', '.join(SPLITS)}")
        here = set(self.names)
        if unknown := [name for name in parts if name not in here]:
            raise StoreError(f"{len(unknown):,} records are not here, {unknown[0]!r} the first")
        own = np.full(len(self._table), "", object)
        own[self.rows] = [parts.get(name, "") for name in self.names]
        whose: dict[Any, str] = {}
        for patient, part in zip(self.patients, own[self.rows], strict=True):
            if part and whose.setdefault(patient, part) != part:
                raise StoreError(
                    f"patient {patient} is in {whose[patient]} and in {part}: split by patient"
                )
        return replace(self, own_splits=own)

    def with_reports(self) -> Store:
        """The records that have a report: what methods that read reports can learn from.

        Raises:
            StoreError: none has one.
        """
        if not self._written.any():
            raise StoreError("no record here has a report")
        return self.select(self._written)

    def with_films(self) -> Store:
        """The records that have a film; their batches carry it as `cine`, read when asked for.

        Raises:
            StoreError: none has one.
        """
        if not self.has_film.any():
            raise StoreError("no record here has a film: join them with `ecglearn join`")
        return replace(self.select(self.has_film), films=True)

    @property
    def has_film(self) -> Bool[np.ndarray, " n"]:
        """Which records have a film."""
        joined = self.companions
        return np.zeros(len(self), bool) if joined is None else joined.has_film[self.rows]

    def digest(self) -> str:
        """Of what batches of these records hold: signals, index, companions, which of them."""
        joined = "" if self.companions is None else self.companions.about.digest
        what = f"{self.about['digest']} {joined} {self.label_set} {self.films}"
        rows = np.ascontiguousarray(self.rows, "<i8").tobytes()
        return hashlib.sha256(what.encode() + b"\0" + rows).hexdigest()

    def select(self, rows: NDArray) -> Store:
        """Some of the records.

        Args:
            rows: numbers within this store, or one bool for each record.
        """
        return replace(self, rows=self.rows[rows])

    @cached_property
    def _columns(self) -> dict[str, NDArray]:
        return {name: self._table[name].to_numpy() for name in _NUMBERS}

    @cached_property
    def _demographics(self) -> NDArray[np.float32]:
        return age_and_sex(self.index["age"].tolist(), self.index["sex"].tolist())
