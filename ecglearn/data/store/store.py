"""A prepared data set: signals stay on disk, some of them become a batch when asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import age_and_sex
from ecglearn.data.store.format import ABOUT, INDEX, SHARDS, SIGNALS, VERSION, StoreError
from ecglearn.signals.beats import pad_peaks

if TYPE_CHECKING:
    import pandas as pd

_TINY = 1e-5  # microvolt, as `zscore` adds to the spread
_HIDDEN = ("start", "mean", "std", "r_peaks", "gaps")


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

    def __getitem__(self, row: int | np.integer) -> NDArray[np.int32]:
        return self.values[self.edges[row] : self.edges[row + 1]]


@dataclass(frozen=True, eq=False)
class Store:
    """Prepared records, or some of them; `ecglearn.train.fit` takes it as it is.

    Attributes:
        about: what `store.json` says: data set, licence, citation, settings.
        label_set: name of the label set in use; empty where there is none.
        rows: numbers of these records in the whole store.

    Book: your-own-data#data-store
    """

    about: dict[str, Any]
    label_set: str
    rows: NDArray[np.int64]
    _table: Any
    _signals: NDArray[np.int16]
    _peaks: Ragged
    _gaps: Ragged

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Tensor | NDArray | Sequence[int] | slice) -> ECGBatch:
        """Some records as a batch, z-scored per record, in the order asked for.

        Records shorter than the store's `seconds`, or than the longest of the batch where it has
        none, are filled up at their end; the fill is marked in `keep` as not observed.

        Args:
            rows: numbers, or a slice, within this store.
        """
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        here = np.atleast_1d(np.arange(len(self))[chosen])
        whole = self.rows[here]
        numbers = whole.tolist()
        starts, lengths = self._columns["start"][whole], self._columns["samples"][whole]
        seconds = self.about["seconds"]
        length = int(lengths.max(initial=0)) if seconds is None else round(seconds * self.fs)
        counts = np.zeros((len(here), 12, length), np.int16)
        gaps = [self._gaps[row].reshape(-1, 3) for row in numbers]
        short = [(number, samples) for number, samples in enumerate(lengths) if samples < length]
        for lines, start, samples in zip(counts, starts, lengths, strict=True):
            lines[:, :samples] = self._signals[start : start + 12 * samples].reshape(12, samples)
        mean, std = (
            torch.from_numpy(self._columns[name][whole])[:, None, None] for name in ("mean", "std")
        )
        ecg = torch.from_numpy(counts).float().sub_(mean).mul_(1 / (std + _TINY))
        keep = None
        if short or any(map(len, gaps)):
            keep = torch.ones(ecg.shape, dtype=torch.bool)
            for number, samples in short:
                keep[number, :, samples:] = False
            for number, stretches in enumerate(gaps):
                for lead, first, last in stretches.tolist():
                    keep[number, lead, first:last] = False
            ecg.masked_fill_(~keep, 0)
        return ECGBatch(
            ecg=ecg,
            fs=self.fs,
            r_peaks=pad_peaks([self._peaks[row].astype(np.int64) for row in numbers]),
            keep=keep,
            findings=torch.from_numpy(self.labels[here]) if self.label_set else None,
            table=torch.from_numpy(self._demographics[here]),
            reports=[self.reports[row] for row in here],
            index=torch.from_numpy(whole),
            label_names=self.label_names if self.label_set else None,
            names=[self._names[row] for row in here],
        )

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
        return self._table.select(shown).take(self.rows).to_pandas()

    @property
    def patients(self) -> NDArray:
        """Patient of each record."""
        return self.index["patient"].to_numpy(object)

    @cached_property
    def reports(self) -> list[str]:
        """Report of each record; empty where there is none."""
        return self.index["report"].fillna("").tolist()

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
            raise StoreError(f"no record is in the part {name!r}; there are {self.about['splits']}")
        return self.select(inside)

    def select(self, rows: NDArray) -> Store:
        """Some of the records.

        Args:
            rows: numbers within this store, or one bool for each record.
        """
        return replace(self, rows=self.rows[rows])

    @cached_property
    def _columns(self) -> dict[str, NDArray]:
        return {name: self._table[name].to_numpy() for name in ("start", "samples", "mean", "std")}

    @cached_property
    def _demographics(self) -> NDArray[np.float32]:
        return age_and_sex(self.index["age"].tolist(), self.index["sex"].tolist())


def open_store(path: str | os.PathLike[str], *, labels: str | None = None) -> Store:
    """Open a store that `prepare` has made.

    Args:
        path: its folder.
        labels: name of a label set; None takes the first of the data set.

    Raises:
        StoreError: it is absent, unfinished or damaged, or has no such label set.

    Book: your-own-data#data-store
    """
    import pyarrow as pa
    from pyarrow import parquet

    folder = Path(path)
    absent = [name for name in (ABOUT, INDEX, SIGNALS) if not (folder / name).is_file()]
    if absent:
        unfinished = (folder / SHARDS).is_dir()
        raise StoreError(
            f"{folder} has no {', '.join(absent)}: "
            + ("call prepare again, it goes on where it was" if unfinished else "it is no store")
        )
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        table = parquet.read_table(folder / INDEX)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise StoreError(f"{folder} is damaged ({error}): prepare it again") from error
    if not isinstance(about, dict) or about.get("format") != "ecglearn store":
        raise StoreError(f"{folder}/store.json is no description of a store: prepare it again")
    if about.get("version") != VERSION:
        raise StoreError(
            f"{folder} has format {about.get('version')}, this library reads {VERSION}"
        )
    size = (folder / SIGNALS).stat().st_size // 2
    starts, samples = table["start"].to_numpy(), table["samples"].to_numpy()
    fits = (starts >= 0) & (samples >= 0) & (starts + 12 * samples.astype(np.int64) <= size)
    if len(table) != about["records"] or not fits.all():
        raise StoreError(f"{folder}: index and signals do not belong together: prepare it again")
    signals = np.memmap(folder / SIGNALS, "<i2", mode="r") if size else np.empty(0, np.int16)
    peaks, gaps = (_ragged(table[name].combine_chunks()) for name in ("r_peaks", "gaps"))
    first = next(iter(about["label sets"]), "")
    store = Store(about, first, np.arange(len(table)), table, signals, peaks, gaps)
    return store if labels is None else store.with_labels(labels)


def _ragged(lists: Any) -> Ragged:
    return Ragged(lists.offsets.to_numpy().astype(np.int64), lists.values.to_numpy())
