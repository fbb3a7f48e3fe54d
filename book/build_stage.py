"""Puts together the folder that is rendered: sources, outputs, measured numbers, scripts."""

from __future__ import annotations

import ast
import json
import pkgutil
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import nbformat

from book.build_chapters import Chapter, code_cells
from book.build_holds import of_size
from book.build_inputs import meaning
from book.build_opening import opened
from book.build_run import Run, Workshop
from book.build_scripts import vendor
from book.build_terms import write_terms
from book.course.plain import Names
from book.course.plan import tables

SOURCES = ("*.md", "*.bib", "*.ipynb", "*.yml", "_static/*", "_extensions/*.py")
# everything public, inherited members too, but for those of Python, PyTorch and pydantic
INSIDE = """
   :members:
   :show-inheritance:
   :inherited-members: Module, Protocol, Exception, BaseModel, tuple, dict, TorchFunctionMode"""
SLOW_SECONDS, BIG_GB = 120, 3.0
WIDE = 12  # modules of a part that share the page of their room


def stage(
    workshop: Workshop,
    chapters: list[Chapter],
    runs: dict[str, Run],
    *,
    target: Path | None = None,
) -> Path:
    """Builds the folder anew and returns it; its ``book`` folder is what jupyter-book reads."""
    target = workshop.out / "stage" if target is None else target
    shutil.rmtree(target, ignore_errors=True)
    book = workshop.root / "book"
    for pattern in SOURCES:
        for path in book.glob(pattern):
            place = target / "book" / path.relative_to(book)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
    shutil.copy(workshop.root / "_config.yml", target)
    for chapter in chapters:
        place = target / "book" / chapter.path.relative_to(book)
        place.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(with_outputs(workshop, chapter, runs.get(chapter.name)), place)
    fill(target / "book" / "status.md", "chapters", status_table(runs))
    seconds = {name: run.seconds for name, run in runs.items()}
    for name, text in tables(book, seconds, lambda one: f"{{doc}}`chapters/{one}`").items():
        fill(target / "book" / "for-instructors.md", f"plan: {name}", text)
    related = json.loads((book / "related.json").read_text())["rows"]
    fill(target / "book" / "related-work.md", "related", related_list(related))
    rooms = api_pages(workshop.package)
    fill(target / "book" / "api.md", "api", api_list(workshop.package, rooms))
    (target / "book" / "api").mkdir()
    for room, text in rooms.items():
        (target / "book" / "api" / f"{room}.md").write_text(text)
    views(target / "book" / "_static")
    if (book / "glossary.md").exists():
        write_terms(book, target / "book" / "_static", Names.of(book))
    vendor(target / "assets_root" / "vendor")
    return target


def with_outputs(workshop: Workshop, chapter: Chapter, run: Run | None) -> nbformat.NotebookNode:
    """Today's text and cell metadata with the outputs of the last run, in the page's order."""
    notebook = chapter.notebook
    for cell in of_size(notebook.cells, workshop.preset):
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("{{ measured }}", measured(run))
    if run is not None and run.inputs["code"] == meaning(chapter.code):
        executed = nbformat.read(workshop.executed(chapter.name), as_version=4)
        for cell, ran in zip(code_cells(notebook), code_cells(executed), strict=True):
            # a control without a kernel would only look alive
            live = "live" in cell.metadata.get("tags", [])
            cell.outputs, cell.execution_count = [] if live else ran.outputs, ran.execution_count
    notebook.cells = opened(notebook.cells)
    return notebook


def measured(run: Run | None) -> str:
    """The sentence that replaces ``{{ measured }}`` on a chapter's page."""
    if run is None:
        return "a time that is not known: it was not run here yet"
    return f"{run.seconds:.0f} s and {run.peak_gb:.1f} GB of memory when this page was built"


