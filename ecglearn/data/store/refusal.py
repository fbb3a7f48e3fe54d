"""Whatever happens in one record is its refusal; only the disk and the user stop a run."""

from __future__ import annotations

import os
from pathlib import Path

from ecglearn.data.datasets.base import RecordMeta, SkippedRecord
from ecglearn.data.wfdb.checks import RecordError, disk_failed
from ecglearn.errors import MissingGroupError


def refusal(error: Exception, folder: Path) -> str:
    """Why a record is left out, as one line of text.

    Args:
        error: what was raised while it was read and cleaned.
        folder: of the data set; paths are told from there.

    Raises:
        MissingGroupError: a package is not installed, which is not the record's fault.
        OSError: the disk is full or read-only.

    Book: your-own-data#data-refused
    """
    if isinstance(error, MissingGroupError) or disk_failed(error):
        raise error
    told = str(error)
    if not isinstance(error, RecordError):
        told = (
            f"the record cannot be read ({type(error).__name__}: {told[:500]}); leave it out, or "
            "look at it with read_record"
        )
    return as_line(told.replace(f"{folder}{os.sep}", ""))


def no_text(entry: RecordMeta | SkippedRecord) -> SkippedRecord | None:
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
