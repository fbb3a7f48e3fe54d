"""What a data set says about one record before its signal is read; or why it cannot be read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import ECGRecord

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class RecordMeta:
    """One record of a data set, before its signal is read.

    Attributes:
        record: its name, unique in the data set.
        path: of its header inside the folder, without `.hea`.
        patient: whose it is; records of one patient never meet judges of another part.
        split: one of `SPLITS` where the data set decides, else empty.
        age: years, or None.
        sex: "female", "male" or None.
        report: text, cleaned; empty where there is none.
        statements: the diagnoses as published: SCP statements, SNOMED CT codes, words.
        labels: label set to the classes that the record has.
        notes: what could not be taken as written.

    Book: your-own-data#data-layouts
    """

    record: str
    path: str
    patient: str
    split: str = ""
    age: float | None = None
    sex: str | None = None
    report: str = ""
    statements: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SkippedRecord:
    """A record that is left out, and why in one sentence.

    Attributes:
        record: its name, or where it stands in the table when it has none.
        reason: what is wrong and what to do.

    Book: your-own-data#data-refused
    """

    record: str
    reason: str


Listing = Iterator[RecordMeta | SkippedRecord]


def fill_from_header(entry: RecordMeta, record: ECGRecord) -> RecordMeta:
    """Fill what the tables leave open with what the header of the record says.

    Args:
        entry: from a table.
        record: with its signal.

    Book: your-own-data#data-layouts
    """
    return replace(
        entry,
        age=record.age if entry.age is None else entry.age,
        sex=record.sex if entry.sex is None else entry.sex,
        report=entry.report or clean_report(record.text),
    )


def clean_report(text: str) -> str:
    """A report as one line: no rows of stars, equals signs or dashes, single spaces.

    Upper and lower case stay; the tokenizer of a text model decides about them.

    Args:
        text: as published.

    Source: Liu et al. 2024 (MERL) for stars and equals signs.

    Book: your-own-data#data-reports
    """
    return " ".join(re.sub(r"[*=]+|-{2,}", " ", text).split())


def header_paths(folder: Path) -> Iterator[str]:
    """Headers below a folder, folder by folder in the order of their names.

    Args:
        folder: searched with all folders inside it; links to folders are not followed.

    Yields:
        Paths inside the folder with `/` between their parts, without `.hea`.

    Book: your-own-data#data-layouts
    """
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".hea"):
                yield (Path(place).relative_to(folder) / name[: -len(".hea")]).as_posix()


def without_text(entry: RecordMeta | SkippedRecord) -> SkippedRecord | None:
    """A refusal where the names of an entry are not text that a table can hold.

    Names of files come from the disk, where any bytes may stand.

    Args:
        entry: of a listing.

    Returns:
        None where they are.

    Book: your-own-data#data-refused
    """
    if isinstance(entry, SkippedRecord):
        names = [entry.record, entry.reason]
    else:
        names = [entry.record, entry.path, entry.patient]
    bad = next((name for name in names if as_line(name) != name), None)
    if bad is None:
        return None
    if isinstance(entry, SkippedRecord):
        return SkippedRecord(as_line(entry.record), as_line(entry.reason))
    return SkippedRecord(
        as_line(entry.record),
        f"the name {as_line(bad)} is not one line of UTF-8 text; rename it",
    )


def as_line(text: str) -> str:
    """Text without ends of lines and without bytes that are no UTF-8: they become escapes.

    Args:
        text: any.

    Book: your-own-data#data-refused
    """
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole.replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0")


def path_inside(folder: Path, path: str) -> Path:
    """A path from a table, when it stays inside the folder of the data set.

    Args:
        folder: of the data set.
        path: as written in the table.

    Raises:
        RecordError: it is empty or absolute, goes up, or is written for another system.

    Book: your-own-data#data-refused
    """
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts or re.search(r"\\|^\w:|\0", path):
        raise RecordError(
            f"the path {path!r} leaves the folder of the data set; only records inside it are read"
        )
    return folder / parts
