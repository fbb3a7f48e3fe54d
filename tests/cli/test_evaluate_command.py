"""`ecglearn evaluate`: every row is what the single functions say of the same vectors."""

from dataclasses import replace
from pathlib import Path
from sys import modules
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

from ecglearn.cli import main
from ecglearn.cli.data import Data, open_data
from ecglearn.cli.evaluate import _demographics  # pyright: ignore[reportPrivateUsage]
from ecglearn.evaluate import (
    Split,
    auroc_intervals,
    fit_probe,
    load_prompts,
    probe_table,
    untrained,
)
from ecglearn.evaluate.zero_shot import prompt_scores
from ecglearn.methods.merl import MERL, MERLConfig

SEED = 3
WORDS = ("--data", "cohort:90:4", "--label-fractions", "0.5", "1", "--seeds", "2")
MORE = ("--least-cases", "1", "--external", "cohort:60:9", "--seed", str(SEED))
COLUMNS = ["value", "low", "high"]


def in_nines(*given: Any, **named: Any) -> Data:
    """Nine records of each patient, so that intervals over records would be too narrow."""
    data = open_data(*given, **named)
    return replace(data, patients=data.names[np.arange(len(data.names)) // 9 * 9])


@pytest.fixture(scope="module")
def method():
    torch.manual_seed(1)
    return MERL(MERLConfig.preset("smoke")).eval()


@pytest.fixture(scope="module")
def table(method, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("evaluate")
    method.save(folder / "weights.safetensors")
    out = folder / "table.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules["ecglearn.cli.evaluate"], "open_data", in_nines)
        main(["evaluate", str(folder / "weights.safetensors"), *WORDS, *MORE, "--out", str(out)])
    return pd.read_csv(out).set_index(["encoder", "task"])


@pytest.fixture(scope="module")
def here():
    return in_nines("cohort:90:4", fs=100)


@pytest.fixture(scope="module")
def judged(here):
    test = here.labels[here.rows("test")]
    return np.flatnonzero(test.any(0) & ~test.all(0))


@pytest.fixture(scope="module")
def parts(here, judged):
    """Rows and labels of each part."""
    rows = Split(*(here.rows(part) for part in ("train", "validation", "test")))
    return rows, Split(*(here.labels[part][:, judged] for part in rows))


def vectors(model, data, rows):
    return model.embed(data.records[rows])


def intervals(scores, labels, patients):
    return auroc_intervals(scores, labels, patients=patients.tolist()).loc["macro"]


def row(found) -> list[float]:
    return [float(found[name]) for name in COLUMNS]


def test_probes_learn_on_one_part_and_are_judged_on_another(table, method, here, parts):
    rows, labels = parts
    known = here.demographics
    encoders: dict[str, Any] = {
        "merl": Split(*(vectors(method, here, part) for part in rows)),
        "random encoder": Split(*(vectors(untrained(method, SEED), here, part) for part in rows)),
        "age and sex": Split(*(np.c_[known, np.zeros_like(known)][part] for part in rows)),
    }
    whose = here.patients[rows.test].tolist()
    assert len(set(whose)) < len(whose)
    wanted = probe_table(encoders, labels, label_fractions=(0.5, 1.0), seeds=2, patients=whose)
    for key, told in wanted.iterrows():
        name, share = cast("tuple[str, float]", key)
        found = table.loc[(name, f"probe, {share:.0%} of the labels")]
        assert row(found) == pytest.approx(row(told), abs=1e-6)
        assert found["labelled"] == told["records"]
        assert found["unseen classes"] == pytest.approx(told["unseen"])
    assert set(table["classes"][:-2]) == {labels.test.shape[1]}
    assert set(table["cases"][:-2]) == {labels.test.sum()}


def test_zero_shot_is_that_of_the_wordings(table, method, here, judged, parts):
    rows, labels = parts
    wordings = load_prompts("cohort", classes=[here.classes[k] for k in judged])
    scores = prompt_scores(vectors(method, here, rows.test), method.embed_text, wordings)
    wanted = intervals(scores.to_numpy(), labels.test, here.patients[rows.test])
    found = table.loc[("merl", "zero-shot")]
    assert row(found) == pytest.approx(row(wanted), abs=1e-6)
    assert (found["labelled"], found["unseen classes"]) == (0, 0)


def test_a_second_site_is_judged_by_what_was_learned_here(table, method, here, judged, parts):
    rows, labels = parts
    there = in_nines("cohort:60:9", fs=100)
    kept = [k for k in judged if 0 < there.labels[:, k].sum() < len(there.names)]
    assert 0 < len(kept) < len(there.classes)
    columns = [list(judged).index(k) for k in kept]
    truth = there.labels[:, kept]
    for name, model in (("merl", method), ("random encoder", untrained(method, SEED))):
        probe = fit_probe(Split(*(vectors(model, here, part) for part in rows)), labels)
        scores = probe.score(vectors(model, there, np.arange(60)))[:, columns]
        found = table.loc[(name, "probe, 100% of the labels, second site")]
        assert row(found) == pytest.approx(row(intervals(scores, truth, there.patients)), abs=1e-6)
        assert found["labelled"] == len(rows.train)
        assert found["unseen classes"] == len(probe.unseen)
        assert (found["classes"], found["cases"]) == (len(kept), truth.sum())


def test_gaps_of_age_and_sex_are_filled_from_those_who_teach():
    nothing = np.nan
    known = np.array([[40, 1], [60, nothing], [nothing, 1], [90, 0], [nothing, nothing]])
    names = np.array(list("abcde"), object)
    splits = np.array(["train", "train", "train", "test", "test"], object)
    labels = np.zeros((5, 1), bool)
    data = Data(None, names, names, ("x",), labels, known, splits, "cohort")
    rows = Split(np.arange(3), np.arange(3, 3), np.arange(3, 5))
    found = _demographics(data, rows)
    # the median of 40 and 60, and of 1 and 1; then whether each was a gap
    np.testing.assert_array_equal(found.train, [[40, 1, 0, 0], [60, 1, 0, 1], [50, 1, 1, 0]])
    np.testing.assert_array_equal(found.test, [[90, 0, 0, 0], [50, 1, 1, 1]])
    none = Data(None, names, names, ("x",), labels, known * np.nan, splits, "cohort")
    np.testing.assert_array_equal(_demographics(none, rows).test, [[0, 0, 1, 1]] * 2)
