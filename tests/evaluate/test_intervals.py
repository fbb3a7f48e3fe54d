"""Intervals cover what they should."""

import numpy as np
import pytest
from scipy import stats

from ecglearn.evaluate import bootstrap_interval, t_interval
from ecglearn.evaluate.intervals import Interval, interval_of, resampled_rows


def test_seeds_by_hand():
    interval = t_interval([1.0, 2.0, 3.0])
    half = 4.302653 * 1.0 / 3**0.5
    assert interval.value == 2
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half), abs=1e-4)
    assert str(t_interval([0.5, 0.5])) == "0.500 [0.500, 0.500]"
    with pytest.raises(ValueError, match="at least two"):
        t_interval([1.0])


def test_an_interval_covers_its_own_ends():
    interval = Interval(2, 1, 3)
    told = [interval.covers(value) for value in (0.99, 1, 2, 3, 3.01)]
    assert told == [False, True, True, True, False]


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


def test_rows_are_those_that_the_generator_draws():
    rng = np.random.default_rng(3)
    wanted = [rng.integers(7, size=7) for _ in range(4)]
    np.testing.assert_array_equal(list(resampled_rows(7, 4, 3)), wanted)
    np.testing.assert_array_equal(list(resampled_rows(7, 4, 3, list("abcdefg"))), wanted)
    ours, theirs, between = np.random.default_rng(3), np.random.default_rng(3), []
    for rows in resampled_rows(5, 3, ours):
        np.testing.assert_array_equal(rows, theirs.integers(5, size=5))
        between.append(ours.integers(9) == theirs.integers(9))
    assert between == [True] * 3


def test_records_of_a_patient_stay_together():
    whose = ["b", "a", "b", "c", "a", "b"]
    rows_of = {"a": [1, 4], "b": [0, 2, 5], "c": [3]}
    for rows in resampled_rows(6, 30, 1, whose):
        left = rows.tolist()
        drawn = 0
        while left:
            mine = rows_of[whose[left[0]]]
            assert left[: len(mine)] == mine
            left, drawn = left[len(mine) :], drawn + 1
        assert drawn == 3
    with pytest.raises(ValueError, match="2 patients are named for 6 records"):
        next(resampled_rows(6, 1, 0, ["a", "b"]))


def test_an_interval_of_draws_leaves_nan_out():
    drawn = [float("nan"), *np.arange(101.0)]
    assert interval_of(7, drawn) == Interval(7, 2.5, 97.5)
    assert interval_of(7, drawn, tail=0.1) == Interval(7, 10, 90)
    assert np.isnan(interval_of(7, [float("nan")] * 3)[1:]).all()
    half = [*np.arange(3.0), *[float("nan")] * 3]
    assert interval_of(1, half)[1:] == pytest.approx((0.05, 1.95))
    assert np.isnan(interval_of(1, [*half, float("nan")])[1:]).all()
