"""What a store gives back: the same batch as the records themselves, with gaps marked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.preprocess import clean_ecg, shortest_ecg
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.shards import gaps
from ecglearn.data.store.store import Store, open_store
from ecglearn.data.wfdb.record import read_record
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.signals.filters import denoise_wavelet, zscore
from ecglearn.signals.r_peaks import detect_r_peaks
from ecglearn.train import fit
from tests.data import layouts

INVALID = -32768
MINE = Columns("mine.csv", age="age", sex="sex", report="report", labels="labels", split="split")
FIELDS = ("record", "age", "sex", "report", "labels", "split")
ROWS = [
    ("whole", 50, "male", "sinus rhythm", "a", "train"),
    ("flat", "", "", "", "a;b", "train"),
    ("gap", 60, "female", "gaps", "", "test"),
    ("short", 70, "female", "short", "b", "validation"),
    ("long", 80, "male", "long", "c", "test"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("mine")
    digital = layouts.signals(5)
    digital[1][:, 7] = 0
    digital[2][1000:1500, 6] = INVALID
    digital[2][:250, 0] = INVALID
    longer = np.concatenate([digital[4], digital[4]])
    for row, counts in zip(ROWS, (*digital[:3], digital[3][:4000], longer), strict=True):
        layouts.write(place, counts, name=str(row[0]))
    layouts.table(place / "mine.csv", FIELDS, [list(row) for row in ROWS])
    return place


def made(folder: Path, out: Path, **options) -> Store:
    prepare(folder_dataset(MINE), folder, out, workers=1, progress=False, **options)
    return open_store(out)


@pytest.fixture(scope="module")
def store(folder, tmp_path_factory) -> Store:
    return made(folder, tmp_path_factory.mktemp("out") / "store")


def test_a_record_comes_back_as_the_chain_makes_it(folder, store):
    batch = store[[0]]
    record = read_record(folder / "whole")
    clean = clean_ecg(record.signal[None], record.fs, fs=100)
    wanted = zscore(clean, per="record")
    assert batch.keep is None
    assert batch.ecg.shape == (1, 12, 1000)
    # half a microvolt of rounding, as a share of the spread
    np.testing.assert_allclose(batch.ecg, wanted, atol=0.6e-3 / clean.std())
    assert batch.r_peaks is not None
    np.testing.assert_array_equal(batch.r_peaks[0], detect_r_peaks(clean[0], 100))


def test_loading_standardises_as_zscore_does_gaps_left_out(store):
    signals = np.frombuffer(store._signals, "<i2")
    batch = store[:]
    assert batch.keep is not None
    for row, (start, samples) in enumerate(
        zip(store._columns["start"], store._columns["samples"], strict=True)
    ):
        counts = signals[start : start + 12 * samples].reshape(1, 12, samples) / 1000
        wanted = zscore(counts, per="record", keep=batch.keep[[row], :, :samples].numpy())
        np.testing.assert_allclose(batch.ecg[[row], :, :samples], wanted, atol=1e-4)


def test_gaps_flat_leads_and_the_fill_are_marked_and_zero(store):
    batch = store[[1, 2, 3]]
    keep = batch.keep
    assert keep is not None
    assert not keep[0, 7].any()
    assert keep[0].sum() == 11 * 1000
    assert not keep[1, 6, 200:300].any()
    assert not keep[1, 0, :50].any()
    assert keep[1].sum() == 12_000 - 150
    assert keep[2, :, :800].all()
    assert not keep[2, :, 800:].any()
    assert (batch.ecg[~keep] == 0).all()
    assert store.index["samples"].tolist() == [1000, 1000, 1000, 800, 1000]
    assert "lead V2 is flat" in store.index["notes"][1]


def test_without_a_length_records_keep_theirs(folder, tmp_path):
    store = made(folder, tmp_path / "out", seconds=None)
    assert store.index["samples"].tolist() == [1000, 1000, 1000, 800, 2000]
    assert store[[0, 1]].ecg.shape[-1] == 1000
    batch = store[[0, 4]]
    assert batch.ecg.shape[-1] == 2000
    assert batch.keep is not None
    assert batch.keep.sum().item() == 12 * 3000


def test_at_the_rate_of_the_file_nothing_is_resampled(folder, tmp_path):
    store = made(folder, tmp_path / "out", fs=500)
    record = read_record(folder / "whole")
    clean = denoise_wavelet(record.signal)
    assert store.fs == 500
    wanted = zscore(clean, per="record")
    np.testing.assert_allclose(store[[0]].ecg[0], wanted, atol=0.6e-3 / clean.std())


def test_a_batch_carries_what_the_table_says(store):
    batch = store[[4, 0, 1]]
    assert batch.reports == ["long", "sinus rhythm", ""]
    assert batch.findings is not None
    assert batch.findings.tolist() == [
        [False, False, True],
        [True, False, False],
        [True, True, False],
    ]
    assert batch.table is not None
    assert batch.table[:2, 0].tolist() == [80, 50]
    assert batch.table[:2, -1].tolist() == [1, 1]
    assert batch.table[2].isnan()[1:-1].all()
    assert batch.index is not None
    assert batch.index.tolist() == [4, 0, 1]
    assert (batch.fs, batch.cine, batch.labs) == (100, None, None)


@pytest.mark.parametrize(
    "rows", [slice(1, 3), [1, 2], np.array([1, 2]), torch.tensor([1, 2]), slice(-4, -2)]
)
def test_rows_are_asked_for_in_any_way(store, rows):
    batch = store[rows]
    assert batch.reports == store[[1, 2]].reports
    assert torch.equal(batch.ecg, store[[1, 2]].ecg)
    assert store[torch.tensor([1])].ecg.shape[0] == 1
    with pytest.raises(IndexError):
        store[[5]]


def test_parts_are_views_that_remember_their_place(store):
    test = store.split("test")
    assert len(test) == 2
    assert test.index["record"].tolist() == ["gap", "long"]
    assert test.patients.tolist() == ["gap", "long"]
    assert test[:].index is not None
    assert test[[1]].index.tolist() == [4]
    assert test.labels.tolist() == store.labels[[2, 4]].tolist()
    labelled = store.select(store.labels.any(1))
    assert labelled.index["record"].tolist() == ["whole", "flat", "short", "long"]
    assert labelled.select(np.array([2])).reports == ["short"]
    with pytest.raises(StoreError, match="no record is in the part 'exam'"):
        store.split("exam")
    with pytest.raises(StoreError, match="no label set 'csn' in this store; it has labels"):
        store.with_labels("csn")


def test_the_store_says_where_it_comes_from(store):
    about = store.about
    assert about["records"] == 5
    assert about["splits"] == {"test": 2, "train": 2, "validation": 1}
    assert about["licence"]
    assert about["citation"]
    assert "z-score when loaded" in about["cleaned"]


def test_training_takes_a_store_as_it_is(tmp_path):
    folder = layouts.ptbxl(tmp_path / "ptbxl", 8)
    prepare("ptbxl-100", folder, tmp_path / "out", workers=1, progress=False)
    torch.manual_seed(0)
    method = MERL(MERLConfig.preset("smoke"))
    history = fit(method, open_store(tmp_path / "out"), epochs=2, batch_size=4, progress=False)
    assert history.steps == 4
    assert np.isfinite(history.curve()).all()


def test_gaps_are_stretches():
    seen = np.ones((3, 6), bool)
    seen[0, [0, 1, 4]] = False
    seen[2, 5] = False
    assert gaps(seen).reshape(-1, 3).tolist() == [[0, 0, 2], [0, 4, 5], [2, 5, 6]]
    assert gaps(np.ones((3, 6), bool)).size == 0
    assert gaps(np.zeros((1, 4), bool)).tolist() == [0, 0, 4]


@pytest.mark.parametrize("fs", [100, 250, 500])
def test_the_shortest_record_passes_the_filter_and_one_sample_less_does_not(fs):
    ecg = np.random.default_rng(0).normal(size=(1, 12, shortest_ecg(fs)))
    assert clean_ecg(ecg, fs, fs=fs).shape == ecg.shape
    with pytest.raises(ValueError, match="levels"):
        clean_ecg(ecg[..., 1:], fs, fs=fs)


def damaged(folder: Path, tmp_path: Path) -> Path:
    made(folder, tmp_path / "out")
    return tmp_path / "out"


def test_a_damaged_store_is_refused(folder, tmp_path):
    out = damaged(folder, tmp_path)
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    about = json.loads(whole["store.json"])
    for name, content, words in (
        ("signals", whole["signals"][:-2], "do not belong together"),
        ("index.parquet", whole["index.parquet"][:-20], "damaged"),
        ("index.parquet", b"not a table", "damaged"),
        ("store.json", b"{", "damaged"),
        ("store.json", b"\xff", "damaged"),
        ("store.json", b"[]", "no description of a store"),
        ("store.json", json.dumps(about | {"version": 2}).encode(), "format 2"),
        ("store.json", json.dumps(about | {"records": 4}).encode(), "do not belong together"),
    ):
        (out / name).write_bytes(content)
        with pytest.raises(StoreError, match=words):
            open_store(out)
        (out / name).write_bytes(whole[name])
    open_store(out)
    (out / "signals").unlink()
    with pytest.raises(StoreError, match="has no signals: it is no store"):
        open_store(out)
    shutil.rmtree(out)
    with pytest.raises(StoreError, match="it is no store"):
        open_store(out)
