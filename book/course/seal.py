"""Seals what the executed solutions gave: `python -m book.course.seal`, after `make book`.

The package then tells right from wrong without holding an answer that can be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from book.build import ROOT, workshop
from book.build_chapters import chapters
from book.course.exercises import Exercise, exercises
from ecglearn.course.check import seals as known
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


def seal_all(former: Mapping[str, Seal], root: Path = ROOT) -> dict[str, Seal]:
    """A seal for every exercise with a value; what was right before stays right.

    Args:
        former: seals to keep, so that presets may be run on different days.
        root: of the repository.
    """
    found = {}
    for e in sealed_exercises(root):
        given = answers(e, root)
        if not given and e.label not in former:
            sys.exit(f"{e.label}: run the chapter {e.chapter} first")
        kept = former.get(e.label)
        new = sealed(e.label, given, within=e.check.get("within")) if given else kept
        assert new is not None
        if kept and (kept.kind, kept.within, kept.shape) == (new.kind, new.within, new.shape):
            new = new.model_copy(update={"marks": tuple(sorted({*kept.marks, *new.marks}))})
        found[e.label] = new
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m book.course.seal", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="forget what was right before")
    fresh = parser.parse_args().fresh
    seals = seal_all({} if fresh else known())
    text = json.dumps(
        {name: seal.model_dump(mode="json") for name, seal in seals.items()}, indent=1
    )
    SEALS.write_text(text + "\n", encoding="utf-8")
    print(f"{len(seals)} answers sealed in {SEALS.relative_to(ROOT)}")
