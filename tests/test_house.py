"""The rules of the house that a machine can see; CONTRIBUTING says why."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
import yaml

from ecglearn.data.batch import ECGBatch
from ecglearn.method import Config, Method
from ecglearn.registry import create, list_methods, method_class
from results.arenas.five_methods import CONFIGS

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book" / "chapters").glob("*.ipynb"))
MODULES = sorted((ROOT / "ecglearn").rglob("*.py"))
OUTSIDE = [path for path in MODULES if path.parent.name != "methods"]
NAMES = {word for name in list_methods() for word in (name, method_class(name).title)}


def code_cells(path: Path) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            yield "\n".join(x for x in cell.source.splitlines() if not x.startswith(("%", "!")))


def markdown(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


# methods: whatever a new one forgets is named here


@pytest.mark.parametrize("name", list_methods())
class TestEveryMethod:
    def test_keeps_the_contract(self, name):
        cls = method_class(name)
        assert issubclass(cls, Method)
        assert issubclass(cls.config_class, Config)
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert {"paper", "class", "smoke"} <= cls.config_class.PRESETS.keys()
        assert set(cls.needs) <= {field.name for field in fields(ECGBatch)}
        method = create(name, "smoke")
        assert method.ecg_encoder in method.children()
        stages = method.stages()
        for preset in cls.config_class.PRESETS:
            assert len(cls.recipe(preset)) == len(stages)
        parameters = set(method.parameters())
        for part, stage in stages:
            assert set(stage.needs) <= set(cls.needs), part
            objectives = stage.objectives()
            trained = {p for one in objectives for p in one.parameters}
            assert trained & parameters, part
            again = stage.objectives()
            assert [one.parameters for one in again] == [one.parameters for one in objectives]

    def test_documents_every_field(self, name):
        config = method_class(name).config_class
        for field in fields(config):
            assert re.search(rf"^\s+{field.name}: \S", config.__doc__ or "", re.M), field.name

    def test_has_chapter_test_term_and_row(self, name):
        cls = method_class(name)
        (chapter,) = set(re.findall(r"Book: ([\w-]+)#", cls.__doc__ or ""))
        toc = (ROOT / "book" / "_toc.yml").read_text()
        assert f"chapters/{chapter}" in toc
        key = re.search(r"@\w+\{([\w-]+),", cls.citation)
        assert key is not None
        assert key[1] in markdown(ROOT / "book" / "chapters" / f"{chapter}.ipynb")
        tests = [path.read_text() for path in (ROOT / "tests" / "methods").glob("test_*.py")]
        assert any(
            re.search(rf"import .*\b{cls.__name__}\b|^    {cls.__name__},", text, re.M)
            for text in tests
        )
        glossary = (ROOT / "book" / "glossary.md").read_text()
        assert re.search(rf"^{cls.title}", glossary, re.M | re.I)
        assert cls.title in CONFIGS


# the library


def test_nothing_outside_methods_knows_a_method():
    """No name, no import, no class of a concrete method; no `hasattr` where a model is asked."""
    found = []
    for path in OUTSIDE:
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and node.value in NAMES:
                found.append(f"{where} names {node.value}")
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "ecglearn.methods"
            ):
                found.append(f"{where} imports {node.module}")
            called = node.func if isinstance(node, ast.Call) else None
            asks = isinstance(called, ast.Name) and called.id == "hasattr"
            if asks and path.name != "method.py":
                found.append(f"{where} asks hasattr")
    assert found == []


def test_the_formatter_is_hardly_ever_switched_off():
    listed = subprocess.run(
        ["git", "grep", "-c", "fmt: " + "skip"], cwd=ROOT, capture_output=True, text=True
    )
    assert sum(int(line.rpartition(":")[2]) for line in listed.stdout.splitlines()) <= 60


# chapters


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestEveryChapter:
    def test_imports_from_faces_in_at_most_five_statements(self, path):
        found = [
            node
            for cell in code_cells(path)
            for node in ast.walk(ast.parse(cell))
            if isinstance(node, ast.Import | ast.ImportFrom)
            and "ecglearn" in ast.unparse(node).replace(".", " ").split()
            and "course" not in ast.unparse(node).replace(".", " ").split()  # its own cells
        ]
        assert len(found) <= 5
        for node in found:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
            assert all((name or "").count(".") <= 1 for name in names), ast.unparse(node)

    def test_has_no_long_cell(self, path):
        long = [(len(c.splitlines()), c[:60]) for c in code_cells(path) if len(c.splitlines()) > 40]
        assert long == []

    def test_shows_code_that_fits_the_column(self, path):
        folded = {"hide-input", "hide-cell", "remove-cell", "remove-input"}
        cells = nbformat.read(path, as_version=4).cells
        shown = [
            cell.source
            for cell in cells
            if cell.cell_type == "code" and not folded & set(cell.metadata.get("tags", []))
        ]
        wide = [line for source in shown for line in source.splitlines() if len(line) > 76]
        assert wide == []

    def test_has_no_program_inside_a_string(self, path):
        for cell in code_cells(path):
            for node in ast.walk(ast.parse(cell)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    assert not re.search(
                        r"^(?:import \w+|from [\w.]+ import .*)$", node.value, re.M
                    ), node.value[:80]

    def test_asks_no_hasattr(self, path):
        assert not any(re.search(r"\bhasattr\(", cell) for cell in code_cells(path))


def test_every_chapter_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    named = set(re.findall(r"chapters/([\w-]+)", yaml.dump(toc)))
    assert named == {path.stem for path in CHAPTERS}
