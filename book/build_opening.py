"""A page opens with a picture, wherever in the chapter its cell has to run.

A cell says so in its metadata, `{"ecglearn": {"opens": true}}`. On the page its figure stands
behind the first lines, before what a reader needs and the cells that get ready; in the notebook it
stays where its names are known, and the text there refers to it by number.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from book.build_chapters import Chapter

NEEDS = "**What you will be able to do:**"


def opened(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Cells in the order of the page, the opening figure moved to the head.

    Args:
        cells: of a chapter, in the order in which they run; its first one is text.
    """
    found = [cell for cell in cells if opens(cell)]
    if not found:
        return cells
    first, *rest = [cell for cell in cells if not opens(cell)]
    promise, needs, prerequisites = first.source.partition(NEEDS)
    head = [first, *found]
    if needs:
        first.source = promise.rstrip()
        head.append(new_markdown_cell(needs + prerequisites))
    return [*head, *rest]


def opens(cell: NotebookNode) -> bool:
    """Whether a cell's figure opens the page."""
    return cell.metadata.get("ecglearn", {}).get("opens", False)


def unopened(chapter: Chapter) -> Iterator[str]:
    """What keeps a chapter from opening with one picture."""
    found = [cell for cell in chapter.notebook.cells if opens(cell)]
    if len(found) != 1:
        yield f"{chapter.name}: {len(found)} cells open the page, not one"
    for cell in found:
        if "figure" not in cell.metadata.get("mystnb", {}):
            yield f"{chapter.name}: the cell that opens the page makes no figure with a caption"
        if "hide-input" not in cell.metadata.get("tags", []):
            yield f"{chapter.name}: the code of the opening figure is not folded"
