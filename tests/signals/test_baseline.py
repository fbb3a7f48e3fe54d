"""Asymmetric least squares: against a dense solution, on straight lines, on an ECG."""

import numpy as np
import pytest
import torch

from ecglearn.signals.baseline import subtract_baseline


def by_hand(y, smoothness, asymmetry, passes):
    """The same with whole matrices."""
    bending = np.diff(np.eye(len(y)), 2, axis=0)
    weights, z = np.ones_like(y), y
    for _ in range(passes):
        left = np.diag(weights) + smoothness * bending.T @ bending
        z = np.linalg.solve(left, weights * y)
        weights = np.where(y > z, asymmetry, 1 - asymmetry)
    return y - z


@pytest.mark.parametrize("passes", [1, 5])
@pytest.mark.parametrize("samples", [3, 4, 80])
def test_equals_the_dense_solution(passes, samples):
    y = np.random.default_rng(0).normal(size=(2, 3, samples)).cumsum(-1)
    found = subtract_baseline(y, smoothness=50.0, passes=passes, clip=None)
    expected = np.apply_along_axis(by_hand, -1, y, 50.0, 0.3, passes)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_straight_line_is_its_own_baseline():
    line = np.linspace(-2, 5, 400)[None]
    np.testing.assert_allclose(subtract_baseline(line), 0, atol=1e-6)


def test_drift_goes_and_beats_stay():
    t = np.arange(5000) / 500
    drift = 0.8 * np.sin(2 * np.pi * 0.15 * t)
    beats = np.exp(-0.5 * ((t[:, None] - np.arange(0.4, 10, 0.8)) / 0.012) ** 2).sum(1)
    left = subtract_baseline((drift + beats)[None])[0]
    assert np.abs(left - beats).max() < 0.15
    assert np.corrcoef(left, beats)[0, 1] > 0.99


def test_outliers_are_cut_off_first():
    x = np.random.default_rng(0).normal(size=(1, 1000))
    x[0, 500] = 1000.0
    assert subtract_baseline(x).max() < 4.2 * x.std()
    assert subtract_baseline(x, clip=None).max() > 800


def test_kind_follows_and_bad_input_is_refused():
    x = torch.randn(2, 12, 300)
    assert isinstance(subtract_baseline(x), torch.Tensor)
    assert subtract_baseline(x).dtype == torch.float32
    assert subtract_baseline(x.numpy()).dtype == np.float32
    with pytest.raises(ValueError, match="3 samples or more"):
        subtract_baseline(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="all of them finite"):
        subtract_baseline(np.full((1, 9), np.nan))
    with pytest.raises(ValueError, match="between 0 and 1"):
        subtract_baseline(np.zeros((1, 9)), asymmetry=1.0)
