"""Anybody's ECG encoder in every method: one foreign CNN of twelve lines, six times."""

import copy

import pytest
import torch
from torch import nn

import ecglearn
from ecglearn.abilities import ECGEncoder, LocalTokens
from ecglearn.checkpoint import CheckpointError
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders import ECGResNet, LeadByLead, own_encoder, renewed
from ecglearn.errors import InputError
from ecglearn.evaluate.benchmark.compare import untrained
from ecglearn.export import embed_program
from ecglearn.registry import list_methods


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 24
        first, second = nn.Conv1d(12, 24, 9, 5, padding=4), nn.Conv1d(24, 24, 9, 5, padding=4)
        self.layers = nn.Sequential(first, nn.GELU(), second, nn.GELU())

    def tokens(self, samples):
        return -(-samples // 25)

    def seconds(self, samples, fs):
        return torch.arange(self.tokens(samples)) * 25 / fs

    def forward(self, x):
        return self.layers(x).mT


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(ecglearn.simulate(32, seed=2))


@pytest.mark.parametrize("name", list_methods())
def test_it_runs_in_every_method(name, patients, tmp_path):
    """Trained, it moves; saved, it is asked for; it embeds, exports, and has an untrained twin."""
    torch.manual_seed(0)
    method = ecglearn.create(name, "smoke", encoder=CNN)
    mine = [part for part in method.modules() if isinstance(part, CNN)]
    assert len(mine) == 1
    before = copy.deepcopy(mine[0].state_dict())
    for part, stage in method.stages():
        assert part != "ecg"
        history = ecglearn.fit(stage, patients, epochs=1, batch_size=16, progress=False)
        assert all(torch.isfinite(torch.tensor(list(history.epochs[0].values()))))
    after = mine[0].state_dict()
    assert all(not torch.equal(before[key], after[key]) for key in before)
    vectors = method.embed(patients)
    assert vectors.shape[0] == len(patients)
    assert vectors.std(0).min() > 0
    assert isinstance(method, LocalTokens)
    tokens, seconds = method.local_tokens(patients[:3])
    assert tokens.shape[:2] == (3, len(seconds))
    assert bool((seconds.diff() > 0).all())
    assert 0 <= seconds[0] < seconds[-1] < 10
    method.save(tmp_path / "w")
    with pytest.raises(CheckpointError, match=r"encoder of its user's own, \S*:CNN: give it"):
        ecglearn.load(tmp_path / "w")
    for given in (CNN, CNN()):
        again = ecglearn.load(tmp_path / "w", encoder=given)
        torch.testing.assert_close(again.embed(patients), vectors)
    twin = untrained(method, seed=1)
    assert not torch.equal(twin.embed(patients), vectors)
    assert sum(isinstance(part, CNN) for part in twin.modules()) == 1
    found = embed_program(method).module()(patients.ecg[:5, :, : method.config.samples])
    torch.testing.assert_close(found, vectors[:5], atol=1e-5, rtol=1e-4)


def test_the_library_s_own_keeps_the_promises():
    assert isinstance(ECGResNet(), ECGEncoder)
    small = ECGResNet(widths=(4, 8), blocks=(1, 1))
    assert own_encoder(small, 1000, 100) is small


class Wide(CNN):
    def forward(self, x):
        return self.layers(x)


class Late(CNN):
    def seconds(self, samples, fs):
        return torch.zeros(3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (nn.Linear(3, 3), "no torch.nn.Module with width, tokens, seconds"),
        (Wide, r"promises tokens \(2, 40, 24\) .* and gives \(2, 24, 40\)"),
        (Late, r"40 tokens and seconds \(3,\)"),
        (lambda: 3, "the encoder int is no"),
    ],
)
def test_a_broken_promise_is_one_sentence(given, said):
    with pytest.raises(InputError, match=said):
        ecglearn.create("merl", "smoke", encoder=given)


def test_a_module_begins_anew_or_is_refused():
    learned = CNN()
    with torch.no_grad():
        for p in learned.parameters():
            p.fill_(7.0)
    twin = renewed(learned)
    assert isinstance(twin, CNN)
    assert all(bool((p != 7).all()) for p in twin.parameters())
    assert all(bool((p == 7).all()) for p in learned.parameters())
    learned.scale = nn.Parameter(torch.ones(1))
    method = ecglearn.create("merl", "smoke", encoder=learned)
    with pytest.raises(InputError, match=r"'CNN' of the encoder has no .reset_parameters."):
        untrained(method)


def test_a_text_is_still_a_field_of_the_configuration():
    assert ecglearn.create("merl", "smoke", encoder="vit").config.encoder == "vit"


def test_scar_reads_each_lead_alone(patients):
    """A hidden cell changes nothing: neither its own token nor that of another lead."""
    torch.manual_seed(0)
    encoder = LeadByLead(CNN(), samples=1000, patch=250, out=8).eval()
    x, seen = patients.ecg[:4], torch.ones(4, 12, 4, dtype=torch.bool)
    seen[:, 3, 1] = False
    changed = x.clone()
    changed[:, 3, 250:500] = 50.0
    one, two = encoder(x, seen), encoder(changed, seen)
    torch.testing.assert_close(one.z, two.z)
    assert bool((one.alpha.unflatten(1, (12, 4))[:, 3, 1] == 0).all())
    grid = encoder(x).tokens.unflatten(1, (12, 4))
    other = encoder(x.roll(1, 1)).tokens.unflatten(1, (12, 4))
    assert not torch.allclose(grid[:, 0], other[:, 1])  # a lead is known by its channel
