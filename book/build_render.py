"""Renders the staged folder strictly, unless the same folder was rendered before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from book.build_inputs import digest
from book.build_scripts import lighten

STRICT = ("-W", "-n", "--keep-going")


class RenderError(RuntimeError):
    """The pages have warnings or errors; the message holds them."""


def render(stage: Path, html: Path, *, package: str, strict: bool = True) -> bool:
    """Writes the site to ``html``; returns False where it already stood there.

    The site is rendered beside and moved into place, so a failure leaves the former one standing.
    """
    stamp = html.with_suffix(".inputs")
    inputs = stage_digest(stage, package) + str(strict)
    if html.exists() and stamp.exists() and stamp.read_text() == inputs:
        return False
    stamp.unlink(missing_ok=True)
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [tool, "build", "book", "--all", *STRICT * strict]
    result = subprocess.run(
        command, cwd=stage, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    html.with_suffix(".log").write_text(result.stdout)
    if result.returncode:
        raise RenderError(problems(result.stdout))
    shutil.rmtree(html, ignore_errors=True)
    shutil.move(stage / "_build" / "html", html)
    lighten(html)
    stamp.write_text(inputs)
    return True


def stage_digest(stage: Path, package: str) -> str:
    """A hash of all that decides how pages look: staged files, docstrings, what lightens them."""
    spec = find_spec(package)
    assert spec is not None
    folders = spec.submodule_search_locations or ()
    sources = [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    sources += sorted(Path(__file__).parent.glob("build_*.py"))
    staged = [path for path in sorted(stage.rglob("*")) if path.is_file()]
    parts = [(str(path.relative_to(stage)), digest(path.read_bytes())) for path in staged]
    return digest(repr(parts + [digest(path.read_bytes()) for path in sources]))


def problems(log: str) -> str:
    """The lines of a log that say what is wrong, or its end where none does."""
    lines = log.splitlines()
    wrong = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line]
    return "\n".join(wrong or lines[-30:])
