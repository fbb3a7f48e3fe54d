"""Sortable tables: headings sort by number or word, and words filter the rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from book.build import ROOT
from ecglearn.plots.tables import SortableTable
from tests.book.browser import visit

pytestmark = pytest.mark.book
TABLE = pd.DataFrame(
    {
        "model": ["MERL", "TAMER", "DERI", "SCAR"],
        "value": ["0.71 [0.69, 0.73]", "10.2", "", "-0.05"],
        "task": ["probe", "zero-shot", "probe", "zero-shot"],
    }
)
COLUMN = """k => [...document.querySelectorAll("tbody tr")].filter(row => !row.hidden)
  .map(row => row.cells[k].textContent)"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    script = (ROOT / "book" / "_static" / "tables.js").read_text()
    html = SortableTable(TABLE)._repr_html_()
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><title>t</title>{html}<script>{script}</script>")
    return path


def test_headings_sort_and_words_filter(page, browser):
    with visit(browser, page) as seen:
        press = seen.page.get_by_role("button")
        press.filter(has_text="value").click()
        assert seen.page.evaluate(COLUMN, 0) == ["SCAR", "MERL", "TAMER", "DERI"]
        press.filter(has_text="value").click()
        assert seen.page.evaluate(COLUMN, 0) == ["TAMER", "MERL", "SCAR", "DERI"]
        press.filter(has_text="model").click()
        assert seen.page.evaluate(COLUMN, 0) == ["DERI", "MERL", "SCAR", "TAMER"]
        assert seen.page.locator("th[aria-sort=ascending]").inner_text().startswith("model")
        seen.page.get_by_role("searchbox").fill("PROBE merl")
        assert seen.page.evaluate(COLUMN, 0) == ["MERL"]
        assert seen.page.get_by_role("status").inner_text() == "1 of 4 rows"
        seen.page.get_by_role("searchbox").fill("")
        assert len(seen.page.evaluate(COLUMN, 0)) == 4
        assert seen.complaints == []


def test_index_with_a_name_is_a_column():
    assert "<th>method</th>" in SortableTable(TABLE.rename_axis("method"))._repr_html_()
    assert "<th>index</th>" not in SortableTable(TABLE)._repr_html_()
