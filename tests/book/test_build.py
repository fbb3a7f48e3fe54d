"""What makes a chapter run again, in which order chapters run, and how a failure is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from book import build
from book.build_chapters import Chapter, chapters, pages
from book.build_inputs import chapter_inputs, reads_name
from book.build_run import Run, Workshop, run_notebook
from book.build_stage import api_pages, measured, status_table, too_much, with_outputs
from ecglearn import provenance
from ecglearn.provenance import imported_modules

pytestmark = pytest.mark.book


def inputs(shop: Workshop, path: Path) -> dict[str, str]:
    for cached in (provenance._read, provenance._path, provenance._home):
        cached.cache_clear()  # the build is a process of its own
    return chapter_inputs(Chapter(path), shop.parameters, root=shop.root, package=shop.package)


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_text_and_captions_are_no_inputs(shop, write_chapter):
    path = write_chapter("one", "import tinylib.near", text="# Before")
    before = inputs(shop, path)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "# After"
    notebook.cells[2].metadata["mystnb"] = {"figure": {"caption": "new"}}
    nbformat.write(notebook, path)
    assert changed(before, inputs(shop, path)) == set()


def test_layout_is_no_input(shop, write_chapter):
    path = write_chapter("a", "x = [1, 2]", "%time\nx")
    before = inputs(shop, path)
    write_chapter("a", "x = [\n    1,  # one\n    2,\n]", "%time\nx")
    assert changed(before, inputs(shop, path)) == set()
    write_chapter("a", "x = [1, 2]", "%time\nx + 1")
    assert changed(before, inputs(shop, path)) == {"code"}


def test_code_is_an_input(shop, write_chapter):
    before = inputs(shop, write_chapter("one", "x = 1"))
    assert changed(before, inputs(shop, write_chapter("one", "x = 2"))) == {"code"}


def test_only_imported_modules_are_inputs(shop, write_chapter, tiny_library):
    near = write_chapter("near", "from tinylib.near import ask")
    apart = write_chapter("apart", "def later():\n    from tinylib import apart")
    before = {path: inputs(shop, path) for path in (near, apart)}
    (tiny_library / "deep.py").write_text("ANSWER = 43\n")
    assert changed(before[near], inputs(shop, near)) == {"tinylib.deep"}
    assert changed(before[apart], inputs(shop, apart)) == set()
    (tiny_library / "__init__.py").write_text("VERSION = 2\n")
    assert changed(before[apart], inputs(shop, apart)) == {"tinylib"}


def test_lock_parameters_and_results_are_inputs(shop, write_chapter):
    reads = write_chapter("one", "stored_results('ablation')")
    judges = write_chapter("two", "judged_claims()")
    results = shop.root / "results"
    files = ["runs/ablation/a-0.json", "runs/other/a-0.json", "claims.toml"]
    for name in files:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text("1")
    before = inputs(shop, reads), inputs(shop, judges)
    for name in files:
        (results / name).write_text("2")
    assert changed(before[0], inputs(shop, reads)) == {"results/runs/ablation"}
    tables = {"results/runs/ablation", "results/runs/other"}
    assert changed(before[1], inputs(shop, judges)) == {"results/claims.toml", *tables}
    now = inputs(shop, reads)
    (results / "runs/ablation/a-1.json").write_text("3")
    assert changed(now, inputs(shop, reads)) == {"results/runs/ablation"}
    (shop.root / "requirements.lock").write_text("torch==2.14.0\n")
    after = inputs(replace(shop, preset="class"), reads)
    assert changed(now, after) == {
        "results/runs/ablation",
        "requirements.lock",
        "parameter preset",
    }


def test_other_chapters_and_tables_of_the_book_are_inputs_when_named(shop, write_chapter):
    reads = write_chapter("reads", 'open("two.ipynb"); open("../numbers.json")')
    other = write_chapter("two", "print(1)")
    (shop.root / "book" / "numbers.json").write_text("1")
    before = inputs(shop, reads), inputs(shop, other)
    write_chapter("two", "print(2)")
    (shop.root / "book" / "numbers.json").write_text("2")
    assert changed(before[0], inputs(shop, reads)) == {"book/two.ipynb", "book/numbers.json"}
    assert changed(before[1], inputs(shop, other)) == {"code"}


def test_questions_are_inputs_of_the_chapter_that_asks_them(shop, write_chapter):
    course = shop.root / shop.package / "course"
    (course / "quizzes").mkdir(parents=True)
    (course / "quizzes" / "one.json").write_text("[]")
    asked = inputs(shop, write_chapter("one", 'quiz("one")'))
    assert {"course/one.json", "course/quiz.js", "course/quiz.css"} <= asked.keys()
    (course / "quizzes" / "one.json").write_text("[1]")
    again = inputs(shop, write_chapter("one", 'quiz("one")'))
    assert changed(asked, again) == {"course/one.json"}
    assert not [k for k in inputs(shop, write_chapter("two", "1")) if k.startswith("course")]


def test_records_are_inputs_of_chapters_that_read_them(shop, write_chapter, tmp_path):
    records = tmp_path / "records"
    records.mkdir()
    (records / "a.dat").write_text("1")
    shop = replace(shop, data=str(records))
    reads, ignores = write_chapter("reads", "print(data)"), write_chapter("ignores", "print(seed)")
    before = {path: inputs(shop, path) for path in (reads, ignores)}
    (records / "b.dat").write_text("1")
    assert changed(before[reads], inputs(shop, reads)) == {"files of data"}
    assert changed(before[ignores], inputs(shop, ignores)) == set()


def test_imports_and_names_are_found_anywhere():
    code = "def f():\n    import a.b as c\n    from d.e import f\ndata = None"
    assert imported_modules(code) == ["a.b", "d.e"]
    assert not reads_name(code, "data")
    assert reads_name("print(data)", "data")


def test_magics_are_no_obstacle(shop, write_chapter):
    path = write_chapter("one", "%matplotlib inline\nimport tinylib.deep")
    assert "tinylib.deep" in inputs(shop, path)


def test_chapters_run_once_and_in_order(shop, write_chapter):
    late = write_chapter("late", "assert open('first.txt').read() == 'ready'", after=("first",))
    first = write_chapter("first", "with open('first.txt', 'w') as f:\n    f.write('ready')")
    found = [Chapter(late), Chapter(first)]
    runs = list(shop.run(found))
    assert [(run.name, run.error) for run in runs] == [("first", ""), ("late", "")]
    assert all(run.seconds > 0 for run in runs)
    again = list(shop.run(found))
    assert {run.name: run.why for run in again} == {"first": "", "late": ""}
    assert again[0].seconds in {run.seconds for run in runs}


def test_what_others_wait_for_goes_first(shop, write_chapter):
    """Then what waits for most or has most cells: it is long, and would be alone at the end."""
    paths = [write_chapter(name, "1") for name in "abc"]
    paths.append(write_chapter("last", "1", after=("c",)))
    paths.append(write_chapter("longest", "1", after=("b", "c")))
    runs = replace(shop, workers=1).run([Chapter(path) for path in paths])
    assert [run.name for run in runs] == ["c", "b", "longest", "last", "a"]
    cells = [write_chapter("few", "1"), write_chapter("many", "1", "2")]
    runs = replace(shop, workers=1).run([Chapter(path) for path in cells])
    assert [run.name for run in runs] == ["many", "few"]


def test_only_what_runs_is_said_to_run(shop, write_chapter):
    """An earlier run leaves outputs and a record; a run that began has taken the record away."""
    path = write_chapter("a", "1 + 1")
    assert shop.place("a") == ""
    list(shop.run([Chapter(path)]))
    assert shop.place("a") == ""
    shop.executed("a").with_suffix(".json").unlink()
    assert shop.place("a") == "a, cell 2 of 2"


def test_peak_memory_is_that_of_the_kernel(shop, write_chapter):
    path = write_chapter("big", "block = bytearray(700_000_000)")
    (run,) = shop.run([Chapter(path)])
    assert 0.7 < run.peak_gb < 0.9


def test_chapters_that_wait_for_each_other_are_refused(shop, write_chapter):
    pair = [write_chapter("a", "1", after=("b",)), write_chapter("b", "1", after=("a",))]
    with pytest.raises(ValueError, match="wait for each other: a, b"):
        list(shop.run([Chapter(path) for path in pair]))


def test_failure_names_chapter_cell_and_error(shop, write_chapter, capsys):
    broken = write_chapter("broken", "x = 1", "x / 0")
    with pytest.raises(SystemExit) as stop:
        build.run_chapters(shop, [Chapter(broken)])
    message = str(stop.value.code)
    assert message.startswith("chapter broken, cell 4: ZeroDivisionError: division by zero")
    assert "chapter 1 of 1  broken" in capsys.readouterr().out
    (run,) = shop.run([Chapter(broken)])
    assert run.why == "first run", "a failed run must not count as an earlier one"


def test_a_kernel_that_does_not_come_up_gets_a_second_chance(monkeypatch, tmp_path):
    failures = [RuntimeError("Kernel didn't respond in 60 seconds")]
    calls = []

    def pretend(*_places, **_settings):
        calls.append(1)
        if failures:
            raise failures.pop()

    monkeypatch.setattr("papermill.execute_notebook", pretend)
    assert run_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", {}) >= 0
    assert len(calls) == 2
    failures += [RuntimeError("Kernel died before replying to kernel_info")] * 2
    with pytest.raises(RuntimeError, match="died before"):
        run_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", {})
    failures[:] = [RuntimeError("Kernel died")]
    with pytest.raises(RuntimeError, match="Kernel died"):
        run_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", {})
    assert len(calls) == 5


def test_outputs_join_the_text_of_today(shop, write_chapter):
    path = write_chapter("one", "print(6 * 7)", text="Took {{ measured }}.")
    (run,) = shop.run([Chapter(path)])
    staged = with_outputs(shop, Chapter(path), run)
    assert staged.cells[0].source == f"Took {measured(run)}."
    assert [cell.cell_type for cell in staged.cells] == ["markdown", "code", "code"]
    assert staged.cells[2].outputs[0].text == "42\n"
    assert with_outputs(shop, Chapter(path), None).cells[2].outputs == []


def test_live_cells_run_but_show_nothing(shop, write_chapter):
    widget = "from ipywidgets import interact\ninteract(lambda x: print(x, file=log), x=(0, 4))"
    path = write_chapter("one", "log = open('log.txt', 'w')", widget, "log.close()")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].metadata["tags"] = ["live"]
    nbformat.write(notebook, path)
    (run,) = shop.run([Chapter(path)])
    assert not run.error
    assert (path.parent / "log.txt").read_text() == "2\n"
    assert with_outputs(shop, Chapter(path), run).cells[3].outputs == []


def test_limits_and_status():
    fast = Run("fast", {}, seconds=10, peak_gb=0.5)
    slow = Run("slow", {}, seconds=200, peak_gb=3.5)
    assert too_much(fast) == ""
    assert too_much(slow) == "200 s (limit 120) and 3.5 GB (limit 3)"
    assert "| {doc}`chapters/slow` | 200 | 3.5 |" in status_table({"slow": slow})


def test_table_of_contents_is_read_in_order(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "root: chapters/a\n"
        "parts:\n- chapters:\n  - file: b\n    sections:\n    - file: chapters/c\n"
    )
    (tmp_path / "chapters").mkdir()
    for name in "ac":
        (tmp_path / "chapters" / f"{name}.ipynb").write_text(json.dumps({}))
    assert pages(tmp_path / "_toc.yml") == ["chapters/a", "b", "chapters/c"]
    assert [chapter.name for chapter in chapters(tmp_path)] == ["a", "c"]


def test_every_room_has_an_api_page_and_a_place_in_the_contents():
    found = api_pages("ecglearn")
    toc = pages(build.ROOT / "book" / "_toc.yml")
    assert [f"api/{room}" for room in found] == [page for page in toc if page.startswith("api/")]
    assert (
        ".. automodule:: ecglearn.methods.merl\n   :members:\n   :show-inheritance:"
        in (found["methods"])
    )
    assert "ecglearn.methods" not in found["single-modules"]
    assert ".. automodule:: ecglearn.method\n" in found["single-modules"]
