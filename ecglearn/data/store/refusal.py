"""Whatever happens in one record is its refusal; only the disk and the user stop a run."""

from __future__ import annotations

import os
from pathlib import Path

from ecglearn.data.datasets.base import as_line
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
