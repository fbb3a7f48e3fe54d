"""The plan for instructors: sessions, minutes and exercises, written from what is measured."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from book.build_chapters import chapters
from book.course.exercises import Exercise, exercises

PLAN = Path(__file__).with_name("plan.toml")
RUNS = {
    "live": "trained live",
    "weights": "weights from the pack",
    "reading": "read, not run",
}
STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "th,td{border-bottom:1px solid #bbb;padding:.4rem .8rem;text-align:left;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#8cf}}"
)


def read_plan() -> dict[str, Any]:
    """What people planned."""
    return tomllib.loads(PLAN.read_text(encoding="utf-8"))


def tables(book: Path, seconds: Mapping[str, float], named: Callable[[str], str]) -> dict[str, str]:
    """Tables in Markdown: `sessions`, `workshop` and `chapters`.

    Args:
        book: folder of the chapters.
        seconds: chapter to what its run took; chapters that were not run are left out.
        named: how a chapter is written, say as a link.
    """
    plan = read_plan()
    asked = {chapter.name: exercises(chapter) for chapter in chapters(book)}
    return {
        "sessions": _sessions(plan["sessions"], plan["chapters"], asked, named),
        "workshop": _rows(
            ["At", "What", "Chapter"],
            [[w["at"], w["what"], _list(w["chapters"], named)] for w in plan["workshop"]],
        ),
        "chapters": _rows(
            [
                "Chapter",
                "Minutes in class",
                "Run",
                "Seconds",
                "Exercises (minutes)",
                "Afterwards a student can",
            ],
            [
                [
                    named(name),
                    str(about["minutes"]),
                    RUNS[about["run"]],
                    f"{seconds[name]:.0f}" if name in seconds else "not run",
                    _exercises(asked[name]),
                    about["can"],
                ]
                for name, about in plan["chapters"].items()
                if name in asked
            ],
        ),
    }


def page(parts: Mapping[str, str]) -> str:
    """The plan as one HTML page that needs nothing else."""
    text = (
        "# The course in twelve sessions\n\nSessions of 90 minutes. Minutes are planned; seconds "
        "were measured when the book was built, and exercises say their own minutes.\n\n"
        f"{parts['sessions']}\n\n## A workshop day\n\n{parts['workshop']}\n\n"
        f"## Chapter by chapter\n\n{parts['chapters']}\n"
    )
    body = MarkdownIt().enable("table").render(text)
    title = escape("ecglearn: plan of the course")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _sessions(
    sessions: list[dict[str, Any]],
    about: Mapping[str, dict[str, Any]],
    asked: Mapping[str, list[Exercise]],
    named: Callable[[str], str],
) -> str:
    rows = []
    for number, session in enumerate(sessions, start=1):
        there = [name for name in session["chapters"] if name in asked]
        kinds = dict.fromkeys(RUNS[about[name]["run"]] for name in there)
        rows.append(
            [
                str(number),
                session["title"],
                _list(there, named),
                ", ".join(kinds),
                "; ".join(f"{_exercises(asked[name])}" for name in there),
                _list([n for n in session.get("homework", []) if n in asked], named),
            ]
        )
    return _rows(["", "Session", "Chapters", "Run", "Exercises (minutes)", "Homework"], rows)


def _exercises(found: list[Exercise]) -> str:
    total = sum(e.minutes for e in found)
    return f"{len(found)} ({total})" if found else "none"


def _list(names: list[str], named: Callable[[str], str]) -> str:
    return ", ".join(named(name) for name in names) or "none"


def _rows(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
