"""From files or the cohort to batches."""

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.mimic_iv import demographics_at, diagnoses_of, nearest_labs
from ecglearn.data.clinical.nearest_in_time import NearestValues
from ecglearn.data.clinical.own_columns import OwnColumns, read_columns
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
from ecglearn.data.datasets.base import SPLITS, RecordMeta, SkippedRecord, clean_report
from ecglearn.data.datasets.challenge import dx_codes
from ecglearn.data.datasets.csv_rows import TableError
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.mimic_iv_ecg import machine_report, read_ecg_list
from ecglearn.data.datasets.ptbxl import Statements, read_statements, report
from ecglearn.data.datasets.registry import DATASETS, DatasetInfo, folder_dataset
from ecglearn.data.film import Film, FilmError, read_film
from ecglearn.data.label_sets import LABEL_SETS, label_set, snomed_classes, snomed_labels
from ecglearn.data.preprocess import (
    CleanRecord,
    check_length,
    clean_ecg,
    clean_records,
    finish_record,
    flat_leads,
    observed_at,
    shortest_ecg,
)
from ecglearn.data.splits import check_disjoint, check_new_records, split_of, split_patients
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.join import Joined, join
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import Prepared, prepare
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.data.store.together import open_stores, open_together
from ecglearn.data.store.verify import check_store
from ecglearn.data.transforms import (
    augment_cine,
    cine_frames,
    crop_and_flip,
    ecg_window,
    roll_frames,
    sample_frames,
    shrink,
    to_unit,
)
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.comments import Patient, parse_age, read_comments
from ecglearn.data.wfdb.find import find_records, first_record
from ecglearn.data.wfdb.reader import RawRecord, open_record
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.data.wfdb.write import write_counts, write_record

__all__ = [
    "DATASETS",
    "LABEL_SETS",
    "LAB_COLUMNS",
    "SPLITS",
    "TABLE_COLUMNS",
    "CleanRecord",
    "ClinicalError",
    "Column",
    "Columns",
    "DatasetInfo",
    "ECGBatch",
    "ECGRecord",
    "Film",
    "FilmError",
    "Joined",
    "NearestValues",
    "OwnColumns",
    "Patient",
    "Prepared",
    "RawRecord",
    "RecordError",
    "RecordMeta",
    "SkippedRecord",
    "Statements",
    "Store",
    "StoreError",
    "Stores",
    "TableError",
    "age_and_sex",
    "augment_cine",
    "check_disjoint",
    "check_length",
    "check_new_records",
    "check_store",
    "cine_frames",
    "clean_ecg",
    "clean_records",
    "clean_report",
    "clinical_table",
    "crop_and_flip",
    "demographics_at",
    "diagnoses_of",
    "dx_codes",
    "ecg_window",
    "enough_cases",
    "find_records",
    "finish_record",
    "first_record",
    "flag_names",
    "flat_leads",
    "folder_dataset",
    "join",
    "lab_flags",
    "label_set",
    "machine_report",
    "nearest_labs",
    "observed_at",
    "open_record",
    "open_store",
    "open_stores",
    "open_together",
    "parse_age",
    "prepare",
    "read_columns",
    "read_comments",
    "read_ecg_list",
    "read_film",
    "read_record",
    "read_statements",
    "report",
    "roll_frames",
    "sample_frames",
    "shortest_ecg",
    "shrink",
    "snomed_classes",
    "snomed_labels",
    "split_of",
    "split_patients",
    "to_unit",
    "write_counts",
    "write_record",
]
