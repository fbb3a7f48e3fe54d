"""The scripts that draw and link plotly figures, on a page with nothing else on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from book.build import ROOT
from book.build_scripts import vendor
from ecglearn._mystnb import PLOTLY, PlotlyMime, figure_html
from ecglearn.plots import add_slider
from tests.book.browser import visit

pytestmark = pytest.mark.book

STYLE = """<style>html { --pst-color-text-base: rgb(10, 20, 30); }
html[data-theme="dark"] { --pst-color-text-base: rgb(200, 210, 220); }</style>"""


def linked_figure(link: Any) -> go.Figure:
    """A heat map, two bands named after its rows, two pictures named after its columns."""
    fig = make_subplots(1, 3)
    fig.add_trace(go.Heatmap(z=[[1, 2], [3, 4]], name="map", showscale=False), 1, 1)
    for k in range(2):
        fig.add_shape(x0=k, x1=k + 1, y0=0, y1=1, xref="x2", name=f"band-{k}", opacity=0.1)
        picture = go.Scatter(x=[0, 1], y=[k, k], name=f"frame-{k}", visible=False)
        fig.add_trace(picture, 1, 3)
    fig.update_shapes(yref="y2 domain", line_width=0)
    fig.update_layout(meta={"link": link}, width=2000, height=300, showlegend=False)
    return fig


@pytest.fixture
def page(tmp_path: Path):
    """Writes a page with the given figures and returns its path."""
    static = tmp_path / "_static"
    shutil.copytree(ROOT / "book" / "_static", static)
    vendor(tmp_path / "vendor")

    def write(*figures: go.Figure) -> Path:
        scripts = "".join(f"<script src='_static/{n}.js'></script>" for n in ("figures", "links"))
        boxes = "".join(f"<div>{figure_html(f.to_plotly_json(), 'a map')}</div>" for f in figures)
        path = tmp_path / "page.html"
        path.write_text(
            f"<!doctype html><html data-theme='light'><head>{STYLE}{scripts}</head>{boxes}</html>"
        )
        return path

    return write


def state(seen: Any, box: int = 0) -> dict[str, list[Any]]:
    """Opacity of the bands and visibility of the pictures."""
    return seen.page.evaluate(
        """k => {
          const box = document.querySelectorAll(".plotly-static")[k];
          return {bands: box.layout.shapes.map(s => s.opacity),
                  pictures: box.data.slice(1).map(t => t.visible)};
        }""",
        box,
    )


def point_at(seen: Any, x: float, y: float) -> None:
    """Moves the mouse over the cell of the first heat map."""
    place = seen.page.evaluate(
        """([x, y]) => {
          const box = document.querySelector(".plotly-static");
          const {xaxis, yaxis, _size} = box._fullLayout, at = box.getBoundingClientRect();
          return [at.x + xaxis._offset + xaxis.l2p(x), at.y + yaxis._offset + yaxis.l2p(y)];
        }""",
        [x, y],
    )
    seen.page.mouse.move(place[0] - 3, place[1])
    seen.page.mouse.move(*place)
    seen.page.wait_for_timeout(300)


RULE = {
    "on": "map",
    "highlight": ["band-{y}"],
    "show": ["frame-{x}"],
    "style": {"opacity": 0.9},
    "start": {"x": 0, "y": 1},
}


def test_pointing_at_a_cell_highlights_what_is_linked(page, browser):
    with visit(browser, page(linked_figure(RULE))) as seen:
        seen.settle()
        seen.page.wait_for_timeout(300)
        assert state(seen) == {"bands": [0.1, 0.9], "pictures": [True, False]}
        point_at(seen, 1, 0)
        assert state(seen) == {"bands": [0.9, 0.1], "pictures": [False, True]}
        point_at(seen, 0, 1)
        assert state(seen) == {"bands": [0.1, 0.9], "pictures": [True, False]}
        assert seen.complaints == []


def test_rules_can_be_several_and_reach_other_figures(page, browser):
    split = [
        {"on": "map", "highlight": ["band-{row}"], "page": True},
        {"on": "map", "show": ["frame-{col}"]},
    ]
    with visit(browser, page(linked_figure(split), linked_figure(None))) as seen:
        seen.settle()
        point_at(seen, 1, 0)
        assert state(seen) == {"bands": [1, 0.1], "pictures": [False, True]}
        assert state(seen, 1) == {"bands": [1, 0.1], "pictures": [False, False]}
        assert seen.complaints == []


def test_figure_is_as_wide_as_its_column_and_follows_the_theme(page, browser):
    colour = """() => getComputedStyle(document.querySelector(".plotly-static .xtick text")).fill"""
    with visit(browser, page(linked_figure(None)), width=390) as seen:
        seen.settle()
        assert seen.overflow() <= 0
        assert seen.page.evaluate(colour) == "rgb(10, 20, 30)"
        seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        seen.page.wait_for_timeout(500)
        assert seen.page.evaluate(colour) == "rgb(200, 210, 220)"
        seen.page.set_viewport_size({"width": 700, "height": 900})
        seen.page.wait_for_timeout(500)
        width = seen.page.evaluate("document.querySelector('.plotly-static svg').clientWidth")
        assert 600 < width <= 700


def test_only_plotly_is_taken_and_scripts_cannot_end_early():
    class Data:
        mime_type = "text/html"

    assert PlotlyMime.handle_mime(None, Data(), False) is None
    Data.mime_type = PLOTLY
    assert PlotlyMime.handle_mime(None, Data(), True) is None
    html = figure_html({"data": [{"name": "</script><b>"}], "layout": {}}, 'an "alt"')
    assert html.count("</script>") == 1
    assert 'aria-label="an &quot;alt&quot;"' in html


GROUND = (18, 18, 18)
LINES = """() => [...document.querySelectorAll(".plotly-static .scatterlayer path.js-line")]
  .map(line => getComputedStyle(line).stroke)"""


def stands_out(colour: str, ground: tuple[int, ...] = GROUND) -> float:
    """Contrast of a colour `rgb(r, g, b)` with the ground, as WCAG counts it."""

    def luminance(channels: Any) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    return luminance(parts) / luminance([part / 255 for part in ground])


def moving_figure(colour: str = "#4a5568", **layout: Any) -> go.Figure:
    """One line in three states that a slider chooses."""
    states = {
        str(k): [go.Scatter(x=[0, 1], y=[0, k], mode="lines", line_color=colour)] for k in range(3)
    }
    fig = go.Figure(states["0"])
    fig.update_layout(height=300, **layout)
    return add_slider(fig, states, prefix="step ", play=True)


def test_lines_stand_out_on_the_dark_ground_at_every_step(page, browser):
    """What is dark on white is lightened, also where a slider exchanges it, and back again."""
    theme = "theme => { document.documentElement.dataset.theme = theme; }"
    with visit(browser, page(moving_figure())) as seen:
        seen.settle()
        assert seen.page.evaluate(LINES) == ["rgb(74, 85, 104)"]
        seen.page.evaluate(theme, "dark")
        seen.page.wait_for_timeout(500)
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            (shown,) = seen.page.evaluate(LINES)
            assert 4.5 <= stands_out(shown) < 6
            seen.page.locator("input[type=range]").press(key)
            seen.page.wait_for_timeout(200)
        seen.page.evaluate(theme, "light")
        seen.page.wait_for_timeout(500)
        assert seen.page.evaluate(LINES) == ["rgb(74, 85, 104)"]
        assert seen.complaints == []


def test_paper_keeps_its_ink_in_the_dark(page, browser):
    with visit(browser, page(moving_figure(plot_bgcolor="#fff5f5"))) as seen:
        seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        seen.settle()
        assert seen.page.evaluate(LINES) == ["rgb(74, 85, 104)"]


def test_a_slider_plays_to_its_end_or_goes_step_by_step(page, browser):
    with visit(browser, page(moving_figure())) as seen:
        seen.settle()
        play, slider = seen.page.locator(".figure-play"), seen.page.locator("input[type=range]")
        play.focus()
        seen.page.keyboard.press("Enter")
        assert play.inner_text() == "Pause"
        seen.page.wait_for_function("document.querySelector('.figure-play').textContent == 'Play'")
        assert slider.input_value() == "2"
        assert seen.page.locator("output").inner_text() == "step 2"
    with visit(browser, page(moving_figure()), reduced_motion="reduce") as seen:
        seen.settle()
        play, slider = seen.page.locator(".figure-play"), seen.page.locator("input[type=range]")
        assert play.inner_text() == "Next"
        for value in ("1", "2", "0"):
            play.click()
            seen.page.wait_for_timeout(600)
            assert slider.input_value() == value
