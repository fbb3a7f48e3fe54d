"""Lines of a table of companions, by the name of the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ecglearn.data.datasets.csv_rows import table_rows
from ecglearn.data.store.format import StoreError

Fault = tuple[str, str, str]  # record, film or column, reason
_Kind = TypeVar("_Kind")


def number(text: str, kind: Callable[[str], _Kind]) -> _Kind:
    """A number as tables write it: what only Python takes for one, such as `1_0`, is none.

    Args:
        text: of the cell.
        kind: `float` or `int`.

    Raises:
        ValueError: it is no number.

    Book: your-own-data#data-companions
    """
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return kind(text)


def lines_by_record(
    path: Path, columns: tuple[str, ...], rows: dict[str, int], what: str, faults: list[Fault]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Lines of a table that name a record of the store; each record counts once.

    Args:
        path: of the table.
        columns: that must be there, `record` among them.
        rows: name of each record to its row in the store.
        what: the table holds, for the list of faults.
        faults: gets a sentence for each line that cannot be used.

    Yields:
        Name of the record, and column to text.

    Raises:
        StoreError: there is no such table.
        TableError: it cannot be read, or lacks a column.

    Book: your-own-data#data-companions
    """
    if not path.is_file():
        raise StoreError(f"there is no table {path}: give the CSV file")
    seen: set[str] = set()
    for k, row in enumerate(table_rows(path, columns)):
        if isinstance(row, str):
            faults.append((f"row {k + 1}", what, row))
            continue
        name = row["record"]
        if name not in rows:
            faults.append((name or f"row {k + 1}", what, "the store has no such record"))
        elif name in seen:
            faults.append((name, what, "the record comes twice; only its first line is taken"))
        else:
            seen.add(name)
            yield name, row
