"""Damaged tables, judged by a second reader that knows nothing but commas."""

from __future__ import annotations

import csv
import io
import math
import random
import re
from pathlib import Path
from typing import Any

import pandas as pd

from ecglearn.data.clinical.mimic_iv import demographics_at
from ecglearn.data.datasets import mimic_iv_ecg
from ecglearn.data.datasets.base import RecordMeta
from ecglearn.data.datasets.folder import Columns, list_records
from ecglearn.errors import EcglearnError
from tests.fuzz.file_damage import damaged_table

MINE = "record,age,sex,report,split\n" + "".join(
    f"r{k},{50 + k},{'male' if k % 2 else 'female'},sinus rhythm {k},{part}\n"
    for k, part in enumerate(("train", "train", "validation", "test", "train"))
)
COLUMNS = Columns("mine.csv", age="age", sex="sex", report="report", split="split")
PEOPLE = (
    "subject_id,gender,anchor_age,anchor_year\n1,F,60,2148\n2,M,71.5,2149\n3,F,,2150\n4,M,20,2100\n"
)
OMR = "subject_id,chartdate,seq_num,result_name,result_value\n1,2150-01-01,1,BMI (kg/m2),25\n"
LIST = "subject_id,study_id,path\n" + "".join(f"{k},{k + 10},files/{k}\n" for k in range(1, 6))
REPORTS = tuple(f"report_{k}" for k in range(18))
MEASURED = ",".join(("subject_id", "study_id", *REPORTS)) + "\n"
MEASURED += "".join(f"{k},{k + 10},Sinus rhythm {k}{',' * 17}\n" for k in range(1, 6))
_MISSING = {"", "nan", "NaN", "NA", "N/A", "n/a", "null", "NULL", "None", "#N/A", "<NA>"}


def table_case(_: object, place: Path, rng: random.Random) -> tuple:
    """A damaged table of one of three kinds, with its reader and its judge."""
    return rng.choice([_folder, _people, _studies])(place, rng)


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))


def _refused(found: object, changed: bool, *names: str) -> tuple[str, str] | None:
    if isinstance(found, EcglearnError):
        told = str(found)
        rightly = changed and "\n" not in told and any(name in told for name in names)
        return ("refused rightly" if rightly else "false reason"), told
    return ("crash", repr(found)) if isinstance(found, Exception) else None


def _folder(place: Path, rng: random.Random) -> tuple:
    content, what = damaged_table(MINE, rng)
    (place / "mine.csv").write_bytes(content)

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, content != MINE.encode(), "mine.csv")) is not None:
            return told
        header, *rows = rows_of(content)
        rows = [row for row in rows if row]
        if len(found) != len(rows):
            return "silent", f"{len(rows)} rows, {len(found)} entries"
        worst = "right"
        for row, entry in zip(rows, found, strict=True):
            said = dict(zip(header, (cell.strip() for cell in row), strict=False))
            if not isinstance(entry, RecordMeta):
                whole = ",".join(row) in MINE.split("\n")[1:] and len(row) == len(header)
                worst = "false reason" if whole else "refused rightly"
            elif not _as_said(said, entry):
                return "silent", f"{row} as {entry}"
            elif entry.notes and worst == "right":
                worst = "noted"
        return worst, ""

    return f"folder, {what}", lambda: list(list_records(place, columns=COLUMNS)), judge


def _as_said(said: dict[str, str], entry: RecordMeta) -> bool:
    sexes = {"m": "male", "f": "female", "male": "male", "female": "female", "": None}
    age = said["age"]
    plain = re.fullmatch(r"\d+\.?\d*", age) and float(age) <= 120
    years = float(age) if plain else 90.0 if age == "300" else None
    return (
        (entry.record, entry.split) == (said["record"], said["split"])
        and entry.sex == sexes.get(said["sex"].lower(), "?")
        and entry.age == years
        and (years is not None or not age or bool(entry.notes))
    )


