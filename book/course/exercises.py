"""Exercises and solutions as the chapters' cells name them in their metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from book.build_chapters import Chapter

GATE = re.compile(r"^(`{3,}|:{3,})\{(exercise|solution-start|solution-end)\}", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter.

    Attributes:
        chapter: where it stands.
        label: its name, also that under which it is checked.
        level: 1 takes about 5 minutes, 2 about 15, 3 about 30.
        minutes: planned.
        check: how its answer is checked, and what the check takes; nothing where it is judged.
        mistake: the usual one.
        text: the question, without the directive around it.
        solution: the cells between the gates.
    """

    chapter: str
    label: str
    level: int
    minutes: int
    check: dict[str, Any]
    mistake: str
    text: str
    solution: list[NotebookNode] = field(repr=False)


def about(cell: NotebookNode) -> dict[str, Any]:
    """What a cell says of itself for the course."""
    return cell.metadata.get("ecglearn", {})


def is_solution(cell: NotebookNode) -> bool:
    """Whether a cell belongs to a solution, gates included."""
    return "solution" in about(cell)


def is_gate(cell: NotebookNode) -> bool:
    """Whether a cell only opens or closes a solution."""
    return is_solution(cell) and GATE.match(cell.source) is not None


def exercises(chapter: Chapter) -> list[Exercise]:
    """The exercises of a chapter, in its order."""
    cells = chapter.notebook.cells
    found = []
    for cell in cells:
        said = about(cell)
        if "exercise" not in said:
            continue
        label = said["exercise"]
        inside = [c for c in cells if about(c).get("solution") == label and not is_gate(c)]
        found.append(
            Exercise(
                chapter.name,
                label,
                said["level"],
                said["minutes"],
                said.get("check", {}),
                said.get("mistake", ""),
                question(cell.source),
                inside,
            )
        )
    return found


def question(source: str) -> str:
    """The text of an exercise, without its fence and label."""
    lines = source.strip().splitlines()[1:-1]
    return "\n".join(line for line in lines if not re.match(r":\w+:", line)).strip()


def misplaced(chapter: Chapter) -> Iterator[str]:
    """Lines that share a cell with a gate or an exercise, and cells whose metadata is wrong."""
    inside: str | None = None
    for number, cell in enumerate(chapter.notebook.cells, start=1):
        where = f"{chapter.name}, cell {number}"
        gates = list(GATE.finditer(cell.source)) if cell.cell_type == "markdown" else []
        for gate in gates:
            fence, kind = gate[1], gate[2]
            body, _, rest = cell.source[gate.end() :].partition(f"\n{fence}")
            for line in (cell.source[: gate.start()] + rest).strip().splitlines():
                yield f"{where}: '{line}' shares a cell with {kind}"
            name = re.search(r"^:label: (\S+)", body, re.M)
            label = name[1] if name else body.split("\n")[0].strip() or inside
            if kind == "solution-start":
                inside = label
            wanted = {"exercise": label} if kind == "exercise" else {"solution": inside}
            if not wanted.items() <= about(cell).items():
                yield f"{where}: metadata should hold {wanted}"
            if kind == "solution-end":
                inside = None
        if not gates and about(cell).get("solution") != inside:
            yield f"{where}: metadata should hold the solution {inside}"
    if inside:
        yield f"{chapter.name}: the solution of {inside} never ends"
