"""Displayed formulas are set smaller where they would not fit, and no smaller than can be read."""

import pytest

from book.build import ROOT
from tests.book.browser import visit

pytestmark = pytest.mark.book
SIZES = """() => [...document.querySelectorAll("mjx-container")].map(box =>
  [parseFloat(getComputedStyle(box).fontSize), box.scrollWidth <= box.clientWidth])"""


@pytest.fixture
def page(tmp_path):
    """Three boxes, as wide as the window, with formulas of 10, 25 and 100 em at 20 pixels."""
    boxes = "".join(
        "<mjx-container display='true' style='display: block; overflow-x: auto'>"
        f"<span style='display: inline-block; width: {wide}em'>f</span></mjx-container>"
        for wide in (10, 25, 100)
    )
    script = (ROOT / "book" / "_static" / "maths.js").read_text()
    path = tmp_path / "page.html"
    path.write_text(
        f"<!doctype html><body style='margin: 0; font-size: 20px'>{boxes}<script>{script}</script>"
    )
    return path


def test_a_wide_formula_is_set_smaller_down_to_two_thirds(browser, page):
    with visit(browser, page, width=400) as seen:
        seen.page.wait_for_timeout(300)
        fits, shrinks, scrolls = seen.page.evaluate(SIZES)
        assert fits == [20, True]
        assert 15 < shrinks[0] < 16  # 400 pixels for 25 em
        assert shrinks[1]
        assert scrolls == [pytest.approx(13.4), False]
        seen.page.set_viewport_size({"width": 600, "height": 900})
        seen.page.wait_for_timeout(300)
        assert seen.page.evaluate(SIZES)[1] == [20, True]
        assert seen.complaints == []
