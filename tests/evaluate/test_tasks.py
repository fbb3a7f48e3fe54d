"""Each question of `compare`, asked of models whose answer is known beforehand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import TABLE_COLUMNS
from ecglearn.evaluate import Split, fit_probe, macro_auroc
from ecglearn.evaluate.benchmark import tasks
from ecglearn.evaluate.benchmark.frozen_model import AgeAndSex, FrozenModel, Patients
from ecglearn.evaluate.benchmark.oracle_tasks import occlusion_evidence, phase
from ecglearn.evaluate.probe import Probe

LEAD, SEGMENT, LATE = 6, 1, 3


class Told:
    """Was told the findings, and hears them through noise."""

    def embed(self, batch):
        source = torch.Generator().manual_seed(len(batch))
        noise = torch.randn(batch.findings.shape, generator=source)
        return batch.findings + 0.5 * noise


class Reader:
    """Looks at one cell only: lead V1, second quarter."""

    def embed(self, batch):
        return batch.ecg[:, LEAD, 250:500].abs().mean(1, keepdim=True)


class Late(Told):
    """Knows every phase of the cine, and takes each for one that comes three steps later."""

    def embed_cine(self, batch):
        return self.embed(batch)

    def project(self, batch):
        return self.embed(batch), self.embed(batch)

    def local(self, batch):
        phases = torch.eye(13).expand(len(batch), -1, -1)
        return phases, phases.roll(LATE, 1), torch.arange(len(batch)) % 2 == 0


@pytest.fixture(scope="module")
def patients():
    cohort = simulate(128, seed=11)
    cohorts = Split(cohort[:64], cohort[64:80], cohort[80:])
    parts = Split(*(ECGBatch.from_cohort(part) for part in cohorts))
    return Patients(parts, cohorts, None, (0.25, 1.0), 0)


def answers(task, model):
    return {one.task: one for one in task(model)}


def everybody(answer):
    return np.atleast_1d(answer.statistic(np.arange(answer.patients)))


def test_few_labels_are_few(patients, monkeypatch):
    """Three draws of a quarter of the labels, averaged; with all of them one fit is enough."""
    common = np.argsort(patients.findings.train.sum(0))[-3:]
    y = Split(*(part[:, common] for part in patients.findings))
    monkeypatch.setattr(Patients, "findings", y)
    model = FrozenModel(Told(), replace(patients))
    found = answers(tasks.probe, model)
    x = model.features
    few = [macro_auroc(fit_probe(x, y, share=0.25, seed=k).scores, y.test).value for k in range(3)]
    assert found["probe 25%"].names == ("all",)
    assert everybody(found["probe 25%"])[0] == pytest.approx(np.mean(few))
    assert found["probe 100%"].names == ("all", *FINDINGS)
    whole = macro_auroc(fit_probe(x, y).scores, y.test).value
    assert everybody(found["probe 100%"])[0] == pytest.approx(whole)
    assert np.mean(few) < whole - 0.05


def test_laboratory_flags_with_enough_cases_are_asked(patients):
    """Potassium is often too low or too high; of all else nothing was measured."""

    def measured(part):
        labs = torch.full_like(part.labs, torch.nan)
        labs[:, 0] = torch.tensor([3.0, 4.2, 6.5])[torch.arange(len(part)) % 3]
        return replace(part, labs=labs)

    asked = replace(patients, parts=Split(*map(measured, patients.parts)))
    found = answers(tasks.labs, FrozenModel(Told(), asked))["lab flags"]
    assert found.names == ("all", "potassium low", "potassium high")
    assert everybody(found).shape == (3,)
    unknown = Split(*(replace(p, labs=p.labs * torch.nan) for p in patients.parts))
    assert answers(tasks.labs, FrozenModel(Told(), replace(patients, parts=unknown))) == {}


@pytest.mark.parametrize(("written", "share"), [("in the cell", 1.0), ("everywhere", 0.25)])
def test_evidence_is_counted_where_the_model_looks(patients, monkeypatch, written, share):
    shape = (len(patients.parts.test), len(FINDINGS), 12, 4)
    maps = np.full(shape, 1 / 48, np.float32)
    if written == "in the cell":
        maps = np.zeros(shape, np.float32)
        maps[:, :, LEAD, SEGMENT] = 1
    monkeypatch.setattr(Patients, "written", maps)
    model = FrozenModel(Reader(), patients)

    def score(x):
        return np.repeat(x, len(FINDINGS), 1)

    model.probe = Probe(score(model.features.test), 1.0, [], score)
    assert everybody(answers(occlusion_evidence, model)["evidence"]) == pytest.approx(share)


def test_phase_of_the_cine_in_milliseconds(patients):
    """Three of thirteen steps too late, in the beats of those who have one."""
    found = {one.measure: one for one in phase(FrozenModel(Late(), patients))}
    beat = 1000 * np.nanmedian(np.diff(patients.cohorts.test.truth.r_times, axis=1), axis=1)[::2]
    np.testing.assert_allclose(everybody(found["error in ms"]), (LATE / 13 * beat).mean())
    assert everybody(found["right phase"]) == 0
    assert set(found) == {"diagonal contrast", "right phase", "error in ms"}


def test_what_is_known_without_an_ecg(patients):
    batch = patients.parts.test
    assert batch.table is not None
    columns = [*(column.name for column in TABLE_COLUMNS), "male"]
    wanted = batch.table[:, [columns.index("age"), columns.index("male")]].clone()
    np.testing.assert_array_equal(AgeAndSex().embed(batch), wanted)
    known = wanted[1:, 0].mean()
    table = batch.table.clone()
    table[0, columns.index("age")] = np.nan
    gap = ECGBatch(ecg=batch.ecg, fs=batch.fs, table=table)
    torch.testing.assert_close(AgeAndSex().embed(gap)[0, 0], known)
