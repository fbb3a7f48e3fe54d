"""A cell that is run a second time says what it said the first time.

Students run cells again. Each cell of a chapter is run twice in one kernel, so that what a cell
changes for itself shows. All chapters take minutes: `ECGLEARN_TWICE=1`; without it the shortest.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from book.build import ROOT
from book.build_chapters import chapters, code_cells
from book.course.exercises import about

pytestmark = pytest.mark.book
KNOWN = {chapter.name: chapter for chapter in chapters(ROOT / "book")}
SHORT = ["contrastive-learning", "preprocessing", "ptacl", "the-12-lead-ecg"]
VARIES = re.compile(
    r"trained now, in \d+ s|loaded from \S+, made on \S+|\d[\d.,]* ?(?:s|ms|seconds|GB|MB)\b"
    r"|(?:trained here|from the cache): [^\n]*|(?:W|Overw)riting|\d+ records/s"
    r"|0x[0-9a-f]+|/tmp/\S+|\b[0-9a-f]{16,}\b"
)


def told(cell: Any) -> str:
    """What a cell printed and returned as text, without times and places."""
    parts = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            continue
        parts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return " ".join(VARIES.sub("...", "\n".join(parts)).split())


@pytest.mark.parametrize("name", list(KNOWN) if os.environ.get("ECGLEARN_TWICE") else SHORT)
def test_a_cell_run_twice_says_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    notebook = KNOWN[name].notebook
    cells = code_cells(notebook)
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('"class"', '"smoke"')
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    differ = []
    with client.setup_kernel():
        for number, cell in enumerate(cells, start=1):
            if about(cell).get("measures"):  # speed
                client.execute_cell(cell, notebook.cells.index(cell))
                continue
            place = notebook.cells.index(cell)
            client.execute_cell(cell, place)
            first = told(cell)
            try:
                client.execute_cell(cell, place)
            except CellExecutionError as error:
                differ.append(f"code cell {number} fails the second time: {error.ename}")
                continue
            if told(cell) != first:
                differ.append(f"code cell {number}: {first[:300]!r} -> {told(cell)[:300]!r}")
    assert not differ, "\n".join(differ)
