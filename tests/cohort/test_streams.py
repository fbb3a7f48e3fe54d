"""Streams: the same for ever, whoever else is drawn, and as random as they claim."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ecglearn.cohort import streams


@pytest.mark.parametrize("draw", [streams.words, streams.uniform, streams.normal, streams.noise])
@settings(max_examples=30)
@given(start=st.integers(0, 500), n=st.integers(1, 40), count=st.integers(2, 11))
def test_a_patients_draws_depend_on_nobody_else(draw, start, n, count):
    everybody = draw(7, "torso", 0, start + n, count)
    some = draw(7, "torso", start, n, count)
    assert some.shape == (n, count)
    assert np.array_equal(some, everybody[start:])


def test_first_draws_stay_when_more_are_drawn_within_a_block():
    assert np.array_equal(streams.words(0, "s", 3, 5, 5), streams.words(0, "s", 3, 5, 8)[:, :5])


def test_words_are_fixed_for_ever():
    """A change here changes every simulated patient of every table."""
    code = "from ecglearn.cohort.streams import words; print(*words(0, 'latent/age', 0, 1, 2)[0])"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = streams.words(0, "latent/age", 0, 1, 2)[0]
    assert [int(w) for w in fresh.stdout.split()] == here.tolist() == FIRST_WORDS


FIRST_WORDS = [9676172306467142861, 16353551603319657855]


def test_uniform_is_uniform():
    x = streams.uniform(0, "x", 0, 20_000)
    assert x.min() > 0
    assert x.max() < 1
    assert stats.kstest(x, "uniform").pvalue > 0.01


@pytest.mark.parametrize("draw", [streams.normal, streams.noise])
def test_normal_is_normal(draw):
    x = draw(0, "x", 0, 5000, 4).ravel().astype(float)
    assert abs(x.mean()) < 0.025
    assert abs(x.std() - 1) < 0.02
    assert stats.kstest(x, "norm").pvalue > 0.01


@pytest.mark.parametrize("draw", [streams.uniform, streams.normal, streams.noise])
def test_nothing_is_correlated(draw):
    """Neither streams, nor seeds, nor patients, nor a patient's own draws: within 4.5 / sqrt(n)."""
    n = 8000
    a, b, other = draw(0, "a", 0, n, 4), draw(0, "b", 0, n, 4), draw(1, "a", 0, n, 4)
    columns = np.concatenate([a, b, other, np.roll(a, 1, axis=0)], axis=1)
    correlation = np.corrcoef(columns.T.astype(float)) - np.eye(16)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(n)


def test_tails_of_noise_end():
    x = streams.noise(0, "x", 0, 2000, 100)
    assert x.dtype == np.float32
    assert np.abs(x).max() < 4.4
