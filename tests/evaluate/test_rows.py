"""Every row of `compare`, asked of a model that was told the answer, or nothing at all.

Few labels, laboratory flags, evidence and age alone are in `test_tasks.py`.
"""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from ecglearn.cohort import FINDINGS, PHENOTYPES, simulate
from ecglearn.cohort.parse_reports import read_reports
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    Split,
    brier,
    calibration_error,
    clinical_efficacy,
    cmrs,
    corpus_bleu,
    linear_probe_r2,
    macro_auroc,
    sentence_bleu,
)
from ecglearn.evaluate.benchmark import oracle_tasks, tasks
from ecglearn.evaluate.benchmark.compare import TASKS
from ecglearn.evaluate.benchmark.frozen_model import FrozenModel, Measurement, Patients
from ecglearn.evaluate.missingness import apply_missing
from ecglearn.evaluate.prompts import load_prompts
from ecglearn.signals.missing import LEVELS

STEPS, PATCH = 13, 10  # phases of a cine, samples of a token


class Told:
    """Was told the findings, and says them in words too."""

    def embed(self, batch):
        return batch.findings.float()

    def embed_text(self, texts):
        meant = {
            wording: FINDINGS.index(name)
            for name, wordings in load_prompts().items()
            for wording in ([wordings] if isinstance(wordings, str) else wordings)
        }
        return torch.eye(len(FINDINGS))[[meant[text] for text in texts]]


class Tired(Told):
    """Was told the findings, and forgets them when more than half of a record is missing."""

    def embed(self, batch):
        there = torch.ones(len(batch)) if batch.keep is None else batch.keep.float().mean((1, 2))
        return super().embed(batch) * (there > 0.5)[:, None]


class Local(Told):
    """Is not used to the devices of another site."""

    def __init__(self, away: ECGBatch) -> None:
        self.away = away.ecg[0]

    def embed(self, batch):
        away = batch.ecg.shape == (len(batch), *self.away.shape) and bool(
            torch.equal(batch.ecg[0], self.away)
        )
        return super().embed(batch) * (not away)


class Vectors:
    """Says of each patient what is in a table."""

    def __init__(self, table: torch.Tensor, of: torch.Tensor) -> None:
        self.row = {int(name): row for name, row in zip(of, table, strict=True)}

    def embed(self, batch):
        return torch.stack([self.row[int(name)] for name in batch.index])


class Companions(Vectors):
    """Finds the report, or the cine, of its patient k behind k % 20 strangers."""

    def of(self, batch):
        n = len(batch)
        # candidate j is seen by query k as similar as 1 / (1 + (j - k) % n), but for its own
        away = (torch.arange(n) - torch.arange(n)[:, None]) % n
        alike = 1 / (1.0 + away)
        own = torch.arange(n) % 20
        alike[torch.arange(n), torch.arange(n)] = 1 / (1.5 + own)
        vectors = alike.T  # of companions, in the space whose axes are the patients
        rest = (n - vectors.square().sum(1, keepdim=True)).sqrt()
        return torch.cat([vectors, rest], 1)  # all of one length: cosines keep the order

    def embed(self, batch):
        return torch.eye(len(batch), len(batch) + 1)


class Reports(Companions):
    def embed_text(self, texts):
        return self.of(texts)


class Cines(Companions):
    def embed_cine(self, batch):
        return self.of(batch)

    def project(self, batch):
        return self.embed(batch), self.of(batch)

    def local(self, batch):
        phases = torch.eye(STEPS).expand(len(batch), -1, -1)
        return phases, phases, torch.ones(len(batch), dtype=torch.bool)


