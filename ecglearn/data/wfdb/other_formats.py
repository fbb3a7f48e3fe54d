"""Samples in the other formats of WFDB, read by its package through a header that we wrote."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.wfdb.header import Header
from ecglearn.errors import MissingGroupError

_TOGETHER = 2**20  # samples that the package unpacks in one call
#: How each format writes "no sample"; format 8 cannot, its lowest difference is taken literally.
INVALID = {
    **dict.fromkeys(("8", "32"), -(2**31)),
    "80": -(2**7),
    **dict.fromkeys(("310", "311"), -(2**9)),
    "212": -(2**11),
    **dict.fromkeys(("16", "61", "160"), -(2**15)),
    "24": -(2**23),
    "508": -(2**7),
    "516": -(2**15),
    "524": -(2**23),
}


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
) -> tuple[NDArray[np.int32] | list[NDArray[np.int32]], list[int]]:
    """Read the samples of a record in any format, each channel at its own rate.

    Args:
        folder: of the record.
        head: its header.
        frames: how many frames there are.

    Returns:
        Stored integers of each channel, one array where all have one rate, a skew undone, and the
        checksum of each channel, taken over the samples as stored: before that.

    Raises:
        MissingGroupError: the package wfdb is not installed.
        Exception: whatever the package says of a damaged file.

    Book: the-12-lead-ecg#ecg-own-record
    """
    wfdb = import_wfdb()
    rates = [channel.per_frame for channel in head.channels]
    if len(set(rates)) == 1:
        rows: Any = np.empty((len(rates), frames * rates[0]), np.int32)
    else:
        rows = [np.empty(frames * rate, np.int32) for rate in rates]
    with tempfile.TemporaryDirectory() as place:
        files = {name: f"f{k}.dat" for k, name in enumerate(dict.fromkeys(_files(head)))}
        for name, short in files.items():
            _link((folder / name).resolve(), Path(place) / short)
        (Path(place) / "record.hea").write_text(_clean_header(head, frames, files), "utf-8")
        step = frames if head.in_one_piece else _step(head)
        for start in range(0, frames, step):
            stop = min(frames, start + step)
            part = wfdb.rdrecord(
                str(Path(place) / "record"),
                sampfrom=start,
                sampto=stop,
                physical=False,
                smooth_frames=False,
                ignore_skew=True,
            )
            for row, channel, read in zip(rows, head.channels, part.e_d_signal, strict=True):
                if channel.fmt == "61":
                    read = read.astype(np.int16).byteswap()
                elif channel.fmt == "311":  # wfdb 4.3 takes a bit that belongs to no sample
                    read = (read.astype(np.int16) + 512) % 1024 - 512
                row[start * channel.per_frame : stop * channel.per_frame] = read
    sums = [int(row.sum(dtype=np.int64)) for row in rows]
    for row, channel in zip(rows, head.channels, strict=True):
        late = channel.skew * channel.per_frame
        if late:
            row[:-late] = row[late:].copy()
            row[-late:] = INVALID[channel.fmt]  # the end of a channel that came late is not known
    return rows, sums


def _step(head: Header) -> int:
    """Frames to read at a time: whole groups of samples, in formats that pack two or three."""
    return 6 * max(1, _TOGETHER // (6 * sum(channel.per_frame for channel in head.channels)))


def _files(head: Header) -> list[str]:
    return [channel.file for channel in head.channels]


def _clean_header(head: Header, frames: int, files: dict[str, str]) -> str:
    lines = [f"record {len(head.channels)} {head.fs!r} {frames}"]
    for number, c in enumerate(head.channels):
        frame = f"x{c.per_frame}" if c.per_frame > 1 else ""
        start = f"+{c.offset}" if c.offset else ""
        fmt = "16" if c.fmt == "61" else c.fmt  # wfdb 4.3 stops at big-endian samples
        stored = f"{fmt}{frame}{start}"
        lines.append(f"{files[c.file]} {stored} 200/mV 0 {c.zero} {c.initial or 0} 0 0 c{number}")
    return "\n".join(lines) + "\n"


def _link(file: Path, place: Path) -> None:
    try:
        place.symlink_to(file)
    except OSError:  # no links on this system
        shutil.copy(file, place)
