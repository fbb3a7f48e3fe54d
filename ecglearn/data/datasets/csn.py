"""Chapman, Shaoxing and Ningbo (CSN): 45,152 records with SNOMED CT codes in their headers."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ecglearn.data.datasets.base import Listing, RecordMeta, header_paths
from ecglearn.data.datasets.csv_rows import TableError

SETS = ("csn", "cinc2021")


def list_records(folder: Path) -> Listing:
    """Records of the release on PhysioNet, folder by folder in the order of their names.

    The release has one record for each patient. The headers are those of the Challenge, so
    `challenge.add_header` reads age, sex and codes. The labels are those of the 38 classes of Liu
    et al. 2024 (MERL), but by equality of codes: the label file that they published was filled by
    looking for one name inside another, so that 5,125 of its 38,456 ones are false.

    Args:
        folder: holds `WFDBRecords/`.

    Yields:
        Listing; age, sex and labels come with the header.

    Raises:
        TableError: `WFDBRecords` is absent.

    Source: Zheng et al. 2022.

    Book: your-own-data#data-csn
    """
    records = folder / "WFDBRecords"
    if not records.is_dir():
        raise TableError(
            f"there is no WFDBRecords in {folder}: give the folder in which the release was "
            "unpacked; for the copy in the Challenge of 2021 take the source `challenge`"
        )
    for path in header_paths(records):
        name = PurePosixPath(path).name
        yield RecordMeta(record=name, path=f"WFDBRecords/{path}", patient=name)
