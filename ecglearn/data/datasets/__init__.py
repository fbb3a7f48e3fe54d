"""What public data sets look like on disk, one file each; `DATASETS` has them all by name."""

from ecglearn.data.datasets.base import (
    SPLITS,
    Listing,
    RecordMeta,
    SkippedRecord,
    clean_report,
    fill_from_header,
    header_paths,
    path_inside,
)
from ecglearn.data.datasets.challenge import dx_codes
from ecglearn.data.datasets.csv_rows import TableError, table_rows
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.mimic_iv_ecg import machine_report, read_ecg_list
from ecglearn.data.datasets.ptbxl import Statements, read_statements, report
from ecglearn.data.datasets.registry import DATASETS, DatasetInfo, folder_dataset

__all__ = [
    "DATASETS",
    "SPLITS",
    "Columns",
    "DatasetInfo",
    "Listing",
    "RecordMeta",
    "SkippedRecord",
    "Statements",
    "TableError",
    "clean_report",
    "dx_codes",
    "fill_from_header",
    "folder_dataset",
    "header_paths",
    "machine_report",
    "path_inside",
    "read_ecg_list",
    "read_statements",
    "report",
    "table_rows",
]
