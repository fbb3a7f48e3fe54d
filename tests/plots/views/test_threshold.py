"""A dragged threshold: the counts are those of the scores, the point lies on the curve."""

import numpy as np
import pytest

from ecglearn.errors import InputError
from ecglearn.plots.views import ThresholdView
from tests.plots.views.page import opened

RNG = np.random.default_rng(0)
HAS = RNG.random(80) < 0.3
SCORES = RNG.normal(size=80) + 1.2 * HAS


def test_area_is_the_share_of_pairs_in_order():
    view = ThresholdView.from_scores({"flutter": (SCORES, HAS)})
    pairs = SCORES[HAS][:, None] > SCORES[~HAS]
    assert view.data["findings"][0]["auroc"] == pytest.approx(pairs.mean(), abs=1e-3)


@pytest.mark.parametrize("has", [np.zeros(80, bool), np.ones(80, bool)])
def test_a_curve_needs_both_kinds(has):
    with pytest.raises(InputError, match="with it and without it"):
        ThresholdView.from_scores({"flutter": (SCORES, has)})


def test_scores_are_finite():
    with pytest.raises(InputError, match="not finite"):
        ThresholdView.from_scores({"flutter": (np.where(HAS, np.nan, SCORES), HAS)})


@pytest.mark.book
def test_the_page_counts_as_numpy_does(browser, tmp_path):
    view = ThresholdView.from_scores({"flutter": (SCORES, HAS), "none": (SCORES, ~HAS)})
    one = view.data["findings"][0]
    for width, scheme in ((1280, "light"), (390, "dark")):
        with opened(browser, tmp_path, view, width=width, scheme=scheme) as seen:
            for at in (200, 500, 850):
                seen.slide("threshold", at)
                edge = one["low"] + at / 1000 * (one["high"] - one["low"])
                box = seen.page.locator(".ecg-view")
                rounded = np.round(SCORES, 4)
                assert box.get_attribute("data-found") == str((rounded[HAS] >= edge).sum())
                assert box.get_attribute("data-alarms") == str((rounded[~HAS] >= edge).sum())
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []
