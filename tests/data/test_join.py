"""Companions of a store: joined by name, counted where missing, refused where wrong."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.own_columns import OwnColumns, read_columns
from ecglearn.data.clinical.schema import ClinicalError, lab_flags
from ecglearn.data.datasets.csv_rows import TableError
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.film import Film
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.join import join
from ecglearn.data.store.learnable import learnable, missing
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.remote import fetch_store
from ecglearn.data.store.verify import check_store
from ecglearn.provenance import data_digest
from tests.data import layouts

NAMES = ("a", "b", "c", "d")
SCHEMA = """
diagnoses = ["sepsis"]

[labs.lactate]
unit = "mmol/L"
limits = [0, 40]
reference = [0.5, 2.0]

[labs."c-reactive protein"]
unit = "mg/L"
limits = [0, 1000]
reference = [0, 5]

[vitals.heart_rate]
unit = "1/min"
limits = [10, 350]
"""
VALUES = [
    ("record", "sepsis", "lactate", "c-reactive protein", "heart_rate", "unused"),
    ("d", "", "", "", "", "text"),  # not in the order of the store
    ("a", "1", "2.5", "4", "80", ""),
    ("b", "0", "0.25", "", "75.5", ""),
]


def table(path: Path, rows: Any) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def film(seed: int, phases: int = 6, side: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (phases, side, side), np.uint8)


@pytest.fixture
def place(tmp_path) -> Path:
    """A store of four records, films of three, and a schema."""
    digital = layouts.signals(4)
    (tmp_path / "in").mkdir()
    for name, counts in zip(NAMES, digital, strict=True):
        layouts.write(tmp_path / "in", counts, name=name)
    rows = [
        ("a", 60, "male", "x"),
        ("b", 50, "female", "x;y"),
        ("c", "", "", ""),
        ("d", 40, "", "y"),
    ]
    layouts.table(tmp_path / "in" / "mine.csv", ("record", "age", "sex", "labels"), rows)
    columns = Columns("mine.csv", age="age", sex="sex", labels="labels")
    source = folder_dataset(columns)
    prepare(source, tmp_path / "in", tmp_path / "store", workers=1, progress=False)
    (tmp_path / "loops").mkdir()
    for k, name in enumerate("abc"):
        np.save(tmp_path / "loops" / f"{name}.npy", film(k))
    rows = [("record", "path", "rate"), *((n, f"loops/{n}.npy", 6) for n in "cab"), ("d", "", "")]
    table(tmp_path / "films.csv", rows)
    table(tmp_path / "values.csv", VALUES)
    (tmp_path / "schema.toml").write_text(SCHEMA)
    return tmp_path


def joined(place: Path, **options: Any) -> Any:
    options = {"workers": 1} | options
    done = join(place / "store", **options)
    return done, open_store(place / "store")


def both(place: Path) -> dict[str, Any]:
    files = {"films": "films.csv", "values": "values.csv", "schema": "schema.toml"}
    return {name: place / file for name, file in files.items()}


def reasons(place: Path) -> list[tuple[str, ...]]:
    with (place / "store" / "not_joined.csv").open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_films_come_back_by_name(place):
    done, store = joined(place, films=place / "films.csv")
    assert (done.films, done.phases, done.faults, done.records) == (3, 6, 0, 4)
    assert "3 with a film of 6 phases, 1 without" in str(done)
    assert store.has_film.tolist() == [True, True, True, False]
    assert store[:].cine is None  # not read unless asked for
    seen = store.with_films()
    assert seen.names == ["a", "b", "c"]
    batch = seen[[2, 0]]
    assert batch.cine is not None
    np.testing.assert_array_equal(batch.cine, np.stack([film(2), film(0)]))
    counts = seen.counts(np.array([1])).to("cpu")
    assert counts.cine is not None
    np.testing.assert_array_equal(counts.cine[0], film(1))
    with pytest.raises(StoreError, match="no record here has a film"):
        store.select(np.array([3])).with_films()


def test_values_come_back_by_name_and_missing_ones_are_missing(place):
    done, store = joined(place, values=place / "values.csv", schema=place / "schema.toml")
    wanted = {"lactate": 2, "c-reactive protein": 1, "heart_rate": 2, "sepsis": 2}
    assert done.values == wanted
    assert done.films is None
    assert "heart_rate: 2 known, 2 missing" in str(done)
    batch = store[:]
    nan = np.nan
    np.testing.assert_array_equal(batch.labs, [[2.5, 4], [0.25, nan], [nan, nan], [nan, nan]])
    np.testing.assert_array_equal(batch.diagnoses, [[1], [0], [nan], [nan]])
    assert batch.table_names == ("age", "heart_rate", "male")
    np.testing.assert_array_equal(
        batch.table, [[60, 80, 1], [50, 75.5, 0], [nan, nan, nan], [40, nan, nan]]
    )
    assert batch.diagnosis_names == ("sepsis",)
    assert [c.name for c in batch.lab_columns] == ["lactate", "c-reactive protein"]
    assert batch.labs is not None
    flags = lab_flags(batch.labs, batch.lab_columns)
    np.testing.assert_array_equal(flags[:2], [[0, 1, 0, 0], [1, 0, nan, nan]])
    # in another order, and of a part
    np.testing.assert_array_equal(store.select(np.array([1, 0]))[[0]].labs, [[0.25, nan]])


def test_diagnoses_may_be_a_label_set_of_the_store(place):
    (place / "schema.toml").write_text(SCHEMA.replace('["sepsis"]', '"labels"'))
    _, store = joined(place, values=place / "values.csv", schema=place / "schema.toml")
    batch = store[[1, 2]]
    assert batch.diagnosis_names == ("x", "y")
    np.testing.assert_array_equal(batch.diagnoses, [[True, True], [False, False]])
    (place / "schema.toml").write_text(SCHEMA.replace('["sepsis"]', '"icd"'))
    with pytest.raises(StoreError, match="no label set 'icd'; it has labels"):
        joined(place, values=place / "values.csv", schema=place / "schema.toml", overwrite=True)


def test_without_any_age_the_table_has_none(place):
    _, store = joined(place, values=place / "values.csv", schema=place / "schema.toml")
    part = store.select(np.array([2]))  # nobody here, somebody in the store
    assert part[[0]].table_names == ("age", "heart_rate", "male")
    rows = [("record", "labels"), *((name, "x") for name in NAMES)]
    table(place / "in" / "mine.csv", rows)
    columns = Columns("mine.csv", labels="labels")
    # headers of these records say an age too: leave it out
    for path in (place / "in").glob("*.hea"):
        kept = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        path.write_text("\n".join(kept) + "\n")
    source = folder_dataset(columns)
    prepare(source, place / "in", place / "ageless", workers=1, progress=False)
    join(place / "ageless", values=place / "values.csv", schema=place / "schema.toml", workers=1)
    assert open_store(place / "ageless")[[0]].table_names == ("heart_rate", "male")


def test_every_fault_is_listed_and_nothing_guessed(place):
    np.save(place / "loops" / "b.npy", np.zeros((6, 24, 24), np.uint8))
    table(
        place / "films.csv",
        [
            ("record", "path", "rate", "slice"),
            ("a", "loops/a.npy", "6", ""),
            ("a", "loops/c.npy", "6", ""),
            ("b", "loops/b.npy", "6", ""),
            ("c", "../loops/c.npy", "6", ""),
            ("d", "loops/a.npy", "fast", ""),
            ("e", "loops/a.npy", "6", ""),
        ],
    )
    table(
        place / "values.csv",
        [
            *VALUES[:2],
            ("a", "0.5", "<0.01", "1001", "nan", ""),
            ("b", "1", "1.5", "3", "75", ""),
            ("b", "0", "1.5", "3", "75", ""),
            ("f", "0", "1.5", "3", "75", ""),
        ],
    )
    done, store = joined(place, **both(place))
    found = reasons(place)
    assert done.faults == len(found) == 11
    assert done.films == 1
    by = {(record, what): reason for record, what, reason in found}
    assert "comes twice" in by["a", "film"]
    assert "all the same" in by["b", "film"]
    assert "leaves the folder" in by["c", "film"]
    assert "'fast'" in by["d", "film"]
    assert by["e", "film"] == by["f", "values"] == "the store has no such record"
    assert by["a", "sepsis"] == "a diagnosis is 1, 0 or empty, not 0.5"
    assert by["a", "lactate"] == "'<0.01' is no number"
    assert by["a", "c-reactive protein"] == "1001 mg/L is outside the limits 0 to 1000"
    assert "outside" in by["a", "heart_rate"]
    assert "comes twice" in by["b", "values"]
    batch = store[:]
    assert batch.labs is not None
    assert torch.isnan(batch.labs[0]).all()
    assert batch.labs[1].tolist() == [1.5, 3]


def test_a_value_at_its_limit_is_possible(place):
    rows = [VALUES[0], ("a", "1", "0", "1000", "10", ""), ("b", "0", "40", "0", "350", "")]
    rows += [("c", "1_0", "-0.5", "", "9.5", ""), ("d", "", "40.5", "", "351", "")]
    table(place / "values.csv", rows)
    done, store = joined(place, values=place / "values.csv", schema=place / "schema.toml")
    np.testing.assert_array_equal(store[[0, 1]].labs, [[0, 1000], [40, 0]])
    seen = store[:].table
    assert seen is not None
    np.testing.assert_array_equal(seen[:, 1], [10, 350, np.nan, np.nan])
    assert done.values == {"lactate": 2, "c-reactive protein": 2, "heart_rate": 2, "sepsis": 2}
    assert sorted(reasons(place)) == [  # a sign first would be a formula in a spreadsheet
        ("c", "heart_rate", "9.5 1/min is outside the limits 10 to 350"),
        ("c", "lactate", "'-0.5 mmol/L is outside the limits 0 to 40"),
        ("c", "sepsis", "'1_0' is no number"),
        ("d", "heart_rate", "351 1/min is outside the limits 10 to 350"),
        ("d", "lactate", "40.5 mmol/L is outside the limits 0 to 40"),
    ]


def test_a_slice_and_a_rate_are_those_of_the_line(place):
    nibabel: Any = pytest.importorskip("nibabel")
    both = np.stack([film(0).transpose(2, 1, 0), film(1).transpose(2, 1, 0)], 2)
    nibabel.Nifti1Image(both, np.eye(4)).to_filename(place / "loops" / "two.nii.gz")
    rows = [("record", "path", "rate", "slice"), ("a", "loops/two.nii.gz", "6", "1")]
    rows += [("b", "loops/two.nii.gz", "", "0"), ("c", "loops/two.nii.gz", "", "0_1")]
    rows += [("d", "loops/two.nii.gz", "", "first")]
    table(place / "films.csv", rows)
    done, store = joined(place, films=place / "films.csv")
    assert (done.films, done.faults) == (2, 2)
    said = {name: why for name, _, why in reasons(place)}
    assert said["c"] == "rate '' or slice '0_1' is no number"
    assert said["d"] == "rate '' or slice 'first' is no number"
    assert store.companions is not None
    np.testing.assert_array_equal(store.with_films()[:].cine, np.stack([film(1), film(0)]))


def test_films_that_differ_need_a_word(place):
    np.save(place / "loops" / "c.npy", film(9, phases=12, side=48))
    with pytest.raises(StoreError, match="differ: 6, 12 phases; say with `phases`"):
        joined(place, films=place / "films.csv")
    with pytest.raises(StoreError, match=r"differ: 24, 48 pixels .* `size`"):
        joined(place, films=place / "films.csv", phases=6)
    assert open_store(place / "store").companions is None  # nothing half done
    done, store = joined(place, films=place / "films.csv", phases=3, size=12)
    assert done.films == 3
    cine = store.with_films()[:].cine
    assert cine is not None
    assert cine.shape == (3, 3, 12, 12)
    np.testing.assert_array_equal(cine[2], Film(film(9, 12, 48)).fitted(3, 12))
    done, _ = joined(place, films=place / "films.csv", phases=12, size=24, overwrite=True)
    assert (done.films, done.faults) == (1, 2)
    with pytest.raises(StoreError, match="no film of 99 phases"):
        joined(place, films=place / "films.csv", phases=99, size=24, overwrite=True)


def test_a_film_that_changed_is_refused(place):
    joined(place, films=place / "films.csv")
    np.save(place / "loops" / "b.npy", film(7))
    store = open_store(place / "store").with_films()
    assert store[[0]].cine is not None
    with pytest.raises(StoreError, match="film of record 'b' is not the one that was joined"):
        store[[1]]
    with pytest.raises(StoreError, match=r"1 films are not those that were joined \(b\)"):
        check_store(place / "store", full=True)
    check_store(place / "store")
    (place / "loops" / "a.npy").unlink()
    with pytest.raises(StoreError, match=r"film of record 'a' cannot be used any more \(a.npy"):
        open_store(place / "store").with_films()[[0]]


def test_companions_belong_to_their_store(place):
    joined(place, **both(place))
    with pytest.raises(StoreError, match="has companions already"):
        joined(place, films=place / "films.csv")
    about = place / "store" / "companions.json"
    written = about.read_text()
    about.write_text(written.replace("lactate", "lactose"))
    with pytest.raises(StoreError, match="damaged, or was edited"):
        open_store(place / "store")
    open_store(place / "store", companions=False)
    about.write_text(written)
    index = place / "store" / "companions.parquet"
    index.write_bytes(index.read_bytes()[:-1] + b"\0")
    with pytest.raises(StoreError, match="join the companions again"):
        open_store(place / "store")
    joined(place, **both(place), overwrite=True)
    (place / "store" / "not_joined.csv").write_text("")
    with pytest.raises(StoreError, match=r"not_joined\.csv is not what was written"):
        check_store(place / "store")
    other = json.loads(about.read_text())
    assert other["store"] == json.loads((place / "store" / "store.json").read_text())["digest"]
    source = folder_dataset(Columns("mine.csv"))
    prepare(source, place / "in", place / "second", workers=1, progress=False)
    for name in ("companions.json", "companions.parquet"):
        (place / "second" / name).write_bytes((place / "store" / name).read_bytes())
    with pytest.raises(StoreError, match="belongs to another store"):
        open_store(place / "second")


def test_parts_of_ones_own(place):
    rows = [("record", "split"), ("a", "test"), ("b", "train"), ("c", ""), ("d", "holiday")]
    done, store = joined(place, splits=table(place / "splits.csv", rows))
    assert done.splits == {"train": 1, "validation": 0, "test": 1}
    assert "parts: train 1, validation 0, test 1, 2 in none" in str(done)
    assert reasons(place) == [("d", "split", "'holiday' is none of train, validation, test")]
    assert store.split("test").names == ["a"]
    assert store.split("train").names == ["b"]
    assert store.index["split"].tolist() == ["test", "train", "", ""]
    with pytest.raises(StoreError, match="no record is in the part 'validation'; there are"):
        store.split("validation")
    # other companions keep theirs, and nothing else changes
    assert store[[0]].labs is None
    assert not store.has_film.any()
    table(place / "splits.csv", [("record", "split"), ("z", "test")])
    with pytest.raises(StoreError, match="names no part of a record"):
        joined(place, splits=place / "splits.csv", overwrite=True)


def test_parts_of_ones_own_in_python(place):
    store = open_store(place / "store")
    other = store.with_splits({"a": "train", "c": "test"})
    assert other.split("train").names == ["a"]
    assert other.select(np.array([2, 3])).index["split"].tolist() == ["test", ""]
    for parts, said in (
        ({"a": "exam"}, "'exam' is none of"),
        ({"z": "test"}, "1 records are not here, 'z'"),
    ):
        with pytest.raises(StoreError, match=said):
            store.with_splits(parts)
    one = {"record": "record", "patient": "patient"}
    layouts.table(place / "in" / "two.csv", tuple(one), [(n, "p") for n in NAMES])
    source = folder_dataset(Columns("two.csv", **one))
    prepare(source, place / "in", place / "second", workers=1, progress=False)
    with pytest.raises(StoreError, match="patient p is in train and in test: split by patient"):
        open_store(place / "second").with_splits({"a": "train", "b": "test"})


def test_what_cannot_be_joined(place):
    with pytest.raises(StoreError, match="nothing to join"):
        joined(place)
    with pytest.raises(StoreError, match="belong together"):
        joined(place, values=place / "values.csv")
    with pytest.raises(StoreError, match="is no store on this disk"):
        join(place / "in", films=place / "films.csv")
    with pytest.raises(StoreError, match="there is no table"):
        joined(place, films=place / "none.csv")
    table(place / "values.csv", [("record", "lactate"), ("a", "1")])
    with pytest.raises(TableError, match="no column c-reactive protein, heart_rate, sepsis"):
        joined(place, values=place / "values.csv", schema=place / "schema.toml")
    table(place / "values.csv", [VALUES[0], ("z", "", "1", "", "", "")])
    with pytest.raises(StoreError, match="no value of a record of this store"):
        joined(place, values=place / "values.csv", schema=place / "schema.toml")
    table(place / "films.csv", [("record", "path"), ("z", "loops/a.npy")])
    with pytest.raises(StoreError, match="no film of a record of this store"):
        joined(place, films=place / "films.csv")


def test_who_can_learn_and_what_is_missing(place):
    joined(place, **both(place))
    store = open_store(place / "store")
    assert store.lacks(["ecg", "cine", "labs", "diagnoses", "phenotypes"]) == ["phenotypes"]
    kept, told = learnable(store, ["ecg", "cine"])
    assert (len(kept), told) == (3, ["left out: 1 records without a film"])
    assert kept[[0]].cine is not None
    assert learnable(store, ["ecg", "labs"]) == (store, [])
    assert missing(store, ["labs", "table", "diagnoses"]) == [
        "missing: 5 of 8 laboratory values; 2 of 4 records have none",
        "missing: 2 of 4 vital signs; 2 of 4 records have none",
        "missing: 2 of 4 diagnoses; 2 of 4 records have none",
    ]
    assert missing(open_store(place / "store", companions=False), ["labs"]) == []


def test_a_digest_of_records_says_what_their_batches_hold(place):
    _, before = joined(place, **both(place))
    assert data_digest(before) == data_digest(open_store(place / "store"))
    assert before.digest() != before.with_films().digest()
    assert before.digest() != before.select(np.array([0])).digest()
    assert before.digest() != open_store(place / "store", companions=False).digest()
    table(place / "values.csv", [*VALUES[:2], ("a", "1", "2.75", "4", "80", "")])
    _, after = joined(place, **both(place), overwrite=True)
    assert before.digest() != after.digest()


def test_a_copy_far_away_has_its_companions(place):
    joined(place, **both(place))
    folder, _ = fetch_store(f"file://{place / 'store'}")
    assert (folder / "companions.json").is_file()
    labs = open_store(f"file://{place / 'store'}")[[0]].labs
    np.testing.assert_array_equal(labs, [[2.5, 4]])


# the schema file


def test_json_says_the_same_as_toml(tmp_path):
    (tmp_path / "one.toml").write_text(SCHEMA)
    columns = read_columns(tmp_path / "one.toml")
    (tmp_path / "two.json").write_text(json.dumps(columns.described()))
    assert read_columns(tmp_path / "two.json") == columns
    lactate = columns.labs[0]
    assert (lactate.possible, lactate.reference) == ((0, 40), (0.5, 2.0))
    assert columns.vitals[0].reference is None
    assert columns.diagnoses == ("sepsis",)
    assert [c.name for c in columns.every][-2:] == ["heart_rate", "sepsis"]
    assert isinstance(columns, OwnColumns)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"mmol/L"', "5"), "labs.lactate.unit"),
        (("[0, 40]", "[40, 0]"), "the lower comes first"),
        (("[10, 350]", "[40, 40]"), "limits of heart_rate are .40.0, 40.0., and the lower"),
        (("[0.5, 2.0]", "[2.0, 0.5]"), "reference of lactate are .*, and the lower comes first"),
        (("[0.5, 2.0]", "[2.0, 2.0]"), "the lower comes first"),
        (("[0.5, 2.0]", "[-1, 2.0]"), "not within its limits"),
        (("[0.5, 2.0]", "[0, 40]"), ""),
        (("[0.5, 2.0]", "[0.5, 200]"), "not within its limits"),
        (("reference = [0.5, 2.0]\n", ""), "labs.lactate.reference"),
        (("vitals.heart_rate", "vitals.lactate"), "names lactate twice"),
        (("vitals.heart_rate", "vitals.age"), "which the store knows"),
        (("[0, 40]", "[0, inf]"), "limits"),
        (("[vitals", "[signs"), "signs"),
        (("diagnoses = [", "diagnoses = ["), ""),
        (("[labs.lactate]", "[labs.lactate"), "no schema file that can be read"),
    ],
)
def test_a_schema_that_is_none(tmp_path, change, said):
    path = tmp_path / "schema.toml"
    path.write_text(SCHEMA.replace(*change))
    if not said:
        read_columns(path)
        return
    with pytest.raises(ClinicalError, match=said) as fault:
        read_columns(path)
    assert "\n" not in str(fault.value)


def test_a_schema_of_nothing_or_of_another_kind(tmp_path):
    for name, text, said in (
        ("a.toml", 'diagnoses = "labels"', "names no column"),
        ("a.json", "[1]", "no schema file"),
        ("a.yaml", "", "ends in .toml or .json"),
        ("a.json", "{", "can be read"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ClinicalError, match=said):
            read_columns(tmp_path / name)


def test_a_batch_of_simulated_patients_names_its_columns():
    from ecglearn.cohort import DIAGNOSES, simulate

    batch = ECGBatch.from_cohort(simulate(2, seed=0, frames=2))
    assert batch.table is not None
    assert len(batch.table_names) == batch.table.shape[1]
    assert batch.table_names[-1] == "male"
    assert batch.diagnosis_names == DIAGNOSES
