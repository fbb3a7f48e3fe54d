"""Decks: nothing from outside, and no question that runs off its slide."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbformat.v4 import new_notebook

from book.build import ROOT
from book.build_chapters import chapters
from book.course.exercises import exercises
from book.course.plain import Names
from book.course.slides import deck, questions, write_decks
from ecglearn.course import quiz
from tests.book.browser import visit

pytestmark = pytest.mark.book
KNOWN = {chapter.name: chapter for chapter in chapters(ROOT / "book")}

# Answers every question in every way; for each: its slide, and what lies outside the window.
OFF = """() => {
  const found = {}, inside = (box) => box.top >= 0 && box.left >= 0
    && box.bottom <= innerHeight && box.right <= innerWidth;
  for (let place = 0; place < Reveal.getTotalSlides(); place++) {
    Reveal.slide(place, 0);
    const slide = Reveal.getCurrentSlide(), off = [];
    const look = () => {
      const said = slide.querySelector(".Feedback");
      if (said.textContent.length < 10) off.push("nothing is said");
      for (const part of slide.querySelectorAll("h3, p, .MCButton, input, button, .Feedback"))
        if (!inside(part.getBoundingClientRect())) off.push(part.textContent);
    };
    for (const radio of slide.querySelectorAll("input[type=radio]")) {
      radio.click();
      look();
    }
    for (const field of slide.querySelectorAll("input[type=text]")) {
      field.value = "1234.5";
      field.parentElement.querySelector("button").click();
      look();
    }
    found[slide.querySelector(".ecg-quiz").id] = off;
  }
  return found;
}"""


def test_a_deck_needs_nothing_from_outside(tmp_path):
    chapter = KNOWN["contrastive-learning"]
    executed = chapter.notebook
    made = deck(chapter, Names.of(ROOT / "book"), executed, "9 s")
    kinds = [cell.metadata.slideshow.slide_type for cell in made.cells]
    assert kinds.count("slide") >= 12
    assert "notes" in kinds
    solutions = [c.source for e in exercises(chapter) for c in e.solution]
    text = "\n".join(cell.source for cell in made.cells)
    assert not any(source in text for source in solutions)
    write_decks({"contrastive-learning": made}, tmp_path)
    html = (tmp_path / "contrastive-learning.html").read_text(encoding="utf-8")
    html = re.sub(r"(<script[^>]*>).*?</script>", r"\1", html, flags=re.DOTALL)
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert not any(address.startswith(("http", "//")) for address in loaded)
    for address in loaded:
        if not address.startswith("data:"):
            assert (tmp_path / address).exists(), address


def test_every_question_fits_its_slide_with_every_answer(tmp_path, browser):
    """At 1280 x 720, without scrolling, whatever is answered."""
    asked = {name: quiz(name).questions for name in KNOWN}
    cells = [one for name in KNOWN for one in questions(name, f"Questions on {name}")]
    metadata = {"title": "Questions", "language_info": {"name": "python"}}
    made = nbformat.from_dict(new_notebook(metadata=metadata, cells=cells))
    write_decks({"all": made}, tmp_path)
    with visit(browser, tmp_path / "all.html") as seen:
        seen.page.set_viewport_size({"width": 1280, "height": 720})
        seen.page.wait_for_function("window.Reveal?.isReady()")
        seen.page.wait_for_function(
            "[...document.querySelectorAll('.ecg-quiz')].every(one => one.dataset.drawn)"
        )
        off = seen.page.evaluate(OFF)
        assert len(off) == sum(map(len, asked.values()))
        assert {name: parts for name, parts in off.items() if parts} == {}
        assert seen.complaints == []
