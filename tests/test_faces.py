"""A chapter imports from the face of a room, and a face costs no optional package."""

import ast
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("signals", "cohort", "data", "encoders", "losses", "evaluate", "plots")
INNER = ("data.wfdb", "data.datasets", "data.store", "data.clinical", "evaluate.metrics")
OPTIONAL = {"pandas", "wfdb", "pyarrow", "joblib", "sleepecg", "sklearn", "transformers"}
DRAWING = {"matplotlib", "plotly", "seaborn"}


def imported_by_chapters() -> dict[str, set[str]]:
    """Room -> names that the book imports from it or from a module in it."""
    found = defaultdict(set)
    for path in sorted((ROOT / "book" / "chapters").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            plain = "\n".join(x for x in cell.source.splitlines() if not x.startswith(("%", "!")))
            for node in ast.walk(ast.parse(plain)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    package, _, module = node.module.partition(".")
                    if package == "ecglearn" and module.split(".")[0] in ROOMS:
                        found[module.split(".")[0]] |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("room", [*ROOMS, *INNER])
def test_every_name_of_a_face_is_there_once(room):
    face = import_module(f"ecglearn.{room}")
    assert face.__doc__
    assert len(set(face.__all__)) == len(face.__all__)
    assert [name for name in face.__all__ if not hasattr(face, name)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_has_what_the_book_takes_from_the_room(room):
    lacking = imported_by_chapters()[room] - set(import_module(f"ecglearn.{room}").__all__)
    assert sorted(lacking) == []


def test_a_face_of_data_has_the_faces_inside_it():
    """But for what only the readers of other data sets need."""
    data = set(import_module("ecglearn.data").__all__)
    for inner in ("wfdb", "store", "clinical"):
        assert set(import_module(f"ecglearn.data.{inner}").__all__) <= data


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_loads_no_optional_package(room):
    code = f"import sys, ecglearn.{room}; print(*{{name.split('.')[0] for name in sys.modules}})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = OPTIONAL if room == "plots" else OPTIONAL | DRAWING
    assert unwanted & set(out.stdout.split()) == set()


@pytest.mark.parametrize("room", [*ROOMS, "cli"])
def test_a_face_does_not_wait_for_what_few_calls_use(room):
    """A third of a second in each process of each chapter and command."""
    code = (
        f"import sys, ecglearn.{room}; print(*{{'scipy.signal', 'scipy.stats'}} & {{*sys.modules}})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
