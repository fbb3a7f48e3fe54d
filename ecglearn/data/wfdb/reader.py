"""The door: open a WFDB record only after checking that its files hold what its header promises."""

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.wfdb.checks import Place, RecordError, check_inside, check_promises, check_sums
from ecglearn.data.wfdb.format16 import PlainHeader, plain_header, plain_signal
from ecglearn.errors import MissingGroupError

_LARGEST_HEADER = 1_000_000  # bytes


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
    _wfdb()
    header = _header_path(path)
    check_inside(header, header, root)
    text, notes = _header_text(header)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    plain = [line for line in lines if not line.startswith("#")]
    head = plain_header(plain) or _general_header(header)
    check_promises(header, head, plain, root=root, longest=longest)
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
        check_sums(header, head, sums)
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
        raise MissingGroupError(
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


def _say(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
