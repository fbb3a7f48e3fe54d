"""What may come of a damaged input, in eight classes, and the table of them."""

from __future__ import annotations

import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

GOOD = ("right", "noted", "refused rightly")
BAD = ("false reason", "silent", "crash", "hang", "memory")
SECONDS = 2.0  # for one input
MEGABYTES = 400  # by which one input may raise the peak


class HangError(BaseException):
    """Raised by the clock; no `except Exception` catches it."""


@dataclass
class Tally:
    """Inputs by class, and the first few that went wrong.

    Attributes:
        name: what was damaged.
        counts: inputs of each class.
        wrong: class, input in words, and what happened.
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, outcome: str, what: str, told: str) -> None:
        self.counts[outcome] += 1
        if outcome in BAD:
            self.wrong.append((outcome, what, told))

    @property
    def bad(self) -> int:
        return sum(self.counts[name] for name in BAD)

    def __str__(self) -> str:
        lines = [f"{self.name}: {sum(self.counts.values()):,} inputs"]
        lines += [f"  {name:<16}{self.counts[name]:>8,}" for name in (*GOOD, *BAD)]
        lines += [
            f"  {outcome}: {what}\n    {told[:300]}" for outcome, what, told in self.wrong[:20]
        ]
        return "\n".join(lines)


def outcome_of(
    work: Callable[[], object], judge: Callable[[object], tuple[str, str]]
) -> tuple[str, str]:
    """The class of one input, and what is to be said about it.

    Args:
        work: reads the input.
        judge: class of what it gave or raised, when it neither hung nor grew; what is unforeseen
            it raises again.
    """
    before, start = _peak(), time.process_time()
    try:
        with _clock():
            try:
                found = work()
            except Exception as error:
                found = error
    except HangError:
        return "hang", f"more than {SECONDS:g} s"
    if time.process_time() - start > SECONDS:
        return "hang", f"{time.process_time() - start:.1f} s"
    if isinstance(found, MemoryError) or _peak() - before > MEGABYTES:
        return "memory", f"{_peak() - before:.0f} MB more"
    return judge(found)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _clock() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HangError

    usual = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 5 * SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
