"""Tables of MIMIC-IV as published: what is known of the patient at each ECG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecglearn.data.clinical.nearest_in_time import NearestValues, checked_ecgs
from ecglearn.data.clinical.schema import LAB_COLUMNS, SEX, TABLE_COLUMNS, ClinicalError, Column
from ecglearn.data.clinical.tables import CHUNK, local_times, only_once, read_pieces, read_table

if TYPE_CHECKING:
    import pandas as pd

_BODY = tuple(column for column in TABLE_COLUMNS if column.name in ("height", "weight", "bmi"))
_LAB_FIELDS = {
    "labevent_id": "number",
    "subject_id": "patient",
    "valuenum": "value",
    "valueuom": "unit",
}
_OMR_NAME = r"^\s*(?P<column>height|weight|bmi)\s*(?:\((?P<unit>[^)]*)\))?\s*$"
_OMR_UNITS = {"inches": "in", "lbs": "lb"}
_DAY = 24 * 60


def nearest_labs(
    ecgs: pd.DataFrame,
    folder: str | os.PathLike[str],
    columns: Sequence[Column] = LAB_COLUMNS,
    minutes: float = 60,
    chunk: int = CHUNK,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Laboratory values nearest in time to each ECG.

    A result written only as text ("<0.01") has no number and is counted as such: for troponin these
    are the low ones, so what remains is no fair sample.

    Args:
        ecgs: columns `patient` and `time`, as `read_ecg_list` gives them.
        folder: holds `hosp/labevents` and `hosp/d_labitems`.
        columns: which tests; each with its item number.
        minutes: how far away a value may be; 60 minutes away counts.
        chunk: rows of the file in memory at once; does not change the result.

    Returns:
        Values (ECGs in order x columns) in the units of the columns, NaN where none; and for each
        column how many events of these patients there were, and how many were refused and why.

    Raises:
        ClinicalError: a table, a column, a time or a laboratory item is absent or unreadable.

    Source: Alcaraz and Strodthoff 2024 (CardioLab): nearest within 60 minutes.

    Book: clinical-transfer#mimic-tables
    """
    nearest = NearestValues(ecgs, columns, minutes)
    names = _items(folder, columns)
    kinds = {"labevent_id": "int64", "subject_id": "int64", "itemid": "int64", "charttime": "str"}
    patients = checked_ecgs(ecgs)["patient"].unique()
    for rows in read_pieces(
        folder, "hosp/labevents", kinds | {"valuenum": "float64", "valueuom": "str"}, chunk
    ):
        rows = rows[rows["itemid"].isin([*names]) & rows["subject_id"].isin(patients)]
        events = rows.rename(columns=_LAB_FIELDS)
        nearest.update(
            events.assign(
                column=rows["itemid"].map(names),
                time=local_times(rows["charttime"], "hosp/labevents, charttime"),
            )
        )
    return nearest.table(), nearest.report()


