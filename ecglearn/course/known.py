"""What papers say and what is ours, as the chapters state it; where files beside the library lie.

Only the standard library is imported: a wheel is built with it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

#: What a wheel carries from outside the package.
SHIPPED = (
    "results/runs/*/*.json",
    "results/claims.toml",
    "book/reported.json",
    "book/chapters/*.py",
)
STATEMENTS = "statements.json"
_HERE = Path(__file__).resolve()


def beside(path: str) -> Path:
    """A file of the repository: in the clone, or its copy in an installed wheel.

    Args:
        path: from the repository's root, such as `"book/reported.json"`.

    Raises:
        FileNotFoundError: neither has it.

    Book: known-and-chosen#known-and-chosen
    """
    for root in (_HERE.parents[2], _HERE.parents[1] / "stored"):
        if (root / path).exists():
            return root / path
    raise FileNotFoundError(f"{path} is neither in a clone of ecglearn nor in its wheel")


def reported_figures() -> list[dict[str, Any]]:
    """Numbers that the papers report, each with its source and the nearest stored run.

    Book: known-and-chosen#known-and-chosen
    """
    return json.loads(beside("book/reported.json").read_text(encoding="utf-8"))["rows"]


def statements() -> dict[str, list[list[str]]]:
    """Chapter to its statements: a part, and whether it is known, derived or chosen.

    Book: known-and-chosen#known-and-chosen
    """
    kept = _HERE.parents[1] / "stored" / STATEMENTS
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    return statements_in(_HERE.parents[2] / "book" / "chapters")


def statements_in(folder: Path) -> dict[str, list[list[str]]]:
    """The statements of notebooks in a folder, by the first words of their titles.

    Those without a table *Known and chosen* are left out.

    Args:
        folder: of the chapters.

    Book: known-and-chosen#known-and-chosen
    """
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        _, _, after = text.partition("\n## Known and chosen\n")
        rows = re.findall(r"^\| (.+) \| (\*\*\w+\*\*.*) \|$", after.split("\n## ")[0], re.MULTILINE)
        title = re.search(r"^# ([^:\n]+)", text, re.MULTILINE)
        if rows and title:
            found[title[1]] = [list(row) for row in rows]
    return found
