"""AUROC from ranks, unmeasured labels, and differences between two models."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ecglearn.evaluate import (
    auroc_columns,
    auroc_difference,
    auroc_intervals,
    macro_auroc,
    mean_auroc,
    paired,
)
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC


@pytest.fixture
def crowd():
    rng = np.random.default_rng(1)
    y = (rng.random((300, 4)) < 0.3).astype(float)
    y[rng.random(y.shape) < 0.4] = np.nan
    return y, np.nan_to_num(y) + rng.normal(size=y.shape)


def test_ranks_agree_with_scikit_learn_also_with_ties_and_gaps(crowd):
    y, scores = crowd
    for s in (scores, scores.round(), np.zeros_like(scores)):
        expected = [
            roc_auc_score(y[~np.isnan(y[:, k]), k], s[~np.isnan(y[:, k]), k]) for k in range(4)
        ]
        np.testing.assert_allclose(auroc_columns(y, s), expected, atol=1e-12)
    np.testing.assert_array_equal(auroc_columns(y, np.zeros_like(y)), 0.5)


def test_only_the_order_of_scores_counts(crowd):
    y, scores = crowd
    np.testing.assert_allclose(auroc_columns(y, np.exp(3 * scores)), auroc_columns(y, scores))
    np.testing.assert_allclose(auroc_columns(y, -scores), 1 - auroc_columns(y, scores))


def test_classes_that_cannot_be_judged():
    y = np.array([[1, 0, np.nan, 1], [1, 0, np.nan, 0], [1, np.nan, np.nan, 0]])
    found = auroc_columns(y, np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(np.isnan(found), [True, True, True, False])
    assert mean_auroc(y, np.arange(12.0).reshape(3, 4)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mean_auroc(y[:, :3], y[:, :3]))
    result = macro_auroc(np.arange(12.0).reshape(3, 4), y)
    assert result.value == 0
    assert result.left_out == [0, 1, 2]


def test_an_unmeasured_label_does_not_matter(crowd):
    y, scores = crowd
    changed = np.where(np.isnan(y), 1e6, scores)
    np.testing.assert_array_equal(auroc_columns(y, changed), auroc_columns(y, scores))
    assert macro_auroc(changed, y).value == macro_auroc(scores, y).value == mean_auroc(y, scores)
    pd.testing.assert_frame_equal(
        auroc_intervals(changed, y, n_resamples=20), auroc_intervals(scores, y, n_resamples=20)
    )


def test_difference_is_paired(crowd):
    y, scores = crowd
    rng = np.random.default_rng(2)
    worse = scores + 0.5 * rng.normal(size=scores.shape)
    gap = auroc_difference(scores, worse, y)
    assert gap.value == pytest.approx(mean_auroc(y, scores) - mean_auroc(y, worse))
    back = auroc_difference(worse, scores, y)
    np.testing.assert_allclose((back.value, back.low, back.high), (-gap.value, -gap.high, -gap.low))
    assert auroc_difference(scores, scores, y) == (0, 0, 0)
    alone = auroc_intervals(scores, y).loc["macro"]
    assert gap.high - gap.low < alone["high"] - alone["low"]


def test_intervals_leave_out_one_fortieth_on_each_side(crowd):
    y, scores = crowd
    y[:, 3] = np.nan  # cannot be judged
    worse = scores[:, ::-1] + 1
    rng = np.random.default_rng(5)
    drawn = [rng.integers(len(y), size=len(y)) for _ in range(60)]
    one = np.array([auroc_columns(y[rows], scores[rows]) for rows in drawn])
    other = np.array([auroc_columns(y[rows], worse[rows]) for rows in drawn])
    mean, gap = np.nanmean(one, 1), np.nanmean(one, 1) - np.nanmean(other, 1)
    table = auroc_intervals(scores, y, n_resamples=60, seed=5)
    wanted = np.quantile(np.column_stack([one[:, :3], mean]), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(table[["low", "high"]], wanted.T)
    found = auroc_difference(scores, worse, y, n_resamples=60, seed=5)
    np.testing.assert_allclose(found[1:], np.quantile(gap, [0.025, 0.975]))
    found = paired(max, [scores, worse], y, n_resamples=60, seed=5)
    highest = np.maximum(np.nanmean(one, 1), np.nanmean(other, 1))
    np.testing.assert_allclose(found[1:], np.quantile(highest, [0.025, 0.975]))


def test_whose_records_belong_together_are_drawn_together(crowd):
    y, scores = crowd
    twice = np.concatenate([y, y]), np.concatenate([scores, scores])
    whose = [*range(300), *range(300)]
    one = paired(lambda a: a, [scores], y, n_resamples=50)
    both = paired(lambda a: a, [twice[1]], twice[0], patients=whose, n_resamples=50)
    apart = paired(lambda a: a, [twice[1]], twice[0], n_resamples=50)
    np.testing.assert_allclose(one, both)
    assert apart.high - apart.low < one.high - one.low


@pytest.mark.parametrize("decimals", [1, 12], ids=["many equal scores", "no equal scores"])
def test_counted_draws_have_the_values_of_sorted_ones(decimals):
    rng = np.random.default_rng(4)
    y = (rng.random((60, 6)) < 0.3).astype(float)
    y[rng.random(y.shape) < 0.2] = np.nan
    y[:, 4], y[:, 5] = 0, np.nan  # a class without cases, and one that nobody measured
    scores = rng.normal(size=y.shape).round(decimals)
    resampled = ResampledAUROC(y, scores)
    draws = [np.arange(60), np.zeros(60, int), *rng.integers(60, size=(20, 60))]
    for rows in draws:
        np.testing.assert_array_equal(resampled(rows), auroc_columns(y[rows], scores[rows]))
