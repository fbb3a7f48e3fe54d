"""Tables as published, read in pieces of some columns, each checked."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.clinical.schema import ClinicalError

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
        with _opened(path) as file:
            names: Any = pd.read_csv(file, nrows=1, header=None, dtype="str")
        header = names.iloc[0].tolist()
        lacking = [name for name in kinds if name not in header]
        if lacking:
            raise ClinicalError(
                f"{path} has no column {', '.join(lacking)}: take the file as it was published"
            )
        if twice := [name for name in kinds if header.count(name) > 1]:
            raise ClinicalError(
                f"{path} has more than one column {', '.join(twice)}: leave the right one"
            )
        types: Any = dict(kinds)
        with (
            _opened(path) as file,
            pd.read_csv(file, usecols=[*kinds], dtype=types, chunksize=chunk) as pieces,
        ):
            while (piece := _next_piece(pieces)) is not None:
                yield piece
    except ClinicalError:
        raise
    except (ValueError, OverflowError, OSError, EOFError, zlib.error) as error:
        said = " ".join(str(error).split())
        raise ClinicalError(
            f"{path} cannot be read ({said}): take the file as it was published"
        ) from error


def _next_piece(pieces: Any) -> Any:
    """None at the end. A number too large is refused by the parser, which warns of it before."""
    with np.errstate(invalid="ignore"):
        return next(pieces, None)


def _opened(path: Path) -> io.BufferedReader:
    """The bytes of a table, unpacked, for as long as none of them is 0."""
    raw = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
    return io.BufferedReader(_Text(raw), 1 << 20)


class _Text(io.RawIOBase):
    """Refuses a NUL byte, at which the parser would end a field without a word."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw, self._read = raw, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(buffer)
        at = bytes(buffer[:count]).find(0)
        if at >= 0:
            raise ValueError(f"it holds a NUL byte, number {self._read + at}")
        self._read += count
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


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
