"""Samples in the other formats of WFDB, read by its package through a header that we wrote."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.wfdb.header import Header
from ecglearn.errors import MissingGroupError


def import_wfdb() -> Any:
    """The package wfdb.

    Raises:
        MissingGroupError: it is not installed.

    Book: the-12-lead-ecg#ecg-own-record
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 under pandas 3.1
            import wfdb
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            "reading WFDB records needs wfdb: pip install 'ecglearn[data]'"
        ) from error
    return wfdb


def other_signal(
    folder: Path, head: Header, frames: int
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], list[int]]:
    """Read the samples of a record in any format, each channel at its own rate.

    Args:
        folder: of the record.
        head: its header.
        frames: how many frames there are.

    Returns:
        Stored integers of each channel, the same in physical units with NaN for invalid samples,
        and the checksum of each channel, taken over the samples as stored: before a skew is undone.

    Raises:
        MissingGroupError: the package wfdb is not installed.
        Exception: whatever the package says of a damaged file.

    Book: the-12-lead-ecg#ecg-own-record
    """
    wfdb = import_wfdb()
    with tempfile.TemporaryDirectory() as place:
        files = {name: f"f{k}.dat" for k, name in enumerate(dict.fromkeys(_files(head)))}
        for name, short in files.items():
            _link((folder / name).resolve(), Path(place) / short)
        (Path(place) / "record.hea").write_text(_clean_header(head, frames, files))
        record = wfdb.rdrecord(
            str(Path(place) / "record"), physical=False, smooth_frames=False, ignore_skew=True
        )
        counts = [np.asarray(row, np.float64) for row in record.e_d_signal]
        physical = [np.asarray(row, np.float64) for row in record.dac(expanded=True)]
    sums = [int(row.sum()) for row in counts]
    skews = [channel.skew * channel.per_frame for channel in head.channels]
    return (
        [_shifted(row, skew, row[-1] if len(row) else 0) for row, skew in _pairs(counts, skews)],
        [_shifted(row, skew, np.nan) for row, skew in _pairs(physical, skews)],
        sums,
    )


def _pairs(rows: Sequence[NDArray], skews: Sequence[int]) -> zip:
    return zip(rows, skews, strict=True)


def _shifted(row: NDArray, skew: int, end: float) -> NDArray:
    """A channel that came late, moved back; its end is not known."""
    return row if skew == 0 else np.append(row[skew:], np.full(min(skew, len(row)), end))


def _files(head: Header) -> list[str]:
    return [channel.file for channel in head.channels]


def _clean_header(head: Header, frames: int, files: dict[str, str]) -> str:
    lines = [f"record {len(head.channels)} {head.fs!r} {frames}"]
    for number, c in enumerate(head.channels):
        frame = f"x{c.per_frame}" if c.per_frame > 1 else ""
        start = f"+{c.offset}" if c.offset else ""
        lines.append(
            f"{files[c.file]} {c.fmt}{frame}{start} {c.gain!r}({c.baseline})/mV 0 {c.zero} "
            f"{c.initial or 0} 0 0 c{number}"
        )
    return "\n".join(lines) + "\n"


def _link(file: Path, place: Path) -> None:
    try:
        place.symlink_to(file)
    except OSError:  # no links on this system
        shutil.copy(file, place)
