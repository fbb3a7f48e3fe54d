"""Real data sets prepared: labels as published, every record accounted for."""

import ast
import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecglearn.data.batch import ECGBatch
from ecglearn.data.datasets.ptbxl import _SEX
from ecglearn.data.preprocess import clean_ecg
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.wfdb.find import find_records
from ecglearn.data.wfdb.header import Header
from ecglearn.data.wfdb.reader import open_record
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.filters import zscore

pytestmark = pytest.mark.real
FILES = {
    "ptbxl-super": "super_class",
    "ptbxl-sub": "sub_class",
    "ptbxl-form": "form",
    "ptbxl-rhythm": "rhythm",
}
PARTS = {"train": "train", "val": "validation", "test": "test"}


def stored(name, folder, out):
    done = prepare(name, folder, out, workers=1, progress=False)
    store = open_store(out)
    assert len(store) == done.records
    return store, done


@pytest.fixture(scope="module")
def ptbxl(real_data, tmp_path_factory):
    return stored("ptbxl", real_data / "ptbxl-mini", tmp_path_factory.mktemp("ptbxl") / "store")


@pytest.mark.parametrize("name", FILES)
def test_ptbxl_labels_and_parts_are_those_published_with_merl(name, real_data, ptbxl):
    published = pd.read_csv(real_data / "ptbxl-mini" / "merl_labels" / f"{FILES[name]}.csv")
    store = ptbxl[0].with_labels(name)
    labelled = store.select(store.labels.any(1))
    assert labelled.index["record"].tolist() == published["ecg_id"].astype(str).tolist()
    named = [set(ast.literal_eval(text)) for text in published[FILES[name]]]
    ours = [
        {c for c, has in zip(store.label_names, row, strict=True) if has} for row in labelled.labels
    ]
    assert ours == named
    # the columns of subclasses have one order in the training file and another in the other two,
    # so under one header the ones of the training rows contradict the names beside them
    rows = published["merl_split"].ne("train") | (name != "ptbxl-sub")
    wanted = published.loc[rows, list(store.label_names)].to_numpy(bool)
    np.testing.assert_array_equal(labelled.labels[rows], wanted)
    assert labelled.index["split"].tolist() == [PARTS[part] for part in published["merl_split"]]


def test_ptbxl_is_whole_and_its_signals_are_the_records(real_data, ptbxl):
    store, done = ptbxl
    assert (done.records, done.refused) == (190, 0)
    assert set(store.index["sex"].value_counts().index) == {"male", "female"}
    assert not any("4.46" in text or "  " in text for text in store.reports)
    batch = store[:8]
    assert batch.keep is None
    for row in range(8):
        record = read_record(real_data / "ptbxl-mini" / store.index["path"][row])
        clean = clean_ecg(record.signal[None], record.fs, fs=100)
        wanted = zscore(clean, per="record")[0]
        np.testing.assert_allclose(batch.ecg[row], wanted, atol=0.6e-3 / clean.std())


def test_of_the_two_sexes_of_ptbxl_the_male_is_the_taller(real_data):
    """PTB-XL writes 0 and 1; which is which shows in the heights."""
    table: Any = pd.read_csv(real_data / "ptbxl-reports" / "ptbxl_reports_form.csv")
    height = {_SEX[str(sex)]: rows["height"].median() for sex, rows in table.groupby("sex")}
    assert height["male"] > height["female"] + 8


def test_ludb(real_data, tmp_path):
    store, done = stored("ludb", real_data / "ludb", tmp_path / "out")
    assert (done.records, done.refused) == (134, 0)
    counts = dict(zip(store.label_names, store.labels.sum(0), strict=True))
    assert counts["Sinus rhythm"] == 99
    assert counts["Atrial fibrillation"] == 8
    assert all("Rhythm" in text for text in store.reports)
    assert store.index["age"].between(1, 120).all()


def test_challenge(real_data, tmp_path):
    store, done = stored("challenge", real_data / "cinc-mini", tmp_path / "out")
    assert (done.records, done.refused) == (50, 0)
    flat = store.index["record"].isin(["JS20004", "JS20008"]).to_numpy()
    keep = store[:].keep
    assert keep is not None
    assert not keep[np.flatnonzero(flat)][:, [7, 9, 11]].any()
    assert keep[np.flatnonzero(~flat)].all()
    index: Any = store.index
    blank = index[index["statements"] == ""]
    assert set(blank["record"].str[0]) == {"A"}
    assert blank["notes"].str.contains("names no diagnosis").all()


@pytest.mark.parametrize(("name", "place"), [("challenge", "cinc-mini"), ("ludb", "ludb")])
def test_records_straight_to_a_batch_are_those_of_the_store(name, place, real_data, tmp_path):
    store, _ = stored(name, real_data / place, tmp_path / "out")
    batch = store[:40]
    paths = [real_data / place / path for path in store.index["path"][:40]]
    ours = ECGBatch.from_records([read_record(path) for path in paths])
    np.testing.assert_allclose(ours.ecg, batch.ecg, atol=1e-3)
    np.testing.assert_array_equal(ours.r_peaks, batch.r_peaks)
    assert (ours.keep is None) == (batch.keep is None)
    if ours.keep is not None:
        np.testing.assert_array_equal(ours.keep, batch.keep)


def test_cpsc2018(real_data, tmp_path):
    folder = tmp_path / "cpsc2018"
    shutil.copytree(real_data / "cinc-mini" / "cpsc2018", folder)
    published = pd.read_csv(folder / "labels.csv")
    reference = published[["recording", "label_code"]].set_axis(
        ["Recording", "First_label"], axis=1
    )
    reference.assign(Second_label="", Third_label="").to_csv(folder / "REFERENCE.csv", index=False)
    store, done = stored("cpsc2018", folder, tmp_path / "out")
    assert (done.records, done.refused) == (7, 0)
    classes = {"RBBB": "CRBBB", "AF": "AFIB", "PVC": "VPC", "STD": "STD"}
    found = [store.label_names[row.argmax()] for row in store.labels]
    assert found == [classes[label] for label in published["label"]]
    assert (store.labels.sum(1) == 1).all()


def test_the_direct_parser_reads_what_wfdb_reads(real_data, monkeypatch):
    folders = ("ptbxl-mini/records100", "ludb", "cinc-mini", "mitdb-mini", "ptbdb-sample")
    found = [find_records(real_data / name)[::4] for name in folders]
    assert min(map(len, found)) > 0
    headers = [header for some in found for header in some]
    for header in headers:
        direct = open_record(header)
        with monkeypatch.context() as patch:
            patch.setattr(Header, "plain", False)
            general = open_record(header)
        np.testing.assert_array_equal(direct.counts, general.counts)
        np.testing.assert_array_equal(direct.physical, general.physical)
        assert (direct.names, direct.units, direct.fs) == (general.names, general.units, general.fs)
