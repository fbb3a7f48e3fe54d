"""The header of a WFDB record by a strict grammar of our own, before any package sees it.

What decides about the samples (channels, rate, files, formats, gains) must be written as header(5)
says, every character accounted for. Fields that nothing here needs (dates, resolutions, initial
values, block sizes, the record's own name) may say what they like; what is odd becomes a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.grammar import (
    COUNT,
    FORMAT,
    GAIN,
    MOMENT,
    NAME,
    RATE,
    SEGMENTS,
    WHOLE,
    WORD,
    as_text,
    finite,
    shown,
    split_lines,
)

DEFAULT_RATE, DEFAULT_GAIN = 250.0, 200.0
_MOST_NOTES = 20


@dataclass(frozen=True)
class Channel:
    """One signal line.

    Attributes:
        file: name of the file beside the header.
        fmt: storage format, as WFDB numbers it.
        per_frame: samples in each frame.
        skew: frames by which it comes late.
        offset: bytes before its file's first sample.
        gain: counts per unit, above zero.
        gain_absent: nothing was written, and 200 is assumed.
        baseline: count that stands for zero.
        unit: physical unit as written; mV where there is none.
        zero: count in the middle of the converter's range.
        initial: first sample, which format 8 needs; None where unreadable.
        checksum: as promised; None where nothing is.
        name: description; empty where there is none.

    Book: the-12-lead-ecg#ecg-own-record
    """

    file: str
    fmt: str
    per_frame: int
    skew: int
    offset: int
    gain: float
    gain_absent: bool
    baseline: int
    unit: str
    zero: int
    initial: int | None
    checksum: int | None
    name: str


@dataclass(frozen=True)
class Header:
    """What a header says.

    Attributes:
        path: of the header, for messages.
        fs: frames per second.
        frames: number of frames; 0 where the file decides.
        channels: one for each signal.
        comments: lines that begin with `#`.
        notes: what was absent or odd.

    Book: the-12-lead-ecg#ecg-own-record
    """

    path: Path
    fs: float
    frames: int
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """One file of format 16, one rate: what most records are."""
        first = self.channels[0]
        alike = {(c.file, c.offset, c.fmt, c.per_frame, c.skew) for c in self.channels}
        return alike == {(first.file, first.offset, "16", 1, 0)}

    @property
    def in_one_piece(self) -> bool:
        """A format in which no sample can be read without those before it."""
        return any(channel.fmt in ("8", "508", "516", "524") for channel in self.channels)


def parse_header(path: Path, content: bytes) -> Header:
    """Read a header.

    Args:
        path: of the header, for messages.
        content: of the file. Lines end at a line feed, with or without a carriage return before it.

    Raises:
        RecordError: a field that is needed cannot be read; names field and value.

    Source: header(5) of the WFDB library.

    Book: the-12-lead-ecg#ecg-own-record
    """
    rest, comments, notes = split_lines(path, content)
    count, fs, frames = _record_line(path, rest[0], notes)
    if len(rest) - 1 != count:
        raise RecordError(
            f"{path}: {count} channels are promised but {len(rest) - 1} described; "
            "get the header again"
        )
    channels = tuple(_channel(path, k, line, notes) for k, line in enumerate(rest[1:], start=1))
    if any(channel.gain_absent for channel in channels):
        notes.append("the header gives no gain: 200 counts per unit assumed, as WFDB prescribes")
    try:
        b"".join([*rest, *comments]).decode()
    except UnicodeDecodeError:
        notes.append("the header is not UTF-8: read as Latin-1")
    told = tuple(as_text(line) for line in comments)
    said = list(dict.fromkeys(notes))
    if len(said) > _MOST_NOTES:
        said[_MOST_NOTES:] = [f"and {len(said) - _MOST_NOTES} more that is odd in the header"]
    return Header(path, fs, frames, channels, told, tuple(said))


def _record_line(path: Path, line: bytes, notes: list[str]) -> tuple[int, float, int]:
    """Number of channels, rate, number of frames; times and dates are not looked at."""
    words = WORD.findall(line)
    if SEGMENTS.fullmatch(words[0]):
        raise RecordError(
            f"{path}: the record is split into segments; "
            "join them with wfdb.rdrecord(..., m2s=True) and write the result as one record"
        )
    if not NAME.fullmatch(words[0]):
        notes.append("the record's name in its header is odd and not read: the file has the name")
    if len(words) < 2 or not COUNT.fullmatch(words[1]):
        raise RecordError(
            f"{path}: not a WFDB header, its number of channels is "
            f"{shown(words[1] if len(words) > 1 else b'')}; check that this is the right file"
        )
    count = int(words[1])
    if count == 0:
        raise RecordError(f"{path}: the record has no signals; look for the record that has them")
    if len(words) < 3:
        notes.append("the header gives no sampling rate: 250 Hz assumed, as WFDB prescribes")
        return count, DEFAULT_RATE, 0
    found = RATE.fullmatch(words[2])
    fs = finite(found[1]) if found else None
    if fs is None:
        raise RecordError(
            f"{path}: the sampling rate {shown(words[2])} is no number; correct the header's "
            "first line"
        )
    frames = 0
    if len(words) > 3 and COUNT.fullmatch(words[3]):
        frames = int(words[3])
    elif len(words) > 3 and not MOMENT.fullmatch(words[3]):
        raise RecordError(
            f"{path}: the number of samples is {shown(words[3])}; correct the header's first line"
        )
    if frames == 0:
        notes.append("the header gives no number of samples: all that the file holds are read")
    return count, fs, frames


def _channel(path: Path, number: int, line: bytes, notes: list[str]) -> Channel:
    words = WORD.findall(line)
    if len(words) < 2:
        raise RecordError(f"{path}: line {number} of the signals has no format; get it again")
    stored = FORMAT.fullmatch(words[1])
    if stored is None:
        raise RecordError(
            f"{path}: the format of channel {number} is {shown(words[1])}, which is no WFDB "
            "format; get the header again"
        )
    gain = GAIN.fullmatch(words[2]) if len(words) > 2 else None
    size = finite(gain[1]) if gain else 0.0
    if size is None or (gain is None and len(words) > 2):
        raise RecordError(
            f"{path}: the gain of channel {number} is {shown(words[2])}; write counts per unit, "
            "baseline and unit, like 1000(0)/mV"
        )
    if size < 0:
        raise RecordError(
            f"{path}: the gain of channel {number} is {shown(words[2])}, below zero; write it "
            "positive, and turn the samples over if they are"
        )
    found, odd, name = _numbers(words[3:], line)
    baseline, unit = (gain[2], gain[3]) if gain else (None, None)
    needed = {"zero of the converter"} if baseline is None else set()
    if stored[1] == b"8":
        needed.add("initial value")
    for what in sorted(needed & odd.keys()):
        raise RecordError(
            f"{path}: the {what} of channel {number}, on which all its samples rest, is "
            f"{shown(odd[what])}; write a whole number"
        )
    notes += [f"channel {number}: {what} {shown(word)} is not read" for what, word in odd.items()]
    if unit is None and size:
        notes.append("the header gives no unit: millivolt assumed, as WFDB prescribes")
    zero = found.get("zero of the converter", 0)
    return Channel(
        file=as_text(words[0]),
        fmt=stored[1].decode(),
        per_frame=int(stored[2] or 1),
        skew=int(stored[3] or 0),
        offset=int(stored[4] or 0),
        gain=size or DEFAULT_GAIN,
        gain_absent=size == 0,
        baseline=zero if baseline is None else int(baseline),
        unit="mV" if unit is None else as_text(unit),
        zero=zero,
        initial=found.get("initial value"),
        checksum=found.get("checksum"),
        name=as_text(name),
    )


_FIELDS = ("resolution", "zero of the converter", "initial value", "checksum", "block size")


def _numbers(words: list[bytes], line: bytes) -> tuple[dict[str, int], dict[str, bytes], bytes]:
    """The whole numbers that may follow the gain, those that are none, and the description."""
    found: dict[str, int] = {}
    odd: dict[str, bytes] = {}
    everything = len(words) > len(_FIELDS)  # then all five are there, odd ones included
    for field, word in zip(_FIELDS, words, strict=False):
        if WHOLE.fullmatch(word):
            found[field] = int(word)
        elif everything:
            odd[field] = word
        else:
            break
    taken = len(found) + len(odd)
    starts = [word.start() for word in WORD.finditer(line)]
    # the description keeps the spaces inside it
    return found, odd, line[starts[3 + taken] :] if taken < len(words) else b""
