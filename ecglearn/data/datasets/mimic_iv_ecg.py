"""MIMIC-IV-ECG: 800,035 records with what the machine wrote about them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecglearn.data.clinical.schema import ClinicalError
from ecglearn.data.clinical.tables import local_times, only_once, read_pieces, read_table
from ecglearn.data.datasets.base import Listing, RecordMeta, SkippedRecord, clean_report
from ecglearn.data.datasets.csv_rows import table_rows

if TYPE_CHECKING:
    import pandas as pd

_REPORTS = tuple(f"report_{k}" for k in range(18))
_MEASURED = "machine_measurements.csv"
_NOT_ONCE = {
    0: "machine_measurements has no row for it, so it has no report",
    2: "machine_measurements has several rows for it: the report is that of the first",
}
_LEAVES = r"^\s*$|^/|^[A-Za-z]:|\\|(?:^|/)\.\.(?:/|$)"  # paths that are not inside the folder


def list_records(folder: Path) -> Listing:
    """Records of MIMIC-IV-ECG in the order of its list.

    Neither table is held in memory: the reports wait in a temporary file of SQLite.

    Args:
        folder: holds `record_list.csv`, `machine_measurements.csv` and `files/`.

    Yields:
        Listing with reports and without labels; rows of either table that cannot be used, with the
        reason, and how many studies only `machine_measurements.csv` has. A note says where that
        table has no row for a record, or several.

    Raises:
        TableError: a table or a column is absent or unreadable.

    Source: the file layout of MIMIC-IV-ECG 1.0 (Gow et al. 2023).

    Book: your-own-data#data-mimic
    """
    reports = sqlite3.connect("", check_same_thread=False)  # a file that SQLite deletes
    reports.execute(
        "CREATE TABLE reports (study TEXT PRIMARY KEY, subject TEXT, report TEXT, "
        "times INT DEFAULT 1, listed INT DEFAULT 0)"
    )
    ids = ("subject_id", "study_id")
    for number, row in enumerate(table_rows(folder / _MEASURED, (*ids, *_REPORTS))):
        if isinstance(row, str):
            yield SkippedRecord(f"{_MEASURED}, row {number + 1}", row)
            continue
        values = (row["study_id"], row["subject_id"], machine_report(row[k] for k in _REPORTS))
        reports.execute(
            "INSERT INTO reports (study, subject, report) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET times = times + 1",
            values,
        )
    for number, row in enumerate(table_rows(folder / "record_list.csv", (*ids, "path"))):
        if isinstance(row, str):
            yield SkippedRecord(f"row {number + 1}", row)
            continue
        study, patient = row["study_id"], row["subject_id"]
        found = reports.execute(
            "UPDATE reports SET listed = 1 WHERE study = ? RETURNING subject, report, times",
            (study,),
        )
        subject, report, times = found.fetchone() or (patient, "", 0)
        if not study or not patient:
            yield SkippedRecord(study or f"row {number + 1}", "study_id or subject_id is empty")
        elif subject != patient:
            yield SkippedRecord(
                study,
                f"belongs to patient {patient} in record_list and to {subject} in "
                "machine_measurements; take both files from the same release",
            )
        else:
            notes = () if times == 1 else (_NOT_ONCE[min(times, 2)],)
            yield RecordMeta(study, row["path"], patient, report=report, notes=notes)
    (left, first) = reports.execute(
        "SELECT COUNT(*), MIN(study) FROM reports WHERE listed = 0"
    ).fetchone()
    if left:
        yield SkippedRecord(
            _MEASURED,
            f"{left} studies in it, the first {first}, are not in record_list; take both files "
            "from the same release",
        )
    reports.close()


def machine_report(lines: Iterable[str]) -> str:
    """The lines of the machine as one text.

    Args:
        lines: columns `report_0` to `report_17` of one row of `machine_measurements.csv`.

    Source: Liu et al. 2024 (MERL): lines joined by ". ", EKG written ECG. Theirs is in lower case
        with a full stop at the end; those of fewer than four words they leave out, here they stay.

    Book: your-own-data#data-reports
    """
    cleaned = (clean_report(line).rstrip(" .") for line in lines)
    return re.sub(r"\bEKG\b", "ECG", ". ".join(filter(None, cleaned)))


def read_ecg_list(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """The ECGs of MIMIC-IV-ECG, with what the machine wrote about them.

    Args:
        folder: holds `record_list.csv` and `machine_measurements.csv`, plain or `.gz`.

    Returns:
        One row for each ECG in the order of the list: `patient`, `study`, `time`, `path` (without
        ending, inside the folder) and `report`, as of `machine_report`; empty where there are no
        measurements.

    Raises:
        ClinicalError: a table, a column or a time is absent or unreadable; a study comes twice or
            belongs to two patients; a path leaves the folder.

    Source: the file layout of MIMIC-IV-ECG 1.0 (Gow et al. 2023).

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    ids = {"subject_id": "int64", "study_id": "int64"}
    ecgs = read_table(folder, "record_list", ids | {"ecg_time": "str", "path": "str"})
    only_once(ecgs["study_id"], "record_list")
    outside = ecgs["path"].fillna("").str.contains(_LEAVES)
    if outside.any():
        raise ClinicalError(
            f"record_list: path {ecgs['path'][outside].iloc[0]!r} leaves the folder {folder}; only "
            "paths inside it are read"
        )
    texts = []
    for lines in read_pieces(folder, "machine_measurements", ids | dict.fromkeys(_REPORTS, "str")):
        told = lines[[*_REPORTS]].fillna("").itertuples(index=False, name=None)
        text = pd.Series([machine_report(row) for row in told], index=lines.index, dtype="str")
        texts.append(lines[[*ids]].assign(report=text))
    reports: Any = pd.concat(texts, ignore_index=True)
    only_once(reports["study_id"], "machine_measurements")
    row = pd.Index(reports["study_id"]).get_indexer(pd.Index(ecgs["study_id"]))
    other = (row >= 0) & (reports["subject_id"].reindex(row).to_numpy() != ecgs["subject_id"])
    if other.any():
        raise ClinicalError(
            f"study {ecgs['study_id'][other].iloc[0]} belongs to one patient in record_list and to "
            "another in machine_measurements; take both files from the same release"
        )
    return pd.DataFrame(
        {
            "patient": ecgs["subject_id"],
            "study": ecgs["study_id"],
            "time": local_times(ecgs["ecg_time"], "record_list, ecg_time", needed=True),
            "path": f"{Path(folder)}/" + ecgs["path"],
            "report": reports["report"].reindex(row).fillna("").to_numpy(),
        }
    )
