"""Batches read ahead, validation, clipping, longer runs: what they change, and what they do not."""

from typing import Any

import pytest
import torch

from ecglearn.checkpoint import load
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.reading import Counts
from ecglearn.errors import InputError
from ecglearn.method import Stage
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train import TrainingError, fit
from ecglearn.train.feed import feed
from ecglearn.train.step import Noted, NotFinite, products
from tests.data import layouts

SMOKE = MERLConfig.preset("smoke")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ptbxl")
    rows = [layouts.ptbxl_row(k, report=f"sinus rhythm, report {k}") for k in range(1, 41)]
    layouts.ptbxl(folder / "in", 40, rows)
    prepare("ptbxl-100", folder / "in", folder / "out", workers=1, progress=False)
    return open_store(folder / "out")


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(simulate(64, seed=3, frames=2))


def train(data, **more):
    torch.manual_seed(0)
    method = MERL(SMOKE)
    given: dict[str, Any] = {"epochs": 2, "batch_size": 16, "progress": False, **more}
    history = fit(method, data, **given)
    return method.state_dict(), history


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_same_weights(store, patients, workers):
    for data in (store, patients):
        here, history = train(data)
        there, again = train(data, workers=workers)
        assert same(here, there)
        assert history == again


def test_workers_send_integers_and_the_order_is_that_of_the_steps(store):
    steps = [[torch.tensor([3, 1]), torch.tensor([2])], [torch.tensor([0]), torch.tensor([5, 6])]]
    found = list(feed(store, steps, device=torch.device("cpu"), workers=1))
    assert all(isinstance(part, Counts) for step in found for part in step)
    for step, rows in zip(found, steps, strict=True):
        for part, some in zip(step, rows, strict=True):
            assert torch.equal(part.to("cpu").ecg, store[some].ecg)
            assert part.to("cpu").names == store[some].names


def test_a_batch_stands_until_the_next_but_one(store):
    steps = [[torch.tensor([k, k + 1])] for k in range(0, 12, 2)]
    earlier = None
    for (batch,), (rows,) in zip(
        feed(store, steps, device=torch.device("cpu")), steps, strict=True
    ):
        assert torch.equal(batch.ecg, store[rows].ecg)
        if earlier is not None:
            assert torch.equal(earlier[0].ecg, store[earlier[1]].ecg)
        earlier = batch, rows


def test_other_data_are_asked_for_rows_when_the_step_needs_them():
    asked = []

    class Mine:
        def __getitem__(self, rows):
            asked.append(rows)
            return rows

    reading = feed(Mine(), [[torch.tensor([4])], [torch.tensor([5])]], device=torch.device("cpu"))
    assert next(reading) == [torch.tensor([4])]
    assert asked == [torch.tensor([4])]


# validation and the best epoch


class Down(Stage):
    """A number that falls by one a step; its loss on validation is least at -3."""

    def __init__(self):
        super().__init__()
        self.x = torch.nn.Parameter(torch.zeros(()))

    def losses(self, batch, generator=None, step=None):
        assert self.training == (step is not None)
        return {"down": self.x if self.training else (self.x + 3).square()}


def test_the_best_epoch_is_kept_and_comes_back(tmp_path):
    method, data = Down(), ECGBatch(torch.zeros(8, 12, 4), 100)
    options: dict[str, Any] = {
        "batch_size": 8,
        "lr": 1.0,
        "betas": (0.0, 0.0),
        "weight_decay": 0.0,
        "warmup": 0.0,
        "restarts": 10**9,
        "progress": False,
    }
    judged: dict[str, Any] = {**options, "validation": data[:4]}
    one: dict[str, Any] = {**options, "validation": data[:1]}
    history = fit(method, data, epochs=5, out=tmp_path, **judged)
    assert history.curve("validation") == pytest.approx([4, 1, 0, 1, 4], abs=1e-4)
    assert history.best_epoch == 3
    assert float(method.x.detach()) == pytest.approx(-3, abs=1e-4)
    tensors, about = load(tmp_path / "best.safetensors")
    assert about["epoch"] == 3
    assert float(tensors["x"]) == pytest.approx(-3, abs=1e-4)
    # a resumed run goes on from the last weights, and knows the best of before
    again = Down()
    longer = fit(again, data, epochs=6, out=tmp_path, resume=True, extend=True, **judged)
    assert longer.curve("validation")[-1] == pytest.approx(9, abs=1e-4)
    assert longer.best_epoch == 3
    assert float(again.x.detach()) == pytest.approx(-3, abs=1e-4)
    with pytest.raises(TrainingError, match=r"other settings \(validation\)"):
        fit(Down(), data, epochs=6, out=tmp_path, resume=True, **options)
    with pytest.raises(InputError, match="needs two records or more, not 1"):
        fit(Down(), data, epochs=1, **one)


