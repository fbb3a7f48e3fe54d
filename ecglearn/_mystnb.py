"""Figures that move in the rendered book, without a kernel and without a second copy of a script.

A notebook stays plain: the figure is the last line of its cell. When the book is rendered, these
plugins of myst-nb write the figure's JSON into the page; ``book/_static/figures.js`` draws
plotly's, the script of ``ecglearn.plots.views`` draws views. Number, caption and alt text come from
the same cell metadata as for an image.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any, ClassVar

from docutils import nodes

PLOTLY = "application/vnd.plotly.v1+json"
VIEW = "application/vnd.ecglearn.view+json"


class PlotlyMime:
    """Renders plotly's JSON as an empty, labelled box followed by the data to draw in it."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [("*", PLOTLY, 1)]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Node] | None:
        """Answers myst-nb's question whether this plugin renders ``data``."""
        if inline or data.mime_type != PLOTLY:
            return None
        options = data.cell_metadata.get("mystnb", {})
        label = options.get("image", {}).get("alt", "")
        return [nodes.raw("", figure_html(data.content, label), format="html")]


class ViewMime:
    """Renders a view as an empty, labelled box followed by its contract."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [("*", VIEW, 1)]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Node] | None:
        """Answers myst-nb's question whether this plugin renders ``data``."""
        if inline or data.mime_type != VIEW:
            return None
        options = data.cell_metadata.get("mystnb", {})
        label = options.get("image", {}).get("alt") or data.content["label"]
        return [nodes.raw("", view_html(data.content, label), format="html")]


def view_html(view: dict[str, Any], label: str) -> str:
    """The box of a view and its contract."""
    return (
        f'<div class="ecg-view" role="group" aria-label="{escape(label)}"></div>'
        f'<script type="application/json" class="ecg-view-data">{script_json(view)}</script>'
    )


def script_json(content: dict[str, Any]) -> str:
    """JSON that an element of a page can hold."""
    # "</script" would end the element, "<!--<script" would let it swallow the rest of the page
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def figure_html(figure: dict[str, Any], label: str) -> str:
    """The box and its JSON; the theme and the size of the page are the script's business."""
    content = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    height = int(content.get("layout", {}).get("height") or 450)
    return (
        f'<div class="plotly-static" role="group" aria-label="{escape(label)}"'
        f' style="height:{height}px"></div>'
        f'<script type="application/json" class="plotly-json">{script_json(content)}</script>'
    )
