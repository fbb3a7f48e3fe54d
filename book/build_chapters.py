"""What the book consists of: the table of contents, and each chapter's cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from IPython.core.inputtransformer2 import TransformerManager


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book, as its author wrote it: no outputs."""

    path: Path

    @property
    def name(self) -> str:
        """The file name without its ending; what `make chapter C=` takes."""
        return self.path.stem

    @property
    def notebook(self) -> nbformat.NotebookNode:
        """Read anew each time: a chapter may be edited while others run."""
        return nbformat.read(self.path, as_version=4)

    @property
    def after(self) -> tuple[str, ...]:
        """Chapters whose trained weights this one loads, from the notebook's metadata."""
        return tuple(self.notebook.metadata.get("ecglearn", {}).get("after", ()))

    @property
    def code(self) -> list[str]:
        """The code cells as Python: magics become plain calls."""
        manager = TransformerManager()
        return [manager.transform_cell(cell.source) for cell in code_cells(self.notebook)]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that run, without the one that papermill adds."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def pages(toc: Path) -> list[str]:
    """Every page of the table of contents, in reading order, named from the book's folder."""

    def walk(node: Any) -> Iterator[str]:
        for key in ("root", "file"):
            if key in node:
                yield node[key]
        for key in ("parts", "chapters", "sections"):
            for child in node.get(key, []):
                yield from walk(child)

    return list(walk(yaml.safe_load(toc.read_text())))


def chapters(book: Path) -> list[Chapter]:
    """The notebooks among the pages, in reading order."""
    paths = [book / f"{page}.ipynb" for page in pages(book / "_toc.yml")]
    return [Chapter(path) for path in paths if path.exists()]
