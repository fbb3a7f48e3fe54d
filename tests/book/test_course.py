"""The course: every output is made from the chapters, and nothing gives an answer away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book.build import ROOT
from book.build_chapters import Chapter, chapters
from book.build_terms import key, terms
from book.course.autograder import master, write_assignment
from book.course.copies import copy
from book.course.exercises import about, exercises, is_solution, misplaced
from book.course.html import without_solutions
from book.course.plain import Names, Plain
from book.course.plan import page, read_plan, tables
from book.course.weights import MANIFEST, used, write_pack
from ecglearn.checkpoint import save
from ecglearn.course.check import seals
from ecglearn.course.judges import JUDGES

pytestmark = pytest.mark.book
KNOWN = {chapter.name: chapter for chapter in chapters(ROOT / "book")}
MINUTES = {1: 5, 2: 15, 3: 30}
ROLE = re.compile(r"\{[\w:-]+\}`|^\([\w-]+\)=|^:::|^`{3,}\{|\{\{", re.MULTILINE)


@pytest.fixture(scope="module")
def names() -> Names:
    return Names.of(ROOT / "book")


# exercises


@pytest.mark.parametrize("name", KNOWN)
def test_nothing_shares_a_cell_with_a_gate(name):
    assert list(misplaced(KNOWN[name])) == []


def test_a_misplaced_line_is_printed(tmp_path):
    exercise = new_markdown_cell("```{exercise}\n:label: a\n\nWhy?\n```\n\nLost words.")
    exercise.metadata["ecglearn"] = {"exercise": "a"}
    start = new_markdown_cell("```{solution-start} a\n:class: dropdown\n```")
    start.metadata["ecglearn"] = {"solution": "a"}
    cells = [exercise, start, new_code_cell("x = 1")]
    path = tmp_path / "one.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    assert list(misplaced(Chapter(path))) == [
        "one, cell 1: 'Lost words.' shares a cell with exercise",
        "one, cell 3: metadata should hold the solution a",
        "one: the solution of a never ends",
    ]


@pytest.mark.parametrize("name", KNOWN)
def test_exercises_say_what_a_plan_needs(name):
    found = exercises(KNOWN[name])
    assert found, "every chapter has an exercise"
    for e in found:
        assert e.minutes == MINUTES[e.level], e.label
        assert e.mistake.endswith("."), e.label
        assert e.solution, e.label
        assert not e.check or e.check["takes"], e.label


def test_names_are_unique_and_checks_are_known():
    found = [e for chapter in KNOWN.values() for e in exercises(chapter)]
    labels = [e.label for e in found]
    assert len(labels) == len(set(labels))
    assert {e.label for e in found if "tried" in e.check} == set(JUDGES)
    assert {e.label for e in found if {"within", "words"} & e.check.keys()} == set(seals())
    assert sum(label.startswith("write-") for label in labels) >= 12
    for e in found:
        code = "\n".join(c.source for c in e.solution if c.cell_type == "code")
        assert bool(e.check) == (f'"{e.label}"' in code), e.label


# plain Markdown


def test_roles_become_words(names):
    plain = Plain(names, "ptacl", "12 s")
    plain.number([new_markdown_cell("$$x = 1$$ (eq-one)")])
    text = plain.text(
        "(anchor)=\n## A {term}`T wave`, {term}`cines <cine>`, {doc}`tamer`\n"
        "{cite}`liu2024merl`, {eq}`eq-one`, {bdg-ref-info}`read <how-read>` {{ measured }}\n\n"
        "$$x = 1$$ (eq-one)\n\n```python\n{term}`stays`\n```\n"
    )
    assert text.startswith("## A T wave, cines, *TAMER")
    assert "(Liu et al., 2024)" in text
    assert "(1)" in text
    assert "**read** 12 s" in text
    assert "\\tag{1}" in text
    assert "{term}`stays`" in text


def test_a_figure_that_begins_a_sentence_is_capital(names):
    text = Plain(names, "ptacl").text("See {numref}`fig-ptacl-mae`. {numref}`fig-ptacl-mae` falls.")
    assert re.fullmatch(r"See figure (\d+)\. Figure \1 falls\.", text)


def test_admonitions_become_quotes(names):
    plain = Plain(names, "ptacl")
    text = plain.text(":::{admonition} In two minutes\n:class: tip\n\nOne.\n\nTwo.\n:::")
    assert text == "> **In two minutes**\n>\n> One.\n>\n> Two."


def test_every_term_has_a_card(names):
    """What links name is in the glossary's script, in plain words."""
    known = terms(ROOT / "book", names)
    assert len(known) > 100
    assert not any(ROLE.search(said) or "*" in said for said in known.values())
    for chapter in KNOWN.values():
        for cell in chapter.notebook.cells:
            for named in re.findall(r"\{term\}`([^`]+)`", cell.source):
                target = re.search(r"<(.+)>$", named)
                assert key(target[1] if target else named) in known, named


# copies


