"""A real browser on plain files: what a page asked for, complained about and shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Opens its end, scrolls through the page so that every lazy figure is drawn, waits for maths.
SETTLE = """async () => {
  for (const fold of document.querySelectorAll("details.folded-end")) fold.open = true;
  await window.MathJax?.startup?.promise;
  for (const box of document.querySelectorAll(".plotly-static, .ecg-view")) {
    box.scrollIntoView();
    for (let i = 0; i < 200 && !box.dataset.drawn; i++) await new Promise(r => setTimeout(r, 50));
  }
  window.scrollTo(0, 0);
}"""


def chromium() -> str | None:
    """The browser to use: `CHROMIUM` if set, else the first one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Visit:
    """One opened page and everything it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Waits until maths is set and figures are drawn."""
        self.page.evaluate(SETTLE)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@contextmanager
def visit(
    browser: Any, path: Path, *, width: int = 1280, scheme: str = "light", **context_options: Any
) -> Iterator[Visit]:
    """Opens a file with the network shut; requests that leave the disk are complaints."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **context_options
    )
    found = Visit(context.new_page())

    def note(kind: str, text: str) -> None:
        found.complaints.append(f"{kind}: {text}")

    def ask(route: Any) -> None:
        url = route.request.url
        if url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            note("external request", url)
            route.abort()

    context.route("**/*", ask)
    found.page.on("requestfailed", lambda request: note("failed request", request.url))
    found.page.on("pageerror", lambda error: note("script error", str(error)))
    found.page.on("console", lambda line: line.type == "error" and note("console", line.text))
    try:
        found.page.goto(path.as_uri())
        yield found
    finally:
        context.close()


def weights(browser: Any, path: Path) -> dict[str, int]:
    """Bytes of every file that a page loads, all its figures drawn."""
    asked: set[str] = set()
    with visit(browser, path) as seen:
        seen.page.on("request", lambda request: asked.add(request.url))
        seen.page.reload()
        seen.settle()
    files = {Path(unquote(urlsplit(url).path)) for url in asked if url.startswith("file:")}
    return {str(file): file.stat().st_size for file in files}
