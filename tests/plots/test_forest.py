"""Forests: what is drawn where, and what a reader without eyes is told."""

import re

import pytest

from ecglearn.evaluate import Interval
from ecglearn.evaluate.claims import Claim, Judged
from ecglearn.plots import ClaimBoard, Forest
from ecglearn.plots.forest import REACH, WIDE, forest_row
from tests.evaluate.test_claims import FIELDS

EFFECT = Interval(0.03, 0.01, 0.05)


def numbers(svg: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, svg)]


def test_one_row_to_scale():
    svg = forest_row(EFFECT, 0.02)
    ends = numbers(svg, r'x[12]="([\d.]+)" x2="[\d.]+" y1')
    (dot,) = numbers(svg, r'cx="([\d.]+)"')
    middle, unit = WIDE / 2, (WIDE - 12) / (2 * REACH)
    assert dot == pytest.approx(middle + 1.5 * unit, abs=0.1)
    assert ends[0] == pytest.approx(middle + 0.5 * unit, abs=0.1)
    (band,) = numbers(svg, r'<rect x="([\d.]+)"')
    assert band == pytest.approx(middle - unit, abs=0.1)
    assert "beyond" not in svg


def test_what_lies_beyond_the_axis_has_an_arrow_and_stays_inside():
    svg = forest_row(Interval(1.0, 0.9, 1.1), 0.02)
    assert svg.count("beyond") == 1
    assert "circle" not in svg
    assert max(numbers(svg, r'x2="([\d.]+)"')) <= WIDE
    both = forest_row(Interval(0.0, -1.0, 1.0), 0.02)
    assert both.count("beyond") == 2
    assert "circle" in both


def test_rows_are_sorted_and_words_are_escaped():
    html = Forest({"<b>": Interval(-0.01, -0.02, 0.0), "best": EFFECT}, worth=0.02, unit="a & b")
    page = html._repr_html_()
    assert page.index("best") < page.index("&lt;b&gt;")
    assert "a &amp; b" in page
    assert "+0.030 [+0.010, +0.050]" in page
    assert repr(html).splitlines()[0] == "<b>: -0.010 [-0.020, 0.000]"


def test_a_board_tells_verdict_numbers_and_what_it_would_take():
    claim = Claim(**FIELDS | {"note": "A pilot says no.", "curve": ["1", "2"]})
    curve = {"1": (EFFECT, 4), "2": (EFFECT, 8)}
    shown = Judged(claim, EFFECT, 8, "shown", 8, curve)
    open_ = Judged(claim, Interval(0.01, -0.01, 0.04), 8, "undecided", 24, {})
    none = Judged(claim, None, 0, "undecided", None, {})
    page = ClaimBoard([shown, open_, none])._repr_html_()
    assert page.count("<details") == page.count("<summary") == 3
    assert page.count('<p class="claim-paper">P</p>') == 1
    assert 'aria-label="shown: 0.030 [0.010, 0.050]"' in page
    assert "A minus B" in page
    assert "24 seeds" in page
    assert "4 seeds" in page
    assert "the planned runs" in page
    assert "A pilot says no." in page
    assert " open" not in page.split("<details", 1)[1].split(">")[0]
    few = Judged(claim, EFFECT, 3, "undecided", 8, {})
    assert '<b class="verdict undecided">3 of 8 seeds</b>' in ClaimBoard([few])._repr_html_()
    other = shown._replace(claim=claim.model_copy(update={"paper": "Q"}))
    mixed = ClaimBoard([shown, other, few])._repr_html_()
    assert mixed.count('<p class="claim-paper">') == 2
    assert ClaimBoard([shown], opened=True)._repr_html_().count(" open id") == 1


@pytest.mark.parametrize(
    ("contrast", "minus", "at", "said"),
    [
        ({"A": 1, "B": -1}, 0.0, "", "A minus B"),
        ({"A": 0.5, "B": 0.5, "C": -1}, 0.0, "2 labels", "0.5 x A plus 0.5 x B minus C, 2 labels"),
        ({"A": -2, "B": 1}, 0.1, "", "minus 2 x A plus B minus 0.1"),
    ],
)
def test_a_contrast_is_written_as_a_sum(contrast, minus, at, said):
    claim = Claim(**FIELDS | {"contrast": contrast, "minus": minus, "at": at})
    page = ClaimBoard([Judged(claim, EFFECT, 8, "shown", 8, {})])._repr_html_()
    assert f"<dt>Contrast</dt><dd>{said}</dd>" in page
