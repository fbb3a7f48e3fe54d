"""Tables as published: read in pieces or row by row, with columns checked."""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecglearn.data.clinical_schema import ClinicalError

CHUNK = 200_000  # rows in memory at once
_MINUTES = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_ZONE = r":\d\d\S*\s*(?:[A-Za-z]+|[+-]\d\d:?\d\d)$"


def read_pieces(
    folder: str | os.PathLike[str], table: str, kinds: Mapping[str, str], chunk: int = CHUNK
) -> Iterator[Any]:
    """Some columns of a table, a few rows at a time.

    Args:
        folder: where the tables are.
        table: its name below the folder, without `.csv` or `.csv.gz`.
        kinds: columns wanted, and the type of each.
        chunk: rows at a time.

    Raises:
        ClinicalError: the table or a column is absent, or its content is not of that type.

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    if chunk < 1:
        raise ClinicalError(f"{chunk} rows at a time is not possible: give 1 or more")
    paths = [Path(folder) / f"{table}{ending}" for ending in (".csv", ".csv.gz")]
    path = next((p for p in paths if p.is_file()), None)
    if path is None:
        raise ClinicalError(
            f"no table {table}.csv or {table}.csv.gz in {folder}: give the folder in which the "
            "release was unpacked, and download this table"
        )
    try:
        header = pd.read_csv(path, nrows=0).columns
        lacking = [name for name in kinds if name not in header]
        if lacking:
            raise ClinicalError(
                f"{path} has no column {', '.join(lacking)}: take the file as it was published"
            )
        types: Any = dict(kinds)
        with pd.read_csv(path, usecols=[*kinds], dtype=types, chunksize=chunk) as pieces:
            yield from pieces
    except ClinicalError:
        raise
    except (ValueError, OSError, EOFError, zlib.error) as error:
        said = " ".join(str(error).split())
        raise ClinicalError(
            f"{path} cannot be read ({said}): take the file as it was published"
        ) from error


def local_times(texts: Any, where: str, *, days: bool = False, needed: bool = False) -> Any:
    """Times written as `2180-07-23 08:44:00`, as datetime64; NaT where the text is absent.

    Args:
        texts: as in the file.
        where: table and column, for the message.
        days: dates without a time of day are expected instead.
        needed: refuse absent ones too.

    Raises:
        ClinicalError: one has a time zone, is no time, or is absent though needed; quotes it.

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    there = texts.notna()
    if needed and not there.all():
        raise ClinicalError(f"{where} is empty in {int((~there).sum())} rows: leave those rows out")
    written = texts[there].astype("str").str.strip()
    zoned = written[written.str.contains(_ZONE)]
    if len(zoned):
        raise ClinicalError(
            f"{where} is {zoned.iloc[0]!r}, with a time zone; the tables are in the local time of "
            "each patient: write it without"
        )
    shape = r"\d{4}-\d\d-\d\d" if days else _MINUTES
    right = written.where(written.str.fullmatch(shape))
    times = pd.to_datetime(right, format="ISO8601", errors="coerce").astype("datetime64[us]")
    if times.isna().any():
        raise ClinicalError(
            f"{where} is {written[times.isna()].iloc[0]!r}, which is not a "
            f"{'date like 2180-07-23' if days else 'time like 2180-07-23 08:44:00'}: correct it"
        )
    return times.reindex(texts.index)


def read_table(folder: str | os.PathLike[str], table: str, kinds: Mapping[str, str]) -> Any:
    """All rows of a table.

    Args:
        folder: where the tables are.
        table: its name below the folder, without `.csv` or `.csv.gz`.
        kinds: columns wanted, and the type of each.

    Raises:
        ClinicalError: as `read_pieces`.

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    return pd.concat(read_pieces(folder, table, kinds), ignore_index=True)


def only_once(numbers: Any, table: str) -> None:
    """Refuse numbers that come twice.

    Args:
        numbers: a column.
        table: its table, for the message.

    Raises:
        ClinicalError: one comes twice; names it.

    Book: clinical-transfer#mimic-tables
    """
    twice = numbers[numbers.duplicated()]
    if len(twice):
        raise ClinicalError(
            f"{table}: {numbers.name} {twice.iloc[0]} comes twice; leave one of the rows out"
        )


class TableError(ValueError):
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
