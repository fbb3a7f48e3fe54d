"""bf16, compilation and the log: what they change, what they leave, and exact resume with all."""

import math
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train import TrainingError, fit, step
from ecglearn.train.step import turns

SMOKE = replace(PTACLConfig.preset("smoke"), augmented=True)


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(simulate(48, seed=3))


@pytest.fixture
def native(monkeypatch):
    """As if this processor had bfloat16 arithmetic; PyTorch emulates it."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)


def train(patients, **more):
    torch.manual_seed(0)
    method = PTACL(SMOKE)
    history = fit(method, patients, epochs=2, batch_size=16, progress=False, **more)
    return method.state_dict(), history


def test_bf16_rounds_products_and_keeps_weights_whole(patients, native):
    exact, history = train(patients)
    rounded, low = train(patients, precision="bf16")
    assert {value.dtype for value in rounded.values()} <= {torch.float32, torch.int64}
    assert not torch.equal(exact["ecg_head.0.weight"], rounded["ecg_head.0.weight"])
    assert low.curve()[-1] == pytest.approx(history.curve()[-1], rel=0.02)


def test_emulated_bf16_warns(patients, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    with pytest.warns(UserWarning, match="this cpu has no bfloat16 arithmetic"):
        train(patients, precision="bf16")


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="'fp32', 'tf32' or 'bf16', not 'fp16'"):
        step.check_precision("fp16", torch.device("cpu"))


class Stop(Exception):
    pass


def test_resumes_exactly_with_all_options(patients, tmp_path, native):
    options = {"precision": "bf16", "accumulate": 2, "log": tmp_path / "log"}

    def stop(epoch):
        raise Stop

    whole, history = train(patients, **options)
    with pytest.raises(Stop):
        train(patients, out=tmp_path, after_epoch=stop, **options)
    resumed, later = train(patients, out=tmp_path, resume=True, **options)
    assert later == history
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    with pytest.raises(TrainingError, match=r"other settings \(accumulate\)"):
        train(patients, out=tmp_path, resume=True, precision="bf16")


def test_log_has_every_term_and_rate_of_every_step(patients, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    torch.manual_seed(0)
    method = SCAR(replace(SCARConfig.preset("smoke"), curriculum=False))
    history = fit(method, patients, epochs=2, batch_size=16, log=tmp_path, progress=False)
    events = EventAccumulator(str(tmp_path)).Reload()
    terms = {"full", "missing", "selector", "masker"}
    assert set(events.Tags()["scalars"]) == terms | {"rate/0", "rate/1"}
    for name in terms:
        values = [event.value for event in events.Scalars(name)]
        assert len(values) == history.steps == 6
        assert sum(values[3:]) / 3 == pytest.approx(history.epochs[1][name], rel=1e-5)
    rates = [[event.value for event in events.Scalars(f"rate/{k}")] for k in (0, 1)]
    shares = [1.0, *((1 + math.cos(math.pi * k / 5)) / 2 for k in range(5))]  # one step of warm-up
    assert rates[0] == pytest.approx([3e-3 * share for share in shares])
    assert [b / a for a, b in zip(*rates, strict=True)] == pytest.approx([2.0] * 6)


def test_log_without_the_optional_group(patients, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r'optional group "train".*ecglearn\[train\]'):
        train(patients, log=tmp_path)


COMPILED = """
import torch
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train import fit
torch.set_num_threads(1)
patients = ECGBatch.from_cohort(simulate(16, seed=3))
found = []
for compile in (False, True):
    torch.manual_seed(0)
    method = MERL(MERLConfig.preset("smoke"))
    fit(method, patients, epochs=1, batch_size=8, compile=compile, progress=False)
    found.append(method.state_dict())
assert found[0].keys() == found[1].keys()
for name in found[0]:
    torch.testing.assert_close(found[1][name], found[0][name], atol=2e-3, rtol=1e-3, msg=name)
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_encoders_give_the_same_weights():
    """In a process of its own: the compiler cannot read functions that check shapes."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_compilation_is_asked_for(patients, monkeypatch):
    """Every part of the method is handed to the compiler, and its class is left alone."""
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: asked.append(type(self).__name__))
    method = PTACL(SMOKE)
    step.StepRunner(method, method.losses, compile=True)
    assert asked == ["ECGTransformer", "CineTransformer", "ProjectionHead", "ProjectionHead"]


def test_a_module_that_names_no_objectives_is_one():
    class Plain(torch.nn.Linear):
        def losses(self, batch, generator=None, step=0):
            return {"all": self(batch).sum()}

    plain = Plain(2, 1)
    ((objective,),) = turns(plain)
    assert list(objective.parameters) == list(plain.parameters())
    assert objective.losses == plain.losses
