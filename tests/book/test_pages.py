"""The smoke-size book, rendered strictly and opened page by page from plain files."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont

from book.build import ROOT, build, workshop
from book.build_chapters import chapters, pages
from book.build_terms import terms
from book.course.exercises import is_solution
from book.course.plain import Names
from tests.book.browser import visit, weights
from tests.plots.views.page import axe

pytestmark = pytest.mark.book
PAGES = [*pages(ROOT / "book" / "_toc.yml"), "genindex", "py-modindex", "search"]
SIGNATURES = ("definition-list:", "dlitem:")  # long ones, as Sphinx marks them up
CHAPTERS = [f"chapters/{chapter.name}" for chapter in chapters(ROOT / "book")]

FIGURES = """() => [
  ...document.querySelectorAll(
    "article img[src*='_images'], article .plotly-static, article .ecg-view")
].map(node => ({
  label: node.alt ?? node.getAttribute("aria-label"),
  source: node.getAttribute("src") ?? "plotly",
  number: node.closest("figure")?.querySelector("figcaption .caption-number")?.textContent ?? "",
  caption: node.closest("figure")?.querySelector("figcaption .caption-text")?.textContent ?? "",
}))"""
UNSET_MATHS = """() => [...document.querySelectorAll("article .math")]
  .filter(node => !node.querySelector("mjx-container") || node.querySelector("mjx-merror"))
  .map(node => node.textContent)"""
UNDRAWN = """() => document.querySelectorAll(
  ".plotly-static:not([data-drawn]), .ecg-view:not([data-drawn])").length"""


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the rendered pages."""
    try:
        return build(workshop("smoke")).parent
    except SystemExit as stop:
        pytest.fail(str(stop.code))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("width", "first", "then"), [(1280, "light", "dark"), (390, "dark", "light")]
)
def test_page_is_whole(site, browser, page, width, first, then):
    """Nothing asked of the network, missing, too wide, or barred to some, in either theme."""
    with visit(browser, site / f"{page}.html", width=width, scheme=first) as seen:
        seen.settle()
        seen.page.add_style_tag(content="* { transition: none !important }")
        assert seen.page.evaluate(UNSET_MATHS) == []
        assert seen.page.evaluate(UNDRAWN) == 0
        for scheme in (first, then):
            seen.page.emulate_media(color_scheme=scheme)
            seen.page.wait_for_function(f"document.documentElement.dataset.theme == '{scheme}'")
            assert seen.overflow() <= 0, scheme
            seen.settle()
            # pages of the theme alone are asked in one of its colours
            asked = width > 600 and (scheme == first or page in CHAPTERS)
            barred = axe(seen.page) if asked else []
            assert [one for one in barred if not one.startswith(SIGNATURES)] == [], scheme
        assert seen.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_picture_is_seen_before_scrolling(site, browser, page):
    drawn = "article :is(img[src*='_images'], .plotly-static, .ecg-view)"
    with visit(browser, site / f"{page}.html") as seen:
        seen.settle()
        top = seen.page.evaluate(
            f'() => document.querySelector("{drawn}").getBoundingClientRect().top'
        )
        assert 0 < top < 850


def test_the_icon_font_holds_what_the_style_asks_for(site):
    """Symbols before the titles of boxes; the style names them as letters, not by code."""
    style = (site / "_static" / "styles" / "pydata-sphinx-theme.css").read_text()
    fonts = site / "_static" / "vendor" / "fontawesome" / "webfonts"
    held = TTFont(fonts / "fa-solid-900.woff").getBestCmap() or {}
    whole = TTFont(fonts / "fa-solid-900.ttf").getBestCmap() or {}
    named = {icon for icon in re.findall('--pst-icon-[a-z-]+:"(.)"', style) if ord(icon) in whole}
    assert len(named) > 5
    assert [hex(ord(icon)) for icon in named if ord(icon) not in held] == []


@pytest.mark.parametrize("page", PAGES)
def test_figures_are_numbered_captioned_and_described(site, browser, page):
    with visit(browser, site / f"{page}.html") as seen:
        for figure in seen.page.evaluate(FIGURES):
            assert figure["number"].startswith("Fig."), figure
            assert len(figure["caption"]) > 10, figure
            assert len(figure["label"] or "") > 10, figure
            assert not figure["label"].endswith((".png", ".svg", ".jpeg")), figure


@pytest.mark.parametrize("page", CHAPTERS)
def test_sliders_move_without_a_kernel(site, browser, page):
    """By the keyboard, as whoever has no mouse moves them."""
    with visit(browser, site / f"{page}.html") as seen:
        seen.settle()
        ranges = seen.page.locator(".figure-slider input, .ecg-view input[type=range]")
        for k in range(ranges.count()):
            slider = ranges.nth(k)
            if not slider.is_visible():  # folded
                continue
            before = slider.input_value()
            slider.focus()
            seen.page.keyboard.press(
                "ArrowLeft" if before != slider.get_attribute("min") else "End"
            )
            assert slider.input_value() != before
        assert seen.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_buttons_of_a_figure_change_it(site, browser, page):
    state = "button => button.closest('figure, .cell_output').querySelector('.plotly-static')"
    shown = f"button => JSON.stringify(({state})(button).data.map(one => one.visible))"
    with visit(browser, site / f"{page}.html") as seen:
        seen.settle()
        groups = seen.page.locator(".figure-buttons")
        for k in range(groups.count()):
            last = groups.nth(k).locator("button").last
            last.focus()
            seen.page.keyboard.press("Enter")
            assert last.get_attribute("aria-pressed") == "true"
            assert last.evaluate(shown)
        assert seen.complaints == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_swipe_on_a_figure_scrolls(site, browser, page):
    with visit(browser, site / f"{page}.html", width=390, has_touch=True) as seen:
        seen.settle()
        drags = """() => [...document.querySelectorAll(".plotly-static:not(.figure-dragged)")]
          .filter(box => box.layout.dragmode !== false || box.querySelector(".modebar *")).length"""
        assert seen.page.evaluate(drags) == 0


