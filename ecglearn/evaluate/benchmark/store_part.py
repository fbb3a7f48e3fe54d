"""A part of a store as the tasks see it: every field but the signals, which are read in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import enough_cases
from ecglearn.data.splits import check_disjoint
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.errors import InputError
from ecglearn.evaluate.probe import Split

PIECE = 1024  # records that are read at once


class StorePart:
    """Some records of a store, with the fields of a batch of them.

    Args:
        store: the records; their label set is the one in use.
        classes: of the label set that are judged.

    Book: evaluation#compare-store
    """

    def __init__(self, store: Store | Stores, classes: Sequence[str]) -> None:
        self.store = store
        columns = [store.label_names.index(name) for name in classes]
        self.fields = store.fields()
        self.fields |= {
            "findings": torch.from_numpy(store.labels[:, columns]),
            "label_names": tuple(classes),
        }

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, rows: Any) -> ECGBatch:
        return self.store[rows]

    def __getattr__(self, name: str) -> Any:
        """A field of the batch; None where the store does not have it."""
        if name.startswith("_") or name not in ECGBatch.__dataclass_fields__:
            raise AttributeError(name)
        return self.fields.get(name)


def pieces(records: Any) -> Iterator[ECGBatch]:
    """Batches of some records: the one that they are, or pieces of a store.

    Args:
        records: an `ECGBatch` or a `StorePart`.

    Book: evaluation#compare-store
    """
    if not isinstance(records, StorePart):
        yield records
        return
    for first in range(0, len(records), PIECE):
        yield records[slice(first, first + PIECE)]


def joined(records: Any, ask: Callable[[ECGBatch], Any]) -> Tensor:
    """An answer about each record, asked of one piece after the other.

    Args:
        records: an `ECGBatch` or a `StorePart`.
        ask: from a batch to a tensor with a row for each record.

    Book: evaluation#compare-store
    """
    return torch.cat([torch.as_tensor(ask(piece)) for piece in pieces(records)])


def filmed(records: Any) -> tuple[Any, NDArray[np.int64]]:
    """The records that have a film, with it, and which they are; None where nobody has one.

    Args:
        records: an `ECGBatch` or a `StorePart`.

    Book: evaluation#compare-store
    """
    if not isinstance(records, StorePart):
        return (None if records.cine is None else records), np.arange(len(records))
    rows = np.flatnonzero(records.store.has_film)
    if not len(rows):
        return None, rows
    return StorePart(records.store.with_films(), records.label_names), rows


def store_parts(
    store: Store | Stores, external: Store | Stores | None, taught: ArrayLike | None, least: int
) -> tuple[Split, StorePart | None]:
    """The parts of a store, and all of a second one, when nothing leaks from one to another.

    Args:
        store: with a part "train", "validation" and "test"; its label set is the one in use.
        external: records of a second site; None: there is none.
        taught: names of patients who taught the models, where they are not those of "train".
        least: a class with fewer cases, or fewer other records, in the test part is left out.

    Returns:
        The parts; and the second site with the classes that both have and that can be judged
        there.

    Raises:
        InputError: the store has no labels, no part of this name, or no class that can be judged;
            a patient, or a record, is on both sides; the stores do not fit together.

    Book: evaluation#compare-store
    """
    if not store.label_names:
        raise InputError("this store has no label set to judge by")
    whole = Split(*(store.split(name) for name in Split._fields))
    kept = enough_cases(whole.test.labels, least=max(least, 1))
    classes = [name for name, enough in zip(store.label_names, kept, strict=True) if enough]
    if not classes:
        raise InputError(
            f"no class has {least} cases and {least} other records among the {len(whole.test)} "
            "test records, so none can be judged: take more records, or a smaller `least_cases`"
        )
    check_disjoint(whole.train.patients if taught is None else taught, whole.test.patients)
    check_disjoint(whole.validation.patients, whole.test.patients)
    _check_copies(whole.train, whole.test)
    parts = Split(*(StorePart(part, classes) for part in whole))
    if external is None:
        return parts, None
    if (external.fs, external.preprocess) != (store.fs, store.preprocess):
        raise InputError(
            f"the second site has {external.fs:g} Hz, {external.preprocess!r}, and the first "
            f"{store.fs:g} Hz, {store.preprocess!r}: prepare both alike"
        )
    _check_copies(whole.train, external)
    enough = enough_cases(external.labels, least=max(least, 1))
    there = [
        name
        for name, has in zip(external.label_names, enough, strict=True)
        if has and name in classes
    ]
    if not there:
        raise InputError(
            f"the second site has no class with {least} cases and {least} other records that is "
            f"judged here; it has {', '.join(external.label_names) or 'no labels'}"
        )
    return parts, StorePart(external, there)


def _check_copies(train: Store | Stores, judges: Store | Stores) -> None:
    """Refuse a record that judges and is, sample by sample, one that teaches."""
    known = set(map(tuple, train.checksums.tolist()))
    again = [k for k, one in enumerate(judges.checksums.tolist()) if tuple(one) in known]
    if again:
        raise InputError(
            f"{len(again)} judging records are training records under another name, the first "
            f"{judges.names[again[0]]!r}: split by patient and drop copies"
        )
