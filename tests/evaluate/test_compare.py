"""`compare`: chance for models that know nothing, all for one that was told, leaks refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.cohort.site import second_site
from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.evaluate import (
    calibration_error,
    compare,
    cosine,
    fit_probe,
    linear_probe_r2,
    macro_auroc,
    matches,
    mean_auroc,
    patient_rank,
)
from ecglearn.evaluate.probe import Split
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.ptacl import PTACL, PTACLConfig

SEVERITIES = ("mild", "moderate", "severe")


class Deaf:
    """Says the same kind of nothing about everybody."""

    def embed(self, batch):
        numbers = batch.index.tolist()
        return torch.stack(
            [torch.randn(6, generator=torch.Generator().manual_seed(n)) for n in numbers]
        )


class Told(Deaf):
    """Was told the findings."""

    def embed(self, batch):
        return batch.findings.float()


class Heart(Deaf):
    """Was told the ten phenotypes of the heart."""

    def embed(self, batch):
        return (batch.phenotypes - batch.phenotypes.mean(0)) / batch.phenotypes.std(0)


@pytest.fixture(scope="module")
def cohort():
    return simulate(240, seed=11)


@pytest.fixture(scope="module")
def merl():
    torch.manual_seed(0)
    return MERL(MERLConfig.preset("smoke"))


@pytest.fixture(scope="module")
def table(cohort, merl):
    torch.manual_seed(0)
    models = {
        "deaf": Deaf(),
        "told": Told(),
        "MERL": merl,
        "PTACL": PTACL(PTACLConfig.preset("smoke")),
    }
    site = second_site(simulate(96, seed=12))
    return compare(models, cohort, external=site, label_fractions=(0.1, 1.0), n_resamples=40)


def one(table, model, task, measure, name="all"):
    key = ["model", "task", "measure", "name"]
    return table.set_index(key).loc[(model, task, measure, name)]


def test_tidy(table):
    key = ["model", "task", "measure", "name"]
    assert table.set_index(key).index.is_unique
    known = table[table["task"] != "copied report"].dropna(subset=["value"])
    assert (known["low"] <= known["high"]).all()
    assert set(table["task"]) == {
        *("probe 10%", "probe 100%", "calibration", "lab flags", "phenotypes", "similar heart"),
        *("own report", "own cine", "phase in tokens", "phase of the cine", "zero-shot"),
        *("probe, second site", "zero-shot, second site", "copied report", "evidence"),
        *(f"{a}, {b} missing" for a in ("probe", "zero-shot") for b in SEVERITIES),
    }
    judged = table.groupby("task")["patients"].first()
    np.testing.assert_array_equal(judged[["probe 100%", "evidence"]], [80, 64])
    assert 60 < int(judged["probe, second site"]) < 96
    assert set(table["seeds"]) == {1}


def test_few_may_be_occluded(cohort, table):
    told = {"told": Told()}
    few, all_of_them = (
        compare(told, cohort, tasks=["evidence"], occluded=n, n_resamples=4) for n in (5, 64)
    )
    assert list(few["patients"]) == [5]
    usual = one(table, "told", "evidence", "share in the top quarter")
    assert all_of_them["value"].item() == usual["value"] != few["value"].item()
    with pytest.raises(InputError, match="0 patients have no evidence"):
        compare(told, cohort, tasks=["evidence"], occluded=0)


def test_a_model_that_knows_nothing_gives_chance(table):
    """Chance lies in the interval; single answers are in `test_rows.py`."""
    for task in ("probe 10%", "probe 100%", "probe, second site"):
        row = one(table, "deaf", task, "macro AUROC")
        assert row["low"] < 0.5 < row["high"]
    for model, task, measure, by_chance in (
        ("MERL", "own report", "recall@10", 10 / 80),
        ("PTACL", "own cine", "recall@10", 10 / 80),
        ("PTACL", "phase of the cine", "right phase", 1 / 13),
    ):
        row = one(table, model, task, measure)
        assert row["low"] <= by_chance <= row["high"], (model, task, row["low"], row["high"])
        assert row["high"] - row["low"] < 0.25


def test_a_model_that_was_told_is_right(table):
    assert one(table, "told", "probe 100%", "macro AUROC")["value"] > 0.97
    assert one(table, "told", "probe, second site", "macro AUROC")["value"] > 0.97
    # limited by the 128 reports that can be copied
    copied = {m: one(table, m, "copied report", "macro F1")["low"] for m in ("told", "deaf")}
    assert copied["told"] > 0.5 > copied["deaf"] + 0.2


def test_an_untrained_model_gains_nothing_over_itself(table):
    """Random initialisation against other untrained: the paired interval holds 0."""
    for model in ("MERL", "PTACL"):
        row = one(table, model, "probe 100%", "macro AUROC")
        assert row["gain_low"] <= 0 <= row["gain_high"]
        twin = one(table, f"{model}, untrained", "probe 100%", "macro AUROC")
        assert row["gain"] == pytest.approx(row["value"] - twin["value"])
    assert np.isnan(one(table, "told", "probe 100%", "macro AUROC")["gain"])


def test_controls_are_there(table):
    models = set(table["model"])
    assert {"age and sex", "MERL, untrained", "PTACL, untrained"} <= models
    probes = table[table["task"].str.startswith("probe 1")]
    assert set(probes["model"]) == models


def test_numbers_are_those_of_the_single_functions(table, cohort, merl):
    cut, count = 128, 160
    parts = [ECGBatch.from_cohort(p) for p in (cohort[:cut], cohort[cut:count], cohort[count:])]
    x = Split(*(merl.embed(part).double().numpy() for part in parts))
    y = Split(*(np.asarray(part.findings, float) for part in parts))
    scores = fit_probe(x, y).scores
    row = one(table, "MERL", "probe 100%", "macro AUROC")
    assert row["value"] == pytest.approx(macro_auroc(scores, y.test).value)
    assert row["left_out"] == len(macro_auroc(scores, y.test).left_out)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(40):
        rows = rng.integers(80, size=80)
        rng.integers(1, size=1)  # which of the runs
        drawn.append(mean_auroc(y.test[rows], scores[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    p = 1 / (1 + np.exp(-scores))
    said = one(table, "MERL", "calibration", "ECE")["value"]
    assert said == pytest.approx(calibration_error(p, y.test))
    known, goal = torch.from_numpy(np.concatenate(x[:2])), torch.from_numpy(cohort.phenotypes)
    goal = goal.float().double()
    r2 = linear_probe_r2(known, goal[:count], torch.from_numpy(x.test), goal[count:])
    assert one(table, "MERL", "phenotypes", "R2")["value"] == pytest.approx(float(r2.mean()))
    words = merl.embed_text(cohort.reports[count:])
    alike = torch.nn.functional.normalize(torch.from_numpy(x.test).float(), dim=1) @ words.T
    rank = patient_rank(alike / words.norm(dim=1)).float()
    assert one(table, "MERL", "own report", "median rank")["value"] == float(np.median(rank))


def test_seeds_that_are_equal_change_no_value(cohort):
    kw = {"tasks": ("retrieval",), "controls": False, "n_resamples": 10}
    a = compare({"m": Deaf()}, cohort, **kw)
    b = compare({"m": [Deaf(), Deaf()]}, cohort, **kw)
    np.testing.assert_allclose(a["value"], b["value"])
    assert set(b["seeds"]) == {2}


def test_seeds_that_differ_are_averaged_and_widen_the_interval(cohort):
    """One run that knows the heart and one that knows nothing, in either order."""
    kw = {"tasks": ("retrieval",), "controls": False, "n_resamples": 30}
    told, deaf = (compare({"m": m}, cohort, **kw).loc[0] for m in (Heart(), Deaf()))
    assert deaf["high"] < told["low"]
    for runs in ([Heart(), Deaf()], [Deaf(), Heart()]):
        both = compare({"m": runs}, cohort, **kw).loc[0]
        assert both["value"] == pytest.approx((told["value"] + deaf["value"]) / 2)
        # a draw takes two runs at random: some know all, some nothing
        assert both["low"] < deaf["high"] < both["value"] < told["low"] < both["high"]


def test_a_draw_takes_patients_and_runs(cohort):
    """The interval of two runs, drawn once more by hand."""

    class Scaled:
        def __init__(self, of):
            self.of = of

        def embed(self, batch):
            return (batch.phenotypes - batch.phenotypes.mean(0))[:, self.of]

    runs = [Scaled(slice(0, 2)), Scaled(slice(4, 8))]
    kw = {"tasks": ("retrieval",), "controls": False, "n_resamples": 25}
    found = compare({"m": runs}, cohort, **kw).loc[0]
    batch = ECGBatch.from_cohort(cohort[160:])
    hearts = torch.from_numpy(cohort.phenotypes[160:]).float()
    hits = [
        matches(cosine(run.embed(batch), run.embed(batch)), hearts).mean(1).numpy() for run in runs
    ]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(25):
        rows = rng.integers(80, size=80)
        drawn.append(np.mean([hits[k][rows].mean() for k in rng.integers(2, size=2)]))
    assert (found["low"], found["high"]) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    assert found["value"] == pytest.approx(np.mean(hits))


def test_planted_leaks_are_refused(cohort, merl):
    twice = cohort[np.r_[:160, 100:180]]
    with pytest.raises(ValueError, match="60 patients are on both sides"):
        compare({"m": merl}, twice, train=160)
    with pytest.raises(ValueError, match="on both sides"):
        compare({"m": merl}, cohort, train=160, train_index=np.arange(200))
    with pytest.raises(ValueError, match="on both sides"):
        compare({"m": merl}, cohort[:200], train=160, external=cohort[:20])
    # the same records under other names
    names = np.arange(1000, 1000 + 40)
    copied = cohort[np.r_[:160, :40]]
    index = np.r_[copied.truth.index[:160], names]
    copied = replace(copied, truth=replace(copied.truth, index=index))
    with pytest.raises(ValueError, match="40 test records are training records"):
        compare({"m": merl}, copied, train=160)


def test_bad_questions_are_refused(cohort, merl):
    with pytest.raises(ValueError, match="no task taste; there are probe"):
        compare({"m": merl}, cohort, tasks=("taste",))
    with pytest.raises(ValueError, match="leave nobody"):
        compare({"m": merl}, cohort, train=240)


def test_returns_a_frame_that_pandas_can_pivot(table):
    wide = table[table["name"] == "all"].pivot(
        index=["task", "measure"], columns="model", values="value"
    )
    assert isinstance(wide, pd.DataFrame)
    assert {"deaf", "told"} <= set(wide.columns)
