"""PhysioNet/CinC Challenge 2020 and 2021: every header says age, sex and SNOMED CT codes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ecglearn.data.datasets.base import Listing, RecordMeta, header_paths
from ecglearn.data.label_sets import snomed_classes
from ecglearn.data.wfdb.record import ECGRecord

SETS = ("cinc2021", "csn", "cpsc2018")
_DX = re.compile(r"^#?\s*Dx\s*:\s*(.*)$", re.IGNORECASE)


def list_records(folder: Path) -> Listing:
    """Records below a folder, folder by folder in the order of their names.

    The Challenge does not say which records belong to one patient: each counts as a patient of its
    own. Of PTB (549 records of 290 people) and INCART this is known to be wrong.

    Args:
        folder: holds records of the Challenge, in any folders below it.

    Yields:
        Listing; age, sex and labels come with the header (`add_header`).

    Source: Perez Alday et al. 2020; Reyna et al. 2021.

    Book: your-own-data#data-challenge
    """
    for path in header_paths(folder):
        name = PurePosixPath(path).name
        yield RecordMeta(record=name, path=path, patient=name)


def add_header(entry: RecordMeta, record: ECGRecord) -> RecordMeta:
    """Age, sex and diagnoses from the header.

    Args:
        entry: names the record.
        record: with the comments of its header.

    Returns:
        The entry with the codes as statements, and as labels of three sets by equality of codes.
        A record without codes has no labels, and a note that says so.

    Book: your-own-data#data-challenge
    """
    codes = dx_codes(record)
    return replace(
        entry,
        age=record.age,
        sex=record.sex,
        statements=",".join(codes),
        labels={name: snomed_classes(name, codes) for name in SETS},
        notes=entry.notes if codes else (*entry.notes, "the header names no diagnosis"),
    )


def dx_codes(record: ECGRecord) -> list[str]:
    """SNOMED CT codes of a header, in both spellings of the line: `# Dx:` and `#Dx:`.

    Args:
        record: with the comments of its header.

    Book: your-own-data#data-challenge
    """
    found = [match[1] for line in record.comments if (match := _DX.match(line))]
    codes = (code.strip() for text in found for code in text.split(","))
    return [code for code in codes if code and code.lower() != "unknown"]