@pytest.mark.parametrize("page", CHAPTERS)
def test_page_is_light(site, browser, page):
    """Everything that it loads, figures drawn: under 3 MB."""
    loaded = weights(browser, site / f"{page}.html")
    assert sum(loaded.values()) < 3_000_000, loaded


def test_a_term_shows_its_card_to_mouse_and_keyboard(site, browser):
    """Pointed at or reached by the keyboard it says what the glossary says; Escape closes it."""
    with visit(browser, site / "chapters/ptacl.html") as seen:
        link = seen.page.locator("article a[href*='glossary.html#term-']").first
        card = seen.page.locator("#term-card")
        link.hover()
        said = card.inner_text()
        assert said in terms(ROOT / "book", Names.of(ROOT / "book")).values()
        box = card.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        seen.page.mouse.move(0, 0)
        card.wait_for(state="detached")
        link.focus()
        assert card.inner_text() == said
        assert link.get_attribute("aria-describedby") == "term-card"
        seen.page.keyboard.press("Escape")
        card.wait_for(state="detached")


FOLDS = """() => Object.fromEntries([...document.querySelectorAll("details.folded-end")]
  .map(fold => [fold.querySelector("h2").textContent.replace("#", ""), fold.open]))"""


def test_the_end_of_a_chapter_opens_for_a_click_and_for_a_link(site, browser):
    place = site / "chapters" / "tamer.html"
    with visit(browser, place) as seen:
        folds = seen.page.evaluate(FOLDS)
        assert {"Known and chosen", "Details", "Sizes"} <= set(folds)
        assert not any(folds.values())
        assert "Exercises" not in folds
        assert "Take it to your data" not in folds
        seen.page.locator("details.folded-end > summary", has_text="Details").click()
        assert [name for name, is_open in seen.page.evaluate(FOLDS).items() if is_open] == [
            "Details"
        ]
        seen.page.goto(f"{place.as_uri()}#tamer-sizes")
        seen.page.wait_for_function(f"({FOLDS})()['Sizes']")


@pytest.mark.parametrize("page", CHAPTERS)
def test_notebook_can_be_downloaded(site, browser, page):
    """The link in the header saves the student's notebook under its name: no answers in it."""
    with visit(browser, site / f"{page}.html") as seen:
        links = seen.page.locator("a[href$='.ipynb']")
        href = links.first.get_attribute("href")
        assert links.first.get_attribute("download") == f"{page.rpartition('/')[2]}.ipynb"
    path = (site / page).parent / href
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert not any(is_solution(cell) for cell in notebook.cells)
    assert not any("{{ measured }}" in cell.source for cell in notebook.cells)


def test_start_page_leads_to_the_first_chapter(site, browser):
    with visit(browser, site / "index.html") as seen:
        seen.page.wait_for_url(f"**/{PAGES[0]}.html")


def test_search_finds_words_from_a_plain_file(site, browser):
    with visit(browser, site / "search.html") as seen:
        seen.page.goto((site / "search.html").as_uri() + "?q=contrastive")
        seen.page.wait_for_selector("ul.search li")


def test_every_local_link_leads_somewhere(site):
    anchors: dict[Path, set[str]] = {}
    links: list[tuple[Path, str]] = []
    for path in site.rglob("*.html"):
        soup = BeautifulSoup(path.read_text(), "html.parser")
        anchors[path] = {str(node["id"]) for node in soup.find_all(id=True)}
        links += [(path, str(node["href"])) for node in soup.find_all("a", href=True)]
    for path, href in links:
        parts = urlsplit(href)
        if parts.scheme or not href.strip("#"):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        assert target.exists(), f"{path.name} links to {href}"
        if parts.fragment and target in anchors:
            assert unquote(parts.fragment) in anchors[target], f"{path.name} links to {href}"


def test_pages_of_the_library_are_small_and_show_what_is_inherited(site):
    """A class shows its bases and the methods of its bases, but for those of PyTorch."""
    pages = list((site / "api").glob("*.html"))
    assert max(page.stat().st_size for page in pages) < 800_000
    soup = BeautifulSoup((site / "api" / "methods.html").read_text(), "html.parser")
    merl = "ecglearn.methods.merl.MERL"
    assert {f"{merl}.{name}" for name in ("embed", "embed_text", "save", "load")} <= {
        str(node["id"]) for node in soup.find_all(id=True)
    }
    assert not soup.find_all(id=f"{merl}.register_buffer")
    entry = soup.find(id=merl)
    assert entry is not None
    assert "Bases: ReportMethod" in " ".join(entry.find_next("dd").get_text(" ").split())  # pyright: ignore


def test_no_page_is_left_unopened(site):
    written = {str(p.relative_to(site).with_suffix("")) for p in site.rglob("*.html")}
    inner = {page for page in written if not page.startswith(("_", "vendor"))}
    assert inner - {"index"} == {page for page in PAGES if (site / f"{page}.html").exists()}
