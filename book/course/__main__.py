"""Everything a class needs, from the chapters that `make book` ran: `python -m book.course`.

Writes `_build/course`: notebooks for students and instructors, the student's book, decks, the
plan, the weights; on request (`--only autograder`) assignments for otter-grader.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from book.build import ROOT, workshop
from book.build_chapters import Chapter, chapters
from book.build_run import Run, Workshop
from book.build_stage import measured
from book.build_watch import end_with_make
from book.course.autograder import master, write_assignment
from book.course.copies import Kind, copy
from book.course.exercises import exercises
from book.course.html import write_html
from book.course.plain import Names
from book.course.plan import page, tables
from book.course.slides import deck, write_decks
from book.course.weights import used, write_pack


class Course:
    """What the outputs are made of.

    Args:
        shop: where the chapters were run.
    """

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.book = shop.root / "book"
        self.out = shop.out / "course"
        self.known = chapters(self.book)
        self.runs: dict[str, Run] = {}
        for chapter in self.known:
            run = shop.plan(chapter)
            if not run.why:
                self.runs[chapter.name] = run
        self.names = Names.of(self.book)

    def executed(self, chapter: Chapter) -> nbformat.NotebookNode:
        """A chapter with its outputs."""
        if chapter.name not in self.runs:
            sys.exit(f"the chapter {chapter.name} was not run as it is now: `make book` first")
        return nbformat.read(self.shop.executed(chapter.name), as_version=4)

    def answers(self, chapter: Chapter) -> dict[str, list[Any]]:
        """What the solutions of a chapter gave."""
        folder = self.shop.answers(chapter.name)
        return {
            e.label: [json.loads(f.read_text("utf-8")) for f in folder.glob(f"{e.label}.*.json")]
            for e in exercises(chapter)
        }

    def student(self) -> str:
        """Copies without solutions, of chapters that need not have run."""
        return self._copies("student")

    def instructor(self) -> str:
        """Copies with solutions and what they gave."""
        return self._copies("instructor")

    def _copies(self, kind: Kind) -> str:
        folder = fresh(self.out / kind)
        for chapter in self.known:
            run = self.runs.get(chapter.name)
            executed = chapter.notebook if kind == "student" else self.executed(chapter)
            made = copy(
                chapter,
                self.names,
                kind,
                executed=executed,
                measured=measured(run),
                values=self.answers(chapter),
            )
            nbformat.write(made, folder / f"{chapter.name}.ipynb")
        return f"{len(self.known)} notebooks, {kind}'s copies"

    def autograder(self) -> str:
        """An assignment for each chapter with checked exercises."""
        folder = fresh(self.out / "autograder")
        graded = [c for c in self.known if any(e.check for e in exercises(c))]
        for chapter in graded:
            write_assignment(master(chapter, self.names), folder / chapter.name)
        return f"{len(graded)} assignments"

    def slides(self) -> str:
        """Decks."""
        decks = {}
        for chapter in self.known:
            said = measured(self.runs[chapter.name])
            executed = self.executed(chapter)
            decks[chapter.name] = deck(chapter, self.names, executed, said, self.shop.preset)
        fresh(self.out / "slides")
        write_decks(decks, self.out / "slides")
        return f"{len(decks)} decks"

    def plan(self) -> str:
        """The plan as a page."""
        seconds = {name: run.seconds for name, run in self.runs.items()}
        found = tables(self.book, seconds, lambda name: self.names.titles[name])
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "plan.html").write_text(page(found), encoding="utf-8")
        return "the plan"

    def weights(self) -> str:
        """The pack of weights."""
        spans = []
        for name, run in self.runs.items():
            end = self.shop.executed(name).with_suffix(".json").stat().st_mtime
            spans.append((end - run.seconds, end))
        files = used(self.shop.root / "_build" / "cache", spans)
        rows = write_pack(files, self.out / "weights")
        return f"{len(rows)} files of weights, {sum(r['bytes'] for r in rows) / 1e6:.1f} MB"

    def html(self) -> str:
        """The student's book."""
        write_html(self.shop, self.known, self.runs, self.out / "html")
        return "the student's book"


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m book.course", description=__doc__)
    parser.add_argument("--preset", default="class", choices=["class", "smoke"])
    parser.add_argument("--only", nargs="+", metavar="OUTPUT", help="these outputs alone")
    options = parser.parse_args()
    end_with_make()
    course = Course(workshop(options.preset, ROOT))
    outputs: dict[str, Callable[[], str]] = {
        "student": course.student,
        "instructor": course.instructor,
        "slides": course.slides,
        "plan": course.plan,
        "weights": course.weights,
        "html": course.html,
    }
    optional = {"autograder": course.autograder}
    unknown = set(options.only or ()) - (outputs | optional).keys()
    if unknown:
        known = ", ".join(outputs | optional)
        sys.exit(f"no output {sorted(unknown)[0]!r}; there are {known}")
    start = time.perf_counter()
    for name in options.only or outputs:
        told = (outputs | optional)[name]()
        print(f"{told} ({time.perf_counter() - start:.0f} s)")
    print(course.out)


if __name__ == "__main__":
    main()
