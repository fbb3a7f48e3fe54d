"""Which patients teach and which judge."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike, NDArray


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
        ValueError: one side would be empty.

    Book: ptacl#data
    """
    ids = np.asarray(patients)
    people = np.unique(ids)
    judges = np.random.default_rng(seed).permutation(people)[: round(test * len(people))]
    side = np.isin(ids, judges)
    if side.all() or not side.any():
        raise ValueError(
            f"{len(people)} patients cannot be split with {test:g} of them for testing"
        )
    return np.flatnonzero(~side), np.flatnonzero(side)


def check_disjoint(train: ArrayLike, test: ArrayLike) -> None:
    """Refuse patients that appear on both sides.

    Args:
        train: patients that teach.
        test: patients that judge.

    Raises:
        ValueError: names up to five of them.

    Book: ptacl#data
    """
    both = np.intersect1d(np.asarray(train), np.asarray(test))
    if len(both):
        shown = ", ".join(map(str, both[:5]))
        raise ValueError(f"{len(both)} patients are on both sides of the split: {shown}")


def check_new_records(
    train: Float[np.ndarray, "N lead time"], test: Float[np.ndarray, "M lead time"]
) -> None:
    """Refuse a test record whose signal is one of the training records', whatever its name.

    Args:
        train: signals that teach (N, lead, time).
        test: signals that judge (M, lead, time).

    Raises:
        ValueError: says how many there are, and where the first is.

    Book: evaluation#leaking-patients
    """
    known = {_fingerprint(record) for record in train}
    again = [k for k, record in enumerate(test) if _fingerprint(record) in known]
    if again:
        raise ValueError(
            f"{len(again)} test records are training records under another name, the first at "
            f"{again[0]}; split by patient and drop copies"
        )


def _fingerprint(record: NDArray) -> bytes:
    return sha256(record.astype(np.float32).tobytes()).digest()
