"""Clinical values: what they are called, what they may be, and which belong to an ECG."""

from ecglearn.data.clinical.mimic_iv import demographics_at, diagnoses_of, nearest_labs
from ecglearn.data.clinical.nearest_in_time import NearestValues
from ecglearn.data.clinical.schema import (
    LAB_COLUMNS,
    TABLE_COLUMNS,
    ClinicalError,
    Column,
    age_and_sex,
    clinical_table,
    enough_cases,
    flag_names,
    lab_flags,
)

__all__ = [
    "LAB_COLUMNS",
    "TABLE_COLUMNS",
    "ClinicalError",
    "Column",
    "NearestValues",
    "age_and_sex",
    "clinical_table",
    "demographics_at",
    "diagnoses_of",
    "enough_cases",
    "flag_names",
    "lab_flags",
    "nearest_labs",
]
