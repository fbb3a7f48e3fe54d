"""Damaged films, values and schemas of `ecglearn join`, judged by readers that know no limits."""

from __future__ import annotations

import csv
import json
import math
import random
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.clinical.own_columns import read_columns
from ecglearn.data.film import read_film
from ecglearn.data.store.companions import NOT_JOINED
from ecglearn.data.store.join import join
from ecglearn.data.store.opening import open_store
from ecglearn.errors import EcglearnError
from tests.fuzz.file_damage import damaged_bytes, damaged_json, damaged_table
from tests.fuzz.tables import rows_of

LOOP = (np.arange(4 * 20 * 18).reshape(4, 20, 18) % 251).astype(np.uint8)
SCHEMA: dict[str, Any] = {
    "labs": {"marker": {"unit": "U/L", "limits": [0, 100], "reference": [1, 60.5]}},
    "vitals": {"rate": {"unit": "1/min", "limits": [10, 350]}},
    "diagnoses": ["sepsis"],
}
TOML = """diagnoses = ["sepsis"]
[labs.marker]
unit = "U/L"
limits = [0, 100]
reference = [1, 60.5]
[vitals.rate]
unit = "1/min"
limits = [10, 350]
"""
LIMITS = {"marker": (0, 100), "rate": (10, 350), "sepsis": (0, 1)}


def companion_case(whole: Any, place: Path, rng: random.Random) -> tuple:
    """A damaged film, table of values or schema, with its reader and its judge."""
    return rng.choice([_film, _values, _schema])(whole, place, rng)


def _refused(found: object, changed: bool, name: str) -> tuple[str, str] | None:
    if isinstance(found, EcglearnError):
        told = str(found)
        rightly = changed and "\n" not in told and name in told
        return ("refused rightly" if rightly else "false reason"), told
    return ("crash", repr(found)) if isinstance(found, Exception) else None


def _odd(rng: random.Random) -> tuple[Any, str]:
    """An array that is no film, or one of other numbers."""
    real = LOOP.astype(float)
    made = {
        "another type": LOOP.astype(rng.choice([np.int8, np.uint16, np.int64, np.float16, ">f8"])),
        "not finite": np.where(LOOP == 7, rng.choice([np.nan, np.inf, -np.inf]), real),
        "huge": (real - 125) * 1.2e306,
        "complex": LOOP.astype(complex),
        "words": LOOP.astype(str),
        "truth": LOOP > 100,
        "still": np.repeat(LOOP[:1], 4, 0),
        "axes": LOOP.reshape(rng.choice([(-1,), (4, 360), (2, 2, 20, 18), (4, 20, 18, 1)])),
        "turned": LOOP.T,
        "one phase": LOOP[:1],
        "nothing": LOOP[:0],
        "one number": LOOP[0, 0, 0],
        "columns first": np.asfortranarray(LOOP),
    }
    what = rng.choice(list(made))
    return np.asarray(made[what]), what


def _film(_: Any, place: Path, rng: random.Random) -> tuple:
    ending, odd = rng.choice([".npy", ".npy", ".nii", ".nii.gz"]), rng.random() < 0.4
    path = place / f"film{ending}"
    array, what = _odd(rng) if odd and ending == ".npy" else (LOOP, "a film")
    if ending == ".npy":
        np.save(path, array)
    else:
        import nibabel

        image: Any = nibabel.Nifti1Image(array.transpose(2, 1, 0), np.eye(4))  # pyright: ignore
        image.to_filename(path)
    before = path.read_bytes()
    if array is LOOP:
        content, what = damaged_bytes(before, rng)
        path.write_bytes(content)
    changed = array is not LOOP or path.read_bytes() != before
    rate = rng.choice([None, 4.0])

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, changed, path.name)) is not None:
            return told
        held = _plain(path)
        if held.dtype != np.uint8:
            low, high = float(held.min()), float(held.max())
            held = np.rint((held.astype(float) - low) / (high - low) * 255)
        same = held.shape == found.frames.shape and (held == found.frames).all()
        asked = found.rate == rate or ending != ".npy"
        return ("right", "") if same and asked else ("silent", "another film than the file holds")

    return f"{path.name}, {what}", lambda: read_film(path, rate=rate), judge


