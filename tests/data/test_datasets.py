"""Every public layout, made up in small: labels, splits, reports, and what is refused."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from ecglearn.data.datasets.base import (
    RecordMeta,
    SkippedRecord,
    clean_report,
    header_paths,
    path_inside,
)
from ecglearn.data.datasets.csv_rows import TableError
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.ptbxl import report
from ecglearn.data.datasets.registry import DATASETS, DatasetInfo, folder_dataset
from ecglearn.data.splits import split_of
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.store import Store
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.leads import limb_residuals
from tests.data import layouts


def read(name: str, folder: Path) -> dict[str, RecordMeta | SkippedRecord]:
    return {entry.record: entry for entry in DATASETS[name].list_records(folder)}


def stored(source: str | DatasetInfo, folder: Path, out: Path) -> Store:
    prepare(source, folder, out, workers=1, progress=False)
    return open_store(out)


def reason(entry: RecordMeta | SkippedRecord) -> str:
    assert isinstance(entry, SkippedRecord)
    return entry.reason


def test_ptbxl_labels_folds_and_reports(tmp_path):
    rows = [layouts.ptbxl_row(number) for number in range(1, 13)]
    rows[0] |= {"scp_codes": "{'IMI': 15.0, 'NST_': 0.0, 'PVC': 100.0, 'ODD': 1.0}", "age": "300.0"}
    rows[1] |= {"scp_codes": "{}", "report": "", "age": "", "sex": ""}
    rows[2] |= {"strat_fold": "9"}
    rows[3] |= {"strat_fold": "10.0"}
    found = read("ptbxl-100", layouts.ptbxl(tmp_path, 1, rows))
    first, second = found["1"], found["2"]
    assert isinstance(first, RecordMeta)
    assert isinstance(second, RecordMeta)
    assert first.labels == {
        "ptbxl-super": ("MI", "STTC"),
        "ptbxl-sub": ("IMI", "NST"),
        "ptbxl-form": ("PVC", "NST"),
        "ptbxl-rhythm": (),
    }
    assert (first.age, first.sex, first.patient) == (90, "female", "0")
    assert first.notes == (
        "age is given as 300, which stands for over 89: taken as 90",
        "statement ODD is not in scp_statements.csv",
    )
    assert not any(second.labels.values())
    assert (second.age, second.sex, second.report) == (None, None, "")
    splits = [entry.split for entry in found.values() if isinstance(entry, RecordMeta)]
    assert splits[:4] == ["train", "train", "validation", "test"]
    assert first.report == "sinusrhythmus normales ekg"


@pytest.mark.parametrize(("name", "rate", "end"), [("ptbxl", 500, "hr"), ("ptbxl-100", 100, "lr")])
def test_ptbxl_is_read_at_the_rate_that_is_asked_for(tmp_path, name, rate, end):
    entry = read(name, layouts.ptbxl(tmp_path, 1, rate=rate))["1"]
    assert isinstance(entry, RecordMeta)
    assert entry.path == f"records{rate}/00000/00001_{end}"


def test_ptbxl_refuses_a_statement_table_that_is_not_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(layouts, "SCP", [["X", "x", "1.0", "", "", "NEW", "NEW"]])
    with pytest.raises(TableError, match="NEW, which is no class of PTB-XL"):
        read("ptbxl", layouts.ptbxl(tmp_path, 1))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("lagetyp normal 4.46                    unbestÄtigter bericht", "lagetyp normal"),
        ("lagetyp normal 4.46                          unbes", "lagetyp normal"),
        ("alter unbest.   inferiorer infarkt", "alter unbest. inferiorer infarkt"),
        ("frequenz 4.46 normal", "frequenz 4.46 normal"),
    ],
)
def test_ptbxl_reports_lose_only_what_the_machine_says_of_itself(text, clean):
    assert report(text) == clean


def test_reports_become_one_line():
    assert clean_report(" *** Poor data  quality ***\nSinus rhythm -- ") == (
        "Poor data quality Sinus rhythm"
    )
    assert clean_report("ST-T change") == "ST-T change"


def test_challenge_reads_both_spellings_of_the_header(tmp_path):
    layouts.challenge(tmp_path / "b" / "g1", ["E1", "E2"])
    layouts.challenge(tmp_path / "a", ["Q1"])
    store = stored("challenge", tmp_path, tmp_path.parent / f"{tmp_path.name}-out")
    assert store.index["record"].tolist() == ["Q1", "E1", "E2"]
    assert store.label_names[:2] == ("AF", "AFL")
    assert [
        [n for n, has in zip(store.label_names, row, strict=True) if has] for row in store.labels
    ] == [["AF", "LBBB"]] * 3
    cpsc = store.with_labels("cpsc2018")
    assert cpsc.labels[:, cpsc.label_names.index("AFIB")].all()
    assert store.index["age"].tolist() == [60, 60, 61]
    assert set(store.index["sex"]) == {"female"}
    assert set(store.index["statements"]) == {"164889003,164909002"}
    assert store.index["split"].tolist() == [split_of(name) for name in ("Q1", "E1", "E2")]


def test_cpsc_takes_the_labels_of_its_reference(tmp_path):
    layouts.challenge(tmp_path / "g1", ["A0001", "A0002", "A0003", "A0004"])
    rows = [
        ["A0001", "5", "", ""],
        ["A0002", "2", "1", ""],
        ["A0003", "10", "", ""],
        ["A0009", "1", "", ""],
        ["A0001", "1", "", ""],
    ]
    columns = ["Recording", "First_label", "Second_label", "Third_label"]
    layouts.table(tmp_path / "REFERENCE.csv", columns, rows)
    found = list(DATASETS["cpsc2018"].list_records(tmp_path))
    kept = {entry.record: entry for entry in found if isinstance(entry, RecordMeta)}
    assert {name: entry.labels["cpsc2018"] for name, entry in kept.items()} == {
        "A0001": ("CRBBB",),
        "A0002": ("NORM", "AFIB"),
    }
    assert kept["A0001"].path == "g1/A0001"
    told = {entry.record: entry.reason for entry in found if isinstance(entry, SkippedRecord)}
    assert "not one to three of 1 to 9" in told["A0003"]
    assert "not in REFERENCE.csv" in told["A0004"]
    assert "no such record" in told["A0009"]
    assert "twice" in told["A0001"]


def test_csn_labels_are_by_code(tmp_path):
    layouts.challenge(tmp_path / "WFDBRecords" / "01" / "010", ["JS00001"])
    store = stored("csn", tmp_path, tmp_path.parent / f"{tmp_path.name}-out")
    assert store.label_set == "csn"
    has = [n for n, one in zip(store.label_names, store.labels[0], strict=True) if one]
    assert has == ["AFIB", "LBBB"]
    assert store.index["path"].tolist() == ["WFDBRecords/01/010/JS00001"]
    with pytest.raises(TableError, match="take the source `challenge`"):
        read("csn", tmp_path / "WFDBRecords")


def test_ludb_labels_are_lines_and_sizes_an_estimate(tmp_path):
    folder = layouts.ludb(tmp_path / "ludb")
    store = stored("ludb", folder, tmp_path / "out")
    assert store.label_sets == ("ludb-rhythm", "ludb-axis", "ludb-findings")
    assert store.label_names == ("Sinus bradycardia",)
    assert store.with_labels("ludb-axis").label_names == ("normal",)
    found = store.with_labels("ludb-findings")
    assert found.label_names == ("Left atrial hypertrophy", "Left ventricular hypertrophy")
    assert found.labels.all()
    assert store.reports[0] == "Rhythm: Sinus bradycardia."
    assert store.index["sex"].tolist() == ["female"] * 2
    assert "estimate" in store.index["notes"][0]
    assert "not a whole number" in (tmp_path / "out" / "refused.csv").read_text()


def test_mimic_finds_leads_by_name_and_joins_the_lines_of_the_machine(tmp_path):
    folder = layouts.mimic(tmp_path / "mimic")
    found = read("mimic-iv-ecg", folder)
    entries = [entry for entry in found.values() if isinstance(entry, RecordMeta)]
    assert [entry.report for entry in entries] == ["Sinus rhythm. Abnormal ECG"] * 1 + [""]
    assert "belongs to patient 99 in record_list" in reason(found["100"])
    path = folder / "files/p10/p10/s101/101"
    assert np.abs(limb_residuals(read_record(path).signal)).max() < 0.01
    store = stored("mimic-iv-ecg", folder, tmp_path / "out")
    assert store[:].findings is None
    assert store.index["record"].tolist() == ["100", "101", "102"]


COLUMNS = Columns(
    "mine.csv",
    record="name",
    path="file",
    patient="who",
    age="years",
    sex="gender",
    report="text",
    labels="found",
    split="part",
)


def test_any_folder_with_a_table(tmp_path):
    folder = tmp_path / "mine"
    layouts.challenge(folder, ["one", "two", "three"])
    columns = ["name", "file", "who", "years", "gender", "text", "found", "part"]
    rows = [
        ["r1", "one.hea", "p1", "50", "M", "good", "b; a;b", "test"],
        ["r2", "two", "p2", "", "", "", "", "train"],
        ["r3", "three", "p3", "50", "man", "", "", ""],
        ["r4", "three", "p4", "50", "", "", "", "exam"],
        ["", "three", "p5", "", "", "", "", ""],
    ]
    layouts.table(folder / "mine.csv", columns, rows)
    store = stored(folder_dataset(COLUMNS), folder, tmp_path / "out")
    assert store.index["record"].tolist() == ["r1", "r2"]
    assert store.label_names == ("a", "b")
    assert store.labels.tolist() == [[True, True], [False, False]]
    assert store.index["split"].tolist() == ["test", "train"]
    assert store.index["age"].tolist() == [50, 61]  # the second from its header
    told = (tmp_path / "out" / "refused.csv").read_text()
    for words in ("the sex 'man'", "the part 'exam'", "record or patient is empty"):
        assert words in told
    with pytest.raises(TableError, match="no column record"):
        stored(folder_dataset(Columns("mine.csv")), folder, tmp_path / "other")
    assert asdict(Columns())["table"] == "records.csv"


@pytest.mark.parametrize(
    "path", ["", "/x", "../x", "a/../../x", "a\\..\\x", "C:/x", "c:x", "a\0b", "a/.."]
)
def test_paths_that_leave_the_folder_are_refused(path, tmp_path):
    with pytest.raises(RecordError, match="leaves the folder"):
        path_inside(tmp_path, path)


def test_paths_inside_are_kept(tmp_path):
    assert path_inside(tmp_path, "a/./b..c") == tmp_path / "a" / "b..c"


def test_headers_are_listed_in_order_and_links_not_followed(tmp_path):
    for name in ("b/1.hea", "a/2.hea", "a/10.hea", "c.hea", "a/x.dat"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(header_paths(tmp_path)) == ["c", "a/10", "a/2", "b/1"]


def test_splits_follow_from_the_name_alone():
    parts = [split_of(str(patient)) for patient in range(10_000)]
    assert parts.count("test") == pytest.approx(2000, abs=4 * 40)
    assert parts.count("validation") == pytest.approx(800, abs=4 * 27)
    # written down once: a patient must not move from test to training with a new version
    named = {"p10000032": "train", "HR00001": "test", "JS00001": "validation"}
    assert {name: split_of(name) for name in named} == named
    first = [str(k) for k in range(40) if split_of(str(k)) == "test"]
    assert first == ["10", "16", "26", "28", "31", "34", "35", "38", "39"]
    assert [split_of(str(k), seed=1) for k in range(100)] != parts[:100]
    assert {split_of(str(k), validation=0, test=0) for k in range(100)} == {"train"}
