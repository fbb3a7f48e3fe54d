"""Nothing is left without its explanation, and nothing is in the repository that should not be."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires, version
from itertools import chain
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
BOOK_LINE = re.compile(r"^\s*Book: ([\w-]+)#([\w-]+)\s*$", re.MULTILINE)
LARGEST = 1_500_000
UNLOCKED = {"export"}  # neither the book nor `make test` needs it: tests of ONNX are skipped then
HEAVY = {"transformers", "pandas", "sklearn", "wfdb", "matplotlib", "plotly", "seaborn"}


def public_definitions() -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Every public function and class of a public module, read without importing anything."""
    for path in sorted((ROOT / "ecglearn").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if "._" in module.replace(".__init__", ""):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node


def text_of(chapter: str) -> str:
    """The Markdown of a chapter or reference page, empty where there is none."""
    for path in (
        ROOT / "book" / "chapters" / f"{chapter}.ipynb",
        ROOT / "book" / f"{chapter}.md",
    ):
        if path.suffix == ".ipynb" and path.exists():
            cells = nbformat.read(path, as_version=4).cells
            return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        if path.exists():
            return path.read_text()
    return ""


DEFINITIONS = dict(public_definitions())


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition_names_its_section(name):
    """A docstring has one line `Book: chapter#anchor`, and the chapter sets that anchor."""
    docstring = ast.get_docstring(DEFINITIONS[name]) or ""
    assert docstring, f"{name} has no docstring"
    named = BOOK_LINE.findall(docstring)
    assert named, f"{name}: no line 'Book: chapter#anchor'"
    for chapter, anchor in named:
        text = text_of(chapter)
        assert text, f"{name} names the chapter {chapter!r}, which does not exist"
        assert f"({anchor})=" in text, f"{name}: {chapter} has no anchor ({anchor})="


def tracked_files() -> list[Path]:
    """What git would publish; all files where the sources came without git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git repository")
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


def test_no_large_files():
    large = [str(path) for path in tracked_files() if path.stat().st_size > LARGEST]
    assert large == []


def test_no_third_party_scripts():
    """Scripts of others are copied from installed wheels at build, never committed."""
    assert [
        path.name for path in tracked_files() if path.name.endswith((".min.js", ".woff2"))
    ] == []


def lock() -> dict[str, str]:
    """Package -> exact version."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): pinned for name, pinned in pins}


def test_this_environment_is_the_locked_one():
    differing = {
        name: (pinned, version(name))
        for name, pinned in lock().items()
        if Version(version(name)).public != pinned
    }
    assert differing == {}


def test_lock_satisfies_every_group_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = project["optional-dependencies"]
    locked = [lines for name, lines in groups.items() if name not in UNLOCKED]
    wanted = [Requirement(line) for line in chain(project["dependencies"], *locked)]
    pins = lock()
    for requirement in wanted:
        if requirement.name != "ecglearn":
            pinned = pins[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(pinned), f"{requirement} against {pinned}"


def test_conda_users_get_the_lock():
    """The pip part of environment.yml is the lock and the library, on the Python of the lock."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    assert "python=3.11" in conda
    assert not {entry.split("=")[0] for entry in conda} & lock().keys()


def test_lock_is_complete():
    """Whatever a locked package needs here is locked too; GPU parts of torch are its own affair."""
    pins = lock()
    missing = set()
    for name in pins:
        for line in requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                missing |= {needed.name.lower().replace("_", "-").replace(".", "-")} - pins.keys()
    assert {name for name in missing if not name.startswith(("nvidia", "triton", "cuda"))} == set()


def test_lock_is_portable():
    """No local builds, paths, index addresses or GPU libraries: names and public versions only."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==\d[\w.]*", line)] == []
    assert [line for line in pins if line.startswith(("nvidia", "triton"))] == []


def test_import_is_light():
    """`import ecglearn` must not need, nor pay for, the optional groups."""
    code = "import sys, ecglearn; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_every_folder_of_the_library_is_a_package():
    """Without `__init__.py` the import contracts, the API page and the build overlook a folder."""
    folders = {path.parent for path in (ROOT / "ecglearn").rglob("*.py")}
    assert [str(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_the_wheel_says_that_it_is_typed_and_has_every_file(tmp_path):
    """Whoever installs it has the types, the small models, label sets and prompts."""
    for path in tracked_files():
        if path.parts[len(ROOT.parts)] in ("ecglearn", "pyproject.toml", "README.md", "LICENSE"):
            place = tmp_path / "source" / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", tmp_path, tmp_path / "source"], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        packed = {name for name in file.namelist() if name.startswith("ecglearn/")}
    assert "ecglearn/py.typed" in packed
    assert packed == {
        str(path.relative_to(ROOT)) for path in tracked_files() if ROOT / "ecglearn" in path.parents
    }
