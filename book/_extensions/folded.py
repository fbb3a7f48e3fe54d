"""Folds the end of a chapter: what comes after its exercises opens at a click on its heading.

The section on the reader's own data stays open. Copies for students and Jupyter have no folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes

AFTER = "Exercise"
OPEN = "Take it to your data"


def folded_end(doctree: nodes.document) -> Iterator[nodes.section]:
    """The sections of a page that come after its exercises."""
    after = False
    for top in doctree.children:
        for section in top.children:
            if not isinstance(section, nodes.section):
                continue
            title = section.next_node(nodes.title)
            said = title.astext() if title is not None else ""
            if after and said != OPEN:
                yield section
            after = after or said.startswith(AFTER)


def fold(app: Any, doctree: nodes.document, _page: str) -> None:
    """Puts each of them into a `details` whose summary is its heading."""
    if app.builder.format != "html":
        return
    for section in folded_end(doctree):
        title = next(k for k, one in enumerate(section) if isinstance(one, nodes.title))
        section.insert(title + 1, _html("</summary>"))
        section.insert(title, _html('<details class="folded-end"><summary>'))
        section.append(_html("</details>"))


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls to load the extension."""
    app.connect("doctree-resolved", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
