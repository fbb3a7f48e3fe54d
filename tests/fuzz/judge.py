"""A tiny reader of header(5), written from its text and not from our reader, as the judge of it."""

from __future__ import annotations

import numpy as np

from tests.fuzz.judge_samples import BITS, Files, Line, Verdict, read_samples

DIGITS = b"0123456789"


def judge(header: bytes, files: Files) -> Verdict:
    """Read a header and its files by the letter of header(5)."""
    v = Verdict()
    lines = [line.strip(b" \t\r") for line in header.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    lines = [line for line in lines if line and not line.startswith(b"#")]
    if not lines or len(lines) > 1001 or any(len(line) > 10_000 for line in lines):
        v.faults.append("not a WFDB header")
        return v
    count, frames = _first(words(lines[0]), v)
    if count not in (0, len(lines) - 1):
        v.faults.append(f"{count} channels are promised but {len(lines) - 1} described")
    channels = [_line(line, k, v) for k, line in enumerate(lines[1:], start=1)]
    read_samples(channels, frames, files, v)
    return v


def words(line: bytes) -> list[bytes]:
    """Fields, between blanks and tabs."""
    return [word for word in line.replace(b"\t", b" ").split(b" ") if word]


def number(text: bytes) -> float | None:
    """A decimal number to its last character, or None."""
    rest = text[1:] if text[:1] in (b"+", b"-") else text
    digits, point, more = (rest := rest.lower().partition(b"e"))[0].partition(b".")
    exponent = rest[2][1:] if rest[2][:1] in (b"+", b"-") else rest[2]
    if (rest[1] and not whole(exponent)) or not (digits or more):
        return None
    if any(c not in DIGITS for c in digits + more) or (point and not digits and not more):
        return None
    value = float(text)
    lost = value == 0 and (digits + more).strip(b"0")
    return None if lost or not np.isfinite(value) else value


def whole(text: bytes, *, sign: bool = False) -> bool:
    """Digits to the last character."""
    rest = text[1:] if sign and text[:1] in (b"+", b"-") else text
    return bool(rest) and all(c in DIGITS for c in rest)


def _first(fields: list[bytes], v: Verdict) -> tuple[int, int]:
    name, slash, segments = fields[0].partition(b"/")
    if name and slash and whole(segments):
        v.faults.append("split into segments")
    elif any(not (chr(c).isalnum() and c < 128) and c not in b"_.-" for c in fields[0]):
        v.notes.append("name")
    if len(fields) < 2 or not whole(fields[1]) or len(fields[1]) > 15:
        v.faults.append("number of channels is")
        return 0, 0
    if int(fields[1]) == 0:
        v.faults.append("no signals")
    if len(fields) < 3:
        v.notes.append("250")
        return int(fields[1]), 0
    rate, slash, counter = fields[2].partition(b"/")
    fs = number(rate)
    if slash:
        plain, paren, base = counter.partition(b"(")
        if number(plain) is None or (paren and (base[-1:] != b")" or number(base[:-1]) is None)):
            fs = None
    if fs is None:
        v.faults.append("the sampling rate")
        return 0, 0
    v.fs = fs
    if long_number(rate) or long_number(counter):
        v.allowed.append("the sampling rate")
    if not 1 <= fs <= 100_000:
        v.faults.append("samples per second cannot be")
    if len(fields) > 3 and whole(fields[3]):
        if len(fields[3]) > 15:
            v.faults.append("the number of samples is")
            return 0, 0
        if int(fields[3]):
            return int(fields[1]), int(fields[3])
    elif len(fields) > 3 and not any(c in fields[3] for c in b":/.-"):
        v.faults.append("the number of samples is")
    elif len(fields) > 3:
        v.allowed.append("the number of samples is")
    v.notes.append("number of samples")
    return int(fields[1]), 0


def long_number(text: bytes) -> bool:
    return any(len(part) > 15 for part in text.replace(b"(", b".").replace(b"e", b".").split(b"."))


def _line(text: bytes, k: int, v: Verdict) -> Line:
    fields = words(text)
    line = Line(decoded(fields[0]))
    if len(fields) < 2:
        v.faults.append("has no format")
        return line
    _format(fields[1], k, line, v)
    if len(fields) < 3:
        v.notes.append("no gain")
        v.uncalibrated = True
        return line
    rest = fields[3:]
    numbers = []
    for at, word in enumerate(rest[:5]):
        if whole(word, sign=True) and len(word.lstrip(b"+-")) <= 15:
            numbers.append(int(word))
        elif len(rest) > 5:
            numbers.append(None)
            if at == 2 and line.fmt == 8:
                v.faults.append("the initial value")
            elif at != 1:
                v.notes.append("not read")
        else:
            break
    zero = numbers[1] if len(numbers) > 1 else 0
    _gain(fields[2], k, zero, line, v)
    line.initial = (numbers[2] if len(numbers) > 2 else 0) or 0
    line.checksum = numbers[3] if len(numbers) > 3 else None
    tail = text
    for word in fields[: 3 + len(numbers)]:
        tail = tail.strip(b" \t")[len(word) :]
    line.name = decoded(tail.strip(b" \t"))
    return line


def _format(text: bytes, k: int, line: Line, v: Verdict) -> None:
    parts: dict[str, bytes] = {}
    rest = text
    for sign, key in ((b"+", "offset"), (b":", "skew"), (b"x", "per_frame")):
        rest, found, tail = rest.partition(sign)
        if found:
            parts[key] = tail
    if not whole(rest) or not all(whole(part) and len(part) < 10 for part in parts.values()):
        v.faults.append(f"the format of channel {k}")
        return
    if len(rest) > 4 or len(parts.get("per_frame", b"")) > 4:
        v.faults.append(f"the format of channel {k}")
    line.fmt = int(rest)
    if rest != str(line.fmt).encode() or line.fmt not in (*BITS, 508, 516, 524):
        v.faults.append("is not a WFDB format")
    line.per_frame = int(parts.get("per_frame", b"1"))
    line.skew, line.offset = int(parts.get("skew", b"0")), int(parts.get("offset", b"0"))
    if not 1 <= line.per_frame <= 1000:
        v.faults.append("so many samples in a frame")


def _gain(text: bytes, k: int, zero: int | None, line: Line, v: Verdict) -> None:
    fault = f"the gain of channel {k}"
    size, slash, unit = text.partition(b"/")
    size, paren, base = size.partition(b"(")
    gain = number(size)
    if gain is None or (slash and not unit):
        v.faults.append(fault)
        return
    if paren and not (base[-1:] == b")" and whole(base[:-1], sign=True) and len(base) < 14):
        v.faults.append(fault)
        return
    if long_number(size):
        v.allowed.append(fault)
    if gain < 0:
        v.faults.append("below zero")
    if not paren and zero is None:
        v.faults.append("the zero of the converter")
    elif zero is None:
        v.notes.append("not read")
    line.baseline = int(base[:-1]) if paren else (zero or 0)
    line.gain = gain
    if gain == 0:
        v.notes.append("no gain")
        v.uncalibrated = True
    elif not slash:
        v.notes.append("no unit")
    line.unit = decoded(unit) if slash else "mV"


def decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