def status_table(runs: dict[str, Run]) -> str:
    """The table of the status page."""
    rows = [
        f"| {{doc}}`chapters/{run.name}` | {run.seconds:.0f} | {run.peak_gb:.1f} |"
        for run in runs.values()
    ]
    return "\n".join(["| Chapter | Seconds | Peak memory, GB |", "|---|--:|--:|", *rows])


def related_list(rows: list[dict[str, str]]) -> str:
    """The entries of the page on related work, topic by topic."""
    topics = dict.fromkeys(row["topic"] for row in rows)
    return "\n\n".join(
        f"## {topic[0].upper()}{topic[1:]}\n\n"
        + "\n".join(
            f"- {{cite}}`{row['key']}` {row['says']} *Here:* {row['here']}."
            for row in rows
            if row["topic"] == topic
        )
        for topic in topics
    )


def too_much(run: Run) -> str:
    """What a chapter takes beyond the book's limits, or nothing."""
    slow = f"{run.seconds:.0f} s (limit {SLOW_SECONDS})" if run.seconds > SLOW_SECONDS else ""
    big = f"{run.peak_gb:.1f} GB (limit {BIG_GB:.0f})" if run.peak_gb > BIG_GB else ""
    return " and ".join(filter(None, [slow, big]))


def api_pages(package: str) -> dict[str, str]:
    """Room to its page: a section for each public module, classes with bases and what they inherit.

    A part of a room with more than a dozen modules has a page of its own, so that none is slow to
    open. Modules that lie in no room share the page `single-modules`.
    """
    folder = find_spec(package).submodule_search_locations  # pyright: ignore[reportOptionalMemberAccess]
    found = [m for m in pkgutil.walk_packages(folder, f"{package}.") if "._" not in m.name]
    of_part = Counter(m.name.rpartition(".")[0] for m in found if m.name.count(".") > 2)
    rooms = sorted(
        m.name for m in found if m.ispkg and (m.name.count(".") == 1 or of_part[m.name] > WIDE)
    )
    pages = {page_of(room): [f"# {room}", automodule(room)] for room in rooms}
    single = [f"# {package}: single modules"]
    for module in sorted(found, key=lambda m: m.name):
        home = next((r for r in reversed(rooms) if module.name.startswith(f"{r}.")), None)
        members = "" if module.ispkg else INSIDE
        entry = f"## {module.name}\n\n{automodule(module.name, members)}"
        if module.name in rooms:
            continue
        if home is None:
            single.append(entry)
        else:
            pages[page_of(home)].append(entry)
    pages["single-modules"] = single
    return {room: "\n\n".join(parts) + "\n" for room, parts in pages.items()}


def page_of(room: str) -> str:
    """`ecglearn.data.store` has the page `data-store`."""
    return room.partition(".")[2].replace(".", "-")


def automodule(name: str, options: str = "") -> str:
    """The directive that shows a module; a package gives only what it says of itself."""
    return f"```{{eval-rst}}\n.. automodule:: {name}{options}\n```"


def api_list(package: str, rooms: dict[str, str]) -> str:
    """The rooms with what each says of itself in its first line."""
    lines = []
    for room in rooms:
        said = "modules that lie in no room: the contract, the registry, checkpoints, files"
        name = room if room == "single-modules" else room.replace("-", ".")
        if (spec := find_spec(f"{package}.{name}")) is not None and spec.origin is not None:
            said = (ast.get_docstring(ast.parse(Path(spec.origin).read_text())) or "").split("\n")[
                0
            ]
        lines.append(f"- {{doc}}`api/{room}`: {said}")
    return "\n".join(lines)


def fill(page: Path, name: str, text: str) -> None:
    """Replaces ``{{ name }}`` on a page that the build completes."""
    if page.exists():
        page.write_text(page.read_text().replace(f"{{{{ {name} }}}}", text))


def views(static: Path) -> None:
    """Writes the script and the style of the library's views."""
    from ecglearn.plots.views.script import page_script, widget_style

    static.mkdir(parents=True, exist_ok=True)
    (static / "views.js").write_text(page_script())
    (static / "views.css").write_text(widget_style())
