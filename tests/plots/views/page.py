"""A page with one view on it, opened in a real browser; the view as a widget draws it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecglearn._mystnb import view_html
from ecglearn.plots.views import View
from ecglearn.plots.views.script import page_script, widget_module, widget_style
from tests.book.browser import Visit, visit

THEME = """:root { --pst-color-text-base: #222832; --pst-color-text-muted: #48566b;
  --pst-color-background: #fff; --pst-color-border: #c9c9c9; }
html[data-theme="dark"] { --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
  --pst-color-background: #121212; --pst-color-border: #48566b; }
body { margin: 16px; background: var(--pst-color-background); color: var(--pst-color-text-base); }
main { max-width: 740px; font-family: "DejaVu Sans", sans-serif; }"""
WIDGET = """const text = JSON.parse(document.getElementById("text").textContent);
const module = new Blob([text.module], { type: "text/javascript" });
import(URL.createObjectURL(module)).then(({ default: widget }) =>
  widget.render({ model: { get: () => text.view }, el: document.querySelector("main") }));"""


class Seen(Visit):
    """A visit that knows the controls of a view."""

    def slide(self, name: str, value: float) -> None:
        """Moves a slider as a reader does: the value, then the event."""
        self.page.locator(f"[data-name={name}]").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )

    def text(self, selector: str) -> str:
        """What all such elements say."""
        return " | ".join(self.page.locator(selector).all_inner_texts())

    def violations(self) -> list[str]:
        """What axe complains about."""
        return axe(self.page)


def axe(page: Any) -> list[str]:
    """Each violated rule with the element it was found at."""
    from axe_playwright_python.sync_playwright import Axe

    # style sheets of a page from a disk cannot be asked for, nor need they be
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@contextmanager
def opened(
    browser: Any, folder: Path, view: View, *, home: str = "page", **options: Any
) -> Iterator[Seen]:
    """The view on an otherwise empty page, drawn."""
    if home == "page":
        box = view_html(json.loads(view.to_json()), view.data["label"])
        body = f"<main><h1>A page</h1>{box}</main>"
        body += f"<script>{page_script()}</script>"
    else:
        text = json.dumps({"module": widget_module(), "view": view.to_json()})
        text = text.replace("<", "\\u003c")
        body = (
            f"<main><h1>A page</h1></main><script type='application/json' id='text'>{text}</script>"
        )
        body += f"<script>{WIDGET}</script>"
    path = folder / f"{home}.html"
    scheme = options.get("scheme", "light")
    path.write_text(
        f"<!doctype html><html lang='en' data-theme='{scheme}'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>A view</title>"
        f"<style>{THEME}{widget_style()}</style></head><body>{body}</body></html>"
    )
    with visit(browser, path, **options) as seen:
        seen.page.wait_for_selector(".ecg-view[data-drawn]")
        yield Seen(seen.page, seen.complaints)


def unlike(picture: bytes, stored: Path) -> float:
    """Share of pixels that differ by more than a shade from a stored picture of the same size."""
    from io import BytesIO

    import numpy as np
    from PIL import Image

    now, then = (
        np.asarray(Image.open(source).convert("L"), dtype=float)
        for source in (BytesIO(picture), stored)
    )
    assert now.shape == then.shape
    return float((np.abs(now - then) > 24).mean())


def value_of(seen: Seen, name: str) -> str:
    """The number that an element shows, as it was put there."""
    return seen.page.locator(f"[data-name={name}]").get_attribute("data-value")
