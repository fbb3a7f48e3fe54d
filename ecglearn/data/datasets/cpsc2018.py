"""CPSC 2018: 6,877 records of 6 to 60 seconds, each with one to three of nine classes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ecglearn.data.datasets.base import Listing, RecordMeta, SkippedRecord, header_paths
from ecglearn.data.datasets.csv_rows import table_rows
from ecglearn.data.label_sets import label_set

SETS = ("cpsc2018",)
#: The numbers of REFERENCE.csv.
CLASSES = dict(
    zip(
        "123456789",
        ("NORM", "AFIB", "1AVB", "CLBBB", "CRBBB", "PAC", "VPC", "STD", "STE"),
        strict=True,
    )
)
_LABELS = ("First_label", "Second_label", "Third_label")


def list_records(folder: Path) -> Listing:
    """Records below a folder with the labels of REFERENCE.csv, in the order of their names.

    The signals are those that the PhysioNet/CinC Challenges publish as WFDB records; the MATLAB
    files of 2018 are not read.

    Args:
        folder: holds `REFERENCE.csv` of 2018 and the records, in any folders below it.

    Yields:
        Listing; age and sex come with the header. Records without a row and rows without a record,
        with the reason.

    Raises:
        TableError: the table or a column is absent or unreadable.

    Source: Liu et al. 2018.

    Book: your-own-data#data-cpsc
    """
    waiting: dict[str, list[str]] = {}  # the data set is small and closed: 6,877 rows
    for number, row in enumerate(table_rows(folder / "REFERENCE.csv", ("Recording", *_LABELS))):
        if isinstance(row, str):
            yield SkippedRecord(f"row {number + 1}", row)
        elif not row["Recording"] or row["Recording"] in waiting:
            yield SkippedRecord(
                row["Recording"] or f"row {number + 1}", "the name is absent or twice"
            )
        else:
            waiting[row["Recording"]] = [row[name] for name in _LABELS if row[name]]
    for path in header_paths(folder):
        name = PurePosixPath(path).name
        numbers = waiting.pop(name, None)
        if numbers is None:
            yield SkippedRecord(name, f"{path}: not in REFERENCE.csv, or there a second time")
        elif not numbers or not set(numbers) <= CLASSES.keys():
            yield SkippedRecord(name, f"its labels are {numbers}, not one to three of 1 to 9")
        else:
            has = {CLASSES[number] for number in numbers}
            classes = tuple(c for c in label_set("cpsc2018") if c in has)
            yield RecordMeta(
                name, path, name, statements=",".join(numbers), labels={"cpsc2018": classes}
            )
    for name in waiting:
        yield SkippedRecord(name, "in REFERENCE.csv, but there is no such record below the folder")
