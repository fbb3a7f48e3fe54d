"""Questions: right by arithmetic, explained in full, answered by whoever has a keyboard."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import pytest

from book.build import ROOT
from book.build_chapters import chapters
from book.build_scripts import folder_of
from ecglearn.course.quiz import HERE, Quiz, quiz
from ecglearn.errors import InputError, MissingGroupError
from tests.book.browser import visit
from tests.plots.views.page import axe

STYLES = (
    folder_of("pydata_sphinx_theme")
    / "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css"
)
CHAPTERS = [chapter.name for chapter in chapters(ROOT / "book")]
# what the numeric questions ask, in their order, computed and not copied
NUMBERS = {
    "intro": [100 * (150 - 60) / 150],
    "first-training-loop": [1.0 - 0.5 * 0.6],
    "attention": [1 / 40, 12 * 5000 / 50],
    "numbers-with-doubt": [40 / (5 * 10), 200 * (0.20 / 0.10) ** 2],
    "the-heart": [],
    "the-12-lead-ecg": [6 - 4 + 6, ((0.8 - 0.5) + 0.8) / 2, 300 / 4],
    "preprocessing": [abs(170 - 2 * 100), 250 / 2**4],
    "contrastive-learning": [math.log(256)],
    "simulated-cohort": [65 * 80 / 1000],
    "asking-a-model": [
        sum(a > b for a in (0.9, 0.6, 0.4) for b in (0.5, 0.1)) / 6,
        1 - 0.8,
    ],
    "ptacl": [math.log(13)],
    "alignment-matrices": [1 / 13],
    "tamer": [math.log(40 / 20)],
    "deri": [2 * math.log(64)],
    "scar": [0.2 / 0.8],
    "when-leads-go-missing": [100 * (1 - 3 / 12 * 1 / 2)],
    "clinical-transfer": [0.1 * 8 * 7, (0.82 - 0.80) / (0.84 - 0.80)],
    "evaluation": [20 * 0.9 / 25, 0.1 * 0.9**2 + 0.9 * 0.1**2],
    "claims": [40 / 2**2, 40 * 0.025],
    "five-methods": [],
    "known-and-chosen": [],
    "your-own-data": [19 - 15],
    "your-own-method": [math.log(4)],
    "many-machines": [8, 256 / 16 - 1],
}


def questions(name: str) -> list[dict]:
    return json.loads(HERE.joinpath("quizzes", f"{name}.json").read_text("utf-8"))


def test_every_chapter_has_its_questions_and_no_file_is_of_none():
    files = {file.name for file in HERE.joinpath("quizzes").iterdir()}
    assert files == {f"{name}.json" for name in CHAPTERS}


@pytest.mark.parametrize("name", CHAPTERS)
class TestEveryChapter:
    def test_asks_three_to_five_questions_of_the_kinds_that_are_shown(self, name):
        asked = questions(name)
        assert 3 <= len(asked) <= 5
        assert {one["type"] for one in asked} <= {"multiple_choice", "numeric"}
        assert len({one["question"] for one in asked}) == len(asked)

    def test_has_one_right_answer_and_explains_each(self, name):
        for one in questions(name):
            right = [answer for answer in one["answers"] if answer.get("correct")]
            assert len(right) == 1, one["question"]
            assert len(one["answers"]) >= 3 or one["type"] == "numeric", one["question"]
            for answer in one["answers"]:
                assert len(answer["feedback"]) > 10, one["question"]

    def test_does_not_give_the_answer_away_by_its_place(self, name):
        places = [
            [bool(answer["correct"]) for answer in one["answers"]].index(True)
            for one in questions(name)
            if one["type"] == "multiple_choice"
        ]
        assert len(places) < 2 or len(set(places)) > 1

    def test_numbers_are_right(self, name):
        asked = [one for one in questions(name) if one["type"] == "numeric"]
        assert len(asked) == len(NUMBERS[name])
        for one, number in zip(asked, NUMBERS[name], strict=True):
            (first, *others, default) = one["answers"]
            assert first["correct"], one["question"]
            low, high = first["range"]
            assert low <= number < high, one["question"]
            assert default["type"] == "default"
            for other in others:  # a mistake is no other mistake's, nor right
                a, b = other["range"]
                assert a < b
                assert b <= low or high <= a, one["question"]

    def test_page_is_the_same_twice_and_asks_nothing_of_the_network(self, name):
        html = quiz(name)._repr_html_()
        assert html == quiz(name)._repr_html_()
        assert "http" not in html
        assert "$" not in re.sub(r"<script>.*</script>", "", html, flags=re.S)
        assert not [one for one in questions(name) if "$" in json.dumps(one)]


def test_length_does_not_give_the_answer_away():
    asked = [one for name in CHAPTERS for one in questions(name)]
    answers = [one["answers"] for one in asked if one["type"] == "multiple_choice"]
    for extreme in (min, max):
        right = [extreme(some, key=lambda one: len(one["answer"]))["correct"] for some in answers]
        assert sum(right) < len(right) / 2


def test_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match=r"no questions on 'ptacls'; there are some on .*ptacl"):
        quiz("ptacls")


def test_missing_package_names_its_group(monkeypatch):
    def absent(name: str):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(sys.modules["ecglearn.course.quiz"], "files", absent)
    with pytest.raises(MissingGroupError, match=r'pip install "ecglearn\[lab\]"'):
        quiz("intro")


def test_text_cannot_end_its_script():
    one = {"question": "?", "type": "multiple_choice", "answers": []}
    one["answers"] = [{"answer": "</script>", "correct": True, "feedback": "<b>so</b>"}]
    assert Quiz("x", [one])._repr_html_().count("</script>") == 1


def page(folder: Path, name: str, scheme: str) -> Path:
    """The questions as a cell of the book shows them, beside a MathJax that cannot typeset."""
    path = folder / f"{scheme}.html"
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>Questions</title><style>{STYLES.read_text('utf-8')}</style>"
        f"<style>{(ROOT / 'book' / '_static' / 'book.css').read_text('utf-8')}</style>"
        "<script>window.MathJax = {version: '3.2.2'}</script>"
    )
    cell = f"<div class='cell_output'><div class='text_html'>{quiz(name)._repr_html_()}</div></div>"
    path.write_text(
        f"<!doctype html><html lang='en' data-theme='{scheme}'><head>{head}</head><body>"
        f"<main class='bd-content'><h1>Questions</h1><article class='bd-article'>{cell}</article>"
        "</main></body></html>",
        "utf-8",
    )
    return path


@pytest.mark.book
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_questions_are_answered_by_the_keyboard(tmp_path, browser, width, scheme):
    with visit(browser, page(tmp_path, "ptacl", scheme), width=width) as seen:
        told = seen.page.locator(".Feedback")
        assert told.count() == len(questions("ptacl"))
        seen.page.wait_for_timeout(700)  # jupyterquiz would fetch MathJax after half a second
        seen.page.add_style_tag(content="* { transition: none !important }")
        seen.page.keyboard.press("Tab")  # the number
        seen.page.keyboard.type("3,7")
        seen.page.keyboard.press("Enter")
        assert told.first.inner_text().startswith("No.")
        assert "base 2" in told.first.inner_text()
        seen.page.keyboard.press("Shift+Tab")
        seen.page.keyboard.press("Tab")
        seen.page.locator("input[type=text]").fill("2.565")
        seen.page.keyboard.press("Tab")  # the button
        seen.page.keyboard.press("Space")
        assert told.first.inner_text().startswith("Right.")
        seen.page.keyboard.press("Tab")  # the first answer of the next question
        seen.page.keyboard.press("Space")
        assert told.nth(1).inner_text().startswith("No.")
        seen.page.keyboard.press("ArrowDown")
        assert told.nth(1).inner_text().startswith("Right.")
        assert seen.overflow() <= 0
        assert axe(seen.page) == []
        assert seen.complaints == []


@pytest.mark.book
def test_ids_of_a_page_are_unique_and_fixed(tmp_path, browser):
    found = []
    for scheme in ("light", "dark"):
        with visit(browser, page(tmp_path, "intro", scheme)) as seen:
            found.append(
                seen.page.evaluate("[...document.querySelectorAll('[id]')].map(n => n.id)")
            )
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0])
