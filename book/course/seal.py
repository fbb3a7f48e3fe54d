"""Seals what the executed solutions gave: `python -m book.course.seal`, after `make book`.

The package then tells right from wrong without holding an answer that can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from book.build import ROOT, workshop
from book.build_chapters import chapters
from book.course.exercises import Exercise, exercises
from ecglearn.course.seals import Seal, sealed

SEALS = ROOT / "ecglearn" / "course" / "seals.json"
PRESETS = ("smoke", "class")


def sealed_exercises(root: Path = ROOT) -> Iterator[Exercise]:
    """Those whose answer is a value; the others are tried, or judged by people."""
    for chapter in chapters(root / "book"):
        yield from (e for e in exercises(chapter) if {"within", "words"} & e.check.keys())


def answers(exercise: Exercise, root: Path = ROOT) -> list[Any]:
    """What the solution gave in each preset in which the chapter was run."""
    found = []
    for preset in PRESETS:
        folder = workshop(preset, root).answers(exercise.chapter)
        files = sorted(folder.glob(f"{exercise.label}.*.json"))
        found += [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return found


def seal_all(root: Path = ROOT) -> dict[str, Seal]:
    """A seal for every exercise with a value."""
    return {
        e.label: sealed(e.label, answers(e, root), within=e.check.get("within"))
        for e in sealed_exercises(root)
    }


if __name__ == "__main__":
    seals = seal_all()
    text = json.dumps(
        {name: seal.model_dump(mode="json") for name, seal in seals.items()}, indent=1
    )
    SEALS.write_text(text + "\n", encoding="utf-8")
    print(f"{len(seals)} answers sealed in {SEALS.relative_to(ROOT)}")
