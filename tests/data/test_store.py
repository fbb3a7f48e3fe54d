"""What a store gives back: the same batch as the records themselves, with gaps marked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from ecglearn.data.batch import ECGBatch
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.preprocess import clean_ecg, shortest_ecg
from ecglearn.data.store.format import StoreError, about_digest, facts
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.reading import Buffers
from ecglearn.data.store.shards import gaps
from ecglearn.data.store.store import Store
from ecglearn.data.store.verify import check_store
from ecglearn.data.wfdb.record import read_record
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.registry import create
from ecglearn.signals.filters import denoise_wavelet, resample, zscore
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


def without(about, name):
    return {key: value for key, value in about.items() if key != name}


def resealed(about) -> bytes:
    return json.dumps(about | {"digest": about_digest(about)}).encode()


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
        ("store.json", b"[" * 100_000, "damaged"),
        ("store.json", b"[]", "no description of a store"),
        ("store.json", json.dumps(about | {"version": 3}).encode(), "format 3"),
        ("store.json", json.dumps(about | {"records": 4}).encode(), "damaged, or was edited"),
        ("store.json", json.dumps(about | {"records": -4}).encode(), "records is -4: it should be"),
        ("store.json", json.dumps(about | {"rate": 4}).encode(), "rate is 4: Extra inputs"),
        ("store.json", json.dumps(without(about, "fs")).encode(), "fs: Field required"),
        ("store.json", json.dumps(about | {"fs": "fast"}).encode(), "fs is 'fast': it should be"),
        ("store.json", resealed(about | {"leads": ["I"]}), "other leads"),
        ("store.json", resealed(about | {"records": 4}), "impossible values in records"),
        ("store.json", resealed(about | {"seconds": 2}), "impossible values in seconds"),
        ("store.json", resealed(about | {"fs": 50}), "impossible values in seconds"),
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


def test_signals_of_another_store_are_never_used(folder, tmp_path):
    """Of the same size, so that only their content tells."""
    out = damaged(folder, tmp_path)
    assert len(check_store(out, full=True)) == 5
    whole = (out / "signals").read_bytes()
    (out / "signals").write_bytes(whole[::-1])
    check_store(out)
    store = open_store(out)
    with pytest.raises(StoreError, match="the signal of record 'whole' is not what was written"):
        store[:]
    with pytest.raises(StoreError, match="in 5 of 5 records"):
        check_store(out, full=True)
    changed = bytearray(whole)
    changed[-1] ^= 1
    (out / "signals").write_bytes(changed)
    store = open_store(out)
    assert len(store[:4]) == 4
    with pytest.raises(StoreError, match="record 'long'"):
        store.select(np.array([4]))[:]
    with pytest.raises(StoreError, match=r"in 1 of 5 records \(long\)"):
        check_store(out, full=True)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("std", [-1.0] * 5),
        ("mean", [np.nan] * 5),
        ("samples", [0] * 5),
        ("r_peaks", [[10**6]] * 5),
        ("gaps", [[12, 0, 1]] * 5),
        ("gaps", [[0, 1]] * 5),
        ("labels labels", [["z"]] * 5),
    ],
)
def test_an_index_with_impossible_values_is_refused(folder, tmp_path, column, values):
    """Also where the digest is right: as a program of someone else would write it."""
    import pyarrow as pa
    from pyarrow import parquet

    out = damaged(folder, tmp_path)
    table = parquet.read_table(out / "index.parquet")
    place = table.column_names.index(column)
    field = table.schema.field(column)
    table = table.set_column(place, field, pa.array(values, field.type))
    parquet.write_table(table, out / "index.parquet")
    with pytest.raises(StoreError, match="damaged, or that of another store"):
        open_store(out)
    about = json.loads((out / "store.json").read_text())
    about["files"]["index.parquet"] = facts(out / "index.parquet")
    (out / "store.json").write_bytes(resealed(about))
    with pytest.raises(StoreError, match=f"impossible values in .*{column}"):
        open_store(out)
    renamed = table.rename_columns(["x", *table.column_names[1:]])
    parquet.write_table(renamed, out / "index.parquet")
    about["files"]["index.parquet"] = facts(out / "index.parquet")
    (out / "store.json").write_bytes(resealed(about))
    with pytest.raises(StoreError, match="other columns"):
        open_store(out)


def test_a_changed_list_of_refusals_is_found_by_check(folder, tmp_path):
    out = damaged(folder, tmp_path)
    (out / "refused.csv").write_text("record,reason\n")
    open_store(out)
    with pytest.raises(StoreError, match=r"refused\.csv is not what was written"):
        check_store(out)


def test_records_as_they_are_scaled_to_one(folder, store, tmp_path):
    """As the public code of MERL and DERI reads them: unfiltered, by least and greatest sample."""
    raw = made(folder, tmp_path / "store", preprocess="minmax")
    assert (store.preprocess, raw.preprocess) == ("standard", "minmax")
    batch = raw[:]
    assert batch.preprocess == "minmax"
    records = [read_record(folder / name) for name in raw.index["record"]]
    direct = ECGBatch.from_records(records, fs=100, preprocess="minmax")
    torch.testing.assert_close(batch.ecg, direct.ecg, atol=1e-3, rtol=0)
    first = resample(records[0].signal, 500, 100)
    expected = (first - first.min()) / (first.max() - first.min())
    np.testing.assert_allclose(batch.ecg[0].numpy(), expected, atol=1e-3)
    with pytest.raises(ValueError, match="preprocess='standard'"):
        create("merl", "smoke").embed(batch)
    released = create("merl", "smoke", preprocess="minmax")
    assert released.embed(batch).shape == (len(raw), 32)
    with pytest.raises(ValueError, match="preprocess='minmax'"):
        released.embed(store[:])
    with pytest.raises(
        (StoreError, TypeCheckError), match=r"preprocess is standard or minmax|none"
    ):
        made(folder, tmp_path / "other", preprocess="none")


def test_memory_that_is_used_again_gives_the_same_batches(store):
    """Short records, gaps and all; a batch stands until `count` others were read."""
    rows = [np.array([4, 0]), np.array([1, 3, 2]), np.array([2]), np.array([3, 0])]
    buffers, integers = Buffers(2), Buffers(2)
    earlier = None
    for some in rows:
        fresh = store[some]
        again = store.read(some, buffers)
        scaled = store.counts(some, integers).to("cpu")
        for other in (again, scaled):
            assert torch.equal(other.ecg, fresh.ecg)
            assert (other.keep is None) == (fresh.keep is None)
            assert other.keep is None or torch.equal(other.keep, fresh.keep)
            assert (other.names, other.reports, other.fs) == (
                fresh.names,
                fresh.reports,
                fresh.fs,
            )
            assert torch.equal(other.r_peaks, fresh.r_peaks)
        if earlier is not None:
            assert torch.equal(earlier[0].ecg, earlier[1].ecg)
        earlier = fresh, again
    single = Buffers()
    place = store.read([0], single).ecg.data_ptr()
    assert store.read([1], single).ecg.data_ptr() == place
    assert store.read([1], buffers).ecg.data_ptr() != place
    with pytest.raises(ValueError, match="holds none"):
        Buffers(0)


def test_integers_take_half_the_memory_and_know_their_scale(store):
    found = store.counts([0, 1])
    assert found.counts.dtype == torch.int16
    assert len(found) == 2
    ecg = (found.counts.double() - found.mean[:, None, None]) * found.scale[:, None, None]
    fresh = store[[0, 1]]
    seen = torch.ones_like(fresh.ecg, dtype=torch.bool) if fresh.keep is None else fresh.keep
    torch.testing.assert_close(ecg.float()[seen], fresh.ecg[seen])
