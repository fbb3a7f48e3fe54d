"""How large a chapter runs: `smoke` in seconds, `class` in minutes, `lesson` with ready weights."""

from __future__ import annotations

from ecglearn.errors import InputError

LESSON, PAPER = "lesson", "paper"


def chapter_size(preset: str, *, paper: bool = False) -> str:
    """The sizes that a chapter takes for what its first cell says.

    `lesson` has the sizes of `class`: what the page prints and its exercises hold in both; two
    chapters that ask all methods let fewer patients judge in it. What trains longer than a lesson
    may take is then loaded from a pack of weights (`ecglearn.train.fit_cached`), and said to be.

    Args:
        preset: "smoke", "lesson", "class" or "paper".
        paper: whether the chapter can run in the paper's sizes.

    Raises:
        InputError: another preset, or the paper's where it takes days.

    Book: for-instructors#instructors-adapt
    """
    known = {"smoke": "smoke", LESSON: "class", "class": "class"} | (
        {PAPER: PAPER} if paper else {}
    )
    if preset in known:
        return known[preset]
    if preset == PAPER:
        raise InputError(
            "the paper's sizes take hours to days on a GPU and its data: train with 'ecglearn "
            "train NAME --preset paper --data STORE'; this page runs with smoke, lesson and class"
        )
    raise InputError(f"no preset '{preset}' in this chapter; there are {', '.join(known)}")
