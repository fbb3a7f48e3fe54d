"""The chapters as notebooks for students, without any solution, and for instructors, with all."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book.build_chapters import Chapter
from book.build_holds import REMINDER, holds
from book.course.exercises import Exercise, about, exercises, is_gate, is_solution
from book.course.plain import Names, Plain, figure_of
from ecglearn.course.sizes import LESSON

Kind = Literal["student", "instructor"]
KERNEL = {"display_name": "ecglearn", "language": "python", "name": "ecglearn"}
LEVELS = {1: "a short one", 2: "a longer one", 3: "a long one"}


def copy(
    chapter: Chapter,
    names: Names,
    kind: Kind,
    *,
    executed: NotebookNode,
    measured: str,
    values: dict[str, list[Any]],
) -> NotebookNode:
    """One chapter as a notebook of its own, in plain Markdown.

    Args:
        chapter: as its author wrote it.
        names: what labels mean.
        kind: for whom.
        executed: the same chapter with outputs, of which the instructor gets those of solutions.
        measured: what the chapter took.
        values: what the solutions of checked exercises gave.
    """
    plain = Plain(names, chapter.name, measured)
    plain.number(chapter.notebook.cells)
    questions = {e.label: e for e in exercises(chapter)}
    ran = {cell.id: cell for cell in executed.cells}
    figures, number, cells = 0, 0, [new_markdown_cell(head(chapter, names, kind), id="head")]
    for cell in chapter.notebook.cells:
        label = about(cell).get("exercise")
        if label:
            number += 1
            cells += asked(questions[label], number, plain)
            if kind == "student":
                cells.append(answer(questions[label]))
            else:
                cells.append(notes(questions[label], values.get(label, [])))
        elif left_out(cell, kind):
            continue
        elif cell.cell_type == "markdown":
            cells.append(new_markdown_cell(_sized(cell, plain.text(cell.source)), id=cell.id))
        else:
            cells.append(code(cell, ran.get(cell.id), keep_output=is_solution(cell)))
            if figure := figure_of(cell):
                figures += 1
                caption = f"*Figure {figures}.* {plain.text(figure['caption'])}"
                cells.append(new_markdown_cell(_sized(cell, caption), id=f"{cell.id}-caption"))
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    made = new_notebook(metadata=metadata, cells=cells)
    return cast(NotebookNode, nbformat.from_dict(made))


def left_out(cell: NotebookNode, kind: Kind) -> bool:
    """What a copy does not have: gates, checks of the page's own, for students solutions."""
    hidden = "remove-cell" in cell.metadata.get("tags", [])
    return hidden or is_gate(cell) or (kind == "student" and is_solution(cell))


def head(chapter: Chapter, names: Names, kind: Kind) -> str:
    """What stands above a copy."""
    title = names.titles[chapter.name]
    if kind == "instructor":
        return (
            f"*Instructor's copy of {title}: with solutions, expected values and usual mistakes.*"
        )
    return (
        f"*Student's copy of {title}. Choose the kernel* ecglearn *and run the cells from top to "
        "bottom; your answers go into the cells that say so.*"
    )


def asked(exercise: Exercise, number: int, plain: Plain) -> list[NotebookNode]:
    """The question."""
    long = f"{LEVELS[exercise.level]}, about {exercise.minutes} minutes"
    text = f"### Exercise {number} ({long})\n\n{plain.text(exercise.text)}"
    if exercise.check:
        text += f'\n\n*Checked: `check("{exercise.label}", ...)` takes {exercise.check["takes"]}.*'
    return [new_markdown_cell(text, id=exercise.label)]


def answer(exercise: Exercise) -> NotebookNode:
    """Where the student writes."""
    lines = ["# your answer"]
    if exercise.check:
        lines += ["...", f'# check("{exercise.label}", ...)']
    cell = new_code_cell("\n".join(lines), id=f"{exercise.label}-answer")
    cell.metadata["ecglearn"] = {"answer": exercise.label}
    return cell


def notes(exercise: Exercise, values: list[Any]) -> NotebookNode:
    """What the instructor should know before the solution."""
    lines = [f"**Solution** ({exercise.minutes} minutes planned)"]
    if values:
        shown = " or ".join(sorted({json.dumps(v, ensure_ascii=False) for v in values}))
        lines.append(
            f"Expected: `{shown}`, within {exercise.check.get('within', 'the same words')}."
        )
    lines.append(f"Usual mistake: {exercise.mistake}")
    return new_markdown_cell("\n\n".join(lines), id=f"{exercise.label}-notes")


def code(cell: NotebookNode, ran: NotebookNode | None, *, keep_output: bool) -> NotebookNode:
    """A code cell; what the page folds is folded in Jupyter as well."""
    made = new_code_cell(cell.source, id=cell.id)
    tags = cell.metadata.get("tags", [])
    if "parameters" in tags:
        made.source = made.source.replace('preset = "class"', f'preset = "{LESSON}"')
        made.metadata["tags"] = ["parameters"]
    if {"hide-input", "hide-cell"} & set(tags):
        made.metadata["jupyter"] = {"source_hidden": True}
    if keep_output and ran is not None:
        made.outputs = ran.outputs
    return made


def _sized(cell: NotebookNode, text: str) -> str:
    """A text with a reminder, where the size that a student may choose decides its truth."""
    return f"{text}\n\n{REMINDER}" if holds(cell) else text
