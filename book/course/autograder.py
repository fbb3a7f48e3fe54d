"""Checked exercises for a grading program: one assignment a chapter, made by `otter assign`.

The solution's `check(name, value)` becomes a variable that the student sets; a test asks for the
verdict. Nothing is executed here, and no answer is in what students get.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from book.build_chapters import Chapter
from book.course.copies import KERNEL, code, left_out
from book.course.exercises import Exercise, about, exercises
from book.course.plain import Names, Plain

CONFIG = "# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false\ncheck_all_cell: false\n"


def master(chapter: Chapter, names: Names, *, kernel: str = KERNEL["name"]) -> NotebookNode:
    """The notebook from which the grading program makes its two copies.

    Args:
        chapter: as its author wrote it.
        names: what labels mean.
        kernel: that runs it.
    """
    plain = Plain(names, chapter.name)
    plain.number(chapter.notebook.cells)
    graded = {e.label: e for e in exercises(chapter) if e.check}
    cells = [new_raw_cell(CONFIG + f"name: {chapter.name}")]
    for cell in chapter.notebook.cells:
        label = about(cell).get("exercise")
        if label in graded:
            cells += question(graded[label], plain)
        elif label or left_out(cell, "student"):
            continue
        elif cell.cell_type == "markdown":
            cells.append(new_markdown_cell(plain.text(cell.source)))
        else:
            cells.append(code(cell, None, keep_output=False))
    metadata = {"kernelspec": KERNEL | {"name": kernel}, "language_info": {"name": "python"}}
    return new_notebook(metadata=metadata, cells=cells)


def question(exercise: Exercise, plain: Plain) -> list[NotebookNode]:
    """An exercise as the grading program reads it."""
    name = variable(exercise.label)
    takes = f"`{name}` takes {exercise.check['takes']}."
    test = (
        "from ecglearn.course import verdict\n\n"
        f'found = verdict("{exercise.label}", {name})\nassert found.right, found.says'
    )
    return [
        new_raw_cell(f"# BEGIN QUESTION\nname: {name}\npoints: {exercise.level}"),
        new_markdown_cell(f"{plain.text(exercise.text)}\n\n{takes}"),
        new_raw_cell("# BEGIN SOLUTION"),
        new_code_cell(answered(exercise)),
        new_raw_cell("# END SOLUTION"),
        new_raw_cell("# BEGIN TESTS"),
        new_code_cell(test),
        new_raw_cell("# END TESTS"),
        new_raw_cell("# END QUESTION"),
    ]


def variable(label: str) -> str:
    """The name that a student sets for an exercise."""
    return label.replace("-", "_")


def answered(exercise: Exercise) -> str:
    """The solution's code, its last line the answer under the student's name."""
    lines: list[str] = []
    value = "None"
    for cell in exercise.solution:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else ():
            call = node.value if isinstance(node, ast.Expr) else None
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "check":
                value = ast.unparse(call.args[1])
            else:
                lines.append(ast.unparse(node))
    body = "\n".join(["# BEGIN SOLUTION NO PROMPT", *lines, "# END SOLUTION"])
    return f"{body}\n{variable(exercise.label)} = {value} # SOLUTION"


def write_assignment(notebook: NotebookNode, folder: Path) -> None:
    """Let the grading program make the student's copy and the archive that grades it."""
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "master.ipynb")
    command = [sys.executable, "-m", "otter", "assign", "--no-run-tests", "--no-pdfs"]
    subprocess.run(
        [*command, "master.ipynb", "."], cwd=folder, check=True, capture_output=True, text=True
    )
