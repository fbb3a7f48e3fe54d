"""Before and after on one rail."""

import re

import pytest

from ecglearn.evaluate import Interval
from ecglearn.plots import Dumbbells
from ecglearn.plots.dumbbells import EDGE, WIDE


def test_dots_stand_where_the_numbers_are():
    rows = {"rate & more": (Interval(-0.2, -0.3, -0.1), Interval(0.5, 0.4, 0.6))}
    page = Dumbbells(rows, {"rate & more": "R2 < 1"})._repr_html_()
    before, after = (float(x) for x in re.findall(r'<circle cx="([\d.]+)"', page))
    assert before == EDGE
    assert after == pytest.approx(WIDE / 2)
    assert re.findall(r'<text x="[\d.]+" y="9">([-\d.]+)</text>', page) == ["-0.20", "0.50"]
    assert "rate &amp; more" in page
    assert "R2 &lt; 1" in page
    assert 'aria-label="rate &amp; more: -0.200 [-0.300, -0.100] before' in page
    assert repr(Dumbbells(rows)) == "rate & more: -0.200 [-0.300, -0.100] -> 0.500 [0.400, 0.600]"
