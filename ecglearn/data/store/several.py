"""Several stores as one: their records end to end, refused where they do not fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Generator, Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.merging import merged
from ecglearn.data.store.reading import Buffers, Counts
from ecglearn.data.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

MOST = 100  # times that a store may count
_COLUMNS = {  # fields whose columns must be the same, and what says so
    "findings": "label_names",
    "table": "table_names",
    "labs": "lab_columns",
    "diagnoses": "diagnosis_names",
}
_CALLED = {
    "findings": "label sets",
    "table": "vital signs",
    "labs": "laboratory values",
    "diagnoses": "diagnoses",
}


@dataclass(frozen=True, eq=False)
class Stores:
    """Records of several stores, or some of them; `fit` and `compare` take it as they take a store.

    Records and patients are named NAME/record and NAME/patient, since two hospitals may both have a
    patient 1. A field of a batch is there where all stores have it with the same columns.

    Attributes:
        members: name of each store to the store.
        which: number of the store of each record.
        row: of each record within its store.

    Book: your-own-data#data-several
    """

    members: dict[str, Store]
    which: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, rows: Tensor | NDArray | Sequence[int] | slice) -> ECGBatch:
        """Some records as a batch, in the order asked for."""
        return self.counts(rows).to("cpu")

    def read(
        self, rows: Tensor | NDArray | Sequence[int] | slice, buffers: Buffers | None = None
    ) -> ECGBatch:
        """The same, into memory that is used again.

        Args:
            rows: numbers, or a slice.
            buffers: where the signals are put; None takes fresh memory.
        """
        return self.counts(rows, buffers).to("cpu", buffers)

    def counts(
        self, rows: Tensor | NDArray | Sequence[int] | slice, buffers: Buffers | None = None
    ) -> Counts:
        """The same as integers; `to(device)` makes the batch there.

        Args:
            rows: numbers, or a slice.
            buffers: where the signals are put; None takes fresh memory.
        """
        here = np.atleast_1d(
            np.arange(len(self))[rows if isinstance(rows, slice) else _whole(rows)]
        )
        found: list[tuple[NDArray[np.int64], Counts]] = []
        for number, store in enumerate(self.members.values()):
            places = np.flatnonzero(self.which[here] == number)
            if len(places) or not len(here):
                found.append((places, store.counts(self.row[here[places]])))
        samples = max((one.counts.shape[-1] for _, one in found), default=0)
        shape = (len(here), 12, samples)
        whole = (
            torch.empty(shape, dtype=torch.int16)
            if buffers is None
            else buffers.take(shape, torch.int16)
        )
        mean, scale = torch.empty(len(here)), torch.empty(len(here))
        missing = []
        for places, one in found:
            to, length = torch.from_numpy(places), one.counts.shape[-1]
            whole[to, :, :length], whole[to, :, length:] = one.counts, 0
            mean[to], scale[to] = one.mean, one.scale
            missing += [(int(places[k]), *rest) for k, *rest in one.missing]
            if length < samples:  # of a store whose records keep their lengths
                missing += [(int(k), lead, length, samples) for k in places for lead in range(12)]
        rest = merged([(places, one.rest) for places, one in found], self._shared, len(here))
        rest["names"] = [self.names[k] for k in here.tolist()]
        rest["index"] = torch.from_numpy(here)
        return Counts(whole, mean, scale, missing, rest)

    def fields(self) -> dict[str, Any]:
        """All fields of a batch of these records but the signals and what marks their gaps."""
        parts = [(places, store.fields()) for _, places, store in self._members()]
        rest = merged(parts, self._shared, len(self))
        return rest | {"names": self.names, "index": torch.arange(len(self))}

    def lacks(self, needs: Sequence[str]) -> list[str]:
        """Fields of a batch that these records do not have at all.

        Args:
            needs: fields of `ECGBatch`.

        Raises:
            StoreError: some stores have a field, and others do not, or with other columns.
        """
        lacking = {name: store.lacks(needs) for name, store in self.members.items()}
        absent = [need for need in needs if all(need in found for found in lacking.values())]
        for need in needs:
            if need in _COLUMNS and need not in absent and need not in self._shared:
                told = "; ".join(
                    f"{name} has {_said(store.fields().get(_COLUMNS[need]))}"
                    for name, store in self.members.items()
                )
                raise StoreError(f"the {_CALLED[need]} of these stores differ: {told[:300]}")
        if "cine" in needs:
            self._check_films()
        return absent

    def select(self, rows: NDArray) -> Stores:
        """Some of the records.

        Args:
            rows: numbers, or one bool for each record.
        """
        return replace(self, which=self.which[rows], row=self.row[rows])

    def split(self, name: str) -> Stores:
        """The records of one part of each store.

        Args:
            name: "train", "validation" or "test".

        Raises:
            StoreError: no record is in such a part.
        """
        inside = (self.index["split"] == name).to_numpy(bool)
        if not inside.any():
            raise StoreError(f"no record is in the part {name!r} of {', '.join(self.members)}")
        return self.select(inside)

    def repeated(self, weights: Mapping[str, int]) -> Stores:
        """The records of some stores more than once: so often does an epoch see them.

        Args:
            weights: name of a store to the number of times, 1 to 100; 1 where it is not named.

        Raises:
            StoreError: another number, or no such store.
        """
        if strange := [name for name in weights if name not in self.members]:
            raise StoreError(f"no store {', '.join(strange)} here: {', '.join(self.members)}")
        if any(not 1 <= times <= MOST for times in weights.values()):
            raise StoreError(
                f"a store counts 1 to {MOST} times: leave it out instead of a weight of 0"
            )
        times = np.array([weights.get(name, 1) for name in self.members])[self.which]
        return self.select(np.repeat(np.arange(len(self)), times))

    def order(self, generator: Generator) -> Tensor:
        """An order of all records in which the copies of a record lie far apart.

        Each store is shuffled as often as it counts, and the stores are mixed evenly. Two copies in
        one batch would be two patients to a contrast.

        Args:
            generator: source of randomness.
        """
        place = torch.empty(len(self), dtype=torch.float64)
        for number in range(len(self.members)):
            mine = np.flatnonzero(self.which == number)
            if not len(mine):
                continue
            by_row = mine[np.argsort(self.row[mine], kind="stable")]
            new = np.r_[True, np.diff(self.row[by_row]) != 0]
            begin = np.maximum.accumulate(np.where(new, np.arange(len(mine)), 0))
            turn = torch.from_numpy(np.arange(len(mine)) - begin)  # which copy it is
            at = torch.argsort(turn + torch.rand(len(mine), generator=generator))
            jitter = torch.rand(len(mine), generator=generator, dtype=torch.float64)
            place[torch.from_numpy(by_row)[at]] = (torch.arange(len(mine)) + jitter) / len(mine)
        return place.argsort()

    def with_reports(self) -> Stores:
        """The records that have a report.

        Raises:
            StoreError: none has one.
        """
        written = np.array([bool(text.strip()) for text in self.reports], bool)
        if not written.any():
            raise StoreError("no record here has a report")
        return self.select(written)

    def with_films(self) -> Stores:
        """The records that have a film; their batches carry it.

        Raises:
            StoreError: none has one, or films of two stores differ in phases or pixels.
        """
        if not self.has_film.any():
            raise StoreError("no record here has a film: join them with `ecglearn join`")
        self._check_films()
        members = {name: replace(store, films=True) for name, store in self.members.items()}
        return replace(self.select(self.has_film), members=members)

    def with_labels(self, name: str) -> Stores:
        """The same records with another label set.

        Args:
            name: a set that every store has.

        Raises:
            StoreError: a store has no such set.
        """
        members = {place: store.with_labels(name) for place, store in self.members.items()}
        return replace(self, members=members)

    def digest(self) -> str:
        """Of what batches of these records hold."""
        made = hashlib.sha256()
        for name, store in self.members.items():
            made.update(f"{name} {store.digest()} ".encode())
        for numbers in (self.which, self.row):
            made.update(np.ascontiguousarray(numbers, "<i8").tobytes())
        return made.hexdigest()

    @property
    def fs(self) -> float:
        """Samples per second."""
        return self._first.fs

    @property
    def preprocess(self) -> Preprocess:
        """How their records are made ready."""
        return self._first.preprocess

    @property
    def label_names(self) -> tuple[str, ...]:
        """Classes of the label set in use; none where the stores differ in it."""
        return self._first.label_names if "findings" in self._shared else ()

    @cached_property
    def labels(self) -> Bool[np.ndarray, "n K"]:
        """Which record has which class."""
        if not self.label_names:
            return np.zeros((len(self), 0), bool)
        return self._rows(lambda store: store.labels, bool, len(self.label_names))

    @cached_property
    def names(self) -> list[str]:
        """NAME/record of each record."""
        return self._rows(lambda store: np.array(store.names, object), object).tolist()

    @property
    def patients(self) -> NDArray:
        """NAME/patient of each record."""
        return self.index["patient"].to_numpy(object)

    @cached_property
    def reports(self) -> list[str]:
        """Report of each record; empty where there is none."""
        return self._rows(lambda store: np.array(store.reports, object), object, bare=True).tolist()

    @property
    def has_film(self) -> Bool[np.ndarray, " n"]:
        """Which records have a film."""
        return self._rows(lambda store: store.has_film, bool)

    @property
    def checksums(self) -> NDArray[np.float64]:
        """What tells one signal from another, see `Store.checksums`."""
        return self._rows(lambda store: store.checksums, float, 4)

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row for each record, as of a store."""
        import pandas as pd

        parts = []
        for name, store in self.members.items():
            frame = store.index.copy()
            for column in ("record", "patient"):
                frame[column] = f"{name}/" + frame[column].astype(str)
            parts.append(frame)
        begin = np.cumsum([0, *(len(part) for part in parts)])[:-1]
        whole: Any = pd.concat(parts, ignore_index=True)
        return whole.iloc[begin[self.which] + self.row].reset_index(drop=True)

    @property
    def _first(self) -> Store:
        return next(iter(self.members.values()))

    def _members(self) -> Iterator[tuple[str, NDArray[np.int64], Store]]:
        """Name of each store, where its records stand here, and these records."""
        for number, (name, store) in enumerate(self.members.items()):
            places = np.flatnonzero(self.which == number)
            if len(places):
                yield name, places, store.select(self.row[places])

    def parts(self) -> dict[str, Store]:
        """The records of each store."""
        return {name: store for name, _, store in self._members()}

    @cached_property
    def _shared(self) -> frozenset[str]:
        """Fields that all stores have, with the same columns."""
        one = [
            store.select(np.arange(min(1, len(store)))).fields() for store in self.members.values()
        ]
        there = set.intersection(*({k for k, v in f.items() if v is not None} for f in one))
        for name, names in _COLUMNS.items():
            said = [found.get(names) for found in one]
            widths = {f[name].shape[1:] for f in one if f.get(name) is not None}
            if any(other != said[0] for other in said) or len(widths) > 1:
                there -= {name, names}
        return frozenset(there | {"cine"})

    def _check_films(self) -> None:
        forms = {
            name: (films.phases, films.size)
            for name, store in self.members.items()
            if store.companions is not None and (films := store.companions.about.films) is not None
        }
        if len(set(forms.values())) > 1:
            told = "; ".join(f"{n} has {p} phases of {s} pixels" for n, (p, s) in forms.items())
            raise StoreError(f"films of these stores differ: {told}: join them alike")

    def _rows(
        self, of: Callable[[Store], NDArray], kind: Any, *more: int, bare: bool = False
    ) -> NDArray:
        """Something of each record."""
        found = np.empty((len(self), *more), kind)
        for name, places, store in self._members():
            value = of(store)
            found[places] = value if kind is not object or bare else _named(name, value)
        return found


def _named(name: str, values: NDArray) -> NDArray:
    return np.array([f"{name}/{value}" for value in values], object)


def _whole(rows: Any) -> NDArray:
    numbers = np.asarray(rows)
    return numbers if numbers.size else numbers.astype(np.int64)


def _said(columns: Any) -> str:
    names = [getattr(column, "name", column) for column in columns or ()]
    return ", ".join(map(str, names)) or "none"
