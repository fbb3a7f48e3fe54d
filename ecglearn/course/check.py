"""Check an answer: right, or what kind of wrong, without the answer."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecglearn.course.judges import JUDGES
from ecglearn.course.seals import Seal, complaint
from ecglearn.errors import InputError

ANSWERS = "ECGLEARN_ANSWERS"


class Verdict(NamedTuple):
    """What is said of an answer: whether it is right, and if not, what kind of wrong.

    Book: for-instructors#instructors-checks
    """

    right: bool
    says: str


@cache
def seals() -> Mapping[str, Seal]:
    """Exercise to sealed answer, as the package carries them.

    Book: for-instructors#instructors-checks
    """
    text = files("ecglearn.course").joinpath("seals.json").read_text(encoding="utf-8")
    return {name: Seal(**found) for name, found in json.loads(text).items()}


def verdict(name: str, value: Any) -> Verdict:
    """Judge an answer.

    Args:
        name: of the exercise, as the page writes it.
        value: what the exercise asks for: a number, numbers, words, or a function that is tried.

    Raises:
        InputError: no exercise of this name can be checked.

    Book: for-instructors#instructors-checks
    """
    if name in JUDGES:
        says = JUDGES[name](value)
    elif name in seals():
        says = complaint(name, seals()[name], value)
    else:
        known = ", ".join(sorted([*JUDGES, *seals()]))
        raise InputError(f"no exercise '{name}' can be checked; there are: {known}")
    return Verdict(not says, says)


def check(name: str, value: Any) -> None:
    """Say whether an answer is right, and if not, what kind of wrong.

    Args:
        name: of the exercise, as the page writes it.
        value: what the exercise asks for: a number, numbers, words, or a function that is tried.

    Raises:
        InputError: no exercise of this name can be checked.

    Book: for-instructors#instructors-checks
    """
    if folder := os.environ.get(ANSWERS):
        _keep(Path(folder), name, value)
        if name not in JUDGES and name not in seals():
            print(f"{name}: noted")
            return
    found = verdict(name, value)
    print(f"{name}: right" if found.right else f"{name}: not yet; {found.says}")


def _keep(folder: Path, name: str, value: Any) -> None:
    """Write down what a solution gives, for the build that seals and tests it."""
    if name in JUDGES:
        return
    folder.mkdir(parents=True, exist_ok=True)
    plain = sorted(map(str, value)) if isinstance(value, set) else np.asarray(value).tolist()
    text = json.dumps(plain)
    short = hashlib.sha256(text.encode()).hexdigest()[:8]
    (folder / f"{name}.{short}.json").write_text(text, encoding="utf-8")
