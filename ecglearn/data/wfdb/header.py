"""The header of a WFDB record by a strict grammar of our own, before any package sees it.

What decides about the samples (channels, rate, files, formats, gains) must be written as header(5)
says, every character accounted for. Fields that nothing here needs (dates, resolutions, initial
values, block sizes, the record's own name) may say what they like; what is odd becomes a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ecglearn.data.wfdb.checks import RecordError

DEFAULT_RATE, DEFAULT_GAIN = 250.0, 200.0
MOST_CHANNELS = 1000
LONGEST_LINE = 10_000  # characters
_WORD = re.compile(r"[^ \t]+")
_NUMBER = r"[-+]?\d{1,15}(?:\.\d{0,15})?(?:[eE][-+]?\d{1,3})?"
_RATE = re.compile(rf"({_NUMBER})(?:/{_NUMBER}(?:\({_NUMBER}\))?)?")
_COUNT = re.compile(r"\d{1,15}")
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_MOMENT = re.compile(r"[\d:./-]*[:/.-][\w:./-]*|\d{4}")  # a time of day, a date, a year
_FORMAT = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?(?::(\d{1,9}))?(?:\+(\d{1,9}))?")
_GAIN = re.compile(rf"({_NUMBER})?(?:\(([-+]?\d{{1,12}})\))?(?:/(\S+))?")


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


def parse_header(path: Path, text: str) -> Header:
    """Read a header.

    Args:
        path: of the header, for messages.
        text: its content. Lines end at a line feed, with or without a carriage return before it.

    Raises:
        RecordError: a field that is needed cannot be read; names field and value.

    Source: header(5) of the WFDB library.

    Book: the-12-lead-ecg#ecg-own-record
    """
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    comments = tuple(line for line in lines if line.startswith("#"))
    rest = [line for line in lines if line and not line.startswith("#")]
    if not rest:
        raise RecordError(f"{path}: not a WFDB header, it has no line; check that this is the file")
    if any(len(line) > LONGEST_LINE for line in rest) or len(rest) > MOST_CHANNELS + 1:
        raise RecordError(
            f"{path}: not a WFDB header: more than {MOST_CHANNELS:,} channels, or a line of more "
            f"than {LONGEST_LINE:,} characters; check that this is the file"
        )
    notes: list[str] = []
    count, fs, frames = _record_line(path, rest[0], notes)
    if len(rest) - 1 != count:
        raise RecordError(
            f"{path}: {count} channels are promised but {len(rest) - 1} described; "
            "get the header again"
        )
    channels = tuple(_channel(path, k, line, notes) for k, line in enumerate(rest[1:], start=1))
    if any(channel.gain_absent for channel in channels):
        notes.append("the header gives no gain: 200 counts per unit assumed, as WFDB prescribes")
    return Header(path, fs, frames, channels, comments, tuple(dict.fromkeys(notes)))


def _record_line(path: Path, line: str, notes: list[str]) -> tuple[int, float, int]:
    """Number of channels, rate, number of frames; times and dates are not looked at."""
    words = _WORD.findall(line)
    if not re.fullmatch(r"[\w.-]+(?:/\d+)?", words[0]):
        notes.append("the record's name in its header is odd and not read: the file has the name")
    if re.fullmatch(r"[^/]+/\d+", words[0]):
        raise RecordError(
            f"{path}: the record is split into segments; "
            "join them with wfdb.rdrecord(..., m2s=True) and write the result as one record"
        )
    if len(words) < 2 or not _COUNT.fullmatch(words[1]):
        said = words[1] if len(words) > 1 else ""
        raise RecordError(
            f"{path}: not a WFDB header, its number of channels is {_shown(said)}; "
            "check that this is the right file"
        )
    count = int(words[1])
    if count == 0:
        raise RecordError(f"{path}: the record has no signals; look for the record that has them")
    if len(words) < 3:
        notes.append("the header gives no sampling rate: 250 Hz assumed, as WFDB prescribes")
        return count, DEFAULT_RATE, 0
    found = _RATE.fullmatch(words[2])
    if found is None:
        raise RecordError(
            f"{path}: the sampling rate {_shown(words[2])} is no number; correct the header's "
            "first line"
        )
    fs = float(found[1])
    if len(words) < 4:
        return count, fs, 0
    if not _COUNT.fullmatch(words[3]):
        if not _MOMENT.fullmatch(words[3]):
            raise RecordError(
                f"{path}: the number of samples is {_shown(words[3])}; correct the header's first "
                "line"
            )
        return count, fs, 0
    return count, fs, int(words[3])


def _channel(path: Path, number: int, line: str, notes: list[str]) -> Channel:
    words = _WORD.findall(line)
    if len(words) < 2:
        raise RecordError(f"{path}: line {number} of the signals has no format; get it again")
    format_ = _FORMAT.fullmatch(words[1])
    if format_ is None:
        raise RecordError(
            f"{path}: the format of channel {number} is {_shown(words[1])}, which is no WFDB "
            "format; get the header again"
        )
    gain = _GAIN.fullmatch(words[2]) if len(words) > 2 else None
    if len(words) > 2 and gain is None:
        raise RecordError(
            f"{path}: the gain of channel {number} is {_shown(words[2])}; write counts per unit, "
            "baseline and unit, like 1000(0)/mV"
        )
    size = float(gain[1]) if gain and gain[1] else 0.0
    if size < 0:
        raise RecordError(
            f"{path}: the gain of channel {number} is {_shown(words[2])}, below zero; write it "
            "positive, and turn the samples over if they are"
        )
    numbers, name = _numbers(words[3:], line, number, notes)
    zero = numbers.get("zero of the converter", 0)
    baseline = int(gain[2]) if gain and gain[2] else zero
    return Channel(
        file=words[0],
        fmt=format_[1],
        per_frame=int(format_[2] or 1),
        skew=int(format_[3] or 0),
        offset=int(format_[4] or 0),
        gain=size or DEFAULT_GAIN,
        gain_absent=size == 0,
        baseline=baseline,
        unit=(gain[3] if gain else None) or "mV",
        zero=zero,
        initial=numbers.get("initial value"),
        checksum=numbers.get("checksum"),
        name=name,
    )


_FIELDS = ("resolution", "zero of the converter", "initial value", "checksum", "block size")


def _numbers(
    words: list[str], line: str, number: int, notes: list[str]
) -> tuple[dict[str, int], str]:
    """The five whole numbers that may follow the gain, and the description after them."""
    found: dict[str, int] = {}
    taken = 0
    everything = len(words) > len(_FIELDS)  # then all five are there, odd ones included
    for field, word in zip(_FIELDS, words, strict=False):
        if _WHOLE.fullmatch(word):
            found[field] = int(word)
        elif not everything:
            break
        else:
            notes.append(f"channel {number}: {field} {_shown(word)} is not read")
        taken += 1
    starts = [word.start() for word in _WORD.finditer(line)]
    # the description keeps the spaces inside it
    return found, line[starts[3 + taken] :] if taken < len(words) else ""


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else word[:40] + "…")
