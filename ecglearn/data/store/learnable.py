"""The records of a store that a method can learn from, and how many lack what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store

_LACK = {"reports": "a report", "cine": "a film"}


def learnable(store: Store | Stores, needs: Sequence[str]) -> tuple[Any, list[str]]:
    """Records with the report and the film that a method learns from; batches carry them.

    Laboratory values, vital signs and diagnoses may be missing in part: no loss asks for those.

    Args:
        store: the records, of one store or of several.
        needs: fields of `ECGBatch`.

    Returns:
        The records; and a line for each kind of companion that some do not have.

    Raises:
        StoreError: no record has one.

    Book: your-own-data#data-companions
    """
    told = []
    for name, what in _LACK.items():
        if name not in needs:
            continue
        kept = store.with_reports() if name == "reports" else store.with_films()
        if len(kept) < len(store):
            told.append(f"left out: {len(store) - len(kept):,} records without {what}")
        store = kept
    return store, told


def missing(store: Store | Stores, needs: Sequence[str]) -> list[str]:
    """A line for each table of values that a method learns from and that has gaps.

    Args:
        store: the records.
        needs: fields of `ECGBatch`.

    Book: your-own-data#data-companions
    """
    if isinstance(store, Stores):
        parts = store.parts().items()
        return [f"{name}: {line}" for name, one in parts for line in missing(one, needs)]
    joined = store.companions
    if joined is None or joined.columns is None:
        return []
    columns, known = joined.columns, np.isfinite(joined.values[store.rows])
    first = len(columns.labs) + len(columns.vitals)
    parts = {
        "labs": ("laboratory values", slice(0, len(columns.labs))),
        "table": ("vital signs", slice(len(columns.labs), first)),
        "diagnoses": ("diagnoses", slice(first, None)),
    }
    told = []
    for name, (what, where) in parts.items():
        part = known[:, where]
        if name in needs and not part.all():
            nobody = int((~part.any(1)).sum())
            told.append(
                f"missing: {int((~part).sum()):,} of {part.size:,} {what}; {nobody:,} of "
                f"{len(store):,} records have none"
            )
    return told
