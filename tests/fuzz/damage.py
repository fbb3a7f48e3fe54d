"""Each field of header(5) by each kind of damage; lines, comments and files by kinds of theirs."""

from __future__ import annotations

import random
from collections.abc import Callable

RECORD = ("name", "channels", "rate", "samples", "time", "date")
SIGNAL = (
    *("file", "format", "gain", "resolution", "zero", "initial", "checksum", "block", "lead"),
)
#: Words in the place of a field. Digits of other scripts, numbers of other languages, no numbers.
WORDS = (
    *(b"abc", b"nan", b"inf", b"-inf", b"-500", b"0", b"-0", b"1e3", b"1e400", b"1e-400", b"0x1F"),
    *("٥٠٠".encode(), "５００".encode(), "500²".encode(), b"50\xb0", b"5g0", b"1_000", b"1,000"),
    *(b"99999999999999999999", b"9" * 11_000, b"1.5", b".5", b"5.", b"+500", b"--5", b"+", b"."),
    *(b"\x00", b"~", b"-", b"500\x85", b"500\x0b", b"500\xa0", b"500\x00", b"500;", b"1000.0000.0"),
    *(b"1", b"99999.999", b"100000", b"333.333333", b"49.999999999", b"1000000", b"257", b"128.5"),
    *(b"10:00:00", b"1/1/1999", b"500/500", b"500/1000(3)", b"500/abc", b"500/1000(3", b"500/"),
    *(b"1000/mV", b"1000(0)/mV", b"1000(10249/mV", b"1000(0/mV", b"1000)0(/mV", b"1000/", b"/mV"),
    *(b"inf/mV", b"nan/mV", b"100\xb0(0)/mV", b"1000(abc)/mV", b"1000(1.5)/mV", b"(0)/mV", b"0/mV"),
    *(b"1e-2/mV", b"1e12/mV", b"1000/nV", b"1000/V", b"1000/uV", "1000/µV".encode(), b"1000/mmHg"),
    *(
        b"1000(99999999999)/mV",
        b"1000(-5000000)/mV",
        b"1000(7)/mV",
        b"2000",
        b"1e-9/mV",
        b"1E+3/mV",
    ),
    *(
        b"16x2",
        b"16x0",
        b"16:3",
        b"16:5000",
        b"16+24",
        b"16+",
        b"16x",
        b"61",
        b"80",
        b"160",
        b"212",
    ),
    *(b"24", b"32", b"8", b"310", b"311", b"508", b"0", b"17", b"016", b"16.0", b"16+24x2"),
    *(b"../rec.dat", b"/etc/hostname", b"..", b"rec.hea", b"a" * 300, b"rec.da", b"REC.DAT"),
    *(b"folder", b"pipe", b"loop", b"nowhere", b"other.dat", b"rec/2", b"rec/", b"rec/x", b"\xff"),
    *(b"II", b"V1", b"-aVR", b"a~L", b"vx", b"7", b"lead", b"\x1b[2J", "Ⅱ".encode()),
)
FORMATS = (
    *(b"8", b"16", b"24", b"32", b"61", b"80", b"160", b"212", b"310", b"311", b"508", b"516"),
    *(b"16x2", b"16x3+24", b"212x2", b"16:7", b"61:3", b"80+5"),
)
HOSTILE = (
    *(b"# a" + b" " * 10_000 + b"b", b"#<" + b" " * 1000, b"#" * 5000, b"# Age: " + b"9" * 9000),
    *(b"# Dx: " + b"426783006," * 5000, b"#\n" * 150_000, b"# x: y\n" * 50_000, b"x\n" * 150_000),
    *(b"# a\x85b", b"# a\x0bb\x0cc", "# a\u2028b".encode(), b"# \xff\xfe", b"#\x00", b"# a\rb"),
    *(
        b"# Age: 5" + b", Age: 5" * 1000,
        b"# age=" + b" " * 9000 + b"5",
        b"1" * 100_000,
        b"\r",
        b" \t",
    ),
)


