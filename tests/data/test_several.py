"""Several stores as one: the same records, named by their store; what does not fit is refused."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.join import join
from ecglearn.data.store.learnable import learnable, missing
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.reading import Buffers
from ecglearn.data.store.store import Store
from ecglearn.data.store.together import open_stores, open_together
from ecglearn.evaluate.benchmark.compare import compare
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train import fit
from tests.data import layouts

MINE = Columns(
    "mine.csv",
    patient="patient",
    age="age",
    sex="sex",
    report="report",
    labels="labels",
    split="split",
)
SCHEMA = """
[labs.marker]
unit = "U/L"
limits = [0, 100]
reference = [10, 60]
"""


def made(folder: Path, name: str, seed: int, count: int, labels: str = "x", **options: Any) -> Path:
    """A store whose first record is shorter than the others."""
    place = folder / f"{name} files"
    place.mkdir()
    digital = layouts.signals(count + seed)[seed:]
    rows = []
    for k, counts in enumerate(digital):
        layouts.write(place, counts if k else counts[:4000], name=f"r{k}")
        part = ("train", "train", "test", "validation")[k % 4]
        text = f"report {k}" if k % 3 else ""
        rows.append((f"r{k}", f"p{k}", 40 + k, "male", text, labels if k % 3 else "", part))
    fields = ("record", "patient", "age", "sex", "report", "labels", "split")
    layouts.table(place / "mine.csv", fields, rows)
    source = folder_dataset(MINE)
    prepare(source, place, folder / name, workers=1, progress=False, **options)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("several")
    made(place, "a", 0, 8)
    made(place, "b", 20, 12)
    return place


@pytest.fixture
def both(folder) -> tuple[Any, Store, Store]:
    whole, _ = open_stores(f"{folder / 'a'},{folder / 'b'}")
    return whole, open_store(folder / "a"), open_store(folder / "b")


def same(batch, other):
    torch.testing.assert_close(batch.ecg, other.ecg)
    assert (batch.keep is None) == (other.keep is None)
    if batch.keep is not None:
        assert torch.equal(batch.keep, other.keep)
    assert batch.reports == other.reports
    torch.testing.assert_close(batch.table, other.table, equal_nan=True)
    assert torch.equal(batch.findings, other.findings)
    peaks = [[p for p in row.tolist() if p >= 0] for row in batch.r_peaks]
    assert peaks == [[p for p in row.tolist() if p >= 0] for row in other.r_peaks]


def test_records_are_those_of_the_stores(both):
    whole, a, b = both
    assert len(whole) == 20
    assert whole.names[:2] + whole.names[-1:] == ["a/r0", "a/r1", "b/r11"]
    assert whole.patients[8] == "b/p0"
    for rows in (slice(0, 8), np.arange(8)):
        same(whole[rows], a[:])
    same(whole[8:], b[:])
    mixed = whole[[9, 3, 8, 0]]
    assert mixed.names == ["b/r1", "a/r3", "b/r0", "a/r0"]
    for k, (store, row) in enumerate([(b, 1), (a, 3), (b, 0), (a, 0)]):
        same(
            mixed[k : k + 1], store[[row]].to("cpu") if mixed.keep is None else _kept(store[[row]])
        )
    assert mixed.index is not None
    assert mixed.index.tolist() == [9, 3, 8, 0]
    again = whole.read([9, 3, 8, 0], Buffers(2))
    same(again, mixed)
    assert whole.label_names == ("x",)
    np.testing.assert_array_equal(whole.labels, np.concatenate([a.labels, b.labels]))


def test_no_records_are_an_empty_batch(both):
    whole, first, _ = both
    nobody = whole[[]]
    assert len(nobody) == 0
    assert nobody.fs == first.fs


def _kept(batch):
    """With a map of what was observed, as a batch has it in which one record lacks something."""
    keep = batch.keep
    return replace(
        batch, keep=torch.ones_like(batch.ecg, dtype=torch.bool) if keep is None else keep
    )


def test_parts_and_choices(both):
    whole, a, b = both
    train = whole.split("train")
    assert len(train) == len(a.split("train")) + len(b.split("train"))
    assert set(train.index["split"]) == {"train"}
    kept, told = learnable(train, ["reports"])
    wanted = sum(bool(t) for t in (*a.split("train").reports, *b.split("train").reports))
    assert len(kept) == wanted < len(train)
    assert told == [f"left out: {len(train) - wanted} records without a report"]
    assert train.select(np.array([1, 0])).names == [train.names[1], train.names[0]]
    assert whole.digest() != train.digest()
    assert list(train.parts()) == ["a", "b"]
    with pytest.raises(StoreError, match="no record is in the part 'holiday'"):
        whole.split("holiday")


def test_a_report_of_blanks_is_none(both, monkeypatch):
    for records in both:
        nothing = [" \n", *[""] * (len(records) - 2)]
        monkeypatch.setattr(type(records), "reports", ["sinus rhythm", *nothing])
        assert records.with_reports().names == records.names[:1]
        monkeypatch.setattr(type(records), "reports", ["", *nothing])
        with pytest.raises(StoreError, match="no record here has a report"):
            replace(records).with_reports()


def test_a_weight_repeats_records_and_keeps_copies_apart(both):
    whole, a, b = both
    twice = whole.repeated({"a": 3})
    assert len(twice) == 3 * len(a) + len(b)
    counts = {name: twice.names.count(name) for name in twice.names}
    assert {counts[f"a/r{k}"] for k in range(8)} == {3}
    assert {counts[f"b/r{k}"] for k in range(12)} == {1}
    order = twice.order(Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(len(twice)))
    assert torch.equal(order, twice.order(Generator().manual_seed(0)))
    assert not torch.equal(order, twice.order(Generator().manual_seed(1)))
    # each third of an epoch sees each record of `a` once, and a third of those of `b`
    for seed in range(5):
        seen = [twice.names[k] for k in twice.order(Generator().manual_seed(seed))]
        for third in range(3):
            part = seen[12 * third : 12 * (third + 1)]
            mine = [name for name in part if name.startswith("a/")]
            assert abs(len(mine) - 8) <= 1
            assert len(mine) - len(set(mine)) <= 1
    for weights, said in (({"a": 0}, "1 to 100 times"), ({"c": 2}, "no store c")):
        with pytest.raises(StoreError, match=said):
            whole.repeated(weights)


def test_places_and_weights_as_text(folder):
    _, weights = open_stores(f"{folder / 'a'}=2, {folder / 'b'}")
    assert weights == {"a": 2, "b": 1}
    for text, said in (
        (f"{folder / 'a'},{folder / 'a'}", "names a store twice"),
        (f"{folder / 'a'}=0,{folder / 'b'}", "1 to 100 times"),
        (f"{folder / 'a'}=101,{folder / 'b'}", "1 to 100 times"),
        (f"{folder / 'a'},", "names a store twice, or none"),
        (f"{folder / 'a'},{folder / 'none'}", "has no store.json"),
    ):
        with pytest.raises(StoreError, match=said):
            open_stores(text)
    with pytest.raises(StoreError, match="weights are for training"):
        open_stores(f"{folder / 'a'}=2,{folder / 'b'}", weighted=False)


def test_stores_that_do_not_fit_together(folder, tmp_path):
    a = open_store(folder / "a")
    with pytest.raises(StoreError, match="two or more"):
        open_together({"a": a})
    with pytest.raises(StoreError, match="there twice among a, again"):
        open_together({"a": a, "again": open_store(folder / "a")})
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("fast", {"fs": 250}, r"a has fs 100 and fast 250: prepare"),
        ("raw", {"preprocess": "minmax"}, "'minmax'"),
        ("long", {"seconds": None}, "a has seconds 10 and long None"),
    ]
    for name, options, said in cases:
        other = open_store(made(tmp_path, name, 30, 4, **options))
        with pytest.raises(StoreError, match=said.replace("100 ", r"100(\.0)? ")):
            open_together({"a": a, name: other})


def test_a_record_in_two_stores_must_be_in_one_part(folder, tmp_path):
    """The signal counts, whatever its name and its patient."""
    copy = tmp_path / "copy files"
    shutil.copytree(folder / "a files", copy)
    table = (copy / "mine.csv").read_text()
    (copy / "mine.csv").write_text(table.replace("test", "train").replace("p2", "other"))
    prepare(folder_dataset(MINE), copy, tmp_path / "copy", workers=1, progress=False)
    stores = {"a": open_store(folder / "a"), "copy": open_store(tmp_path / "copy")}
    with pytest.raises(StoreError, match=r"2 records are in one part .* 'copy/r2' the first"):
        open_together(stores)


def test_other_labels_are_none_and_other_companions_are_refused(folder, tmp_path):
    c = made(tmp_path, "c", 40, 8, labels="y")
    whole, _ = open_stores(f"{folder / 'a'},{c}")
    assert whole.label_names == ()
    assert whole[:2].findings is None
    with pytest.raises(StoreError, match="label sets of these stores differ: a has x; c has y"):
        whole.lacks(["findings"])
    assert whole.lacks(["labs", "ecg"]) == ["labs"]
    layouts.table(tmp_path / "values.csv", ("record", "marker"), [("r1", "70"), ("r2", "5")])
    (tmp_path / "schema.toml").write_text(SCHEMA)
    join(c, values=tmp_path / "values.csv", schema=tmp_path / "schema.toml", workers=1)
    whole, _ = open_stores(f"{folder / 'a'},{c}")
    with pytest.raises(StoreError, match="values of these stores differ: a has none; c has marker"):
        whole.lacks(["labs"])
    d = made(tmp_path, "d", 50, 8, labels="y")
    join(d, values=tmp_path / "values.csv", schema=tmp_path / "schema.toml", workers=1)
    whole, _ = open_stores(f"{c},{d}")
    assert whole.lacks(["labs", "findings"]) == []
    labs = whole[[9, 1, 2, 0]].labs
    np.testing.assert_array_equal(labs, [[70], [70], [5], [np.nan]])
    assert missing(whole, ["labs"]) == [
        f"{name}: missing: 6 of 8 laboratory values; 6 of 8 records have none" for name in "cd"
    ]


def test_films_of_several_stores(tmp_path):
    loops = np.random.default_rng(0).integers(0, 255, (2, 6, 24, 24), np.uint8)
    stores = []
    for name, seed in (("e", 60), ("f", 70)):
        stores.append(made(tmp_path, name, seed, 4))
        np.save(tmp_path / f"{name}.npy", loops[len(stores) - 1])
        layouts.table(tmp_path / f"{name}.csv", ("record", "path"), [("r2", f"{name}.npy")])
        join(stores[-1], films=tmp_path / f"{name}.csv", workers=1)
    whole, _ = open_stores(",".join(map(str, stores)))
    seen = whole.with_films()
    assert seen.names == ["e/r2", "f/r2"]
    np.testing.assert_array_equal(seen[[1, 0]].cine, loops[::-1])
    assert whole[:].cine is None
    join(stores[1], films=tmp_path / "f.csv", phases=3, overwrite=True, workers=1)
    whole, _ = open_stores(",".join(map(str, stores)))
    with pytest.raises(StoreError, match="e has 6 phases of 24 pixels; f has 3"):
        whole.with_films()
    with pytest.raises(StoreError, match="films of these stores differ"):
        whole.lacks(["cine"])


def test_fit_and_compare_take_several_stores(both):
    whole, _, _ = both
    torch.manual_seed(0)
    merl = MERL(MERLConfig.preset("smoke"))
    train = whole.split("train").repeated({"a": 2})
    history = fit(merl, train, epochs=2, batch_size=4, progress="none")
    records = [bool(text) for text in train.reports]
    assert history.steps == 2 * (sum(records) // 4)
    table = compare(
        {"MERL": merl},
        whole,
        tasks=("probe", "missing"),
        least_cases=1,
        label_fractions=(1.0,),
        n_resamples=5,
    )
    assert set(table["model"]) == {"MERL", "MERL, untrained", "age and sex"}
    assert set(table["patients"]) == {len(whole.split("test"))}
