"""What a run does when nothing is said, and what it tells on its way."""

import pytest
import torch
from torch import nn

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train import fit, loop
from ecglearn.train.cache import _modules
from ecglearn.train.grad_cache import MicroBatches


class Counting(nn.Module):
    """Its loss is the number of the step, in two terms; it notes whom it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.met: list[list[int]] = []

    def losses(self, batch, generator, step):
        self.met.append(batch.index.tolist())
        return {"one": 0 * self.weight + step, "two": 0 * self.weight + 10 * step}


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(simulate(24, seed=3, frames=1, size=4))


def test_a_bar_shows_the_mean_of_the_epoch_until_now(patients, monkeypatch):
    steps, epochs = [], []

    class Shown:
        def __init__(self, kind, **numbers):
            assert numbers == {"total": 6, "done": 0, "epochs": 2}

        def step(self, terms):
            steps.append(terms)

        def epoch(self, number, done, terms):
            epochs.append((number, done, dict(terms)))

        def close(self):
            pass

    monkeypatch.setattr(loop, "Progress", Shown)
    history = fit(Counting(), patients, epochs=2, batch_size=8)
    wanted = [0, 0.5, 1, 3, 3.5, 4]
    assert [terms["one"] for terms in steps] == pytest.approx(wanted)
    assert [terms["two"] for terms in steps] == pytest.approx([10 * mean for mean in wanted])
    assert [(number, done) for number, done, _ in epochs] == [(1, 3), (2, 6)]
    assert [told["one"] for _, _, told in epochs] == pytest.approx([1, 4])
    assert [line["total"] for line in history.epochs] == pytest.approx([11, 44])


def test_patients_come_in_any_order_unless_lengths_are_asked_for(patients):
    def met(**more):
        method = Counting()
        fit(method, patients, epochs=1, batch_size=8, progress="none", **more)
        return method.met

    assert met() == met(by_length=False) != met(by_length=True)
    assert sorted(name for names in met() for name in names) == list(range(24))


def test_nothing_is_compiled_unless_it_is_asked_for(patients, monkeypatch):
    asked = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: asked.append(self))
    fit(Counting(), patients, epochs=1, batch_size=8, progress="none")
    assert asked == []


def test_seeds_of_steps_are_what_they_were():
    """Written down once: a run that was stopped goes on with the draws that it would have had."""
    known = {(): 5700357409661599242, (0,): 7726497881224850386}
    known |= {(1, 2, 3): 8682444779101918068, (3, 2, 1): 3552094328112077283}
    assert {parts: loop._mix(*parts) for parts in known} == known
    many = {loop._mix(0, step, part) for step in range(100) for part in range(100)}
    assert len(many) == 10_000
    assert max(many).bit_length() == 63
    assert min(many) >= 0


def test_places_of_micro_batches_are_counted_in_the_second_turn():
    micro = MicroBatches(3)
    for second, place in ((False, 0), (True, 2)):
        with micro.turn(2, second=second):
            assert micro.place() == place


def test_code_of_a_method_is_its_own_not_that_of_pytorch():
    names = _modules(MERL(MERLConfig.preset("smoke")))
    assert "ecglearn.methods.merl" in names
    assert all(name.startswith("ecglearn.") for name in names), names