def _people(place: Path, rng: random.Random) -> tuple:
    content, what = damaged_table(PEOPLE, rng)
    (place / "hosp").mkdir()
    (place / "hosp" / "patients.csv").write_bytes(content)
    (place / "hosp" / "omr.csv").write_text(OMR)
    ecgs = pd.DataFrame({"patient": [1, 2, 3, 4], "time": pd.to_datetime(["2150-01-01"] * 4)})

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, content != PEOPLE.encode(), "patients")) is not None:
            return told
        table, report = found
        header, *rows = rows_of(content)
        noted = 0
        for k, patient in enumerate(ecgs["patient"]):
            mine = [dict(zip(header, row, strict=False)) for row in rows if row]
            mine = [
                row for row in mine if row["subject_id"].strip() in (str(patient), f"+{patient}")
            ]
            age, male = _wanted(mine[0]) if len(mine) == 1 else (math.nan, math.nan)
            for name, wanted in (("age", age), ("male", male)):
                value = float(table[name].iloc[k])
                if not (value == wanted or (math.isnan(value) and math.isnan(wanted))):
                    return "silent", f"{name} of {patient} is {value}, and {wanted} is written"
                noted += math.isnan(wanted)
        counted = int(
            report.loc[["age", "male"], ["no number", "impossible value"]].to_numpy().sum()
        )
        return (
            ("noted" if noted else "right", "") if counted == noted else ("silent", "not counted")
        )

    return f"patients, {what}", lambda: demographics_at(ecgs, place), judge


def _wanted(row: dict[str, str]) -> tuple[float, float]:
    """Age and sex as the row says them."""
    age = _number(row.get("anchor_age", "")) + 2150 - _number(row.get("anchor_year", ""))
    male = {"M": 1.0, "F": 0.0}.get(row.get("gender", "").strip().upper(), math.nan)
    return (age if 0 <= age <= 125 else math.nan), male


def _number(text: str) -> float:
    try:
        return math.nan if text.strip() in _MISSING or "_" in text else float(text)
    except ValueError:
        return math.nan


def _studies(place: Path, rng: random.Random) -> tuple:
    """No row of either table is dropped or doubled without a word."""
    content = {"record_list.csv": LIST.encode(), "machine_measurements.csv": MEASURED.encode()}
    name = rng.choice(list(content))
    whole = content[name]
    content[name], what = damaged_table(whole.decode(), rng)
    for file, data in content.items():
        (place / file).write_bytes(data)

    def judge(found: Any) -> tuple[str, str]:
        if (told := _refused(found, content[name] != whole, name)) is not None:
            return told
        _, *listed = rows_of(content["record_list.csv"])
        header, *measured = rows_of(content["machine_measurements.csv"])
        listed, measured = ([row for row in rows if row] for rows in (listed, measured))
        usable = [row for row in measured if len(row) == len(header) and "\0" not in "".join(row)]
        about = [entry for entry in found if entry.record.startswith("machine_measurements")]
        entries = [entry for entry in found if entry not in about]
        kept = [entry for entry in entries if isinstance(entry, RecordMeta)]
        if len(entries) != len(listed):
            return "silent", f"{len(listed)} rows, {len(entries)} entries"
        seen = {row[1].strip() for row in usable} - {entry.record for entry in entries}
        if len(usable) < len(measured) and not any("row" in e.record for e in about):
            return "silent", "a row of measurements is left out"
        if seen - {row[1].strip() for row in listed if len(row) > 1} and not about:
            return "silent", f"left over: {seen}"
        for entry in kept:
            mine = [row for row in usable if row[1].strip() == entry.record]
            if len(mine) != 1 and not entry.notes:
                return "silent", f"{entry.record} has {len(mine)} rows of measurements"
        damaged = len(kept) < len(entries) or about
        return (
            "refused rightly" if damaged else "noted" if any(e.notes for e in kept) else "right"
        ), ""

    return f"{name}, {what}", lambda: list(mimic_iv_ecg.list_records(place)), judge
