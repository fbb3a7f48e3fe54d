"""The student's book: the same pages, rendered as strictly, without a solution anywhere."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from book.build_chapters import Chapter
from book.build_render import render
from book.build_run import Run, Workshop
from book.build_stage import stage
from book.course.downloads import offer
from book.course.exercises import is_solution
from book.course.plain import Names


def write_html(
    shop: Workshop, known: list[Chapter], runs: dict[str, Run], folder: Path, *, strict: bool = True
) -> None:
    """Render the pages of the executed chapters without their solutions.

    Args:
        shop: where the chapters were run.
        known: all chapters.
        runs: their last runs.
        folder: gets the site; its sources and downloads hold what its pages hold.
        strict: whether a warning is an error.
    """
    source = stage(shop, known, runs, target=folder.with_name(f"{folder.name}-stage"))
    for path in source.glob("book/chapters/*.ipynb"):
        nbformat.write(without_solutions(nbformat.read(path, as_version=4)), path)
    render(source, folder, package=shop.package, strict=strict)
    offer(folder, known, runs, Names.of(shop.root / "book"))


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """A chapter without solutions, and without what its cells say of them."""
    notebook.cells = [cell for cell in notebook.cells if not is_solution(cell)]
    for cell in notebook.cells:
        cell.metadata.pop("ecglearn", None)
    return notebook
