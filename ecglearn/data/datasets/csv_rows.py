"""Tables as published, row after row as text, with columns checked."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ecglearn.errors import InputError


class TableError(InputError):
    """A table that is absent, unreadable or lacks a column; the message says which and why.

    Book: your-own-data#data-layouts
    """


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str] | str]:
    """Rows of a table one after the other, as text; memory does not grow with the table.

    Args:
        path: a `.csv` file; where there is none, `.csv.gz` is tried.
        columns: columns that must be there.

    Yields:
        Column to text, spaces at the ends removed. For a row that cannot be used, a sentence that
        says why: too many or too few fields, or text that is not UTF-8.

    Raises:
        TableError: the table or a column is absent, or it breaks off within a row.

    Book: your-own-data#data-layouts
    """
    packed = path.with_name(path.name + ".gz")
    if not path.is_file() and not packed.is_file():
        raise TableError(
            f"there is no {path.name} in {path.parent}: give the folder in which the data set was "
            "unpacked, and take this file with it"
        )
    options: Any = {"encoding": "utf-8-sig", "errors": "replace", "newline": ""}
    found = path if path.is_file() else packed
    try:
        with found.open(**options) if found == path else gzip.open(packed, "rt", **options) as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            lacking = [name for name in columns if name not in (reader.fieldnames or ())]
            if lacking:
                raise TableError(
                    f"{found} has no column {', '.join(lacking)}: take the file as it was published"
                )
            for row in reader:
                yield _checked(row, reader.line_num)
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        said = " ".join(str(error).split())
        raise TableError(
            f"{found} cannot be read ({said}): take the file as it was published"
        ) from error


def _checked(row: dict[str, Any], line: int) -> dict[str, str] | str:
    """Text of every field, or what is wrong with the row."""
    if "" in row and isinstance(row[""], list):
        return f"line {line} of the table has too many fields: check its commas and quotes"
    if None in row.values():
        return f"line {line} of the table has too few fields: check its commas and quotes"
    if any("\ufffd" in text for text in row.values()):
        return f"line {line} of the table is not UTF-8 text: convert the table"
    return {name: text.strip() for name, text in row.items()}
