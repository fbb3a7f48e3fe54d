"""Which patients teach and which judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError


def split_patients(
    patients: Sequence | Shaped[np.ndarray, " records"], *, test: float = 1 / 3, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Records for training and for testing, with every patient on one side only.

    Args:
        patients: patient of each record; a patient may have several records.
        test: share of patients that judge.
        seed: of the shuffle.

    Returns:
        Indices of training records and of test records, in rising order.

    Raises:
        InputError: one side would be empty.

    Book: ptacl#data
    """
    ids = np.asarray(patients)
    people = np.unique(ids)
    judges = np.random.default_rng(seed).permutation(people)[: round(test * len(people))]
    side = np.isin(ids, judges)
    if side.all() or not side.any():
        raise InputError(
            f"{len(people)} patients cannot be split with {test:g} of them for testing"
        )
    return np.flatnonzero(~side), np.flatnonzero(side)


def check_disjoint(train: ArrayLike, test: ArrayLike) -> None:
    """Refuse patients that appear on both sides.

    Args:
        train: patients that teach.
        test: patients that judge.

    Raises:
        InputError: names up to five of them.

    Book: ptacl#data
    """
    both = np.intersect1d(np.asarray(train), np.asarray(test))
    if len(both):
        shown = ", ".join(map(str, both[:5]))
        raise InputError(f"{len(both)} patients are on both sides of the split: {shown}")


def check_new_records(
    train: Float[np.ndarray, "N lead time"], test: Float[np.ndarray, "M lead time"]
) -> None:
    """Refuse a test record whose signal is one of the training records', whatever its name.

    Args:
        train: signals that teach (N, lead, time).
        test: signals that judge (M, lead, time).

    Raises:
        InputError: says how many there are, and where the first is.

    Book: evaluation#leaking-patients
    """
    known = {_fingerprint(record) for record in train}
    again = [k for k, record in enumerate(test) if _fingerprint(record) in known]
    if again:
        raise InputError(
            f"{len(again)} test records are training records under another name, the first at "
            f"{again[0]}; split by patient and drop copies"
        )


def _fingerprint(record: NDArray) -> bytes:
    return hashlib.sha256(record.astype(np.float32).tobytes()).digest()


def split_of(
    patient: str, *, validation: float = 0.08, test: float = 0.2, seed: int = 0
) -> Literal["train", "validation", "test"]:
    """The part of a data set to which a patient belongs, from the patient's name alone.

    The name is hashed to a number from 0 to 1, so the answer depends neither on the order of files
    nor on which other patients there are, and all records of a patient are together. The shares
    are met on average, not exactly.

    Args:
        patient: any text.
        validation: share of patients.
        test: share of patients.
        seed: another number gives another split.

    Source: the shares of Liu et al. 2024 (MERL) where a data set has no official split. Theirs
        depends on the order in which files were listed: two papers with the same seed share 306 of
        1,376 test records of CPSC2018.

    Book: your-own-data#data-splits
    """
    digest = hashlib.sha256(f"{seed}/{patient}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"
