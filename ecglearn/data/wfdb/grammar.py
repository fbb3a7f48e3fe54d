"""The fields of header(5) as bytes: what each may look like, every character accounted for."""

from __future__ import annotations

import math
import re
from pathlib import Path

from ecglearn.data.wfdb.checks import RecordError

LONGEST_LINE = 10_000  # bytes
LONGEST_NUMBER = 15  # digits on each side of the point
MOST_CHANNELS = 1000
MOST_COMMENTS = 1000

WORD = re.compile(rb"[^ \t]+")
_DIGITS = rb"[0-9]{1,%d}" % LONGEST_NUMBER
_NUMBER = rb"[-+]?(?:%b(?:\.[0-9]{0,%d})?|\.%b)(?:[eE][-+]?[0-9]{1,3})?" % (
    _DIGITS,
    LONGEST_NUMBER,
    _DIGITS,
)
NAME = re.compile(rb"[A-Za-z0-9_.-]+")
SEGMENTS = re.compile(rb"[^/]+/[0-9]+")
RATE = re.compile(rb"(%b)(?:/%b(?:\(%b\))?)?" % (_NUMBER, _NUMBER, _NUMBER))
COUNT = re.compile(_DIGITS)
WHOLE = re.compile(rb"[-+]?" + _DIGITS)
#: A time of day or a date, as they stand where the number of samples was left out.
MOMENT = re.compile(
    rb"[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:\.[0-9]{1,9})?)?"
    rb"|[0-9]{1,4}([-/.])(?:[0-9]{1,2}|[A-Za-z]{3})\1[0-9]{1,4}"
)
FORMAT = re.compile(rb"([0-9]{1,4})(?:x([0-9]{1,4}))?(?::([0-9]{1,9}))?(?:\+([0-9]{1,9}))?")
#: Counts per unit, then baseline and unit, which never stand alone.
GAIN = re.compile(rb"(%b)(?:\(([-+]?[0-9]{1,12})\))?(?:/([^ \t]+))?" % _NUMBER)


def split_lines(path: Path, content: bytes) -> tuple[list[bytes], list[bytes], list[str]]:
    r"""Lines of a header, which end at \n or \r\n and nowhere else.

    Args:
        path: of the header, for messages.
        content: of the file.

    Returns:
        The lines that describe the record, the comments, and notes about comments left out.

    Raises:
        RecordError: there is none, one is too long, or there are too many.

    Book: the-12-lead-ecg#ecg-own-record
    """
    described: list[bytes] = []
    comments: list[bytes] = []
    hurt = 0
    for raw in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = raw.strip(b" \t\r")
        if line.startswith(b"#"):
            if len(comments) < MOST_COMMENTS and len(line) <= LONGEST_LINE:
                comments.append(line)
            else:
                hurt += 1
        elif line:
            described.append(line)
    if not described:
        raise RecordError(f"{path}: not a WFDB header, it has no line; check that this is the file")
    if any(len(line) > LONGEST_LINE for line in described) or len(described) > MOST_CHANNELS + 1:
        raise RecordError(
            f"{path}: not a WFDB header: more than {MOST_CHANNELS:,} channels, or a line of more "
            f"than {LONGEST_LINE:,} characters; check that this is the file"
        )
    notes = [f"{hurt} comments beyond any reason in length or number are left out"] if hurt else []
    return described, comments, notes


def finite(number: bytes) -> float | None:
    """The value of a number, None where a float cannot hold it.

    Args:
        number: as the grammar allows it.

    Book: the-12-lead-ecg#ecg-own-record
    """
    value = float(number)
    vanished = value == 0 and re.match(rb"[^eE]*[1-9]", number) is not None
    return None if vanished or not math.isfinite(value) else value


def shown(word: bytes) -> str:
    """A field for a message: quoted, its control characters escaped, not too long.

    Args:
        word: as it stands in the header.

    Book: the-12-lead-ecg#ecg-own-record
    """
    text = as_text(word)
    return repr(text if len(text) <= 40 else text[:40] + "…")


def as_text(word: bytes) -> str:
    """UTF-8, or Latin-1 where it is not.

    Args:
        word: as it stands in the header.

    Book: the-12-lead-ecg#ecg-own-record
    """
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word.decode("latin-1")
