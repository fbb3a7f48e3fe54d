"""Rendered chapters in a browser: what a page weighs, and when its first figure is drawn.

python -m benchmarks.pages                 every chapter of `_build/html`, beside the limits
python -m benchmarks.pages ptacl --site _build/smoke/html

The time is that of the browser's own clock since the page was asked for, the least of three visits,
each with nothing kept; it means something on an idle core alone. Exit code 1 where a limit is
missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from book.build import ROOT
from book.build_chapters import chapters
from tests.book.browser import chromium, visit, weights

MEGABYTES, SECONDS = 3.0, 1.5
FIRST = """() => new Promise(done => {
  const first = document.querySelector(
    "article :is(img[src*='_images'], .plotly-static, .ecg-view)");
  const drawn = () => first.matches("img") ? first.complete : Boolean(first.dataset.drawn);
  const look = () => drawn() ? done(performance.now()) : setTimeout(look, 5);
  look();
})"""


def first_figure(browser: Any, page: Path) -> float:
    """Seconds until the figure at the head of a page is drawn."""
    with visit(browser, page) as seen:
        return seen.page.evaluate(FIRST) / 1000


def main() -> int:
    """The command line."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("names", nargs="*", help="chapters; all where none is named")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    options = parser.parse_args()
    known = [chapter.name for chapter in chapters(ROOT / "book")]
    missed = 0
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name in options.names or known:
            page = (options.site / "chapters" / f"{name}.html").resolve()
            heavy = sum(weights(browser, page).values()) / 1e6
            seconds = min(first_figure(browser, page) for _ in range(3))
            bad = heavy > MEGABYTES or seconds > SECONDS
            missed += bad
            print(
                f"{name:24} {heavy:5.2f} MB of {MEGABYTES:.0f}   first figure {seconds:5.2f} s "
                f"of {SECONDS}   {'MISSED' if bad else 'ok'}",
                flush=True,
            )
        browser.close()
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
