"""Tokens of every method lie where their method says."""

from typing import Any

import pytest
import torch

from ecglearn.abilities import LocalTokens
from ecglearn.data.batch import ECGBatch
from ecglearn.registry import create, list_methods, method_class

METHODS = [name for name in list_methods() if issubclass(method_class(name), LocalTokens)]


@pytest.fixture(params=METHODS)
def method(request):
    torch.manual_seed(0)
    return create(request.param, "smoke").eval()


def test_seconds_are_equally_spaced_inside_the_record(method, patients):
    tokens, seconds = method.local_tokens(patients[:2])
    assert tokens.shape[:2] == (2, len(seconds))
    length = method.config.samples / method.config.fs
    step = length / len(seconds)
    assert torch.allclose(seconds.diff(), torch.full((len(seconds) - 1,), step), rtol=0.03)
    assert 0 <= float(seconds[0]) <= 0.6 * step
    assert length - 1.05 * step <= float(seconds[-1]) < length


def test_a_patch_is_centred_between_its_middle_samples():
    """A patch of samples 0 to P - 1 has its centre at (P - 1) / 2."""
    for name, size in (("ptacl", "patch"), ("scar", "patch"), ("clinical-transfer", None)):
        config = method_class(name).config_class.preset("smoke")
        patch = 10 if size is None else getattr(config, size)
        batch = ECGBatch(ecg=torch.zeros(1, 12, config.samples), fs=config.fs)
        method: Any = create(name, "smoke").eval()
        _, seconds = method.local_tokens(batch)
        assert float(seconds[0]) == pytest.approx((patch - 1) / 2 / config.fs)
        assert float(seconds[1] - seconds[0]) == pytest.approx(patch / config.fs)


@pytest.mark.parametrize("at", [0.25, 0.7])
def test_a_change_moves_the_token_of_its_time_most(method, patients, at):
    """A burst of noise, in the middle of the stretch of one token, in several records."""
    before, seconds = method.local_tokens(patients[:8])
    fs, step = method.config.fs, float(seconds.diff()[0])
    token = int(at * len(seconds))
    centre, half = round(float(seconds[token]) * fs), max(int(step * fs / 4), 2)
    ecg = patients.ecg[:8].clone()
    noise = torch.randn(8, 12, 2 * half, generator=torch.Generator().manual_seed(0))
    ecg[..., centre - half : centre + half] += 5 * noise
    after, _ = method.local_tokens(ECGBatch(ecg=ecg, fs=patients.fs))
    moved = (after - before).norm(dim=2).mean(0)
    assert abs(float(seconds[moved.argmax()] - seconds[token])) <= 1.1 * step
