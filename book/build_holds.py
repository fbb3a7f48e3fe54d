"""Sentences that hold in some sizes only: `smoke` does not print what its numbers contradict.

A cell says so in its metadata, `{"ecglearn": {"holds": "class"}}`: what it says of results is true
in the sizes `class` and `lesson`. In `smoke` its headings stay, and one line stands for the rest,
or what the author wrote there as `"otherwise"`. On a cell that makes a figure the two words
concern the caption, and the text for those who cannot see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from book.build_chapters import Chapter

SMALL = "smoke"
ELSEWHERE = "*What follows from the numbers is said in the sizes* `lesson` *and* `class`*.*"
REMINDER = "*So in the sizes* `lesson` *and* `class`*; in* `smoke` *numbers come out otherwise.*"
KEPT = re.compile(r"\(.+\)=|#{1,6} ")  # what links lead to, and what orders a page
NEEDED = re.compile(
    r"\$\$ *\([\w-]+\)|^`{3,}|^:(?:label|name):|^:{3,}\{(?:exercise|solution)|\{\{", re.MULTILINE
)  # labels that other cells name, code, gates, what the build fills in


def of_size(cells: list[NotebookNode], preset: str) -> list[NotebookNode]:
    """Cells as a page of this size shows them; the same ones, changed in place.

    Args:
        cells: of a chapter.
        preset: the size in which their outputs were made.
    """
    for cell in cells:
        if preset != SMALL or not holds(cell):
            continue
        other = said(cell).get("otherwise", ELSEWHERE)
        if cell.cell_type == "markdown":
            kept = [line for line in cell.source.splitlines() if KEPT.match(line)]
            cell.source = "\n".join([*kept, *[""][: len(kept)], other])
        else:
            about = cell.metadata["mystnb"]
            about["figure"]["caption"] = about["image"]["alt"] = other
    return cells


def holds(cell: NotebookNode) -> bool:
    """Whether a cell speaks of results that another size contradicts."""
    return "holds" in said(cell)


def said(cell: NotebookNode) -> dict[str, Any]:
    """What a cell says of itself."""
    return cell.metadata.get("ecglearn", {})


def mismarked(chapter: Chapter) -> Iterator[str]:
    """Cells whose mark says what cannot be done."""
    for number, cell in enumerate(chapter.notebook.cells, start=1):
        where, about = f"{chapter.name}, cell {number}", said(cell)
        if not holds(cell):
            if "otherwise" in about:
                yield f"{where}: 'otherwise' is said where nothing 'holds'"
            continue
        if about["holds"] != "class":
            yield f"{where}: holds can only be 'class', not {about['holds']!r}"
        if cell.cell_type == "code":
            if not {"figure", "image"} <= cell.metadata.get("mystnb", {}).keys():
                yield f"{where}: makes no figure, so there is no caption that holds"
            elif "otherwise" not in about:
                yield f"{where}: a figure needs the caption for 'smoke' as 'otherwise'"
        elif found := NEEDED.search(cell.source):
            yield f"{where}: what every size needs, {found[0]!r}, belongs into another cell"
