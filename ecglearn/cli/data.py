"""What `--data` may name: a store, or simulated patients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.abilities import Embeds
from ecglearn.cohort import simulate
from ecglearn.cohort.findings import FINDINGS
from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.splits import split_of
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.data.store.together import open_stores
from ecglearn.errors import InputError
from ecglearn.evaluate import embed

MOST = 20_000  # simulated patients, who are made at once: 0.5 MB each at 100 Hz
PIECE = 1024  # records that are read at once
COHORT = re.compile(r"cohort:(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Data:
    """Records with what the commands ask of them.

    Attributes:
        records: `len` and rows, as `fit` and `embed` take them.
        names: one for each record.
        patients: whose each record is.
        classes: names of the label columns.
        labels: which record has which class.
        demographics: age in years and sex (0 female, 1 male); NaN where unknown.
        splits: part of each record.
        prompts: name of the prompt file for these classes.
        weights: of several stores, name to the number of times that an epoch sees its records.

    Book: many-machines#commands
    """

    records: Any
    names: NDArray
    patients: NDArray
    classes: tuple[str, ...]
    labels: NDArray[np.bool_]
    demographics: NDArray[np.float64]
    splits: NDArray
    prompts: str
    weights: dict[str, int] = field(default_factory=dict)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Numbers of the records of a part.

        Args:
            split: "train", "validation" or "test".

        Raises:
            InputError: it has none.
        """
        found = np.flatnonzero(self.splits == split)
        if not len(found):
            raise InputError(f"no record is in the part {split!r}; take more records")
        return found

    def part(self, rows: NDArray[np.int64]) -> Any:
        """Some records, still on disk where they come from a store.

        Args:
            rows: numbers of the records.
        """
        records = self.records
        return records.select(rows) if isinstance(records, Store | Stores) else records[rows]

    def embedded(
        self, method: Embeds, rows: NDArray[np.int64], **options: Any
    ) -> Iterator[Float[Tensor, "B D"]]:
        """Vectors of some records, piece by piece, so that memory does not grow with their number.

        Args:
            method: with `embed`.
            rows: numbers of the records.
            **options: of `ecglearn.embed`.
        """
        for first in range(0, len(rows), PIECE):
            some = self.records[rows[first : first + PIECE]]
            yield embed(method, some, **options).float().cpu()

    def lacks(self, needs: Sequence[str]) -> list[str]:
        """Fields that a method learns from and these records do not have.

        Args:
            needs: fields of `ECGBatch`.
        """
        if isinstance(self.records, Store | Stores):
            return self.records.lacks(needs)
        one = self.records[np.arange(min(1, len(self.names)))]
        return [name for name in needs if getattr(one, name) is None]


def open_data(
    text: str,
    *,
    fs: float,
    preprocess: Preprocess = "standard",
    labels: str | None = None,
    weighted: bool = False,
    needs: Sequence[str] = (),
) -> Data:
    """The records that `--data` names.

    Args:
        text: folder of a store or its address (s3://bucket/store), several of them with commas
            between them (a=2,b: an epoch sees the records of `a` twice), or `cohort:N` or
            `cohort:N:seed` for N simulated patients.
        fs: samples per second that the model reads.
        preprocess: what it reads, see `ECGBatch.preprocess`.
        labels: name of a label set of the store; None takes its first.
        weighted: whether stores may count more than once.
        needs: fields that the model learns from. In simulated patients R peaks are looked for
            where they are among them; elsewhere the simulator's own stand there.

    Raises:
        InputError: no such store, or one of another rate or preprocessing, or without this label
            set.

    Book: many-machines#commands
    """
    if (found := COHORT.fullmatch(text)) is not None:
        count, seed = (text[:20] for text in (found[1], found[2] or "0"))
        if not 1 <= int(count) <= MOST or int(seed) >= 2**63:
            raise InputError(
                f"{text[:60]} cannot be simulated: give cohort:N with N from 1 to {MOST:,}, and a "
                "seed below 2**63"
            )
        if labels is not None:
            raise InputError(
                f"simulated patients have one label set, their findings, and no {labels!r}: leave "
                "out --labels"
            )
        peaks = "detected" if "r_peaks" in needs else "true"
        return _cohort(int(count), int(seed), fs, preprocess, peaks)
    weights: dict[str, int] = {}
    if "," in text and not Path(text).is_dir():
        store, weights = open_stores(text, labels=labels, weighted=weighted)
    elif "://" not in text and not Path(text).is_dir():
        raise StoreError(
            f"there is no store {text}; make one by `ecglearn prepare`, or give cohort:N for N "
            "simulated patients"
        )
    else:
        store = open_store(text, labels=labels)
    if store.fs != fs:
        raise StoreError(
            f"{text} holds {store.fs:g} Hz and this configuration reads {fs:g} Hz; prepare the "
            f"store with --fs {fs:g}"
        )
    if store.preprocess != preprocess:
        raise StoreError(
            f"{text} holds records preprocessed as {store.preprocess!r} and this configuration "
            f"reads {preprocess!r}; prepare the store with --preprocess {preprocess}"
        )
    male = (store.index["sex"] == "male").where(store.index["sex"].isin(["female", "male"]))
    return Data(
        records=store,
        names=store.index["record"].to_numpy(object),
        patients=store.patients,
        classes=store.label_names,
        labels=store.labels,
        demographics=np.stack([store.index["age"], male], 1).astype(float),
        splits=store.index["split"].to_numpy(object),
        prompts="ecg",
        weights=weights,
    )


def _cohort(
    count: int, seed: int, fs: float, preprocess: Preprocess, peaks: Literal["detected", "true"]
) -> Data:
    cohort = simulate(count, seed=seed, fs=fs)
    batch = ECGBatch.from_cohort(cohort, preprocess=preprocess, peaks=peaks)
    assert batch.table is not None
    assert batch.findings is not None
    names = np.array([f"simulated-{seed}-{i}" for i in range(count)], object)
    return Data(
        records=batch,
        names=names,
        patients=names,
        classes=FINDINGS,
        labels=batch.findings.numpy(),
        demographics=batch.table[:, [0, -1]].double().numpy(),
        splits=np.array([split_of(name) for name in names], object),
        prompts="cohort",
    )
