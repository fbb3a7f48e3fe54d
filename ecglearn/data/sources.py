"""The public data sets: what each is, how to get it, what to expect on disk, and its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ecglearn.data import folder as any_folder
from ecglearn.data import ptbxl
from ecglearn.data.entries import Entries, Entry, from_header
from ecglearn.data.records import ECGRecord


@dataclass(frozen=True)
class Source:
    """A data set in a known layout.

    Attributes:
        name: as `ecglearn prepare` calls it.
        title: with its version.
        licence: what its publishers allow.
        citation: whom to cite.
        download: commands that fetch it; shown, never run.
        files: what to expect in its folder.
        entries: reads its tables.
        label_sets: names of the label sets that its records have; the first is the usual one.
        complete: adds what the header of a record says.
        traps: what to know before using it.

    Book: your-own-data#data-sources
    """

    name: str
    title: str
    licence: str
    citation: str
    download: tuple[str, ...]
    files: tuple[str, ...]
    entries: Callable[[Path], Entries]
    label_sets: tuple[str, ...] = ()
    complete: Callable[[Entry, ECGRecord], Entry] = from_header
    traps: tuple[str, ...] = ()


_PTBXL = Source(
    name="ptbxl",
    title="PTB-XL 1.0.3, its files of 500 samples per second",
    licence="CC BY 4.0",
    citation="Wagner et al. 2020, Scientific Data 7:154, doi 10.13026/kfzx-aw45",
    download=("wget -r -N -c -np https://physionet.org/files/ptb-xl/1.0.3/",),
    files=(
        "ptbxl_database.csv",
        "scp_statements.csv",
        "records500/00000/00001_hr.hea and .dat",
    ),
    entries=ptbxl.entries,
    label_sets=ptbxl.SETS,
)

_PTBXL_100 = replace(
    _PTBXL,
    name="ptbxl-100",
    title="PTB-XL 1.0.3, its files of 100 samples per second",
    files=(*_PTBXL.files[:2], "records100/00000/00001_lr.hea and .dat"),
    entries=partial(ptbxl.entries, rate=100),
)


def table_source(columns: any_folder.Columns) -> Source:
    """Your own folder as a data set.

    Args:
        columns: which column of your table says what.

    Book: your-own-data#data-folder
    """
    return Source(
        name="folder",
        title=f"a folder of WFDB records with {columns.table}",
        licence="yours to know",
        citation="yours to know",
        download=(),
        files=(columns.table, "records as .hea and .dat or .mat"),
        entries=partial(any_folder.entries, columns=columns),
        label_sets=("labels",) if columns.labels else (),
    )


#: Name to data set.
SOURCES: dict[str, Source] = {source.name: source for source in (_PTBXL, _PTBXL_100)}