def damaged_field(text: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A header with one field changed, and in words which and how."""
    lines = text.split(b"\n")
    last = max(k for k, line in enumerate(lines) if line and not line.startswith(b"#"))
    k = rng.choice([0, 0, rng.randint(1, last)])
    fields = lines[k].split(b" ")
    at = rng.randrange(len(fields))
    names = RECORD if k == 0 else SIGNAL
    kind = rng.choice(list(FIELD))
    FIELD[kind](fields, at, rng)
    lines[k] = b" ".join(fields)
    return b"\n".join(lines), f"line {k}, {names[min(at, len(names) - 1)]}: {kind}"


def _replaced(fields: list[bytes], at: int, word: bytes) -> None:
    fields[at] = word


def _flip(fields: list[bytes], at: int, rng: random.Random) -> None:
    word = bytearray(fields[at] or b" ")
    word[rng.randrange(len(word))] ^= 1 << rng.randrange(8)
    fields[at] = bytes(word)


def _insert(fields: list[bytes], at: int, rng: random.Random) -> None:
    place = rng.randint(0, len(fields[at]))
    fields[at] = fields[at][:place] + bytes([rng.randrange(256)]) + fields[at][place:]


def _drop(fields: list[bytes], at: int, rng: random.Random) -> None:
    place = rng.randrange(max(1, len(fields[at])))
    fields[at] = fields[at][:place] + fields[at][place + 1 :]


def _twice(fields: list[bytes], at: int, rng: random.Random) -> None:
    place = rng.randint(0, len(fields[at]))
    fields[at] = fields[at][:place] + fields[at][max(0, place - 1) :]


def _join(fields: list[bytes], at: int, rng: random.Random) -> None:
    other = (at + 1) % len(fields)
    fields[at] += fields[other]
    del fields[other]


def _swap(fields: list[bytes], at: int, rng: random.Random) -> None:
    other = rng.randrange(len(fields))
    fields[at], fields[other] = fields[other], fields[at]


FIELD: dict[str, Callable[[list[bytes], int, random.Random], object]] = {
    "absent": lambda fields, at, rng: fields.pop(at),
    "a bit flipped": _flip,
    "a byte too many": _insert,
    "a byte too few": _drop,
    "a byte twice": _twice,
    "another word": lambda fields, at, rng: _replaced(fields, at, rng.choice(WORDS)),
    "a word of the same kind": lambda fields, at, rng: _replaced(
        fields, at, str(rng.choice([rng.randint(-5, 5), rng.randint(0, 70_000)])).encode()
    ),
    "joined with the next": _join,
    "in another's place": _swap,
    "said twice": lambda fields, at, rng: fields.insert(at, fields[at]),
    "a blank too many": lambda fields, at, rng: _replaced(fields, at, b" \t" + fields[at]),
}


def damaged_lines(text: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A header with its lines, or ends of lines, in disorder."""
    lines = text.split(b"\n")
    k = rng.randrange(len(lines))
    kind = rng.choice(
        ["gone", "twice", "cut", "joined", "moved", "end", "endless", "hostile", "all"]
    )
    if kind == "gone":
        del lines[k]
    elif kind == "twice":
        lines.insert(k, lines[k])
    elif kind == "cut":
        return text[: rng.randrange(len(text) + 1)], "header: cut short"
    elif kind == "joined":
        lines[k : k + 2] = [b" ".join(lines[k : k + 2])]
    elif kind == "moved":
        lines.insert(rng.randrange(len(lines)), lines.pop(k))
    elif kind == "end":
        end = rng.choice([b"\r\n", b"\r", b"\x85", b"\x0b", b"\x0c", "\u2028".encode(), b"\x00\n"])
        return end.join(lines), f"header: lines end with {end!r}"
    elif kind == "all":
        fields = [line.split(b" ") for line in lines]
        at, word = rng.choice([(1, rng.choice(FORMATS)), (2, rng.choice(WORDS))])
        for line in fields[1:]:
            if len(line) > 2 and not line[0].startswith(b"#"):
                line[at] = word
        lines = [b" ".join(line) for line in fields]
        kind = f"every field {at} is {word[:20]!r}"
    elif kind == "endless":
        lines[k] += b" " * rng.choice([10, 10_000, 200_000])
    else:
        lines.insert(k, rng.choice(HOSTILE))
    return b"\n".join(lines), f"line {k}: {kind}"


def damaged_bytes(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A file with bits flipped, or shorter or longer than it was."""
    kind = rng.choice(["flipped", "cut", "longer", "empty", "one byte short"])
    if kind == "flipped":
        hurt = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            hurt[rng.randrange(len(hurt))] ^= 1 << rng.randrange(8)
        return bytes(hurt), "bytes flipped"
    if kind == "longer":
        return content + rng.randbytes(rng.randint(1, 200)), "bytes added"
    if kind == "one byte short":
        return content[:-1], kind
    return content[: rng.randrange(len(content)) if kind == "cut" else 0], kind
