"""The public data sets: what each is, how to get it, what to expect on disk, and its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ecglearn.data.datasets import challenge, cpsc2018, csn, ludb, mimic_iv_ecg, ptbxl
from ecglearn.data.datasets import folder as any_folder
from ecglearn.data.datasets.base import Listing, RecordMeta, fill_from_header
from ecglearn.data.wfdb.record import ECGRecord


@dataclass(frozen=True)
class DatasetInfo:
    """A data set in a known layout.

    Attributes:
        name: as `ecglearn prepare` calls it.
        title: with its version.
        licence: what its publishers allow.
        citation: whom to cite.
        download: commands that fetch it; shown, never run.
        files: what to expect in its folder.
        list_records: reads its tables.
        label_sets: names of the label sets that its records have; the first is the usual one.
        add_header: adds what the header of a record says.
        caveats: what to know before using it.

    Book: your-own-data#data-sources
    """

    name: str
    title: str
    licence: str
    citation: str
    download: tuple[str, ...]
    files: tuple[str, ...]
    list_records: Callable[[Path], Listing]
    label_sets: tuple[str, ...] = ()
    add_header: Callable[[RecordMeta, ECGRecord], RecordMeta] = fill_from_header
    caveats: tuple[str, ...] = ()


_PTBXL = DatasetInfo(
    name="ptbxl",
    title="PTB-XL 1.0.3, its files of 500 samples per second",
    licence="CC BY 4.0",
    citation="Wagner et al. 2020, Scientific Data 7:154; doi 10.13026/kfzx-aw45",
    download=("wget -r -N -c -np https://physionet.org/files/ptb-xl/1.0.3/",),
    files=("ptbxl_database.csv", "scp_statements.csv", "records500/00000/00001_hr.hea, .dat"),
    list_records=ptbxl.list_records,
    label_sets=ptbxl.SETS,
    caveats=(
        "reports are in German, English and some Swedish, and cut at about 250 characters",
        "an age of 300 stands for over 89: taken as 90",
        "statements count as labels whatever their likelihood, as in the files of MERL; a record "
        "without a class of a set is left out there, here it stays with no label",
        "the files of 100 samples per second run 2 ms ahead of those of 500",
    ),
)

_PTBXL_100 = replace(
    _PTBXL,
    name="ptbxl-100",
    title="PTB-XL 1.0.3, its files of 100 samples per second",
    files=(*_PTBXL.files[:2], "records100/00000/00001_lr.hea, .dat"),
    list_records=partial(ptbxl.list_records, rate=100),
)

_LUDB = DatasetInfo(
    name="ludb",
    title="LUDB 1.0.1",
    licence="ODC-By 1.0",
    citation="Kalyakulina et al. 2020, IEEE Access 8:186181; doi 10.13026/eegm-h675",
    download=("wget -r -N -c -np https://physionet.org/files/ludb/1.0.1/",),
    files=("ludb.csv", "data/1.hea, .dat"),
    list_records=ludb.list_records,
    label_sets=ludb.SETS,
    caveats=(
        "the gains of the headers stretch every lead to the same span: found out by the limb-lead "
        "rules, the stored integers are used and the size in mV is an estimate",
        "200 people are too few to train on: keep them for judging",
    ),
)

_CHALLENGE = DatasetInfo(
    name="challenge",
    title="PhysioNet/CinC Challenge 2021 1.0.3 (with Georgia and Ningbo), or 2020",
    licence="CC BY 4.0",
    citation="Reyna et al. 2021, Computing in Cardiology 48; doi 10.13026/34va-7q14",
    download=("wget -r -N -c -np https://physionet.org/files/challenge-2021/1.0.3/training/",),
    files=("training/georgia/g1/E00001.hea, .mat", "training/ningbo/g1/JS10647.hea, .mat"),
    list_records=challenge.list_records,
    label_sets=challenge.SETS,
    add_header=challenge.add_header,
    caveats=(
        "it contains PTB-XL, CPSC 2018 and CSN again: never train on one copy and test on another",
        "no patients are named: each record counts as a patient of its own, which is wrong for "
        "PTB and INCART",
        "records of INCART have 30 minutes and 257 samples per second",
        "left bundle branch block has two codes, and so have three other diagnoses; the set "
        "cinc2021 joins them as the Challenge does",
    ),
)

_CPSC = DatasetInfo(
    name="cpsc2018",
    title="CPSC 2018, signals from the Challenge of 2020 or 2021",
    licence="CC BY 4.0",
    citation="Liu et al. 2018, Journal of Medical Imaging and Health Informatics 8:1368",
    download=(
        "wget -r -N -c -np https://physionet.org/files/challenge-2021/1.0.3/training/cpsc_2018/",
    ),
    files=("REFERENCE.csv of 2018", "g1/A0001.hea, .mat"),
    list_records=cpsc2018.list_records,
    label_sets=cpsc2018.SETS,
    caveats=(
        "the MATLAB files of 2018 are not read: take the WFDB files of the Challenge",
        "records last 6 to 60 s: longer ones are cut, shorter ones filled up and marked",
        "there is no official split, and published ones depend on the order of files",
    ),
)

_CSN = DatasetInfo(
    name="csn",
    title="Chapman, Shaoxing and Ningbo 1.0.0",
    licence="CC BY 4.0",
    citation="Zheng et al. 2022, doi 10.13026/wgex-er52",
    download=("wget -r -N -c -np https://physionet.org/files/ecg-arrhythmia/1.0.0/",),
    files=("WFDBRecords/01/010/JS00001.hea, .mat",),
    list_records=csn.list_records,
    label_sets=csn.SETS,
    add_header=challenge.add_header,
    caveats=(
        "some chest leads are flat: marked as missing",
        "AF is atrial flutter here and AFIB fibrillation; ST is sinus tachycardia",
        "the label file of MERL has false labels (one name inside another); these are by code",
    ),
)

_MIMIC = DatasetInfo(
    name="mimic-iv-ecg",
    title="MIMIC-IV-ECG 1.0",
    licence="ODbL 1.0",
    citation="Gow et al. 2023, doi 10.13026/4nqg-sb35",
    download=("wget -r -N -c -np https://physionet.org/files/mimic-iv-ecg/1.0/",),
    files=(
        "record_list.csv",
        "machine_measurements.csv",
        "files/p1000/*/*/40689238.hea, .dat",
    ),
    list_records=mimic_iv_ecg.list_records,
    caveats=(
        "its leads come as aVR, aVF, aVL: found by name, never by place",
        "the machine's reports were not all read by a doctor",
        "labels, age and sex are in MIMIC-IV, which needs credentials; see the chapter on "
        "clinical transfer",
        "some samples are NaN: bridged for the filter and marked as missing",
    ),
)


def folder_dataset(columns: any_folder.Columns) -> DatasetInfo:
    """Your own folder as a data set.

    Args:
        columns: which column of your table says what.

    Book: your-own-data#data-folder
    """
    return DatasetInfo(
        name="folder",
        title=f"a folder of WFDB records with {columns.table}",
        licence="yours to know",
        citation="yours to know",
        download=(),
        files=(columns.table, "records as .hea and .dat or .mat"),
        list_records=partial(any_folder.list_records, columns=columns),
        label_sets=("labels",) if columns.labels else (),
    )


#: Name to data set.
DATASETS: dict[str, DatasetInfo] = {
    source.name: source for source in (_PTBXL, _PTBXL_100, _LUDB, _CHALLENGE, _CPSC, _CSN, _MIMIC)
}
