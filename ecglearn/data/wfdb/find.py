"""Records in a folder: all of them, or the first that can be read."""

import os
from dataclasses import replace
from pathlib import Path

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import ECGRecord, read_record


def find_records(folder: str | os.PathLike[str]) -> list[Path]:
    """List the WFDB records below a folder.

    Args:
        folder: where to look; folders inside it are searched too.

    Returns:
        Paths of the header files (`.hea`), sorted.

    Raises:
        RecordError: there is no such folder.

    Book: the-12-lead-ecg#ecg-own-record
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RecordError(f"{folder}: there is no such folder; give the one that holds the records")
    return sorted(folder.rglob("*.hea"))


def first_record(place: str | os.PathLike[str], *, fs: float | int | None = None) -> ECGRecord:
    """Read one record: the one at this path, or the first 12-lead one below this folder.

    Args:
        place: path of a record, with or without `.hea`, or a folder of records.
        fs: samples per second wanted, see `read_record`.

    Returns:
        The record; its notes name those before it that were refused, with the reason.

    Raises:
        RecordError: the record, or every one below the folder, was refused; or there is none.

    Book: the-12-lead-ecg#ecg-own-record
    """
    if not Path(place).is_dir():
        return read_record(place, fs=fs)
    refused: list[str] = []
    for header in find_records(place):
        try:
            record = read_record(header, fs=fs)
        except RecordError as reason:
            refused.append(f"passed over: {reason}")
        else:
            return replace(record, notes=(*refused, *record.notes))
    why = f"; the first of {len(refused)} was {refused[0]}" if refused else ""
    raise RecordError(f"{place}: no 12-lead record below this folder{why}; give another path")
