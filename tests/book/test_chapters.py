"""Every chapter runs from a fresh kernel in the smallest preset, as the build runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import numpy as np
import pytest

from book.build import ROOT, workshop
from book.build_chapters import Chapter, chapters
from book.build_run import Run
from book.course.exercises import exercises
from ecglearn.course import verdict

pytestmark = pytest.mark.book
CHAPTERS = {chapter.name: chapter for chapter in chapters(ROOT / "book")}


@pytest.fixture(scope="session")
def run_of(request: pytest.FixtureRequest) -> Callable[[str], Run]:
    """Runs all chapters that this session asks for, two at a time, at the first question."""
    runs: dict[str, Run] = {}
    wanted = {
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_chapter_runs.__name__
    }

    def ask(name: str) -> Run:
        if not runs:
            selected = [chapter for chapter in CHAPTERS.values() if chapter.name in wanted]
            runs.update((run.name, run) for run in workshop("smoke").run(selected))
        return runs[name]

    return ask


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_runs(name, run_of, capsys):
    run = run_of(name)
    with capsys.disabled():
        print(f"\n  {name}: {run.seconds:.1f} s, {run.peak_gb:.2f} GB", end=" ")
    assert not run.error, f"chapter {name}, {run.error}"


@pytest.mark.parametrize("name", ["five-methods", "evaluation", "when-leads-go-missing"])
def test_recipes_are_those_of_the_method_chapters(name, run_of):
    """What earlier chapters trained is found in the cache: same settings, same initial weights."""
    assert not run_of(name).error
    notebook = nbformat.read(workshop("smoke").executed(name), as_version=4)
    told = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", ()))
    assert "trained here: none" in told


@pytest.mark.parametrize("name", CHAPTERS)
def test_solutions_pass_their_own_check_and_nothing_beside_them_does(name, run_of):
    """What solutions gave in this run is right, a value pushed away from it is not."""
    assert not run_of(name).error
    shop = workshop("smoke")
    cells = nbformat.read(shop.executed(name), as_version=4).cells
    told = "".join(o.get("text", "") for c in cells for o in c.get("outputs", ()))
    for e in exercises(CHAPTERS[name]):
        if e.check:
            assert f"{e.label}: right" in told, e.label
        if {"within", "words"} & e.check.keys():
            (file,) = shop.answers(name).glob(f"{e.label}.*.json")
            value = json.loads(file.read_text())
            assert verdict(e.label, value).right
            for pushed in beside(value, e.check.get("within")):
                assert not verdict(e.label, pushed).right, (e.label, pushed)


def beside(value: Any, within: float | None) -> Iterator[Any]:
    """Values that are wrong by little, each in one place."""
    if within is None:
        yield [*value, "another"]
        yield value[1:]
        return
    numbers = np.asarray(value, float)
    for place in np.ndindex(numbers.shape):
        for sign in (-1, 1):
            pushed = numbers.copy()
            pushed[place] += sign * 2.6 * within
            yield pushed


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_the_readers_handle(name):
    """`preset`, `seed` and `data` in one cell tagged `parameters`."""
    cells = CHAPTERS[name].notebook.cells
    (handle,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    values: dict[str, object] = {}
    exec(handle.source, values)
    assert (values["preset"], values["seed"], values["data"]) == ("class", 0, None)


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_states_its_cost(name):
    """The build writes time and memory where the author put the placeholder."""
    text = "\n".join(cell.source for cell in CHAPTERS[name].notebook.cells)
    assert text.count("{{ measured }}") == 1


def test_start_page_asks_for_weights_that_the_alignment_chapter_left():
    """In every size: with other numbers of its own it would train for a minute."""
    sizes = [
        next(
            line for code in CHAPTERS[name].code for line in code.split("\n") if "SIZES = {" in line
        )
        for name in ("intro", "alignment-matrices")
    ]
    assert sizes[0] == sizes[1]


def test_every_notebook_is_in_the_table_of_contents():
    assert {path.stem for path in (ROOT / "book" / "chapters").glob("*.ipynb")} == set(CHAPTERS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_waits_only_for_chapters(name):
    assert set(CHAPTERS[name].after) <= CHAPTERS.keys() - {name}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "book").rglob("*.ipynb")), ids=lambda path: path.stem
)
def test_notebook_is_stripped(path):
    """Outputs belong to the build; `make fix` removes them."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        assert not cell.get("outputs"), f"cell {number} has outputs"
        assert cell.get("execution_count") is None, f"cell {number} has a count"
    assert Chapter(path).name == path.stem
