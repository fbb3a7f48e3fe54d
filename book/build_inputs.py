"""What a chapter's outputs depend on, so that it runs again when, and only when, that changed.

The inputs are a table from a readable name to a hash. Two tables are compared as a whole, and the
build can say which line differs.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from book.build_chapters import Chapter
from ecglearn.provenance import imported_modules, sources


def digest(content: bytes | str) -> str:
    """A short hash: collisions would need millions of versions."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:16]


def chapter_inputs(
    chapter: Chapter, parameters: dict[str, Any], *, root: Path, package: str
) -> dict[str, str]:
    """The table of inputs of one chapter run with ``parameters`` in the repository ``root``."""
    code = chapter.code
    text = "\n".join(code)
    inputs = {
        "code": meaning(code),
        "requirements.lock": digest(read(root / "requirements.lock")),
    }
    for name, value in parameters.items():
        inputs[f"parameter {name}"] = repr(value)
    if parameters.get("data") and reads_name(text, "data"):
        inputs["files of data"] = folder_digest(Path(parameters["data"]))
    inputs |= result_digests(text, root / "results")
    book = root / "book"
    for path in sorted(
        [*book.glob("*.json"), *book.glob("chapters/*.ipynb"), *book.glob("chapters/*.py")]
    ):
        if re.search(rf"""['"/]{re.escape(path.name)}['"]""", text):
            inputs[f"book/{path.name}"] = digest(path.read_bytes())
    if re.search(r"\bstatements\(", text):
        chapters = [path.read_bytes() for path in sorted(book.glob("chapters/*.ipynb"))]
        inputs["statements of chapters"] = digest(b"".join(chapters))
    if re.search(r"\breported_figures\(", text):
        inputs["book/reported.json"] = digest(read(book / "reported.json"))
    inputs |= quiz_digests(text, root / package / "course")
    inputs |= seal_digests(text, root / package / "course" / "seals.json")
    return inputs | sources(imported_modules(text, package), package)


def meaning(code: list[str]) -> str:
    """A hash of cells without their layout; a cell that is no Python alone counts as it stands."""

    def plain(cell: str) -> str:
        try:
            return ast.dump(ast.parse(cell))
        except SyntaxError:  # a magic
            return cell

    return digest(repr([plain(cell) for cell in code]))


def result_digests(code: str, results: Path) -> dict[str, str]:
    """Stored runs of the tables that are named; all of them, with the register, for claims."""
    claims = results / "claims.toml"
    judges = re.search(r"\b(judged_claims|load_claims)\(", code) and claims.exists()
    found = {"results/claims.toml": digest(claims.read_bytes())} if judges else {}
    for folder in sorted((results / "runs").glob("*")):
        if judges or re.search(rf"""['"]{re.escape(folder.name)}['"]""", code):
            files = sorted(folder.glob("*.json"))
            found[f"results/runs/{folder.name}"] = digest(b"".join(f.read_bytes() for f in files))
    return found


def quiz_digests(code: str, folder: Path) -> dict[str, str]:
    """The questions that are asked, with the script and the colours that show them."""
    asked = re.findall(r"""\bquiz\(['"]([\w-]+)['"]\)""", code)
    files = [folder / "quizzes" / f"{name}.json" for name in asked]
    files += [folder / f"quiz.{kind}" for kind in ("js", "css") if asked]
    return {f"course/{file.name}": digest(read(file)) for file in files}


def seal_digests(code: str, seals: Path) -> dict[str, str]:
    """The sealed answers of the exercises that are checked, where they are sealed."""
    known = json.loads(read(seals) or "{}")
    asked = re.findall(r"""\bcheck\(\s*['"]([\w-]+)['"]""", code)
    return {f"answer {name}": digest(repr(known[name])) for name in asked if name in known}


def reads_name(code: str, name: str) -> bool:
    """Whether a variable is ever read, not only set."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(ast.parse(code))
    )


def folder_digest(path: Path) -> str:
    """Names, sizes and times below ``path``: records may be too many to read."""
    files = sorted(path.rglob("*")) if path.is_dir() else sorted(path.parent.glob(f"{path.name}*"))
    facts = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.is_file()]
    return digest(repr(facts))


def read(path: Path) -> bytes:
    """The file, or nothing where there is none."""
    return path.read_bytes() if path.exists() else b""
