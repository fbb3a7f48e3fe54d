"""Intervals cover what they should."""

import numpy as np
import pytest
from scipy import stats

from ecglearn.evaluate import bootstrap_interval, t_interval


def test_seeds_by_hand():
    interval = t_interval([1.0, 2.0, 3.0])
    half = 4.302653 * 1.0 / 3**0.5
    assert interval.value == 2
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half), abs=1e-4)
    assert str(t_interval([0.5, 0.5])) == "0.500 [0.500, 0.500]"
    with pytest.raises(ValueError, match="at least two"):
        t_interval([1.0])


def test_bootstrap_agrees_with_scipy_and_covers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    ours = bootstrap_interval(lambda rows: float(x[rows].mean()), len(x), n_resamples=2000)
    theirs = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=2000, rng=1)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)
    covered = 0
    for k in range(200):
        sample = rng.normal(size=60)
        interval = bootstrap_interval(
            lambda r, s=sample: float(s[r].mean()), 60, n_resamples=200, seed=k
        )
        covered += interval.covers(0.0)
    assert 0.87 <= covered / 200 <= 0.99


def test_same_seed_same_interval_and_no_patient_is_refused():
    x = np.arange(10.0)
    a, b = (
        bootstrap_interval(lambda rows: float(x[rows].mean()), 10, n_resamples=50) for _ in range(2)
    )
    assert a == b
    with pytest.raises(ValueError, match="at least one patient"):
        bootstrap_interval(lambda rows: 0.0, 0)
