"""Students' copies run with the wheel alone: no repository, an empty folder, no network.

The folder's name has a blank and a letter outside ASCII, and files without an encoding are read as
ASCII: what trips here trips on somebody's Windows. All chapters take minutes: `ECGLEARN_WHEEL=1`;
without it the shortest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from book.build import ROOT
from book.build_chapters import chapters
from book.course.copies import copy
from book.course.plain import Names
from ecglearn.course.sizes import LESSON

pytestmark = pytest.mark.book
KNOWN = {chapter.name: chapter for chapter in chapters(ROOT / "book")}
SHORT = ["known-and-chosen", "the-12-lead-ecg"]
# runs in every Python that starts with the folder of the wheel on its path
SHUT = """
import socket
def connect(self, address, meant=socket.socket.connect):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "localhost", "::1"):
        raise OSError(f"no network, but something asked for {address}")
    return meant(self, address)
socket.socket.connect = connect
"""
FROM_WHERE = """
import importlib.util, pathlib, ecglearn
assert "site" in pathlib.Path(ecglearn.__file__).parts, ecglearn.__file__
assert importlib.util.find_spec("book") is None, "the repository is on the path"
assert list(pathlib.Path().iterdir()) == [pathlib.Path("{name}.ipynb")]
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel") / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    assert (folder / "ecglearn" / "stored" / "book" / "reported.json").is_file()
    (folder / "sitecustomize.py").write_text(SHUT, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def names() -> Names:
    return Names.of(ROOT / "book")


@pytest.mark.parametrize("name", list(KNOWN) if os.environ.get("ECGLEARN_WHEEL") else SHORT)
def test_a_copy_runs_with_the_wheel_alone(name, site, names, tmp_path):
    made = copy(
        KNOWN[name], names, "student", executed=KNOWN[name].notebook, measured="", values={}
    )
    made.metadata.kernelspec.name = "python3"
    for cell in made.cells:
        cell.source = cell.source.replace(f'preset = "{LESSON}"', 'preset = "smoke"')
    made.cells.insert(0, new_code_cell(FROM_WHERE.format(name=name), id="from-where"))
    folder = tmp_path / "Kurs 1, Übung"
    folder.mkdir()
    nbformat.write(made, folder / f"{name}.ipynb")
    ours = {"ECGLEARN_CACHE", "ECGLEARN_DATA", "ECGLEARN_TEST_DATA", "ECGLEARN_ANSWERS"}
    env = {key: value for key, value in os.environ.items() if key not in ours}
    env |= {"PYTHONPATH": str(site), "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    env |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    client = NotebookClient(made, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(env=env)
    assert [file.name for file in folder.iterdir()] == [f"{name}.ipynb"]
