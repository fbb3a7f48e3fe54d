"""Builds the book: runs the chapters, renders them strictly, prints the start page.

python -m book.build                     the book, as `make book` does
python -m book.build --only ptacl        one chapter, as `make chapter C=ptacl` does
python -m book.build --preset smoke      everything in its smallest size, as the tests do
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from book.build_chapters import Chapter, chapters
from book.build_render import RenderError, render
from book.build_run import Run, Workshop
from book.build_stage import stage, too_much
from book.build_watch import end_with_make
from book.course.downloads import offer
from book.course.plain import Names

ROOT = Path(__file__).resolve().parent.parent


def workshop(preset: str = "class", root: Path = ROOT) -> Workshop:
    """The place where chapters run: the class preset in `_build`, others in a folder below it."""
    out = root / "_build" if preset == "class" else root / "_build" / preset
    data = os.environ.get("ECGLEARN_DATA") or os.environ.get("ECGLEARN_TEST_DATA") or None
    return Workshop(root, out, preset, str(Path(data).resolve()) if data else None)


def run_chapters(shop: Workshop, wanted: list[Chapter]) -> dict[str, Run]:
    """Runs ``wanted`` with a line for each; the first failure ends the program."""
    runs, start = {}, time.perf_counter()

    def tell(where: str) -> None:
        print(f"  {time.perf_counter() - start:4.0f} s: running {where}")

    for run in shop.run(wanted, tell=tell):
        runs[run.name] = run
        elapsed = time.perf_counter() - start
        took = f"{run.seconds:6.1f} s {run.peak_gb:5.2f} GB" if run.why else "unchanged".rjust(17)
        print(
            f"chapter {len(runs)} of {len(wanted)}  {run.name:26}{took}   elapsed {elapsed:.0f} s"
        )
        if run.error:
            sys.exit(f"chapter {run.name}, {run.error}")
        if excess := too_much(run):
            print(f"  warning: {run.name} takes {excess}")
    return {chapter.name: runs[chapter.name] for chapter in wanted}


def build(shop: Workshop, *, only: str | None = None) -> Path:
    """Runs and renders; with ``only``, other chapters keep the outputs they have, if any."""
    known = chapters(shop.root / "book")
    wanted = [chapter for chapter in known if only in (None, chapter.name)]
    if not wanted:
        sys.exit(f"no chapter {only!r}; there are: {', '.join(c.name for c in known)}")
    runs = run_chapters(shop, wanted)
    others = {c.name: run for c in known if c not in wanted and (run := shop.earlier(c))}
    folder = stage(shop, known, runs | others)
    html = shop.out / ("html" if only is None else "chapter-html")
    print(f"rendering to {html}")
    try:
        # A single chapter refers to figures of others that may never have run.
        render(folder, html, package=shop.package, strict=only is None)
    except RenderError as error:
        sys.exit(f"the pages were not rendered:\n{error}")
    offer(html, known, runs | others, Names.of(shop.root / "book"))
    return html / (f"chapters/{only}.html" if only else "index.html")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m book.build", description="Builds the book.")
    parser.add_argument("--preset", default="class", choices=["class", "smoke"])
    parser.add_argument("--only", metavar="NAME", help="run this chapter alone")
    options = parser.parse_args()
    end_with_make()
    print(build(workshop(options.preset), only=options.only))


if __name__ == "__main__":
    main()