class Clock(Told):
    """Knows the phase of every token, a share of the beat too late in one kind of patients."""

    def __init__(self, cohorts: Split, late: float) -> None:
        self.late = {id(cohorts.validation): 0.0, id(cohorts.test): late}
        self.cohorts = cohorts

    def local_tokens(self, batch):
        cohort = next(c for c in self.cohorts if np.array_equal(c.truth.index, batch.index))
        at = np.arange(PATCH // 2, batch.ecg.shape[-1], PATCH)
        phase = torch.from_numpy(cohort.truth.phase_ecg[:, at]) - self.late[id(cohort)]
        angle = 2 * torch.pi * phase
        return torch.stack([angle.cos(), angle.sin()], -1), torch.from_numpy(at) / batch.fs


@pytest.fixture(scope="module")
def patients():
    cohort = simulate(144, seed=11)
    cohorts = Split(cohort[:64], cohort[64:96], cohort[96:])
    parts = Split(*(ECGBatch.from_cohort(part) for part in cohorts))
    away = ECGBatch.from_cohort(simulate(40, seed=12))
    return Patients(parts, cohorts, away, (1.0,), 0)


def rows(task: Any, model: Any, patients: Patients) -> dict[tuple[str, str], Measurement]:
    return {(one.task, one.measure): one for one in task(FrozenModel(model, patients))}


def said(found: dict, task: str, measure: str, of: np.ndarray | None = None) -> np.ndarray:
    one = found[task, measure]
    return np.atleast_1d(one.statistic(np.arange(one.patients) if of is None else of))


def test_the_tasks_are_those_asked_here():
    assert set(TASKS) == {
        *("probe", "calibration", "labs", "phenotypes", "retrieval", "zero-shot"),
        *("second site", "reports", "missing", "phase", "evidence"),
    }


def test_probe_says_each_finding_under_its_own_name(patients):
    one = rows(tasks.probe, Told(), patients)["probe 100%", "macro AUROC"]
    assert tuple(one.names) == ("all", *FINDINGS)
    for everybody in (np.arange(48), np.arange(0, 48, 2)):
        model = FrozenModel(Told(), patients)
        y = patients.findings.test[everybody]
        whole = macro_auroc(model.probe.scores[everybody], y)
        found = np.atleast_1d(one.statistic(everybody))
        assert found[0] == pytest.approx(whole.value)
        np.testing.assert_allclose(found[1:], whole.per_class)


def test_calibration_is_that_of_the_probabilities(patients):
    found = rows(tasks.calibration, Told(), patients)
    half = np.arange(0, 48, 2)
    p = expit(FrozenModel(Told(), patients).probe.scores)[half]
    y = patients.findings.test[half]
    assert said(found, "calibration", "ECE", half)[0] == pytest.approx(calibration_error(p, y))
    assert said(found, "calibration", "Brier", half)[0] == pytest.approx(brier(p, y))
    assert set(found) == {("calibration", "ECE"), ("calibration", "Brier")}


def test_phenotypes_of_a_model_that_was_told_half_of_them(patients):
    table = torch.cat([part.phenotypes for part in patients.parts]).double()
    table = (table - table.mean(0)) / table.std(0)
    names = torch.cat([torch.as_tensor(part.index) for part in patients.parts])
    whole = rows(tasks.phenotypes, Vectors(table, names), patients)
    assert whole["phenotypes", "R2"].names == ("all", *PHENOTYPES)
    np.testing.assert_allclose(said(whole, "phenotypes", "R2"), 1, atol=1e-6)
    half = Vectors(table[:, :5], names)
    found = said(rows(tasks.phenotypes, half, patients), "phenotypes", "R2")
    np.testing.assert_allclose(found[1:6], 1, atol=1e-6)
    assert (found[6:] < 0.999).all()
    features = FrozenModel(half, patients).features
    x = np.concatenate([features.train, features.validation])
    goal = torch.cat([patients.parts.train.phenotypes, patients.parts.validation.phenotypes])
    judged = patients.parts.test.phenotypes.double()
    wanted = linear_probe_r2(
        torch.from_numpy(x), goal.double(), torch.from_numpy(features.test), judged
    )
    np.testing.assert_allclose(found[1:], wanted, atol=1e-9)
    assert found[0] == pytest.approx(float(wanted.mean()))


def test_similar_hearts_are_those_of_the_nearest_other_patient(patients):
    """Patients in pairs, each nearest to the other of its pair."""
    n = len(patients.parts.test)
    pairs = torch.eye(n // 2).repeat_interleave(2, 0)
    model = Vectors(
        torch.cat([torch.eye(96, n // 2), pairs]).double(),
        torch.cat([torch.as_tensor(part.index) for part in patients.parts]),
    )
    hearts = patients.parts.test.phenotypes.double().numpy()
    other = hearts.reshape(n // 2, 2, -1)[:, ::-1].reshape(n, -1)
    wanted = (np.abs(hearts - other) <= 0.5 * hearts.std(0)).mean()
    assert 0.1 < wanted < 0.9
    found = rows(tasks.retrieval, model, patients)
    few = np.arange(0, 48, 5)
    hit = (np.abs(hearts - other) <= 0.5 * hearts.std(0)).mean(1)
    assert said(found, "similar heart", "P@1", few)[0] == pytest.approx(hit[few].mean())
    assert said(found, "similar heart", "P@1")[0] == pytest.approx(wanted)
    assert set(found) == {("similar heart", "P@1")}


@pytest.mark.parametrize(("kind", "task"), [(Reports, "own report"), (Cines, "own cine")])
def test_own_companion_behind_a_known_number_of_strangers(patients, kind, task):
    """Ranks 1 to 20, 1 to 20, and 1 to 8."""
    found = rows(tasks.retrieval, kind(torch.empty(0), torch.empty(0)), patients)
    assert said(found, task, "recall@10")[0] == pytest.approx((10 + 10 + 8) / 48)
    ranks = 1 + np.arange(48) % 20
    assert said(found, task, "median rank")[0] == np.median(ranks) != ranks.mean()
    for few in ([0], [9], [10], [19], [0, 1, 19]):
        assert said(found, task, "recall@10", np.array(few))[0] == np.mean(ranks[few] <= 10)
        assert said(found, task, "median rank", np.array(few))[0] == np.median(ranks[few])


def test_zero_shot_of_a_model_that_understands_every_description(patients):
    found = rows(tasks.zero_shot, Told(), patients)["zero-shot", "macro AUROC"]
    assert tuple(found.names) == ("all", *FINDINGS)
    y = patients.findings.test
    judged = (y.sum(0) > 0) & (y.sum(0) < len(y))
    values = np.atleast_1d(found.statistic(np.arange(len(y))))
    assert values[0] == 1
    np.testing.assert_array_equal(values[1:], np.where(judged, 1, np.nan))


def test_what_is_missing_is_missed(patients):
    """56% of a record is left in mild, a quarter in moderate, an eighth in severe missingness."""
    found = rows(oracle_tasks.robustness, Tired(), patients)
    y = patients.findings.test
    assert {task for task, _ in found} == {
        f"{task}, {view} missing" for task in ("probe", "zero-shot") for view in LEVELS
    }
    for task, measure in found:
        knows = "mild" in task
        value = said(found, task, measure)[0]
        if measure == "CMRS":
            assert value == pytest.approx(float(knows))
        elif knows:
            assert value > 0.97
        else:
            assert value == 0.5
    # Told does not look at the record: nothing is missed
    everything = rows(oracle_tasks.robustness, Told(), patients)
    assert all(said(everything, *key)[0] > 0.97 for key in everything)
    assert len(y) == everything["probe, mild missing", "CMRS"].patients


def test_missing_rows_are_those_of_the_view_that_they_name(patients):
    """A model of signal strengths, asked by its probe in each view."""

    class Strength:
        def embed(self, batch):
            return batch.ecg.square().mean(2)

    model = FrozenModel(Strength(), patients)
    found = {(one.task, one.measure): one for one in oracle_tasks.robustness(model)}
    y, test = patients.findings.test, patients.parts.test
    full = model.probe.scores
    values = []
    for view, keep in patients.views.items():
        s = model.probe.score(model.embed(apply_missing(test, keep)))
        task = f"probe, {view} missing"
        values.append(macro_auroc(s, y).value)
        assert said(found, task, "macro AUROC")[0] == pytest.approx(values[-1])
        assert said(found, task, "CMRS")[0] == pytest.approx(cmrs(s, full, y).value)
    assert len({round(v, 6) for v in values}) == 3
    assert [float((~keep).float().mean()) for keep in patients.views.values()] == [
        pytest.approx(share) for share in (0.4375, 0.75, 0.875)
    ]


@pytest.mark.parametrize("late", [0.0, 0.25])
def test_phase_of_tokens_in_milliseconds(patients, late):
    """Late by a quarter of a beat in those who judge, not in those who teach."""
    model = Clock(patients.cohorts, late)
    found = rows(oracle_tasks.phase, model, patients)
    beat = np.nanmedian(np.diff(patients.cohorts.test.truth.r_times, axis=1), axis=1)
    wanted = 1000 * late * beat
    assert said(found, "phase in tokens", "error in ms")[0] == pytest.approx(wanted.mean(), abs=2)
    few = np.arange(5)
    np.testing.assert_allclose(
        said(found, "phase in tokens", "error in ms", few), wanted[few].mean(), atol=2
    )
    assert set(found) == {("phase in tokens", "error in ms")}


def test_phase_of_the_cine_of_a_model_that_knows_it(patients):
    empty = torch.empty(0)
    found = rows(oracle_tasks.phase, Cines(empty, empty), patients)
    wanted = {"diagonal contrast": 1, "right phase": 1, "error in ms": 0}
    assert {measure: said(found, "phase of the cine", measure)[0] for _, measure in found} == wanted


def test_another_site_is_asked_with_what_was_learned_here(patients):
    away = patients.external
    found = rows(tasks.second_site, Local(away), patients)
    assert {task for task, _ in found} == {"probe, second site", "zero-shot, second site"}
    for task, measure in found:
        assert said(found, task, measure)[0] == 0.5, task
        assert found[task, measure].patients == 40
    home = rows(tasks.probe, Local(away), patients)
    assert said(home, "probe 100%", "macro AUROC")[0] > 0.97
    everywhere = rows(tasks.second_site, Told(), patients)
    assert all(said(everywhere, *key)[0] > 0.97 for key in everywhere)


def test_copied_reports_are_those_of_the_nearest_teacher(patients):
    """Patient k who judges lies beside patient 3 k + 1 who teaches."""
    teachers = 3 * np.arange(len(patients.parts.test)) % 64 + 1
    teachers %= 64
    table = torch.cat([torch.eye(64), torch.zeros(32, 64), torch.eye(64)[teachers]])
    names = torch.cat([torch.as_tensor(part.index) for part in patients.parts])
    found = rows(tasks.reports, Vectors(table, names), patients)
    true = patients.parts.test.reports
    copied = [patients.parts.train.reports[k] for k in teachers]
    stated, truth = read_reports(copied).findings, patients.findings.test > 0
    for few in (np.arange(48), np.arange(0, 48, 3)):
        wanted = clinical_efficacy(truth[few], stated[few])["macro F1"]
        assert said(found, "copied report", "macro F1", few)[0] == pytest.approx(wanted)
    each = [sentence_bleu([a], [b])["sentence BLEU-4"] for a, b in zip(true, copied, strict=True)]
    assert said(found, "copied report", "sentence BLEU-4")[0] == pytest.approx(np.mean(each))
    assert said(found, "copied report", "corpus BLEU-4")[0] == pytest.approx(
        corpus_bleu(true, copied)["BLEU-4"]
    )
    assert not found["copied report", "corpus BLEU-4"].resampled
    assert len(found) == 3


def test_records_without_a_margin_have_no_cmrs():
    """A margin lies between a class that a record has and one that it lacks."""
    y = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 1]])
    scores = y + 0.1 * np.arange(12).reshape(4, 3) % 0.7
    assert np.isnan(oracle_tasks._cmrs(scores, scores, y, np.array([0, 1, 1])))
    for rows in (np.arange(4), np.array([2, 3])):
        assert oracle_tasks._cmrs(scores, scores, y, rows) == pytest.approx(1)
        assert oracle_tasks._cmrs(-scores, scores, y, rows) == 0
