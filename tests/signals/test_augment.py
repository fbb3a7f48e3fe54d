"""Augmentations: what they change, and what they must leave alone."""

import math

import numpy as np
import pytest
import torch

from ecglearn.signals.augment import augment, crop, ft_surrogate, jitter, rescale
from ecglearn.signals.leads import limb_residuals, twelve_from_eight


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _batch(batch: int = 6, samples: int = 1000) -> torch.Tensor:
    x = torch.randn(batch, 8, samples, generator=_generator(9), dtype=torch.float64)
    return twelve_from_eight(x.cumsum(-1) * 0.05)


@pytest.mark.parametrize("samples", [1000, 1001])
def test_surrogate_keeps_the_strength_of_every_frequency(samples):
    x = _batch(samples=samples)
    y = ft_surrogate(x, generator=_generator(), strength=0.1, probability=1)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    torch.testing.assert_close(torch.fft.rfft(y).abs(), torch.fft.rfft(x).abs())
    assert (y - x).abs().max() > 0.01
    torch.testing.assert_close(y.mean(-1), x.mean(-1))


def test_surrogate_turns_all_leads_by_one_angle_within_its_range():
    x = _batch()
    y = ft_surrogate(x, generator=_generator(), strength=0.1, probability=1)
    before, after = torch.fft.rfft(x)[..., 1:-1], torch.fft.rfft(y)[..., 1:-1]
    turn = (after / before).angle()
    torch.testing.assert_close(turn, turn[:, :1].expand_as(turn), atol=1e-6, rtol=0)
    assert turn.min() >= -1e-6
    assert turn.max() <= 0.1 * 2 * math.pi + 1e-6
    assert turn[:, 0].std() == pytest.approx(0.1 * 2 * math.pi / math.sqrt(12), rel=0.05)
    cross = after[:, :1] * after.conj()
    torch.testing.assert_close(cross, before[:, :1] * before.conj())
    assert not torch.allclose(turn[0], turn[1])  # but every record by its own


def test_surrogate_of_strength_zero_or_probability_zero_changes_nothing():
    x = _batch()
    for off in ({"strength": 0, "probability": 1}, {"strength": 0.1, "probability": 0}):
        torch.testing.assert_close(ft_surrogate(x, generator=_generator(), **off), x)


def test_surrogate_changes_the_stated_share_of_records():
    x = torch.randn(4000, 1, 16, generator=_generator(), dtype=torch.float64)
    y = ft_surrogate(x, generator=_generator(), strength=0.1, probability=0.3)
    assert ((y - x).abs().amax((1, 2)) > 1e-9).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_crop_is_a_window_of_the_record_and_says_where():
    x = _batch(batch=200)
    window, start = crop(x, length=500, generator=_generator())
    assert window.shape == (200, 12, 500)
    for k in range(200):
        torch.testing.assert_close(window[k], x[k, :, start[k] : start[k] + 500])
    assert start.min() >= 0
    assert start.max() <= 500
    assert start.double().std() == pytest.approx(501 / math.sqrt(12), rel=0.15)
    every = {
        int(s) for s in crop(_batch(batch=400, samples=5), length=3, generator=_generator())[1]
    }
    assert every == {0, 1, 2}


def test_crop_for_evaluation_starts_at_the_beginning():
    x = _batch()
    window, start = crop(x, length=400)
    torch.testing.assert_close(window, x[..., :400])
    assert start.tolist() == [0] * 6
    for length in (0, 1001):
        with pytest.raises(ValueError, match="cannot cut"):
            crop(x, length=length)


def test_jitter_multiplies_each_moment_by_its_own_factor_in_all_leads():
    x = _batch(batch=40)
    factor = jitter(x, generator=_generator()) / x
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    assert factor.mean() == pytest.approx(1, abs=0.01)
    assert factor[:, 0].std() == pytest.approx(0.6 * 0.2, rel=0.02)
    assert abs(np.corrcoef(factor[:, 0, :-1].flatten(), factor[:, 0, 1:].flatten())[0, 1]) < 0.02
    torch.testing.assert_close(jitter(x, generator=_generator(), strength=0), x)


def test_rescale_multiplies_each_record_by_one_factor():
    x = _batch(batch=4000, samples=4) + 5
    factor = rescale(x, generator=_generator()) / x
    torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor))
    assert factor[:, 0, 0].mean() == pytest.approx(1, abs=0.03)
    assert factor[:, 0, 0].std() == pytest.approx(0.5, rel=0.03)
    torch.testing.assert_close(rescale(x, generator=_generator(), sigma=0), x)


def test_strengths_are_those_of_mmcl():
    x = _batch(batch=64)
    stated = {"rate": 0.95, "surrogate": 0.1, "surrogate_probability": 0.5}
    stated |= {"jitter_strength": 0.6, "jitter_sigma": 0.2, "rescale_sigma": 0.5}
    out, _ = augment(x, length=500, generator=_generator())
    assert torch.equal(augment(x, length=500, generator=_generator(), **stated)[0], out)


def test_limb_lead_rules_survive_everything():
    x = _batch()
    y, _ = augment(x, length=500, generator=_generator(), rate=1, surrogate_probability=1)
    assert (y.std() - x.std()).abs() > 1e-3
    assert limb_residuals(y).abs().max() < 1e-9


def test_same_seed_same_numbers():
    x = _batch()
    for one, two in zip(
        augment(x, length=500, generator=_generator(3)),
        augment(x, length=500, generator=_generator(3)),
        strict=True,
    ):
        assert torch.equal(one, two)
    other, _ = augment(x, length=500, generator=_generator(4))
    assert not torch.equal(augment(x, length=500, generator=_generator(3))[0], other)


@pytest.mark.parametrize(("rate", "share"), [(0, 0.0), (0.5, 0.5), (1, 1.0)])
def test_records_outside_the_rate_are_only_cropped(rate, share):
    x = _batch(batch=1000, samples=40)
    y, start = augment(x, length=20, generator=_generator(), rate=rate)
    plain = x.gather(-1, (start[:, None] + torch.arange(20))[:, None].expand(-1, 12, -1))
    changed = (y - plain).abs().amax((1, 2)) > 1e-9
    assert changed.double().mean() == pytest.approx(share, abs=0.06)
