"""The arrow above a chapter saves the student's notebook, under its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import nbformat

from book.build_chapters import Chapter
from book.build_run import Run
from book.build_stage import measured
from book.course.copies import copy
from book.course.plain import Names

FOLDER = "student"


def offer(html: Path, known: list[Chapter], runs: Mapping[str, Run], names: Names) -> None:
    """Put the students' copies beside the rendered pages, and lead the pages' links to them.

    Args:
        html: the rendered site.
        known: its chapters.
        runs: what they took, where they were run.
        names: what labels mean.
    """
    (html / FOLDER).mkdir(exist_ok=True)
    for chapter in known:
        page = html / "chapters" / f"{chapter.name}.html"
        if not page.exists():
            continue
        made = copy(
            chapter,
            names,
            "student",
            executed=chapter.notebook,
            measured=measured(runs.get(chapter.name)),
            values={},
        )
        nbformat.write(made, html / FOLDER / f"{chapter.name}.ipynb")
        page.write_text(relinked(page.read_text("utf-8"), chapter.name), "utf-8")


def relinked(text: str, name: str) -> str:
    """A page whose link to its source saves the student's copy instead.

    Args:
        text: the page.
        name: of the chapter.
    """
    source = re.compile(rf'href="\.\./_sources/chapters/{re.escape(name)}\.ipynb"')
    return source.sub(f'href="../{FOLDER}/{name}.ipynb" download="{name}.ipynb"', text)
