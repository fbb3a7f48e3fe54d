"""LUDB: 200 records of 200 people with what two cardiologists saw."""

from __future__ import annotations

from pathlib import Path

from ecglearn.data.datasets.base import Listing, RecordMeta, SkippedRecord
from ecglearn.data.datasets.csv_rows import table_rows
from ecglearn.data.wfdb.comments import parse_age

SETS = ("ludb-rhythm", "ludb-axis", "ludb-findings")
_FINDINGS = (
    "Conduction abnormalities",
    "Extrasystolies",
    "Hypertrophies",
    "Cardiac pacing",
    "Ischemia",
    "Non-specific repolarization abnormalities",
    "Other states",
)
_AXIS = "Electric axis of the heart"
_SEX = {"M": "male", "F": "female"}


def list_records(folder: Path) -> Listing:
    """Records of LUDB in the order of its table.

    The report is what the header says; the labels are the words of the table, a line each. The
    gains of the headers give every lead the same span: `read_record` finds that out and takes the
    stored integers, so sizes in millivolt are estimates.

    Args:
        folder: holds `ludb.csv` and `data/`.

    Yields:
        Listing with the labels of three sets; rows that cannot be used, with the reason.

    Raises:
        TableError: the table or a column is absent or unreadable.

    Source: Kalyakulina et al. 2020.

    Book: your-own-data#data-ludb
    """
    columns = ("ID", "Sex", "Age", "Rhythms", _AXIS, *_FINDINGS)
    for number, row in enumerate(table_rows(folder / "ludb.csv", columns)):
        if isinstance(row, str):
            yield SkippedRecord(f"row {number + 1}", row)
            continue
        record = row["ID"]
        if not record.isdigit():
            yield SkippedRecord(record or f"row {number + 1}", "ID is not a whole number")
            continue
        age, remark = parse_age(row["Age"]) if row["Age"] else (None, "")
        axis = _lines(row[_AXIS])
        findings = [line for name in _FINDINGS for line in _lines(row[name])]
        yield RecordMeta(
            record=record,
            path=f"data/{record}",
            patient=record,
            age=age,
            sex=_SEX.get(row["Sex"]),
            statements="; ".join([*_lines(row["Rhythms"]), *axis, *findings]),
            labels={
                "ludb-rhythm": tuple(_lines(row["Rhythms"])),
                "ludb-axis": tuple(line.removeprefix(f"{_AXIS}: ") for line in axis),
                "ludb-findings": tuple(findings),
            },
            notes=(remark,) if remark else (),
        )


def _lines(text: str) -> list[str]:
    """The statements of a field: one a line, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
