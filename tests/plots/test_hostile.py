"""Words of reports, names of leads and classes stay text, whatever they say, in every maker."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from ecglearn import plots
from ecglearn._mystnb import figure_html
from ecglearn.evaluate import Interval, Judged, load_claims
from ecglearn.plots import ClaimBoard, Forest, Lesson, Marked, SortableTable

HOSTILE = [
    "<!--<script>",
    "</script><script>alert(1)</script>",
    "<script>",
    "-->",
    "]]>&lt;<img src=x onerror=alert(1)>",
    "\"'>`${x}",
    "$\\frac{$",
    "a$b$c_^",
    "\u2028\u2029\x1b[2J",
    "%{y}<extra>",
]


class Page(HTMLParser):
    """What a browser would see: elements, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == "script":
            self.scripts[-1] += data


def ecg() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 1000))


def table(text: str) -> pd.DataFrame:
    row = {"task": text, "measure": "macro AUROC", "name": text, "model": text, "value": 0.5}
    return pd.DataFrame([row, row | {"name": "all"}]).assign(low=0.4, high=0.6)


def judged(text: str) -> Judged:
    words = dict.fromkeys(("statement", "reported", "note", "unit", "paper", "at"), text)
    claim = load_claims()[0].model_copy(update=words | {"contrast": {text: 1, "b": -1}})
    effect = Interval(0.1, 0.0, 0.2)
    return Judged(claim, effect, 8, "undecided", 9, {text: (effect, 8), "b": (effect, 8)})


PLOTLY: dict[str, Callable[[str], go.Figure]] = {
    "ecg_paper": lambda t: plots.ecg_paper(ecg()[:1], 100, leads=(t,)),
    "finding_map": lambda t: plots.finding_map(table(t), [t, "b"], models=[t], cases={t: 3}),
    "measure_menu": lambda t: plots.measure_menu(
        table(t), [(t, "macro AUROC"), ("b", t)], chance={}, models=[t]
    ),
    "add_slider": lambda t: plots.add_slider(
        go.Figure(go.Scatter(y=[1])), {t: [go.Scatter(y=[1], name=t)]}, prefix=t, suffix=t
    ),
}

MATPLOTLIB: dict[str, Callable[[str], Any]] = {
    "ecg_sheet": lambda t: plots.ecg_sheet(ecg()[:1], 100, leads=(t,), layout="12x1", title=t),
    "three_views": lambda t: plots.three_views(
        ecg()[0], 100, np.ones((4, 5)), np.arange(4.0), np.arange(5.0), [t], np.ones(1)
    ),
    "lifts_side_by_side": lambda t: plots.lifts_side_by_side(
        np.ones((1, 1)), np.ones((1, 1)), [t], [t]
    ),
    "lessons": lambda t: plots.lessons(
        [Lesson(t, t, (t, Interval(0.1, 0.0, 0.2)), Interval(0.5, 0.4, 0.6))]
    ),
}

HTML: dict[str, Callable[[str], str]] = {
    "marked_reports": lambda t: plots.marked_reports([([Marked(t, "missed")], [Marked(t, "")])]),
    "SortableTable": lambda t: SortableTable(pd.DataFrame({t: [t]}))._repr_html_(),
    "Forest": lambda t: Forest({t: Interval(0.1, 0.0, 0.2)}, worth=0.1, unit=t)._repr_html_(),
    "ClaimBoard": lambda t: ClaimBoard([judged(t)])._repr_html_(),
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", PLOTLY)
def test_a_figure_ends_where_it_ends(name, text):
    figure = json.loads(PLOTLY[name](text).to_json() or "")
    page = Page(figure_html(figure, text) + "<p>after</p>")
    assert page.elements == ["div", "script", "p"]
    assert "<" not in page.scripts[0]
    shown = json.loads(page.scripts[0])
    assert shown == {key: figure[key] for key in shown}
    assert {"data", "layout"} <= shown.keys()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", HTML)
def test_no_maker_of_markup_takes_text_for_markup(name, text):
    assert Page(HTML[name](text)).elements == Page(HTML[name]("a")).elements


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", MATPLOTLIB)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_maker_of_pictures_takes_text_for_a_formula(name, text):
    figure = MATPLOTLIB[name](text)
    figure.savefig(BytesIO(), dpi=20)
    plt.close(figure)


def test_every_maker_is_tested():
    """But for those that take no text, or text of an author: formulas in it are meant."""
    authors = {"diagram", "Box", "Arrow", "Marked", "Lesson", "Source", "method_colours"}
    no_text = {
        "AlignmentTrack",
        "MapCase",
        "draw_map",
        "token_grid",
        "severity_curves",
        "stored_severity",
        "seed_menu",
        "live",
    }
    views = {name for name in plots.__all__ if name.endswith("View")}  # tests/plots/views
    assert set(plots.__all__) == {*PLOTLY, *HTML, *MATPLOTLIB, *authors, *no_text, *views}
