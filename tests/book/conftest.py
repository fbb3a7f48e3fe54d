"""A repository in miniature: chapters, and a library of four modules."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book.build_run import Workshop

PARAMETERS = 'preset = "class"\nseed = 0\ndata = None'
Write = Callable[..., Path]


@pytest.fixture
def write_chapter(tmp_path: Path) -> Write:
    """Writes `book/chapters/NAME.ipynb` from its code cells; the parameters cell comes first."""

    def write(name: str, *code: str, text: str = "# Title", after: tuple[str, ...] = ()) -> Path:
        cells = [
            new_markdown_cell(text),
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        ]
        notebook = new_notebook(cells=cells + [new_code_cell(source) for source in code])
        notebook.metadata.update(
            kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
            ecglearn={"after": list(after)},
        )
        path = tmp_path / "book" / "chapters" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture
def tiny_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package: `near` imports `deep` inside a function, `apart` imports nothing."""
    folder = tmp_path / "tinylib"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "deep.py").write_text("ANSWER = 42\n")
    (folder / "near.py").write_text(
        "def ask():\n    from tinylib import deep\n    return deep.ANSWER\n"
    )
    (folder / "apart.py").write_text("ANSWER = 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    importlib.invalidate_caches()
    return folder


@pytest.fixture
def shop(tmp_path: Path, tiny_library: Path) -> Workshop:
    """A workshop on the miniature repository."""
    (tmp_path / "requirements.lock").write_text("torch==2.13.0\n")
    return Workshop(tmp_path, tmp_path / "_build", "smoke", package=tiny_library.name)
