"""The text that draws: one for pages, the same as a module for the widget."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
PARTS = (
    "core",
    "grid",
    "parts",
    "alignment",
    "map",
    "patients",
    "leads",
    "torso",
    "threshold",
    "peaks",
)
RENDER = """
export default {
  render({ model, el }) {
    EcgViews.draw(el.appendChild(document.createElement("div")), JSON.parse(model.get("text")));
  },
};
"""


@cache
def view_script() -> str:
    """The drawing functions; a classic script may hold them, so that a page works from a file.

    Book: alignment-matrices#one-contract
    """
    return "\n".join((FOLDER / f"{part}.js").read_text("utf-8") for part in PARTS)


def page_script() -> str:
    """The script of the book's pages: the functions, and what calls them.

    Book: alignment-matrices#one-contract
    """
    return view_script() + "\n" + (FOLDER / "page.js").read_text("utf-8")


def widget_module() -> str:
    """The module of the widget: the same functions.

    Book: alignment-matrices#one-contract
    """
    return view_script() + RENDER


def widget_style() -> str:
    """The style sheet of both.

    Book: alignment-matrices#one-contract
    """
    return (FOLDER / "views.css").read_text("utf-8")
