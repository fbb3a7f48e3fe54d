"""What the comment lines of a WFDB header say about the patient, and what they may not say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_OLDEST = 120
_OVER_89 = 300  # how PTB-XL writes "older than 89", for privacy
_NAMED = 20  # fields that a note lists, and notes that are kept
_NOTHING = {"", "unknown", "n/a", "na", "nan", "none", "null", "?", "-"}
_SEX = {
    **dict.fromkeys(("m", "male", "man", "männlich"), "male"),
    **dict.fromkeys(("f", "female", "woman", "weiblich"), "female"),
}
#: Fields whose content is a finding, a diagnosis or a report. No other field becomes text.
CLINICAL = (
    *("dx", "diagnosis", "diagnoses", "diagnose", "additional diagnoses", "reason for admission"),
    *("report", "reports", "interpretation", "conclusion", "conclusions", "impression"),
    *("finding", "findings", "statement", "statements", "ecg findings"),
    *("acute infarction (localization)", "former infarction (localization)"),
    *("rhythm", "rhythms", "electric axis of the heart", "conduction abnormalities"),
    *("extrasystolies", "hypertrophies", "cardiac pacing", "ischemia", "other states"),
    "non-specific repolarization abnormalities",
)
_ONE_LINE = ("age", "sex", "gender", "dx")  # often several on one line
_AGAIN = re.compile(rf"[ \t,;|]<?(?:{'|'.join(_ONE_LINE)})>?[ \t]?[:=]", re.IGNORECASE)
_YEARS = {
    **dict.fromkeys(("", "y", "yr", "yrs", "year", "years", "yo", "a", "jahre"), 1.0),
    **dict.fromkeys(("m", "mo", "mos", "month", "months", "monate"), 1 / 12),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks", "wochen"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days", "tage"), 1 / 365.25),
}
_AGE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)[ \t]*([a-zäöü]{0,10})\.?")


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
    """Find age, sex and diagnoses in header comments, whichever of the common styles they use.

    Known styles: `# Age: 55`, `#Age: 55`, `# age: 81`, `#<age>: 51`, `# Age: 55, Sex: M`; likewise
    for sex. Text comes from the fields in `CLINICAL` alone, in order, one line each: `Dx:
    426783006`, the diagnoses of the PTB database, and the sentences after LUDB's `<diagnoses>:`.
    Names, numbers of patients, technicians, dates, drugs and lines that do not say what they are
    never become text; a note says which fields were left out. Fields left blank, "Unknown" or
    "n/a" are dropped.

    Args:
        lines: the comment lines, with or without their `#`.

    Returns:
        What was found. An age with a unit (days, weeks, months, also in the form `006M` of DICOM)
        is given in years; 300 (PTB-XL's sign for "over 89") becomes 90 with a note; what is no age
        from 0 to 120, and two ages or sexes that differ, become None with a note.

    Book: the-12-lead-ecg#ecg-own-record
    """
    ages: list[float | None] = []
    sexes: list[str | None] = []
    text: list[str] = []
    notes: list[str] = []
    unused: dict[str, None] = {}
    inside = False  # below a clinical field that was left open, as in LUDB
    for line in lines:
        for key, value, whole in _fields(line.strip().lstrip("#").strip()):
            name = key.lower()
            if name in CLINICAL and value.lower() in _NOTHING:
                inside = True
            elif value.lower() in _NOTHING:
                continue
            elif name == "age":
                age, note = parse_age(value)
                ages.append(age)
                notes += [note] if note else []
                inside = False
            elif name in ("sex", "gender"):
                sexes.append(_SEX.get(value.lower()))
                if sexes[-1] is None:
                    notes.append(f"sex is given as {value[:40]!r}: not used")
                inside = False
            elif name in CLINICAL or (inside and not key):
                text.append(whole)
            else:
                unused[key or "a line without a name"] = None
                inside = inside and not key
    if unused:
        named = ", ".join(list(unused)[:_NAMED])
        more = f" and {len(unused) - _NAMED} more" if len(unused) > _NAMED else ""
        notes.append(f"comments that are no findings are not used as text: {named}{more}")
    age, sex = _agreed(ages, "age", notes), _agreed(sexes, "sex", notes)
    return Patient(age, sex, "\n".join(text), tuple(dict.fromkeys(notes))[:_NAMED])


def parse_age(value: str) -> tuple[float | None, str]:
    """An age in years, and a remark when it could not be taken as written.

    Args:
        value: as found in a header or a table: years, or a number with days, weeks, months or years
            behind it, as in `6 months`, `90d`, `006M`.

    Returns:
        300 (PTB-XL's sign for "over 89") becomes 90 with a remark; what is no age from 0 to 120
        years becomes None with one.

    Book: the-12-lead-ecg#ecg-own-record
    """
    found = _AGE.fullmatch(value.strip().lower())
    unit = _YEARS.get(found[2]) if found else None
    if found is not None and unit is not None:
        number = float(found[1])
        if number == _OVER_89 and not found[2]:
            return 90.0, "age is given as 300, which stands for over 89: taken as 90"
        if number * unit <= _OLDEST:
            return number * unit, ""
    return None, f"age is given as {value[:40]!r}: not used"


def _fields(line: str) -> Iterator[tuple[str, str, str]]:
    """Key, value and whole text of each field; a line that names nothing has the key ""."""
    key, value = _key(line)
    if not key:
        yield "", line, line
        return
    if key.lower() not in _ONE_LINE:
        yield key, value, line
        return
    starts = [0, *(match.start() + 1 for match in _AGAIN.finditer(line))]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        part = line[start:end].strip(" \t,;|")
        yield (*_key(part), part)


def _key(line: str) -> tuple[str, str]:
    """What stands before the first colon or equals sign, and what after it."""
    ends = [at for at in (line.find(":"), line.find("=")) if at >= 0]
    key = line[: min(ends)].strip(" \t<>") if ends else ""
    return (key, line[min(ends) + 1 :].strip()) if 0 < len(key) <= 60 else ("", line)


def _agreed(values: list, what: str, notes: list[str]):
    """The one value that was said, or None."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    if len(known) > 1:
        notes.append(f"{what} is given more than once, as {known[0]} and {known[1]}: not used")
    return known[0] if len(known) == 1 else None
