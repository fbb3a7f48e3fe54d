"""Calibration against closed forms, a loop over bins, and scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from ecglearn.evaluate import brier, calibration_error, reliability

RNG = np.random.default_rng(0)
P = RNG.uniform(size=(300, 4))
Y = (RNG.uniform(size=P.shape) < P).astype(float)


def test_by_hand():
    p, y = [[0.1, 0.9], [0.3, 0.8]], [[0, 1], [1, 0]]
    # two bins: 0.1, 0.3 with rate 1/2, and 0.9, 0.8 with rate 1/2
    assert calibration_error(p, y, bins=2) == pytest.approx(0.5 * 0.3 + 0.5 * 0.35)
    assert brier(p, y) == pytest.approx((0.01 + 0.01 + 0.49 + 0.64) / 4)


def test_a_constant_answer_misses_by_its_distance_from_the_rate():
    y = (np.arange(100) < 30).astype(float)[:, None]
    assert calibration_error(np.full_like(y, 0.5), y) == pytest.approx(0.2)
    assert calibration_error(np.full_like(y, 0.3), y) == pytest.approx(0, abs=1e-12)
    assert brier(np.full_like(y, 0.3), y) == pytest.approx(0.21)


def test_against_a_loop_and_a_library():
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (low <= P) & (low + 1 / 15 > P)
        expected += inside.mean() * abs(P[inside].mean() - Y[inside].mean())
    assert calibration_error(P, Y) == pytest.approx(expected, abs=1e-9)
    true, said = calibration_curve(Y.ravel(), P.ravel(), n_bins=15)
    table = reliability(P, Y)
    np.testing.assert_allclose(table["true"], true)
    np.testing.assert_allclose(table["said"], said)
    np.testing.assert_equal(table["count"].sum(), P.size)
    assert brier(P, Y) == pytest.approx(brier_score_loss(Y.ravel(), P.ravel()))


def test_honest_probabilities_are_better_calibrated_than_bold_ones():
    bold = np.clip(2 * P - 0.5, 0, 1)
    assert calibration_error(P, Y) < calibration_error(bold, Y) / 2


def test_unmeasured_labels_do_not_count():
    holes = Y.copy()
    holes[::3] = np.nan
    kept = ~np.isnan(holes)
    assert brier(P, holes) == pytest.approx(((P - Y) ** 2)[kept].mean())


def test_scores_are_no_probabilities():
    with pytest.raises(ValueError, match="sigmoid"):
        brier([[1.5]], [[1]])
    with pytest.raises(ValueError, match="must agree"):
        calibration_error([[0.5]], [[1, 0]])
