"""Answers kept as marks: whether a value is right can be told, the value cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ecglearn.errors import InputError

Mark = tuple[str, ...]
# What a value would have to be turned into to be right, and what that says of it.
_NEARLY: tuple[tuple[str, Callable[[NDArray], NDArray]], ...] = (
    ("the sign is turned over", lambda v: -v),
    ("binary and natural logarithm are mixed up", lambda v: v * np.log(2)),
    ("binary and natural logarithm are mixed up", lambda v: v / np.log(2)),
    ("decimal and natural logarithm are mixed up", lambda v: v * np.log(10)),
    ("decimal and natural logarithm are mixed up", lambda v: v / np.log(10)),
    ("this is in percent, a share is asked for", lambda v: v / 100),
    ("this is a share, percent is asked for", lambda v: v * 100),
    ("it is twice too large", lambda v: v / 2),
    ("it is half of what it should be", lambda v: v * 2),
    ("this is the reciprocal", lambda v: 1 / v),
    ("this is what is left of 1", lambda v: 1 - v),
    ("it is one too many", lambda v: v - 1),
    ("it is one too few", lambda v: v + 1),
    ("this is the square", lambda v: np.sqrt(v)),
    ("this is the square root", lambda v: v**2),
)


class Seal(BaseModel):
    """One answer, or several that are right (a cohort of another size has another one).

    Attributes:
        kind: numbers in a fixed order, or words in any.
        within: largest distance from a right number that is still right; twice as far is not.
        shape: of the numbers; nothing for a single one.
        marks: of each answer that is right, one for each number or word.

    Book: for-instructors#instructors-checks
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["numbers", "words"]
    within: float = 0.0
    shape: tuple[int, ...] = ()
    marks: tuple[Mark, ...]


def sealed(name: str, values: Sequence[Any], *, within: float | None) -> Seal:
    """Seal what is right.

    Args:
        name: of the exercise.
        values: one for each right answer: a number, numbers of one shape, or words.
        within: largest distance that counts as right; None for words.

    Raises:
        InputError: no answer, a number that is none, or answers of different shapes.

    Book: for-instructors#instructors-checks
    """
    if not values:
        raise InputError(f"{name}: there is no answer to seal")
    if within is None:
        marks = {tuple(sorted(_mark(name, word) for word in _words(v))) for v in values}
        return Seal(kind="words", marks=tuple(sorted(marks)))
    numbers = [np.asarray(v, float) for v in values]
    if len({n.shape for n in numbers}) > 1 or not all(np.isfinite(n).all() for n in numbers):
        raise InputError(f"{name}: answers must be finite and of one shape: {values}")
    marks = {
        tuple(_at(name, step, k) for k, step in enumerate((n / within).ravel())) for n in numbers
    }
    return Seal(kind="numbers", within=within, shape=numbers[0].shape, marks=tuple(sorted(marks)))


def complaint(name: str, seal: Seal, value: Any) -> str:
    """What is wrong with a value, in a few words; nothing where it is right.

    Args:
        name: of the exercise.
        seal: its answer.
        value: a number, numbers, or words.

    Book: for-instructors#instructors-checks
    """
    if seal.kind == "words":
        return _about_words(name, seal, value)
    try:
        number = np.asarray(value, float)
    except (TypeError, ValueError):
        return f"numbers are asked for, not {type(value).__name__}"
    if number.shape != seal.shape:
        wanted = f"{seal.shape} numbers" if seal.shape else "a single number"
        return f"the shape is {number.shape or 'that of a single number'}, asked for: {wanted}"
    if not np.isfinite(number).all():
        return "there is a value that is no number (NaN or infinite)"
    right = [_right(name, seal, marks, number) for marks in seal.marks]
    if any(r.all() for r in right):
        return ""
    with np.errstate(all="ignore"):
        for says, turn in _NEARLY:
            turned = np.asarray(turn(number))
            if any(_right(name, seal, marks, turned).all() for marks in seal.marks):
                return says
    flipped = np.asarray(np.flip(number))
    if any(_right(name, seal, marks, flipped).all() for marks in seal.marks):
        return "the numbers are right, their order is turned over"
    best = max(right, key=lambda r: int(r.sum()))
    if best.any():
        wrong = ", ".join(str(k + 1) for k in np.flatnonzero(~best))
        return f"{int(best.sum())} of {best.size} are right; not number {wrong}"
    return "the value is another one"


def _right(name: str, seal: Seal, marks: Mark, number: NDArray) -> NDArray[np.bool_]:
    """Which numbers lie in the right cell of the grid or beside it."""
    steps = number.ravel() / seal.within
    if not np.isfinite(steps).all():
        return np.zeros(steps.size, bool)
    found = [
        any(_at(name, step + beside, k) == mark for beside in (-1, 0, 1))
        for k, (step, mark) in enumerate(zip(steps, marks, strict=True))
    ]
    return np.array(found)


def _at(name: str, step: float, k: int) -> str:
    return _mark(name, f"{k} {round(step)}")


def _mark(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}: {text}".encode()).hexdigest()[:12]


def _words(value: Any) -> set[str]:
    given = [value] if isinstance(value, str) else list(value)
    return {" ".join(str(word).lower().split()) for word in given}


def _about_words(name: str, seal: Seal, value: Any) -> str:
    try:
        given = {_mark(name, word) for word in _words(value)}
    except TypeError:
        return f"words are asked for, not {type(value).__name__}"
    wanted = max((set(marks) for marks in seal.marks), key=lambda marks: len(marks & given))
    if given == wanted:
        return ""
    extra, lacking = len(given - wanted), len(wanted - given)
    return f"{len(given & wanted)} are right, {extra} do not belong, {lacking} are missing"