@pytest.mark.parametrize("name", KNOWN)
class TestCopies:
    def made(self, name, names, kind):
        chapter = KNOWN[name]
        executed = chapter.notebook
        for cell in executed.cells:
            if cell.cell_type == "code":
                cell.outputs = [new_output("stream", text="what came out")]
        return copy(chapter, names, kind, executed=executed, measured="9 s", values={})

    def test_students_get_no_solution(self, name, names):
        found = self.made(name, names, "student")
        nbformat.validate(found)
        text = "\n".join(cell.source for cell in found.cells)
        for cell in KNOWN[name].notebook.cells:
            if is_solution(cell):
                assert cell.source not in text
        assert not any(cell.get("outputs") for cell in found.cells)
        assert found.metadata.kernelspec.name == "ecglearn"
        answers = [about(cell)["answer"] for cell in found.cells if "answer" in about(cell)]
        assert answers == [e.label for e in exercises(KNOWN[name])]
        assert not any({"check", "mistake"} & about(cell).keys() for cell in found.cells)
        assert 'preset = "lesson"' in text

    def test_no_syntax_of_the_book_is_left(self, name, names):
        for kind in ("student", "instructor"):
            for cell in self.made(name, names, kind).cells:
                if cell.cell_type == "markdown":
                    code_free = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
                    assert not ROLE.search(code_free), cell.source

    def test_instructors_get_all_of_it(self, name, names):
        found = self.made(name, names, "instructor")
        nbformat.validate(found)
        text = "\n".join(cell.source for cell in found.cells)
        for e in exercises(KNOWN[name]):
            assert f"Usual mistake: {e.mistake}" in text
            assert all(c.source in text for c in e.solution if c.cell_type == "code")
        solved = [c for c in found.cells if c.get("outputs")]
        assert all(c.outputs[0].text == "what came out" for c in solved)


# the student's book


def test_the_students_book_has_no_solution():
    for chapter in KNOWN.values():
        left = without_solutions(chapter.notebook)
        assert "solution-start" not in "\n".join(cell.source for cell in left.cells)
        assert not any("ecglearn" in cell.metadata for cell in left.cells)
        assert len(left.cells) < len(chapter.notebook.cells)


# the plan


def test_the_plan_names_every_chapter_and_no_other():
    plan = read_plan()
    named = {n for s in plan["sessions"] for n in (*s["chapters"], *s.get("homework", ()))}
    named |= {n for w in plan["workshop"] for n in w["chapters"]}
    assert set(plan["chapters"]) == set(KNOWN)
    assert named <= set(KNOWN)
    assert len(plan["sessions"]) == 12


def test_the_plan_is_a_page_with_measured_seconds():
    found = tables(ROOT / "book", {"ptacl": 41.7}, lambda name: f"[{name}]")
    assert "| 42 |" in found["chapters"]
    assert "| not run |" in found["chapters"]
    minutes = sum(e.minutes for e in exercises(KNOWN["ptacl"]))
    assert f"({minutes})" in found["chapters"]
    html = page(found)
    assert html.count("<table>") == 3
    assert "http" not in html


# weights


def test_weights_of_the_runs_are_packed_with_what_made_them(tmp_path):
    cache, now = tmp_path / "cache", time.time()
    key = {"epochs": 2, "data": "abc"}
    for name in ("old", "new"):
        about_file = {"epochs": [], "steps": 3, "made": "2026-01-01", "key": key}
        save(cache / f"{name}.safetensors", {"w": torch.ones(2)}, about=about_file)
    os.utime(cache / "old.safetensors", (now - 500, now - 500))
    files = used(cache, [(now - 60, now)])
    assert [file.name for file in files] == ["new.safetensors"]
    rows = write_pack(files, tmp_path / "weights")
    assert json.loads((tmp_path / "weights" / MANIFEST).read_text()) == rows
    assert rows[0]["trained with"] == key
    assert (tmp_path / "weights" / "new.safetensors").read_bytes() == files[0].read_bytes()


# a grading program


def test_a_right_copy_is_graded_right_and_a_wrong_one_wrong(names, tmp_path):
    cells = [new_markdown_cell("# Floors"), new_code_cell("import math")]
    asked = new_markdown_cell("```{exercise}\n:label: tamer-floor\n\nHow small?\n```")
    check = {"within": 0.002, "takes": "the value"}
    asked.metadata["ecglearn"] = {"exercise": "tamer-floor", "level": 1, "minutes": 5}
    asked.metadata["ecglearn"] |= {"check": check, "mistake": "None."}
    solved = new_code_cell('floor = math.log(18 / 9)\ncheck("tamer-floor", floor)')
    solved.metadata["ecglearn"] = {"solution": "tamer-floor"}
    path = tmp_path / "floors.ipynb"
    nbformat.write(new_notebook(cells=[*cells, asked, solved]), path)
    write_assignment(master(Chapter(path), names, kernel="python3"), tmp_path / "made")
    student = tmp_path / "made" / "student" / "master.ipynb"
    text = student.read_text(encoding="utf-8")
    assert "math.log(18" not in text
    assert "tamer_floor = ..." in text
    (archive,) = (tmp_path / "made" / "autograder").glob("*.zip")
    for answer, points in (("math.log(2)", 1), ("math.log2(2)", 0)):
        place = tmp_path / f"{points}.ipynb"
        place.write_text(text.replace("tamer_floor = ...", f"tamer_floor = {answer}"), "utf-8")
        words = ["-m", "otter", "run", "-a", str(archive), "-o", str(tmp_path), str(place)]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
        results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        (graded,) = [t for t in results["tests"] if t["name"] == "tamer_floor"]
        assert graded["score"] == points, done.stdout
        assert points or "binary and natural logarithm" in graded["output"]
