"""The loop: deterministic, resumable after a kill, honest about NaN, equal on two processes."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import date

import pytest
import torch
from torch import nn
from two_processes import one_and_two

from ecglearn.checkpoint import load
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.method import Objective, Stage
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.train import TrainingError, fit, fit_cached
from ecglearn.train.cache import packs

SMOKE = PTACLConfig.preset("smoke")


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(simulate(48, seed=3))


def train(patients, epochs=3, seed=0, config=SMOKE, **more):
    torch.manual_seed(0)
    method = PTACL(config)
    history = fit(method, patients, epochs=epochs, batch_size=16, seed=seed, progress=False, **more)
    return method, history


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return all(torch.equal(left[name], right[name]) for name in left)


def test_same_seed_same_weights_whatever_the_global_generator(patients):
    config = replace(SMOKE, augmented=True)
    first, history = train(patients, config=config)
    torch.manual_seed(999)
    state = torch.get_rng_state()
    second, again = train(patients, config=config)
    assert same(first, second)
    assert history == again
    torch.manual_seed(0)
    assert not torch.equal(state, torch.get_rng_state())
    assert not same(first, train(patients, seed=1, config=config)[0])


def test_history_adds_up_and_falls(patients):
    _, history = train(patients, epochs=6)
    assert history.steps == 18
    assert [e["epoch"] for e in history.epochs] == [1, 2, 3, 4, 5, 6]
    for epoch in history.epochs:
        assert epoch["total"] == pytest.approx(epoch["global"] + epoch["local"])
    assert history.curve()[-1] < history.curve()[0]


class Stop(Exception):
    pass


def test_interrupted_run_resumes_exactly(patients, tmp_path):
    whole, history = train(patients, epochs=4)

    def stop(epoch):
        if epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(patients, epochs=4, out=tmp_path, after_epoch=stop)
    resumed, later = train(patients, epochs=4, out=tmp_path, resume=True)
    assert same(whole, resumed)
    assert later == history


KILLED = """
import sys, torch
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.train import fit
torch.manual_seed(0); torch.set_num_threads(1)
method = PTACL(PTACLConfig.preset("smoke"))
patients = ECGBatch.from_cohort(simulate(48, seed=3))
print("ready", flush=True)
fit(method, patients, epochs=12, batch_size=16, out=sys.argv[1], resume=True, progress=False)
"""


def test_killed_run_resumes_exactly(tmp_path):
    """kill -9 at two moments, then an undisturbed finish: the weights of one undisturbed run."""

    def start(folder):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
        )

    with start(tmp_path / "whole") as undisturbed:
        assert undisturbed.wait(120) == 0
    broken = tmp_path / "broken"
    for epochs_before in (1, 5):
        with start(broken) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(2000):
                if done(broken) >= epochs_before or process.poll() is not None:
                    break
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
    with start(broken) as last:
        assert last.wait(120) == 0
    (one, about), (two, again) = (
        load(tmp_path / f / "last.safetensors") for f in ("whole", "broken")
    )
    assert about == again
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def done(folder):
    path = folder / "last.safetensors"
    return len(load(path)[1]["epochs"]) if path.exists() else 0


def test_other_settings_are_not_resumed(patients, tmp_path):
    train(patients, epochs=2, out=tmp_path)
    with pytest.raises(TrainingError, match="other settings \\(seed\\)"):
        train(patients, epochs=2, seed=5, out=tmp_path, resume=True)
    with pytest.raises(TrainingError, match="config"):
        train(patients, epochs=2, config=replace(SMOKE, beta=2.0), out=tmp_path, resume=True)


def test_nan_stops_and_keeps_the_last_good_state(patients, tmp_path):
    def poison(epoch):
        if epoch == 2:  # finite, so that no door is in the way, and too large for any sum
            patients_nan.ecg[:] = 3e38

    patients_nan = replace(patients, ecg=patients.ecg.clone())
    with pytest.raises(TrainingError, match=r"step 6: the loss is not finite .*last\.safetensors"):
        train(patients_nan, epochs=4, out=tmp_path, after_epoch=poison)
    tensors, about = load(tmp_path / "last.safetensors")
    assert about["steps"] == 6
    assert all(bool(torch.isfinite(t.double()).all()) for t in tensors.values())


def test_batches_that_do_not_fit_are_refused(patients):
    with pytest.raises(ValueError, match="larger than the data"):
        fit(PTACL(SMOKE), patients, epochs=1, batch_size=49)


def test_cache_gives_the_same_weights_without_training(patients, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path))

    def run(seed=0, data=patients):
        torch.manual_seed(seed)
        method = PTACL(SMOKE)
        history = fit_cached(method, data, name="t", epochs=1, batch_size=16, progress=False)
        return method, history

    first, history = run()
    assert len(list(tmp_path.iterdir())) == 1
    second, again = run()
    assert same(first, second)
    assert (history.loaded, again.loaded) == (False, True)
    assert history == replace(again, loaded=False, origin=history.origin)
    assert history.origin.startswith("trained now, in ")
    assert again.origin.startswith(f"loaded from {tmp_path.name}/t-")
    assert again.origin.endswith(f"made on {date.today()}")
    run(seed=1)
    assert len(list(tmp_path.iterdir())) == 2
    # other ECGs are other data, reports that PTACL does not read are not
    assert run(data=replace(patients, reports=None))[1].loaded
    assert not run(data=replace(patients, ecg=patients.ecg + 1e-6))[1].loaded
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.warns(UserWarning, match="trained anew, since .* not a readable checkpoint"):
        third, anew = run()
    assert not anew.loaded
    assert same(first, third)
    assert run()[1].loaded


def test_weights_of_a_pack_are_loaded_and_the_watcher_is_told_once(patients, tmp_path, monkeypatch):
    """A pack holds files as the cache makes them; what it lacks is trained, and said to be."""
    cache, pack, watched = tmp_path / "cache", tmp_path / "pack", []
    monkeypatch.setenv("ECGLEARN_CACHE", str(cache))

    def run(seed=0):
        torch.manual_seed(seed)
        method = PTACL(SMOKE)
        history = fit_cached(
            method,
            patients,
            name="t",
            epochs=2,
            batch_size=16,
            progress=False,
            after_epoch=watched.append,
        )
        return method, history

    first, history = run()
    assert (history.loaded, watched) == (False, [1, 2])
    cache.rename(pack)
    monkeypatch.setenv("ECGLEARN_WEIGHTS", str(pack))
    second, again = run()
    assert same(first, second)
    assert (again.loaded, watched) == (True, [1, 2, 2])
    assert "loaded from pack/t-" in again.origin
    assert not cache.exists()
    assert not run(seed=1)[1].loaded


def test_a_pack_lies_beside_the_notebook_or_one_folder_up(tmp_path, monkeypatch):
    monkeypatch.delenv("ECGLEARN_WEIGHTS", raising=False)
    (tmp_path / "weights").mkdir()
    (tmp_path / "student").mkdir()
    monkeypatch.chdir(tmp_path / "student")
    assert [path.resolve() for path in packs()] == [tmp_path / "weights"]
    (tmp_path / "student" / "weights").mkdir()
    assert len(packs()) == 2


@dataclass
class Numbers:
    """Data of two alternating steps: a row is a number."""

    x: torch.Tensor

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        return Numbers(self.x[rows])

    def to(self, device):
        return Numbers(self.x.to(device))


class TwoPlayers(Stage):
    """Each player has its own parameter and its own loss, as in adversarial masking."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(1, 1)), nn.Parameter(torch.zeros(1, 1))

    def losses(self, batch, generator=None, step=None):
        return {"a": ((self.a - batch.x) ** 2).mean()}

    def other(self, batch, generator=None, step=None):
        return {"b": ((self.b - self.a) ** 2).mean()}

    def objectives(self):
        return [Objective([self.a], self.losses), Objective([self.b], self.other)]


def test_several_steps_take_turns():
    players = TwoPlayers()
    data = Numbers(torch.full((8, 1), 2.0))
    history = fit(players, data, epochs=200, batch_size=4, lr=0.05, weight_decay=0, progress=False)
    assert set(history.epochs[0]) == {"epoch", "a", "b", "total"}
    assert float(players.a.detach()) == pytest.approx(2, abs=0.05)
    assert float(players.b.detach()) == pytest.approx(2, abs=0.1)


def test_two_processes_equal_one(tmp_path):
    """Loss and gradient of the whole batch, and the weights after training, on two gloo ranks."""
    one, two = one_and_two("fit.py", tmp_path)
    assert one.keys() == two.keys()
    assert any(name.startswith("gradient/") for name in one)
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-6, rtol=1e-5), name
