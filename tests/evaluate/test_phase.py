"""Phase errors where the tokens know everything, nothing, or are late."""

import numpy as np
import pytest

from ecglearn.cohort import simulate
from ecglearn.evaluate import phase_errors

SECONDS = (np.arange(100) + 0.5) / 10


@pytest.fixture(scope="module")
def truths():
    cohort = simulate(48, seed=5)
    return cohort[:32].truth, cohort[32:].truth


def clock(truth, late=0.0):
    at = np.minimum(np.round(SECONDS * 100).astype(int), truth.phase_ecg.shape[1] - 1)
    angle = 2 * np.pi * (truth.phase_ecg[:, at] - late)
    return np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], -1)


def test_tokens_that_tell_the_time_make_no_error(truths):
    train, test = truths
    found = phase_errors((clock(train), train), (clock(test), test), SECONDS, 100)
    assert found.shape == (16,)
    assert found.max() < 2


def test_a_constant_delay_is_no_error_but_another_one_is(truths):
    train, test = truths
    same = phase_errors((clock(train, 0.1), train), (clock(test, 0.1), test), SECONDS, 100)
    assert same.max() < 2
    beat = 1000 * np.nanmedian(np.diff(test.r_times, axis=1), axis=1)
    later = phase_errors((clock(train), train), (clock(test, 0.1), test), SECONDS, 100)
    np.testing.assert_allclose(later, 0.1 * beat, rtol=0.03)


def test_noise_misses_by_a_quarter_of_a_beat(truths):
    train, test = truths
    rng = np.random.default_rng(0)
    x, z = (rng.normal(size=(len(t.index), 100, 4)) for t in truths)
    beat = 1000 * np.nanmedian(np.diff(test.r_times, axis=1), axis=1)
    found = phase_errors((x, train), (z, test), SECONDS, 100) / beat
    assert found.mean() == pytest.approx(0.25, abs=0.02)
