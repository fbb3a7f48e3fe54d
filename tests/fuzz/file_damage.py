"""Kinds of damage to a file: its bytes, its JSON, the rows and cells of its table."""

from __future__ import annotations

import json
import random
from typing import Any

VALUES = (
    *(
        None,
        True,
        -1,
        0,
        1.5,
        10**30,
        -(10**9),
        "x",
        "",
        "\0",
        "7",
        [],
        [1],
        ["x", 2],
        {},
        {"a": 1},
    ),
    *(float("nan"), float("inf"), 1e400, [[]], "\x1b[2J", "x" * 5000, [None], {"": None}),
)
CELLS = (
    *(
        "",
        " ",
        "abc",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "0",
        "1e3",
        "0x1F",
        "٥٠",
        "1_0",
        "5.",
        "61.5",
    ),
    *(
        "9" * 400,
        "\0",
        "6\0" + "1",
        "-5",
        "300",
        "121",
        "male",
        "M",
        "F ",
        "=cmd|'/C calc'!A0",
        "\x1b[2J",
    ),
    *(
        "2180-01-01",
        "12345678901234567890",
        "+7",
        "1,5",
        '"',
        '"a',
        "\u2028",
        "\x85",
        "é",
        "T" * 3000,
    ),
)


def damaged_bytes(whole: bytes, rng: random.Random) -> tuple[bytes, str]:
    """The content of a file, hurt as disks and networks hurt it."""
    at, kind = (
        rng.randrange(len(whole)),
        rng.choice(
            [
                "bit",
                "byte",
                "cut",
                "empty",
                "more",
                "zeros",
                "twice",
                "gone",
                "garbage",
                "backwards",
            ]
        ),
    )
    changed = {
        "bit": lambda: whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :],
        "byte": lambda: whole[:at] + rng.randbytes(1) + whole[at + 1 :],
        "cut": lambda: whole[:at],
        "empty": lambda: b"",
        "more": lambda: whole + rng.randbytes(rng.choice([1, 2, 8, 1000])),
        "zeros": lambda: whole[:at] + bytes(len(whole[at : at + 512])) + whole[at + 512 :],
        "twice": lambda: whole[:at] + whole[max(0, at - 64) :],
        "gone": lambda: whole[:at] + whole[at + rng.choice([1, 2, 24, 512]) :],
        "garbage": lambda: rng.randbytes(len(whole)),
        "backwards": lambda: whole[::-1],
    }[kind]()
    return changed, f"{kind} at {at:,} of {len(whole):,}"


def damaged_json(whole: Any, rng: random.Random) -> tuple[Any, str]:
    """A description with one field of another value, absent, renamed or too many."""
    changed = json.loads(json.dumps(whole))
    places = [(changed, key) for key in changed]
    for value in changed.values():
        if isinstance(value, dict):
            places += [(value, key) for key in value]
    if not places:
        return changed, "nothing"
    place, key = rng.choice(places)
    kind = rng.choice(["value", "value", "absent", "renamed", "more", "number"])
    if kind == "absent":
        del place[key]
    elif kind == "renamed":
        place[f"{key}s"] = place.pop(key)
    elif kind == "more":
        place["more"] = rng.choice(VALUES)
    elif kind == "number" and isinstance(place[key], int | float):
        place[key] = rng.choice([-place[key], place[key] + 1, place[key] * 2.5, str(place[key])])
    else:
        place[key] = rng.choice(VALUES)
    return changed, f"{kind} of {key}"


def damaged_table(whole: str, rng: random.Random) -> tuple[bytes, str]:
    """A table of plain cells with one cell, row, column or its bytes changed."""
    rows = [line.split(",") for line in whole.splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    kind = rng.choice(
        ["cell"] * 8 + ["row gone", "row twice", "short", "long", "column", "end", "bytes"]
    )
    if kind == "cell":
        rows[row][column] = rng.choice(CELLS)
    elif kind == "row gone":
        del rows[row]
    elif kind == "row twice":
        rows.insert(row, list(rows[row]))
    elif kind == "short":
        rows[row].pop()
    elif kind == "long":
        rows[row].append("x")
    elif kind == "column":
        for line in rows:
            del line[column]
    elif kind == "bytes":
        return damaged_bytes(whole.encode(), rng)
    text = ("\r\n" if kind == "end" else "\n").join(",".join(line) for line in rows)
    return f"{text}\n".encode(), f"{kind}, row {row}, column {column}"
