"""Read a table of clinical values, as its schema says, before it is joined to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.clinical.own_columns import OwnColumns
from ecglearn.data.clinical.schema import Column
from ecglearn.data.store.companions import VALUE
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.record_lines import Fault, lines_by_record, number


def value_columns(
    path: Path,
    rows: dict[str, int],
    columns: OwnColumns,
    table: dict[str, Any],
    faults: list[Fault],
) -> None:
    """Values of each column by row of the store; NaN where there is none that can be used.

    Args:
        path: table of values.
        rows: name of each record to its row in the store.
        columns: of the schema.
        table: gets a column for each.
        faults: gets a sentence for each value that cannot be used.

    Raises:
        StoreError: no value can be used.

    Book: your-own-data#data-companions
    """
    every = columns.every
    first = len(every) - len(columns.diagnoses)
    found = np.full((len(every), len(rows)), np.nan, np.float32)
    for name, row in lines_by_record(
        path, ("record", *(c.name for c in every)), rows, "values", faults
    ):
        for k, column in enumerate(every):
            value, reason = _value(row[column.name], column, diagnosis=k >= first)
            found[k, rows[name]] = value
            if reason:
                faults.append((name, column.name, reason))
    if not np.isfinite(found).any():
        raise StoreError(f"{path} has no value of a record of this store that can be used")
    table |= {VALUE + column.name: found[k] for k, column in enumerate(every)}


def _value(text: str, column: Column, *, diagnosis: bool) -> tuple[float, str]:
    """A number, NaN where there is none; and why not, where something is written there."""
    if not text:
        return np.nan, ""
    try:
        value = number(text, float)
    except ValueError:
        return np.nan, f"{text!r:.40} is no number"
    if diagnosis and value not in (0, 1):
        return np.nan, f"a diagnosis is 1, 0 or empty, not {text:.40}"
    low, high = column.possible
    if not low <= value <= high:
        return np.nan, f"{value:g} {column.unit} is outside the limits {low:g} to {high:g}"
    return value, ""