def test_validation_changes_nothing_but_the_choice(patients):
    plain, history = train(patients[:48])
    _, judged = train(patients[:48], validation=patients[48:])
    assert [line["total"] for line in judged.epochs] == [line["total"] for line in history.epochs]
    assert judged.best_epoch in (1, 2)
    if judged.best_epoch == 2:
        assert same(plain, _)


# clipping


def test_the_norm_of_the_gradient_is_bounded():
    class Steep(Stage):
        def __init__(self):
            super().__init__()
            self.x = torch.nn.Parameter(torch.zeros(2))

        def losses(self, batch, generator=None, step=None):
            return {"steep": self.x @ torch.tensor([30.0, 40.0])}

    seen = []
    method, data = Steep(), ECGBatch(torch.zeros(4, 12, 4), 100)
    method.x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    for clip, wanted in ((None, 50.0), (2.0, 2.0)):
        fit(method, data, epochs=1, batch_size=4, clip=clip, progress=False)
        assert method.x.grad is not None
        assert float(method.x.grad.norm()) == pytest.approx(wanted, rel=1e-4)
    assert float(seen[-1].norm()) == pytest.approx(50)
    with pytest.raises(InputError, match="clip is 0"):
        fit(method, data, epochs=1, batch_size=4, clip=0)


# longer runs


def test_a_longer_run_goes_on_from_a_shorter_one(patients, tmp_path):
    _, short = train(patients, out=tmp_path)
    with pytest.raises(TrainingError, match=r"other settings \(epochs\)"):
        train(patients, out=tmp_path, epochs=4, resume=True)
    weights, long = train(patients, out=tmp_path, epochs=4, resume=True, extend=True)
    assert long.epochs[:2] == short.epochs
    assert len(long.epochs) == 4
    again, _ = train(patients, out=tmp_path, epochs=4, resume=True)
    assert same(weights, again)
    with pytest.raises(TrainingError, match="other settings"):
        train(patients, out=tmp_path, epochs=3, resume=True, extend=True)


# terms that stay on a device


def test_terms_are_a_mean_over_parts_and_say_when_they_are_not_finite():
    one, two = {"a": torch.tensor(1.0), "b": torch.tensor(4.0)}, {"a": torch.tensor(3.0)}
    assert Noted([one, two | {"b": torch.tensor(0.0)}]).values() == {"a": 2.0, "b": 2.0}
    with pytest.raises(NotFinite, match="a inf, b 4"):
        Noted([one | {"a": torch.tensor(float("inf"))}]).values()


def test_late_terms_name_their_own_step(patients, monkeypatch):
    """As on an accelerator: asked for when the next step is on its way."""
    monkeypatch.setattr("ecglearn.train.step.StepRunner._late", True)
    plain, history = train(patients)
    assert history.steps == 8

    class Bad(Down):
        def losses(self, batch, generator=None, step=None):
            return {"down": self.x * (float("nan") if step == 2 else 1.0)}

    data = ECGBatch(torch.zeros(16, 12, 4), 100)
    with pytest.raises(TrainingError, match=r"step 2: the loss is not finite \(down nan\)"):
        fit(Bad(), data, epochs=1, batch_size=4, progress=False)
    monkeypatch.undo()
    early, again = train(patients)
    assert same(plain, early)
    assert history == again


def test_tf32_is_for_the_run_alone(patients):
    before = torch.get_float32_matmul_precision()
    with products("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    with products("fp32"):
        assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before
    with pytest.warns(UserWarning, match="this cpu has no TF32"):
        train(patients, epochs=1, precision="tf32")
