"""Reading reports back: which findings a text states, by the vocabulary it was written with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.findings import FINDINGS
from ecglearn.cohort.reports import NEGATIONS, SINUS, WORDINGS

SLOTS = {
    "severity": "mild|moderate|marked",
    "certainty": "possible|probable|definite",
    "frequency": "rare|occasional|frequent",
}  # every other slot holds a whole number
SUMMARIES = ("abnormal ECG", "borderline ECG")


class Reading(NamedTuple):
    """What some reports state.

    Attributes:
        findings: which findings are stated (n, K), columns `FINDINGS`.
        statements: how many statements each report has (n,).
        unread: how many of them are none of the vocabulary (n,).

    Book: deri#clinical-efficacy
    """

    findings: NDArray[np.bool_]
    statements: NDArray[np.int64]
    unread: NDArray[np.int64]


def read_reports(reports: Sequence[str]) -> Reading:
    """Findings that each report states, statement by statement.

    A statement counts when it is, as a whole and apart from capitals and spaces, one of the
    wordings of the simulated reports with any number or grade in its place. What is denied ("no
    acute ST elevation") is not stated; what is garbled is counted, not guessed.

    Args:
        reports: texts, their statements separated by full stops.

    Book: deri#clinical-efficacy
    """
    found = np.zeros((len(reports), len(FINDINGS)), bool)
    statements, unread = np.zeros((2, len(reports)), np.int64)
    for row, report in enumerate(reports):
        for statement in _statements(report):
            column = _meaning(statement)
            statements[row] += 1
            if column is None:
                unread[row] += 1
            elif column >= 0:
                found[row, column] = True
    return Reading(found, statements, unread)


def statements(report: str) -> list[tuple[str, str | None]]:
    """The statements of a report, and the finding that each states.

    Args:
        report: a text.

    Returns:
        Statement and finding; the finding is empty where the statement names none, and None where
        the statement is none of the vocabulary.

    Book: deri#clinical-efficacy
    """
    found = [(text, _meaning(text)) for text in _statements(report)]
    return [
        (text, None if place is None else "" if place < 0 else FINDINGS[place])
        for text, place in found
    ]


def _statements(report: str) -> list[str]:
    return [text for part in report.split(".") if (text := " ".join(part.split()))]


@cache
def _patterns() -> list[tuple[re.Pattern[str], int]]:
    lines = [(text, FINDINGS.index(name)) for name, texts in WORDINGS.items() for text in texts]
    lines += [(text, -1) for text in (*SINUS, *NEGATIONS, *SUMMARIES)]
    return [(re.compile(_pattern(text), re.IGNORECASE), column) for text, column in lines]


def _pattern(wording: str) -> str:
    parts = re.split(r"\{(\w+)\}", wording)
    words = [re.escape(part) for part in parts[::2]]
    slots = [f"(?:{SLOTS[name]})" if name in SLOTS else r"-?\d+" for name in parts[1::2]]
    return "".join(part for pair in zip(words, [*slots, ""], strict=True) for part in pair)


@cache
def _meaning(statement: str) -> int | None:
    """Column of the finding, -1 for none, None for no known statement."""
    for pattern, column in _patterns():
        if pattern.fullmatch(statement):
            return column
    return None
