"""Docstrings as the API page shows them: a line `Book: chapter#anchor` becomes a link.

A link needs its anchor among the staged pages. An unknown anchor is left as it stands; the tests
hold every docstring to an existing one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ANCHOR = re.compile(r"\(([\w-]+)\)=")
LINE = re.compile(r"^(\s*)Book: ([\w-]+)#([\w-]+)\s*$")
ARRAY = re.compile(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[(\w+)\]\]")
CODE = re.compile(r"(`[^`]*`)")


def collect(app: Any) -> None:
    """Remembers every anchor that the sources set."""
    sources = [path for kind in ("md", "ipynb") for path in Path(app.srcdir).rglob(f"*.{kind}")]
    app.book_anchors = {name for path in sources for name in ANCHOR.findall(path.read_text())}


def rewrite(app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Changes the lines of one docstring in place."""
    for number, line in enumerate(lines):
        found = LINE.match(line)
        if found and found[3] in app.book_anchors:
            lines[number] = f"{found[1]}Book: :ref:`{found[2]} <{found[3]}>`"
        else:
            # |x| is an absolute value in a docstring, but a substitution in reStructuredText
            parts = CODE.split(line)
            lines[number] = "".join(
                part if part.startswith("`") else part.replace("|", r"\|") for part in parts
            )


def shorten(
    _app: Any, _what: str, _name: str, _obj: Any, _options: Any, signature: str, returns: str
) -> tuple[str, str]:
    """Writes numpy's array types as their authors do."""
    short = [text and ARRAY.sub(r"NDArray[\1]", text) for text in (signature, returns)]
    return short[0], short[1]


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls to load the extension."""
    app.connect("builder-inited", collect)
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
