"""A page opens with a picture; the notebook keeps its order."""

from __future__ import annotations

import nbformat
import pytest

from book.build import ROOT
from book.build_chapters import Chapter, chapters
from book.build_opening import NEEDS, opened, unopened
from book.build_stage import with_outputs

pytestmark = pytest.mark.book
KNOWN = chapters(ROOT / "book")
FIGURE = {"figure": {"name": "fig-a", "caption": "A line."}, "image": {"alt": "A line."}}


@pytest.fixture
def opening(write_chapter):
    """A chapter whose second code cell opens its page."""
    text = f"# Title\n\nWhat it is.\n\n{NEEDS} run it.\n**You need:** nothing."
    path = write_chapter("one", "x = 6", "print(x * 7)", text=text)
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if c.source == "print(x * 7)")
    cell.metadata.update(ecglearn={"opens": True}, mystnb=FIGURE, tags=["hide-input"])
    nbformat.write(notebook, path)
    return Chapter(path)


def test_a_page_shows_what_the_notebook_makes_later(shop, opening):
    (run,) = shop.run([opening])
    first, figure, needs, *rest = with_outputs(shop, opening, run).cells
    assert first.source == "# Title\n\nWhat it is."
    assert figure.outputs[0].text == "42\n"
    assert needs.source == f"{NEEDS} run it.\n**You need:** nothing."
    assert "x = 6" in [cell.source for cell in rest]
    assert figure not in rest
    kept = nbformat.read(opening.path, as_version=4).cells
    assert [c.source for c in kept if c.cell_type == "code"][-1] == "print(x * 7)"


def test_a_chapter_that_marks_nothing_keeps_its_order(opening):
    cells = opening.notebook.cells
    for cell in cells:
        cell.metadata.pop("ecglearn", None)
    before = [cell.source for cell in cells]
    assert [cell.source for cell in opened(cells)] == before


def test_a_text_without_needs_is_not_parted(opening):
    cells = opening.notebook.cells
    cells[0].source = "# Title"
    moved = opened(cells)
    assert [moved[0].source, moved[1].source] == ["# Title", "print(x * 7)"]
    assert len(moved) == len(cells)


def test_what_is_wrong_with_an_opening_is_said(opening, write_chapter):
    assert list(unopened(opening)) == []
    assert list(unopened(Chapter(write_chapter("two", "1")))) == [
        "two: 0 cells open the page, not one"
    ]
    notebook = nbformat.read(opening.path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("mystnb", None)
        cell.metadata["tags"] = []
    nbformat.write(notebook, opening.path)
    assert [line.partition(": ")[2] for line in unopened(Chapter(opening.path))] == [
        "the cell that opens the page makes no figure with a caption",
        "the code of the opening figure is not folded",
    ]


@pytest.mark.parametrize("chapter", KNOWN, ids=lambda c: c.name)
def test_every_chapter_opens_with_one_picture(chapter):
    assert list(unopened(chapter)) == []
