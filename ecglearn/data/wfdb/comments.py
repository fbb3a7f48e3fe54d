"""What the comment lines of a WFDB header say about the patient."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_FIELD = re.compile(r"^<?\s*(?P<key>[^:<>]+?)\s*>?\s*:\s*(?P<value>.*)$")
_NOTHING = {"", "unknown", "n/a", "na", "nan", "none", "null", "?"}
_SEX = {"m": "male", "male": "male", "f": "female", "female": "female"}
_OLDEST = 120
_OVER_89 = 300  # how PTB-XL writes "older than 89", for privacy


@dataclass(frozen=True)
class Patient:
    """Age in years, sex, free text, and remarks on anything that could not be taken as written.

    Book: the-12-lead-ecg#ecg-own-record
    """

    age: float | None = None
    sex: str | None = None
    text: str = ""
    notes: tuple[str, ...] = field(default=())


def read_comments(lines: Sequence[str]) -> Patient:
    """Find age, sex and diagnosis in header comments, whichever of the common styles they use.

    Known styles: `# Age: 55`, `#Age: 55`, `# age: 81`, `#<age>: 51`; likewise for sex. Every other
    line that says something becomes text, in order, one line each: `Dx: 426783006`, the sentences
    after LUDB's `<diagnoses>:`, the clinical fields of the PTB database. Fields left blank,
    "Unknown" or "n/a" are dropped.

    Args:
        lines: the comment lines, with or without their `#`.

    Returns:
        What was found. An age of 300 (PTB-XL's sign for "over 89") becomes 90 with a note; other
        ages outside 0 to 120 become None with a note.

    Book: the-12-lead-ecg#ecg-own-record
    """
    age: float | None = None
    sex: str | None = None
    text: list[str] = []
    notes: list[str] = []
    for line in (raw.strip().lstrip("#").strip() for raw in lines):
        match = _FIELD.match(line)
        key = match["key"].lower() if match else ""
        value = match["value"].strip() if match else line
        if value.lower() in _NOTHING:
            continue
        if key == "age" and age is None:
            age, note = parse_age(value)
            notes += [note] if note else []
        elif key in ("sex", "gender") and value.lower() in _SEX:
            sex = _SEX[value.lower()]
        else:
            text.append(line)
    return Patient(age, sex, "\n".join(text), tuple(notes))


def parse_age(value: str) -> tuple[float | None, str]:
    """An age in years, and a remark when it could not be taken as written.

    Args:
        value: as found in a header or a table.

    Returns:
        300 (PTB-XL's sign for "over 89") becomes 90 with a remark; what is no age from 0 to 120
        becomes None with one.

    Book: the-12-lead-ecg#ecg-own-record
    """
    number = re.match(r"[-+]?\d+(\.\d+)?", value)
    years = float(number[0]) if number else math.nan
    if years == _OVER_89:
        return 90.0, "age is given as 300, which stands for over 89: taken as 90"
    if 0 <= years <= _OLDEST:
        return years, ""
    return None, f"age is given as {value!r}: not used"