def demographics_at(
    ecgs: pd.DataFrame, folder: str | os.PathLike[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Age, sex and size of the patient at each ECG.

    MIMIC-IV writes 91 for every age above 89 at the anchor.

    Args:
        ecgs: columns `patient` and `time`, as `read_ecg_list` gives them.
        folder: holds `hosp/patients` and `hosp/omr`.

    Returns:
        ECGs in order x `age` (years), `male` (1 or 0), `height` (cm), `weight` (kg), `bmi` (kg/m2),
        the last three from the day nearest within 30 days; NaN where unknown. And for each column
        how many entries there were, and how many were refused and why; entries of age and sex are
        counted once for each ECG.

    Raises:
        ClinicalError: a table, a column or a time is absent or unreadable; a patient comes twice.

    Source: Alcaraz and Strodthoff 2024 (MDS-ED): nearest within 30 days.

    Book: clinical-transfer#mimic-tables
    """
    at = checked_ecgs(ecgs)
    nearest = NearestValues(at.assign(time=at["time"].dt.normalize()), _BODY, 30 * _DAY)
    kinds = {"subject_id": "int64", "gender": "str", "anchor_age": "float64"}
    people = read_table(folder, "hosp/patients", kinds | {"anchor_year": "float64"})
    only_once(people["subject_id"], "hosp/patients")
    known: Any = people.set_index("subject_id").reindex(at["patient"])
    age = known["anchor_age"].to_numpy() + at["time"].dt.year - known["anchor_year"].to_numpy()
    sex = known["gender"].str.strip().str.upper().map({"M": 1.0, "F": 0.0}).astype(float)
    kinds = {"subject_id": "int64", "chartdate": "str", "seq_num": "int64", "result_name": "str"}
    for rows in read_pieces(folder, "hosp/omr", kinds | {"result_value": "str"}):
        rows = rows[rows["subject_id"].isin(at["patient"].unique())]
        nearest.update(_omr_events(rows))
    table: Any = nearest.table()
    report: Any = nearest.report()
    low, high = TABLE_COLUMNS[0].possible
    wrong = age.notna() & ~age.between(low, high)
    report.loc["age"] = [len(at), 0, int(age.isna().sum()), 0, int(wrong.sum()), ""]
    report.loc[SEX] = [len(at), 0, int(sex.isna().sum()), 0, 0, ""]
    table.insert(0, "age", age.mask(wrong))
    table.insert(1, SEX, sex.to_numpy())
    return table, report.loc[[*table.columns]]


def _omr_events(rows: Any) -> Any:
    """Heights, weights and BMIs among outpatient measurements, as `NearestValues` wants them."""
    import re

    import pandas as pd

    what = rows["result_name"].fillna("").str.extract(_OMR_NAME, flags=re.IGNORECASE)
    what, rows = what[what["column"].notna()], rows[what["column"].notna()]
    unit = what["unit"].str.strip().str.lower()
    return pd.DataFrame(
        {
            "column": what["column"].str.lower(),
            "patient": rows["subject_id"],
            "time": local_times(rows["chartdate"], "hosp/omr, chartdate", days=True),
            "number": rows["seq_num"],
            "value": np.asarray(pd.to_numeric(rows["result_value"], errors="coerce"), float),
            "unit": unit.replace(_OMR_UNITS),
        }
    )


def diagnoses_of(
    ecgs: pd.DataFrame, folder: str | os.PathLike[str], minimum: int = 10, length: int = 3
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """ICD-10 codes of the admission in which each ECG was recorded.

    An admission lasts from the door of the emergency department, or else from admission, to
    discharge, ends included; of two that contain an ECG the one that began last counts. An ECG
    outside every admission, or in one coded in ICD-9 only, has unknown diagnoses, not none.

    Args:
        ecgs: columns `patient` and `time`, as `read_ecg_list` gives them.
        folder: holds `hosp/admissions` and `hosp/diagnoses_icd`.
        minimum: ECGs that a code needs to be kept.
        length: characters that each code is cut to.

    Returns:
        Table of bool (ECGs in order x codes); which ECGs have known diagnoses, the others are to be
        left out; counts: ECGs by where they lie, and admissions refused.

    Raises:
        ClinicalError: a table, a column or a time is absent or unreadable; an admission is twice.

    Source: the idea of Alcaraz and Strodthoff 2024 (MDS-ED), who keep 230 cases of 5 characters.

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    frame = checked_ecgs(ecgs)
    patients = frame["patient"].unique()
    fields = ("admittime", "dischtime", "edregtime")
    ids = {"subject_id": "int64", "hadm_id": "int64"}
    stays = read_table(folder, "hosp/admissions", ids | dict.fromkeys(fields, "str"))
    only_once(stays["hadm_id"], "hosp/admissions")
    stays = stays[stays["subject_id"].isin(patients)].rename(columns={"subject_id": "patient"})
    admit, end, door = (local_times(stays[name], f"hosp/admissions, {name}") for name in fields)
    untimed = admit.isna() | end.isna()
    reversed_ = ~untimed & ((end < admit) | (end < door))
    stays = stays.assign(start=door.fillna(admit), end=end)[~untimed & ~reversed_]
    at: Any = frame[["patient", "time"]].reset_index(drop=True)
    within = at.assign(row=np.arange(len(at))).merge(stays, on="patient")
    within = within[within["time"].between(within["start"], within["end"])]
    within = within.sort_values(["start", "hadm_id"]).drop_duplicates("row", keep="last")
    kinds = {"hadm_id": "int64", "icd_code": "str", "icd_version": "int64"}
    wanted = within["hadm_id"].unique()
    codes: Any = pd.concat(
        rows[rows["hadm_id"].isin(wanted) & (rows["icd_version"] == 10)].dropna(subset="icd_code")
        for rows in read_pieces(folder, "hosp/diagnoses_icd", kinds)
    )
    cut = codes["icd_code"].str.strip().str.upper().str.replace(".", "", regex=False)
    codes = codes.assign(code=cut.str[:length])[["hadm_id", "code"]].drop_duplicates()
    pairs = within[["row", "hadm_id"]].merge(codes, on="hadm_id")
    known = np.isin(np.arange(len(at)), pairs["row"])
    counts = pairs["code"].value_counts()
    names = sorted(counts[counts >= minimum].index)
    pairs = pairs[pairs["code"].isin(names)]
    has = np.zeros((len(at), len(names)), bool)
    has[pairs["row"], pd.Index(names).get_indexer(pd.Index(pairs["code"]))] = True
    report = {
        "ECGs with ICD-10 diagnoses": int(known.sum()),
        "ECGs in an admission without ICD-10": len(within) - int(known.sum()),
        "ECGs outside every admission": len(at) - len(within),
        "admissions that end before they begin": int(reversed_.sum()),
        "admissions without a time": int(untimed.sum()),
    }
    labels = pd.DataFrame(has, index=ecgs.index, columns=names)
    return labels, pd.Series(known, ecgs.index, name="known"), pd.Series(report)


def _items(folder: str | os.PathLike[str], columns: Sequence[Column]) -> dict[int, str]:
    """Item number to name of the column, after looking the items up."""
    known = set(read_table(folder, "hosp/d_labitems", {"itemid": "int64"})["itemid"])
    for column in columns:
        if column.item not in known:
            raise ClinicalError(
                f"{column.name}: laboratory item {column.item} is not in hosp/d_labitems of "
                f"{folder}; correct `item` of the column, or leave the column out"
            )
    return {int(column.item): column.name for column in columns if column.item is not None}
