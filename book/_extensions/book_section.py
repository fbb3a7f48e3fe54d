"""Turns a docstring's line `Book: chapter#anchor` into a link to that section of the book."""

from __future__ import annotations

import re
from typing import Any

LINE = re.compile(r"^(\s*)Book: ([\w-]+)#([\w-]+)\s*$")


def link(_app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Rewrites the lines of one docstring in place."""
    lines[:] = [LINE.sub(r"\1Book: :ref:`\2 <\3>`", line) for line in lines]


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls to load the extension."""
    app.connect("autodoc-process-docstring", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