def _plain(path: Path) -> np.ndarray:
    """Phases, rows, columns of a film that was read."""
    if path.suffix == ".npy":
        return np.load(path)
    import nibabel

    image: Any = nibabel.load(path)  # pyright: ignore[reportPrivateImportUsage]
    found = np.asarray(image.dataobj)
    return (found if found.ndim == 3 else found[:, :, 0]).transpose(2, 1, 0)


def _values(whole: Any, place: Path, rng: random.Random) -> tuple:
    names = whole.held[3]
    lines = [f"{name},{k + 0.5},{60 + k},{k % 2}\n" for k, name in enumerate(names)]
    table = "record,marker,rate,sepsis\n" + "".join(lines)
    content, what = damaged_table(table, rng)
    (place / "values.csv").write_bytes(content)
    (place / "schema.toml").write_text(TOML)
    out = place / "store"
    shutil.copytree(whole.store, out)

    def work() -> tuple[np.ndarray, list[tuple[str, ...]]]:
        join(out, values=place / "values.csv", schema=place / "schema.toml", workers=1)
        store = open_store(out)
        assert store.companions is not None
        with (out / NOT_JOINED).open(newline="", encoding="utf-8") as file:
            faults = [tuple(row) for row in csv.reader(file)][1:]
        return np.asarray(store.companions.values[store.rows]), faults

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, content != table.encode(), "values.csv")) is not None:
            return told
        values, faults = found
        wanted, unused = _wanted(content, names)
        if not np.array_equal(values, wanted, equal_nan=True):
            return "silent", f"{values.tolist()}, and {wanted.tolist()} is written"
        if len(faults) != unused:
            return "silent", f"{unused} cannot be used, {len(faults)} are listed"
        return ("noted" if faults else "right"), ""

    return f"values, {what}", work, judge


def _wanted(content: bytes, names: list[str]) -> tuple[np.ndarray, int]:
    """What the table says of each record, and how many rows and cells say nothing that counts."""
    header, *rows = rows_of(content)
    values = np.full((len(names), len(LIMITS)), np.nan, np.float32)
    seen, unused = set(), 0
    for row in (row for row in rows if row):
        text = "".join(row)
        said = dict(zip(header, (cell.strip() for cell in row), strict=False))
        name = said.get("record", "")
        whole = len(row) == len(header) and not {"\0", "\ufffd"} & set(text)
        if not whole or name not in names or name in seen:
            unused += 1
        else:
            seen.add(name)
            for k, column in enumerate(LIMITS):
                value = _number(said[column], column)
                values[names.index(name), k] = value
                unused += bool(said[column]) and math.isnan(value)
    return values, unused


def _number(text: str, column: str) -> float:
    low, high = LIMITS[column]
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
    possible = low <= value <= high and (column != "sepsis" or value in (0, 1))
    return value if possible else math.nan


def _schema(_: Any, place: Path, rng: random.Random) -> tuple:
    toml = rng.random() < 0.4
    path = place / ("schema.toml" if toml else "schema.json")
    if toml:
        content, what = damaged_bytes(TOML.encode(), rng)
    else:
        about, what = damaged_json(SCHEMA, rng)
        content = json.dumps(about).encode()
    path.write_bytes(content)

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, content not in (TOML.encode(), _WHOLE), path.name)) is not None:
            return told
        said = (tomllib.loads if toml else json.loads)(content.decode())
        wanted = {"labs": {}, "vitals": {}, "diagnoses": []} | said
        limits = [*(c.possible for c in found.labs), *(c.possible for c in found.vitals)]
        right = found.described() == wanted and all(low < high for low, high in limits)
        return ("right", "") if right else ("silent", f"{found.described()}, and {said} is written")

    return f"{path.name}, {what}", lambda: read_columns(path), judge


_WHOLE = json.dumps(SCHEMA).encode()
