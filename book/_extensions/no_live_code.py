"""Leaves Thebe out of the pages: live code needs a server, and its script is declared twice."""

from __future__ import annotations

from typing import Any


def drop(_app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Removes Thebe's scripts from the context of one page."""
    kept = [file for file in context["script_files"] if "thebe" not in script_text(file).lower()]
    context["script_files"] = kept


def script_text(file: Any) -> str:
    """Where a script lies and, for an inline one, its text."""
    return f"{getattr(file, 'filename', file)} {getattr(file, 'attributes', {}).get('body', '')}"


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls to load the extension."""
    app.connect("html-page-context", drop, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
