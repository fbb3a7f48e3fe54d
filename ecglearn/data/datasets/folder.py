"""Any folder of WFDB records with a table that says what they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecglearn.data.datasets.base import SPLITS, Listing, RecordMeta, SkippedRecord, clean_report
from ecglearn.data.datasets.csv_rows import NOTE, table_rows
from ecglearn.data.wfdb.comments import parse_age

_SEX = {"m": "male", "male": "male", "f": "female", "female": "female"}


@dataclass(frozen=True)
class Columns:
    """Which column of your table says what; an empty name means that there is no such column.

    Attributes:
        table: file in the folder, CSV with a header line.
        record: a name for each record.
        path: of its header inside the folder, with or without `.hea`; empty: the record's name.
        patient: whose it is; empty: every record is a patient of its own.
        age: years.
        sex: "male", "female", "m" or "f".
        report: text.
        labels: classes of a record, separated by `separator`.
        separator: between classes.
        split: "train", "validation" or "test".

    Book: your-own-data#data-folder
    """

    table: str = "records.csv"
    record: str = "record"
    path: str = ""
    patient: str = ""
    age: str = ""
    sex: str = ""
    report: str = ""
    labels: str = ""
    separator: str = ";"
    split: str = ""


def list_records(folder: Path, *, columns: Columns | None = None) -> Listing:
    """Records of a table, in its order.

    Args:
        folder: holds the table and the records.
        columns: which column says what.

    Yields:
        Listing with the labels of one set, `labels`; rows that cannot be used, with the reason.

    Raises:
        TableError: the table or a column is absent or unreadable.

    Book: your-own-data#data-folder
    """
    columns = columns or Columns()
    fields = ("record", "path", "patient", "age", "sex", "report", "labels", "split")
    names = [getattr(columns, name) for name in fields]
    table = table_rows(
        folder / columns.table, [name for name in names if name], free=(columns.report,)
    )
    for number, row in enumerate(table):
        if isinstance(row, str):
            yield SkippedRecord(f"row {number + 1}", row)
            continue
        record, path, patient, age, sex, report, labels, split = (
            row.get(name, "") for name in names
        )
        years, remark = parse_age(age) if age else (None, "")
        if not record or (columns.patient and not patient):
            yield SkippedRecord(
                record or f"row {number + 1}", "record or patient is empty: fill it in"
            )
        elif split and split not in SPLITS:
            yield SkippedRecord(record, f"the part {split!r} is none of {', '.join(SPLITS)}")
        elif sex and sex.lower() not in _SEX:
            yield SkippedRecord(
                record, f"the sex {sex!r} is neither male nor female: leave it empty"
            )
        else:
            classes = (text.strip() for text in labels.split(columns.separator))
            yield RecordMeta(
                record=record,
                path=(path or record).removesuffix(".hea"),
                patient=patient or record,
                split=split,
                age=years,
                sex=_SEX.get(sex.lower()),
                report=clean_report(report),
                statements=labels,
                labels={"labels": tuple(dict.fromkeys(text for text in classes if text))},
                notes=tuple(text for text in (remark, row.get(NOTE, "")) if text),
            )
