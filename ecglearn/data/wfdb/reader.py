"""The door: open a WFDB record only after checking that its files hold what its header promises."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.wfdb.checks import (
    Place,
    RecordError,
    check_inside,
    check_promises,
    check_sums,
    disk_failed,
    no_file,
)
from ecglearn.data.wfdb.format16 import plain_signal
from ecglearn.data.wfdb.header import Channel, Header, parse_header
from ecglearn.data.wfdb.other_formats import INVALID, import_wfdb, other_signal
from ecglearn.errors import MissingGroupError
from ecglearn.signals.leads import canonical

_LARGEST_HEADER = 1_000_000  # bytes
_SLOW, _FAST = 50.0, 20_000.0  # samples per second outside of which no electrocardiograph works


@dataclass(frozen=True, eq=False)
class RawRecord:
    """A WFDB record as stored, all channels of one rate, before anything is interpreted.

    Attributes:
        header: path of the header file.
        names: channel names as written.
        units: physical units as written; mV where the header gives none.
        fs: samples per second.
        counts: stored integers (channel, time), in the width of their format.
        invalid: which integer stands for "no sample", of each channel.
        gains: counts per unit, of each channel.
        baselines: which count stands for zero, of each channel.
        gain_absent: True when a channel has no gain, and 200 counts per unit was assumed.
        comments: the comment lines of the header, with their `#`.
        notes: what was unusual about the file.

    Book: the-12-lead-ecg#ecg-own-record
    """

    header: Path
    names: tuple[str, ...]
    units: tuple[str, ...]
    fs: float
    counts: np.ndarray
    invalid: np.ndarray
    gains: np.ndarray
    baselines: np.ndarray
    gain_absent: bool
    comments: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def physical(self) -> np.ndarray:
        """In physical units (channel, time), float64; NaN marks invalid samples."""
        units = (self.counts - self.baselines[:, None]) / self.gains[:, None]
        units[self.counts == self.invalid[:, None]] = np.nan
        return units


def open_record(
    path: Place, *, verify: bool = True, root: Place | None = None, longest: float = math.inf
) -> RawRecord:
    """Open a WFDB record, refusing what is absent, truncated, damaged or absurdly large.

    Args:
        path: the record, with or without `.hea`.
        verify: compare the samples with the checksums in the header.
        root: folder that the record's files must not leave, not even by links; None trusts them.
        longest: seconds; a longer record is refused before memory is asked for.

    Returns:
        The record as stored.

    Raises:
        RecordError: with one sentence: which record, what is wrong, what to do.
        MissingGroupError: the package wfdb is not installed.

    Book: the-12-lead-ecg#ecg-own-record
    """
    import_wfdb()
    header = _header_path(path)
    check_inside(header, header, root)
    head = parse_header(header, _content(header))
    frames, notes = check_promises(head, root=root, longest=longest)
    try:
        if head.plain:
            counts: Any = plain_signal(header.parent, head, frames)
            sums = counts.sum(1, dtype=np.int64).tolist() if verify else []
        else:
            counts, sums = other_signal(header.parent, head, frames)
    except Exception as error:
        if isinstance(error, MissingGroupError) or disk_failed(error):
            raise
        raise RecordError(
            f"{header}: the signal cannot be read ({_say(error)}); get the record's files again"
        ) from error
    if verify:
        check_sums(head, sums)
    kept = _of_one_rate(head, notes)
    channels = [head.channels[k] for k in kept]
    fs = head.fs * channels[0].per_frame
    if not _SLOW <= fs <= _FAST:
        notes.append(
            f"{fs:g} samples per second: no electrocardiograph writes so "
            f"{'few' if fs < _SLOW else 'many'}, so times may be wrong"
        )
    if isinstance(counts, list) or len(kept) < len(head.channels):
        counts = np.stack([counts[k] for k in kept])
    return RawRecord(
        header=header,
        names=tuple(channel.name for channel in channels),
        units=tuple(channel.unit for channel in channels),
        fs=fs,
        counts=counts,
        invalid=np.array([INVALID[channel.fmt] for channel in channels]),
        gains=np.array([channel.gain for channel in channels]),
        baselines=np.array([channel.baseline for channel in channels]),
        gain_absent=any(channel.gain_absent for channel in channels),
        comments=head.comments,
        notes=(*head.notes, *notes),
    )


def _of_one_rate(head: Header, notes: list[str]) -> list[int]:
    """Which channels have the rate of the leads; the others are left out, with a note."""

    def rates(channels: list[Channel]) -> set[int]:
        return {channel.per_frame for channel in channels}

    leads = [channel for channel in head.channels if canonical(channel.name)]
    if len(rates(leads)) > 1:
        shown = ", ".join(f"{head.fs * rate:g}" for rate in sorted(rates(leads)))
        raise RecordError(
            f"{head.path}: its leads have different rates ({shown} samples per second); bring them "
            "to one rate with wfdb.rdrecord(smooth_frames=False) and a resampling of your choice"
        )
    rate = next(iter(rates(leads) or {max(rates(list(head.channels)))}))
    other = [channel.name for channel in head.channels if channel.per_frame != rate]
    if other:
        notes.append(f"channels of another rate are left out: {', '.join(other)[:200]}")
    return [k for k, channel in enumerate(head.channels) if channel.per_frame == rate]


def _header_path(path: Place) -> Path:
    given = Path(path)
    if not given.name:
        raise RecordError(f"{given}: names no record; give the path of a WFDB header")
    header = given if given.suffix == ".hea" else given.with_name(given.name + ".hea")
    what = no_file(header)
    if what:
        told = f"{header.name} {what}"
        if what == "is missing":
            told = f"there is no file {header.name}"
        raise RecordError(f"{given}: {told}; give the path of a WFDB header, with or without .hea")
    return header


def _content(header: Path) -> bytes:
    if header.stat().st_size > _LARGEST_HEADER:
        raise RecordError(
            f"{header}: more than {_LARGEST_HEADER:,} bytes; check that this is a header"
        )
    try:
        return header.read_bytes()
    except OSError as error:
        raise RecordError(f"{header}: cannot be read ({_say(error)}); check its rights") from error


def _say(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
