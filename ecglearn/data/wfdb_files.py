"""The door: open a WFDB record only after checking that its files hold what its header promises."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.wfdb_plain import PlainHeader, plain_header, plain_signal

Place = str | os.PathLike[str]
_LARGEST_HEADER = 1_000_000  # bytes
_MOST_VALUES = 2**28  # samples times channels
_RATES = (1.0, 100_000.0)


class RecordError(ValueError):
    """A record that cannot be read safely; the message says which, why, and what to do.

    Book: the-12-lead-ecg#ecg-own-record
    """


@dataclass(frozen=True, eq=False)
class RawRecord:
    """A WFDB record as stored, all channels, before anything is interpreted.

    Attributes:
        header: path of the header file.
        names: channel names as written.
        units: physical units as written; mV where the header gives none.
        fs: samples per second.
        counts: stored integers (channel, time), float64.
        physical: the same in physical units (channel, time), float64; NaN marks invalid samples.
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
    physical: np.ndarray
    gain_absent: bool
    comments: tuple[str, ...]
    notes: tuple[str, ...]


def open_record(path: Place, *, verify: bool = True, root: Place | None = None) -> RawRecord:
    """Open a WFDB record, refusing what is absent, truncated, damaged or absurdly large.

    Args:
        path: the record, with or without `.hea`.
        verify: compare the samples with the checksums in the header.
        root: folder that the record's files must not leave, not even by links; None trusts them.

    Returns:
        The record as stored.

    Raises:
        RecordError: with one sentence: which record, what is wrong, what to do.
        ModuleNotFoundError: the package wfdb is not installed.

    Book: the-12-lead-ecg#ecg-own-record
    """
    _wfdb()
    header = _header_path(path)
    _check_inside(header, header, root)
    text, notes = _header_text(header)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plain = [line for line in lines if not line.startswith("#")]
    head = plain_header(plain) or _general_header(header)
    _check_promises(header, head, plain, root)
    try:
        if isinstance(head, PlainHeader):
            counts, physical, sums = plain_signal(header.parent, head)
        else:
            counts, physical, sums = _general_signal(header)
    except Exception as error:
        raise RecordError(
            f"{header}: the signal cannot be read ({_say(error)}); get the record's files again"
        ) from error
    if verify:
        _check_sums(header, head, sums)
    # gain(baseline)/unit; taken from our own reading of the header, since wfdb drops the µ of µV
    scales = [(line.split() + [""] * 3)[2] for line in plain[1 : 1 + head.n_sig]]
    absent = any(re.match(r"0*\.?0*([(/]|$)", scale) for scale in scales)
    if absent:
        notes.append("the header gives no gain: 200 counts per unit assumed, as WFDB prescribes")
    return RawRecord(
        header=header,
        names=tuple(name or "" for name in head.sig_name),
        units=tuple(scale.partition("/")[2] or "mV" for scale in scales),
        fs=float(head.fs),
        counts=counts,
        physical=physical,
        gain_absent=absent,
        comments=tuple(line for line in lines if line.startswith("#")),
        notes=tuple(notes),
    )


def _wfdb() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 under pandas 3.1
            import wfdb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading WFDB records needs wfdb: pip install 'ecglearn[data]'"
        ) from error
    return wfdb


def _general_header(header: Path) -> Any:
    wfdb = _wfdb()
    try:
        head = wfdb.rdheader(str(header.with_suffix("")))
    except Exception as error:
        raise RecordError(
            f"{header}: not a WFDB header ({_say(error)}); check that this is the right file"
        ) from error
    if not isinstance(head, wfdb.Record):
        raise RecordError(
            f"{header}: the record is split into segments; "
            "join them with wfdb.rdrecord(..., m2s=True) and write the result as one record"
        )
    return head


def _general_signal(header: Path) -> tuple[np.ndarray, np.ndarray, list[int]]:
    record = _wfdb().rdrecord(str(header.with_suffix("")), physical=False)
    physical = np.asarray(record.dac(), dtype=np.float64).T
    return np.asarray(record.d_signal, dtype=np.float64).T, physical, record.calc_checksum()


