"""Tables as published, row after row as text, with columns checked."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ecglearn.errors import InputError

NOTE = "\0note"  # no column has this name
LONGEST_CELL = 100_000  # letters
_LONGEST_READ = 2**24  # letters until a quote that is not closed ends the reading
_BYTES = re.compile("[\udc80-\udcff]")  # bytes that are no UTF-8, as Python keeps them


class TableError(InputError):
    """A table that is absent, unreadable or lacks a column; the message says which and why.

    Book: your-own-data#data-layouts
    """


def table_rows(
    path: Path, columns: Sequence[str], *, free: Sequence[str] = ()
) -> Iterator[dict[str, str] | str]:
    """Rows of a table one after the other, as text; memory does not grow with the table.

    Args:
        path: a `.csv` file; where there is none, `.csv.gz` is tried.
        columns: columns that must be there, each once.
        free: columns of free text, in which damage does not cost the row.

    Yields:
        Column to text, spaces at the ends removed; under `NOTE`, what is wrong with its free text,
        if anything. For a row that cannot be used, a sentence that says why: too many or too few
        fields, a NUL byte, or a field that is not UTF-8.

    Raises:
        TableError: the table or a column is absent, a column is there twice, or the table breaks
            off within a row.

    Book: your-own-data#data-layouts
    """
    packed = path.with_name(path.name + ".gz")
    if not path.is_file() and not packed.is_file():
        raise TableError(
            f"there is no {path.name} in {path.parent}: give the folder in which the data set was "
            "unpacked, and take this file with it"
        )
    options: Any = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    found = path if path.is_file() else packed
    try:
        with found.open(**options) if found == path else gzip.open(packed, "rt", **options) as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            if any("\0" in name for name in reader.fieldnames or ()):
                raise TableError(
                    f"{found} has a NUL byte in its first line: take the file as it was published"
                )
            lacking = [name for name in columns if name not in (reader.fieldnames or ())]
            if lacking:
                raise TableError(
                    f"{found} has no column {', '.join(lacking)}: take the file as it was published"
                )
            twice = [name for name in columns if (reader.fieldnames or []).count(name) > 1]
            if twice:
                raise TableError(
                    f"{found} has more than one column {', '.join(twice)}: leave the right one"
                )
            while (row := _next_row(reader)) is not None:
                yield _checked(row, reader.line_num, free)
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        said = " ".join(str(error).split())
        raise TableError(
            f"{found} cannot be read ({said}): take the file as it was published"
        ) from error


def _next_row(reader: csv.DictReader) -> dict[str, Any] | None:
    """The next row, None at the end; a cell may be long, so that only its own row is refused."""
    usual = csv.field_size_limit(_LONGEST_READ)  # one number for the whole process
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(usual)


def _checked(row: dict[str, Any], line: int, free: Sequence[str]) -> dict[str, str] | str:
    """Text of every field, or what is wrong with the row."""
    if "" in row and isinstance(row[""], list):
        return f"line {line} of the table has too many fields: check its commas and quotes"
    if None in row.values():
        return f"line {line} of the table has too few fields: check its commas and quotes"
    if any("\0" in text for text in row.values()):
        return f"line {line} of the table has a NUL byte: take the file as it was published"
    hurt = [name for name, text in row.items() if _BYTES.search(text)]
    costly = [name for name in hurt if name not in free]
    if costly:
        return (
            f"line {line} of the table: {', '.join(costly)} is not UTF-8 text; convert the table "
            "from the encoding that it was written in"
        )
    endless = [name for name, text in row.items() if len(text) > LONGEST_CELL]
    if endless:
        return (
            f"line {line} of the table: {', '.join(endless)} has {len(row[endless[0]]):,} letters "
            f"and {LONGEST_CELL:,} are read; shorten it, or look for a quote that is not closed"
        )
    lost = [name for name in free if name in hurt or "\ufffd" in row.get(name, "")]
    found = {name: _BYTES.sub("\ufffd", text).strip() for name, text in row.items()}
    if lost:
        found[NOTE] = f"characters of the {', '.join(lost)} are lost: they were written wrongly"
    return found
