"""PTB-XL: 21,799 records with SCP statements, reports in several languages and official folds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ecglearn.data.datasets.base import Listing, RecordMeta, SkippedRecord, clean_report
from ecglearn.data.datasets.csv_rows import NOTE, TableError, table_rows
from ecglearn.data.label_sets import label_set
from ecglearn.data.wfdb.comments import parse_age

SETS = ("ptbxl-super", "ptbxl-sub", "ptbxl-form", "ptbxl-rhythm")
_FILE = {100: "filename_lr", 500: "filename_hr"}
_COLUMNS = ("ecg_id", "patient_id", "age", "sex", "report", "scp_codes", "strat_fold")
_SEX = {"0": "male", "1": "female"}
_CODES = re.compile(r"\{\s*(?:'[^']+':\s*[\d.]+(?:,\s*|\s*(?=\})))*\}")
# "unconfirmed report" after the version of the program; long reports are cut within it
_UNCONFIRMED = re.compile(r"\s4\.46(?:\s+u\w*(?: \w*)?)?\s*$|\bunbest[äÄ]tigter bericht\b")
Statements = Mapping[str, Mapping[str, str]]


def list_records(folder: Path, *, rate: Literal[100, 500] = 500) -> Listing:
    """Records of PTB-XL in the order of its table.

    Folds 1 to 8 train, 9 validates, 10 tests, as its authors advise: folds 9 and 10 were checked by
    people, and no patient is in two folds.

    Args:
        folder: holds `ptbxl_database.csv`, `scp_statements.csv` and the records.
        rate: of the files to read, 100 or 500 per second.

    Yields:
        Listing with the labels of four sets; rows that cannot be used, with the reason.

    Raises:
        TableError: a table or a column is absent or unreadable.

    Source: Wagner et al. 2020.

    Book: your-own-data#data-ptbxl
    """
    statements = read_statements(folder / "scp_statements.csv")
    file = _FILE[rate]
    for number, row in enumerate(
        table_rows(folder / "ptbxl_database.csv", (*_COLUMNS, file), free=("report",))
    ):
        if isinstance(row, str):
            yield SkippedRecord(f"row {number + 1}", row)
            continue
        record = row["ecg_id"]
        fold, codes = _whole(row["strat_fold"]), row["scp_codes"]
        if not record or not row["patient_id"]:
            yield SkippedRecord(record or f"row {number + 1}", "ecg_id or patient_id is empty")
        elif fold not in {str(k) for k in range(1, 11)}:
            yield SkippedRecord(record, f"strat_fold is {fold!r}, not 1 to 10: take it from PTB-XL")
        elif not _CODES.fullmatch(codes):
            yield SkippedRecord(record, f"scp_codes are {codes[:80]!r}, not like {{'NORM': 100.0}}")
        else:
            found = re.findall(r"'([^']+)':", codes)
            unknown = [code for code in found if code not in statements]
            age, remark = parse_age(row["age"]) if row["age"] else (None, "")
            yield RecordMeta(
                record=record,
                path=row[file],
                patient=_whole(row["patient_id"]),
                split={"9": "validation", "10": "test"}.get(fold, "train"),
                age=age,
                sex=_SEX.get(_whole(row["sex"])),
                report=report(row["report"]),
                statements=codes,
                labels=labels(found, statements),
                notes=(
                    *([remark] if remark else []),
                    *([row[NOTE]] if NOTE in row else []),
                    *(f"statement {code} is not in scp_statements.csv" for code in unknown),
                ),
            )


def read_statements(path: Path) -> dict[str, dict[str, str]]:
    """Which class of which label set each SCP statement stands for.

    Args:
        path: of `scp_statements.csv`.

    Returns:
        Statement to label set to class. A statement counts whatever its likelihood.

    Raises:
        TableError: the table is absent or unreadable, or has a class that PTB-XL has not.

    Source: Wagner et al. 2020; names without underscores as in the label files of Liu et al. 2024.

    Book: your-own-data#data-ptbxl
    """
    kinds = ("diagnostic", "diagnostic", "form", "rhythm")
    found: dict[str, dict[str, str]] = {}
    for row in table_rows(path, ("", *kinds[1:], "diagnostic_class", "diagnostic_subclass")):
        if isinstance(row, str):
            raise TableError(f"{path}: {row}")
        code = row[""]
        names = (row["diagnostic_class"], row["diagnostic_subclass"], code, code)
        found[code] = {
            name: text.replace("_", "")
            for name, kind, text in zip(SETS, kinds, names, strict=True)
            if row[kind] in ("1", "1.0")
        }
        strange = {text for name, text in found[code].items() if text not in label_set(name)}
        if strange:
            raise TableError(
                f"{path}: statement {code} belongs to {', '.join(sorted(strange))}, which is no "
                "class of PTB-XL; take the file as it was published"
            )
    return found


def labels(codes: list[str], statements: Statements) -> dict[str, tuple[str, ...]]:
    """Classes of a record in each of the four sets.

    Args:
        codes: its SCP statements.
        statements: as `read_statements` gives them.

    Book: your-own-data#data-ptbxl
    """
    has = [statements.get(code, {}) for code in codes]
    return {
        name: tuple(c for c in label_set(name) if any(one.get(name) == c for one in has))
        for name in SETS
    }


def report(text: str) -> str:
    """A report without what the machine wrote about itself.

    Takes away the German for "unconfirmed report" and the version of the program before it: they
    end many reports and say nothing about the heart.

    Args:
        text: as published.

    Book: your-own-data#data-reports
    """
    return clean_report(_UNCONFIRMED.sub(" ", text))


def _whole(number: str) -> str:
    """`13243.0` as it is meant: 13243."""
    return number.removesuffix(".0")
