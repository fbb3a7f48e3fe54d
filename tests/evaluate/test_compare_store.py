"""`compare` on a store: its parts, labels and wordings, a second store, intervals over patients."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ecglearn.cli import main
from ecglearn.cohort import simulate
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.store.join import join
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.store import Store
from ecglearn.errors import InputError
from ecglearn.evaluate import Split, auroc_intervals, fit_probe, macro_auroc
from ecglearn.evaluate.benchmark.compare import TASKS, compare
from ecglearn.evaluate.benchmark.frozen_model import AgeAndSex
from ecglearn.evaluate.benchmark.store_part import StorePart
from ecglearn.evaluate.prompts import PromptError
from ecglearn.methods.merl import MERL, MERLConfig
from tests.data import layouts
from tests.data.constructed import constructed_pairs

CLASSES = ("broad", "fast", "late")
PROMPTS = {"broad": ["a broad complex"], "fast": ["a fast rhythm"], "late": ["a late beat"]}
MINE = Columns(
    "mine.csv",
    patient="patient",
    age="age",
    sex="sex",
    report="report",
    labels="labels",
    split="split",
)
OPTIONS: dict[str, Any] = {"least_cases": 3, "n_resamples": 20, "label_fractions": (1.0,)}


def asked(**more: Any) -> dict[str, Any]:
    return OPTIONS | more


def made(place: Path, count: int, seed: int, classes=CLASSES, shift: int = 0) -> Store:
    """Records of which each second is of the same patient; the class follows from the number."""
    (place / "in").mkdir(parents=True)
    digital = np.round(1000 * np.repeat(simulate(count, seed=seed).ecg, 5, axis=-1)).astype(int)
    rows = []
    for k, counts in enumerate(digital.transpose(0, 2, 1)):
        layouts.write(place / "in", counts, name=f"r{seed}-{k}")
        number = k // 2
        part = ("train", "validation", "test")[number % 3]
        labels = [name for j, name in enumerate(classes) if (number // 3 + j + shift) % 3 == 0]
        text = "; ".join(labels) if k % 4 else ""
        sex = ("male", "female")[number % 2]
        rows.append((f"r{seed}-{k}", f"p{number}", 40 + number, sex, text, ";".join(labels), part))
    fields = ("record", "patient", "age", "sex", "report", "labels", "split")
    layouts.table(place / "in" / "mine.csv", fields, rows)
    prepare(folder_dataset(MINE), place / "in", place / "out", workers=1, progress=False)
    return open_store(place / "out")


class Told:
    """Was told the classes, and what their wordings mean."""

    def embed(self, batch):
        return batch.findings.float()

    def embed_text(self, texts):
        known = [text for wordings in PROMPTS.values() for text in wordings]
        own = torch.eye(len(CLASSES))
        return torch.stack([own[known.index(t)] if t in known else torch.zeros(3) for t in texts])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made(tmp_path_factory.mktemp("here"), 108, seed=1)


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """A second site with two of the classes, in another order, and one of its own."""
    return made(tmp_path_factory.mktemp("away"), 72, seed=2, classes=("late", "other", "broad"))


@pytest.fixture(scope="module")
def table(store, away):
    return compare({"told": Told()}, store, external=away, prompts=PROMPTS, **OPTIONS)


def one(table, task, measure, name="all", model="told"):
    key = ["model", "task", "measure", "name"]
    return table.set_index(key).loc[(model, task, measure, name)]


def test_parts_labels_and_prompts_are_those_of_the_store(table, store):
    right = one(table, "probe 100%", "macro AUROC")
    assert right["value"] == right["low"] == right["high"] == 1
    assert one(table, "zero-shot", "macro AUROC")["value"] == 1
    names = table[table["task"] == "zero-shot"]["name"].tolist()
    assert names == ["all", *CLASSES]
    patients = len(set(store.split("test").patients))
    assert right["patients"] == patients == len(store.split("test")) // 2
    tasks = set(table[table["model"] == "told"]["task"])
    assert {"probe, second site", "copied report", "own report", "calibration"} <= tasks
    assert not tasks & {"phenotypes", "similar heart", "evidence", "lab flags", "phase in tokens"}
    assert any("missing" in task for task in tasks)
    assert "macro F1" not in set(table["measure"])  # its reader knows simulated findings only


def test_the_second_site_is_judged_on_the_classes_of_both(table, away):
    """Told knows classes by position, and there the positions are others: right for one of two."""
    assert away.label_names == ("broad", "late", "other")
    row = one(table, "zero-shot, second site", "macro AUROC")
    labels = away.labels.astype(float)
    # where "late" stands at home, "other" stands there
    said = labels / np.maximum(np.linalg.norm(labels, axis=1, keepdims=True), 1e-12)
    right = macro_auroc(said[:, [0, 2]], away.labels[:, [0, 1]])
    assert right.value < 0.9
    assert row["value"] == pytest.approx(right.value)
    assert row["patients"] == len(set(away.patients)) == 36


def test_a_model_that_sees_the_ecg_at_both_sites(store, away):
    torch.manual_seed(0)
    merl = MERL(MERLConfig.preset("smoke"))
    these = asked(tasks=("probe", "second site", "missing"), prompts=PROMPTS)
    found = compare({"MERL": merl}, store, external=away, **these)
    row = one(found, "probe, second site", "macro AUROC", model="MERL")
    assert 0 < row["value"] < 1
    assert {"MERL", "MERL, untrained", "age and sex"} == set(found["model"])
    again = compare({"MERL": merl}, store, external=away, **these)
    assert found.equals(again)


def test_intervals_are_over_patients(store):
    """Two records of each patient say the same, so an interval over records would be too narrow."""

    class Noisy:
        def embed(self, batch):
            number = [int(name.split("-")[1]) // 2 for name in batch.names]
            noise = np.random.default_rng(5).normal(0, 1.2, (200, 3))[number]
            return batch.findings.float() + torch.from_numpy(noise).float()

    row = one(
        compare({"told": Noisy()}, store, tasks=("probe",), **asked(n_resamples=200)),
        "probe 100%",
        "macro AUROC",
    )
    test = store.split("test")
    part = StorePart(test, store.label_names)
    train = StorePart(store.split("train"), store.label_names)
    middle = StorePart(store.split("validation"), store.label_names)
    embedded = Split(*(Noisy().embed(p) for p in (train, middle, part)))
    labels = Split(*(p.findings.numpy().astype(float) for p in (train, middle, part)))
    scores = fit_probe(Split(*(x.double().numpy() for x in embedded)), labels).scores
    assert row["value"] == pytest.approx(macro_auroc(scores, test.labels).value)
    whose = test.patients.tolist()
    over = [
        auroc_intervals(scores, test.labels, patients=p, n_resamples=200).loc["macro"]
        for p in (whose, None)
    ]
    wide, narrow = (x["high"] - x["low"] for x in over)
    assert wide > 1.1 * narrow
    assert row["high"] - row["low"] == pytest.approx(wide, rel=0.25)


def test_rare_classes_are_not_judged(store):
    found = compare({"told": Told()}, store, tasks=("calibration",), **asked(least_cases=12))
    assert one(found, "calibration", "ECE")["patients"] == 18
    with pytest.raises(InputError, match="no class has 100 cases and 100 other"):
        compare({"told": Told()}, store, **asked(least_cases=100))


def test_prompts_from_a_file_and_without_one(store, tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"classes": PROMPTS}))
    these = asked(tasks=("zero-shot",), controls=False)
    found = compare({"told": Told()}, store, prompts=path, **these)
    assert one(found, "zero-shot", "macro AUROC")["value"] == 1
    path.write_text(json.dumps({"classes": {"broad": "x"}}))
    with pytest.raises(PromptError, match="no prompt for fast, late"):
        compare({"told": Told()}, store, prompts=path, **these)
    with pytest.raises(PromptError, match="no prompt for broad"):
        compare({"told": Told()}, store, prompts={"fast": "x", "late": "y"}, **these)
    # the library has no words for these classes: said, and all else is asked
    found = compare({"told": Told()}, store, controls=False, **OPTIONS)
    assert "no zero-shot rows: ecg.json has no prompt for broad" in capsys.readouterr().err
    assert "zero-shot" not in set(found["task"])
    assert "probe 100%" in set(found["task"])


def test_a_record_of_the_training_part_may_not_judge(store, away, tmp_path):
    with pytest.raises(InputError, match="patients are on both sides"):
        compare({"told": Told()}, store, train_index=store.patients, **OPTIONS)
    with pytest.raises(InputError, match="judging records are training records"):
        compare({"told": Told()}, store, external=store, **OPTIONS)
    few = away.select(np.arange(4))
    with pytest.raises(InputError, match="the second site has no class"):
        compare({"told": Told()}, store, external=few, **OPTIONS)


def test_questions_that_a_store_cannot_answer(store):
    with pytest.raises(InputError, match="no answer to phenotypes, labs"):
        compare({"told": Told()}, store, tasks=("phenotypes", "labs"), **OPTIONS)
    with pytest.raises(InputError, match="leave out `train`"):
        compare({"told": Told()}, store, train=10, **OPTIONS)
    with pytest.raises(InputError, match="is simulated too"):
        compare({"told": Told()}, simulate(30, seed=0), external=store)
    with pytest.raises(InputError, match="no label set"):
        compare({"told": Told()}, replace(store, label_set=""), **OPTIONS)
    assert "evidence" in TASKS


def test_laboratory_flags_of_a_store(store, tmp_path_factory):
    place = tmp_path_factory.mktemp("labs")
    rows = [("record", "marker")]
    for name, labels in zip(store.names, store.labels, strict=True):
        rows.append((name, "90" if labels[0] else "50"))
    layouts.table(place / "values.csv", rows[0], rows[1:])
    schema = {"marker": {"unit": "U/L", "limits": [0, 100], "reference": [10, 60]}}
    (place / "schema.json").write_text(json.dumps({"labs": schema}))
    folder = tmp_path_factory.mktemp("copy") / "out"
    # the same records in a store of their own
    source = Path(store._signals.filename).parent  # pyright: ignore
    shutil.copytree(source, folder)
    join(folder, values=place / "values.csv", schema=place / "schema.json", workers=1)
    found = compare(
        {"told": Told()}, open_store(folder), tasks=("labs",), prompts=PROMPTS, **OPTIONS
    )
    row = one(found, "lab flags", "macro AUROC", "marker high")
    assert row["value"] == 1
    assert "marker low" not in set(found["name"])


def test_age_and_sex_wherever_they_stand(store):
    part = StorePart(store.split("test"), store.label_names)
    known = AgeAndSex().embed(part)
    index = store.split("test").index
    np.testing.assert_array_equal(known[:, 0], index["age"])
    np.testing.assert_array_equal(known[:, 1], index["sex"] == "male")
    batch = replace(
        store[:4],
        table=torch.tensor([[80.0, 1], [90, 0], [70, torch.nan], [60, 1]]),
        table_names=("heart_rate", "male"),
    )
    found = AgeAndSex().embed(batch)
    assert found[:, 0].tolist() == [0] * 4  # nobody's age is known
    torch.testing.assert_close(found[:, 1], torch.tensor([1, 0, 2 / 3, 1]))


class Films:
    """Finds everybody's own film, and reads each three of thirteen phases too late."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def embed(self, batch):
        return batch.findings.float()

    def embed_cine(self, batch):
        return batch.findings.float()

    def project(self, batch):
        self.seen.append(len(batch))
        own = batch.cine.float().flatten(1)
        return own, own

    def local(self, batch):
        assert batch.cine is not None
        phases = torch.eye(13).expand(len(batch), -1, -1)
        usable = torch.ones(len(batch), dtype=torch.bool)
        usable[::2] = False
        return phases, phases.roll(3, 1), usable


def test_films_of_a_store(tmp_path):
    main(constructed_pairs(tmp_path, 120))
    store = open_store(tmp_path / "out")
    model = Films()
    found = compare({"f": model}, store, tasks=("retrieval", "phase"), **asked(least_cases=2))
    test = store.split("test")
    films = test.with_films()
    assert model.seen == [len(films)]
    assert 0 < len(films) < len(test)
    rank = one(found, "own cine", "median rank", model="f")
    assert rank["value"] == 1
    assert rank["patients"] == len(set(films.patients))
    assert one(found, "phase of the cine", "right phase", model="f")["value"] == 0
    seconds, r_peaks = [], films[:].r_peaks
    assert r_peaks is not None
    for peaks in r_peaks[1::2]:
        between = np.diff([p for p in peaks.tolist() if p >= 0]) / store.fs
        seconds.append(np.sort(between)[(len(between) - 1) // 2])
    error = one(found, "phase of the cine", "error in ms", model="f")
    assert error["value"] == pytest.approx(3 / 13 * 1000 * np.mean(seconds))
    assert "similar heart" not in set(found["task"])