def _header_path(path: Place) -> Path:
    given = Path(path)
    header = given if given.suffix == ".hea" else given.with_name(given.name + ".hea")
    if not header.is_file():
        raise RecordError(
            f"{given}: there is no file {header.name}; "
            "give the path of a WFDB header, with or without .hea"
        )
    return header


def _header_text(header: Path) -> tuple[str, list[str]]:
    if header.stat().st_size > _LARGEST_HEADER:
        raise RecordError(
            f"{header}: more than {_LARGEST_HEADER:,} bytes; check that this is a header"
        )
    try:
        content = header.read_bytes()
    except OSError as error:
        raise RecordError(f"{header}: cannot be read ({_say(error)}); check its rights") from error
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("latin-1"), ["the header is not UTF-8: read as Latin-1"]


def _check_promises(header: Path, head: Any, plain: list[str], root: Place | None) -> None:
    """Compare what the header claims with the files on disk, before any memory is asked for."""
    channels = head.n_sig or 0
    if channels == 0:
        raise RecordError(f"{header}: the record has no signals; look for the record that has them")
    if len(plain) - 1 != channels or len(head.sig_name or []) != channels:
        raise RecordError(
            f"{header}: {channels} channels are promised but {len(plain) - 1} described; "
            "get the header again"
        )
    if not _RATES[0] <= head.fs <= _RATES[1]:
        raise RecordError(
            f"{header}: {head.fs:g} samples per second cannot be; correct the header's first line"
        )
    if head.sig_len is not None and head.sig_len < 1:
        raise RecordError(f"{header}: the record has no samples; get it again")
    if (head.sig_len or 0) * channels > _MOST_VALUES:
        raise RecordError(
            f"{header}: {head.sig_len:,} samples of {channels} channels are too many to hold; "
            "cut out the part you need with wfdb.rdrecord(sampfrom=..., sampto=...)"
        )
    for name in dict.fromkeys(head.file_name):
        if name in ("", ".", "..") or re.search(r"[/\\\0]", name):
            raise RecordError(f"{header}: the signal file {name!r} is not beside the header")
        _check_inside(header, header.with_name(name), root)
        _check_file(header, head, name)


def _check_inside(header: Path, file: Path, root: Place | None) -> None:
    if root is not None and not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root)):
        raise RecordError(
            f"{header}: {file.name} is a link to a place outside {root}; copy the file into it"
        )


def _check_file(header: Path, head: Any, name: str) -> None:
    from wfdb.io._signal import BYTES_PER_SAMPLE

    file = header.with_name(name)
    if not file.is_file():
        raise RecordError(f"{header}: the signal file {name} is missing; put it beside the header")
    mine = [k for k, other in enumerate(head.file_name) if other == name]
    strange = {head.fmt[k] for k in mine} - BYTES_PER_SAMPLE.keys()
    if strange:
        raise RecordError(
            f"{header}: signal format {', '.join(sorted(strange))} is not a WFDB format; "
            "get the header again"
        )
    if any(abs(head.skew[k] or 0) >= (head.sig_len or 1) for k in mine):
        raise RecordError(f"{header}: a skew longer than the record; get the header again")
    start = max(head.byte_offset[k] or 0 for k in mine)
    frame = sum((head.samps_per_frame[k] or 1) * BYTES_PER_SAMPLE[head.fmt[k]] for k in mine)
    promised = start + int((head.sig_len or 1) * frame)
    found = file.stat().st_size
    if found < promised:
        raise RecordError(
            f"{header}: {name} is cut short, {found:,} of {promised:,} bytes; get the file again"
        )
    if frame == 0 and found > 4 * _MOST_VALUES:
        raise RecordError(f"{header}: {name} is too large to unpack; cut out the part you need")


def _check_sums(header: Path, head: Any, sums: list[int]) -> None:
    promised = head.checksum
    if promised is None or not any(promised):  # zeros are what careless writers put there
        return
    wrong = [
        name
        for name, ours, theirs in zip(head.sig_name, sums, promised, strict=True)
        if theirs is not None and (ours - theirs) % 65536
    ]
    if wrong:
        raise RecordError(
            f"{header}: the samples of {', '.join(wrong)} do not match their checksum; "
            "get the record again, or pass verify=False if you changed it yourself"
        )


def _say(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
