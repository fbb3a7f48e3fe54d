"""What is true in one size only is not printed in another."""

from __future__ import annotations

import nbformat
import pytest

from book.build import ROOT
from book.build_chapters import Chapter, chapters
from book.build_holds import ELSEWHERE, REMINDER, mismarked, of_size
from book.build_stage import with_outputs
from book.course.copies import copy
from book.course.plain import Names
from book.course.slides import deck

pytestmark = pytest.mark.book
KNOWN = {chapter.name: chapter for chapter in chapters(ROOT / "book")}
CLAIM = "The blue curve wins."
FIGURE = {"figure": {"name": "fig-a", "caption": CLAIM}, "image": {"alt": "Blue above red."}}


@pytest.fixture
def marked(write_chapter):
    """A chapter whose Markdown after the title, and whose caption, hold in `class`."""
    path = write_chapter("one", "1", text=f"(one)=\n# Title\n\n(two)=\n## Result\n\n{CLAIM}")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata["ecglearn"] = {"holds": "class"}
    notebook.cells[2].metadata["mystnb"] = FIGURE
    notebook.cells[2].metadata["ecglearn"] = {"holds": "class", "otherwise": "Two curves."}
    nbformat.write(notebook, path)
    return Chapter(path)


def test_smoke_prints_no_sentence_of_the_class_size(shop, marked):
    cells = with_outputs(shop, marked, None).cells
    assert shop.preset == "smoke"
    assert cells[0].source == f"(one)=\n# Title\n(two)=\n## Result\n\n{ELSEWHERE}"
    assert cells[2].metadata.mystnb.figure.caption == "Two curves."
    assert cells[2].metadata.mystnb.image.alt == "Two curves."


def test_class_prints_it(marked):
    cells = of_size(marked.notebook.cells, "class")
    assert cells == marked.notebook.cells
    assert CLAIM in cells[0].source


def test_what_is_said_otherwise_replaces_a_text(marked):
    cells = marked.notebook.cells
    cells[0].metadata["ecglearn"]["otherwise"] = "See for yourself."
    assert of_size(cells, "smoke")[0].source.endswith("\n\nSee for yourself.")


def test_a_copy_says_in_which_sizes_a_sentence_holds(marked):
    names = Names({"one": "Title"}, {}, {"fig-a": ("chapters/one", 1)}, {})
    made = copy(marked, names, "student", executed=marked.notebook, measured="", values={})
    claims = [cell.source for cell in made.cells if CLAIM in cell.source]
    assert len(claims) == 2
    assert all(source.endswith(REMINDER) for source in claims)


def test_a_deck_of_the_small_size_is_silent_too(marked):
    names = Names({"one": "Title"}, {}, {"fig-a": ("chapters/one", 1)}, {})
    for preset, says in (("smoke", False), ("class", True)):
        made = deck(marked, names, marked.notebook, "", preset)
        assert any(CLAIM in cell.source for cell in made.cells) == says


@pytest.mark.parametrize("name", KNOWN)
def test_marks_can_be_kept(name):
    assert list(mismarked(KNOWN[name])) == []


def test_a_mark_that_cannot_be_kept_is_named(write_chapter):
    path = write_chapter("one", "1", "2", text="$$x$$ (eq-a)")
    notebook = nbformat.read(path, as_version=4)
    first, _, second, third = notebook.cells
    first.metadata["ecglearn"] = {"holds": "smoke"}
    second.metadata["ecglearn"] = {"holds": "class"}
    third.metadata["ecglearn"] = {"otherwise": "Something."}
    nbformat.write(notebook, path)
    assert list(mismarked(Chapter(path))) == [
        "one, cell 1: holds can only be 'class', not 'smoke'",
        "one, cell 1: what every size needs, '$$ (eq-a)', belongs into another cell",
        "one, cell 3: makes no figure, so there is no caption that holds",
        "one, cell 4: 'otherwise' is said where nothing 'holds'",
    ]
