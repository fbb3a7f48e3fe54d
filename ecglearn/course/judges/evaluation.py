"""Judges of exercises on numbers that judge models."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.evaluate.metrics.cmrs import cmrs


def bootstrap(interval: Callable[[NDArray, NDArray], tuple[float, float]]) -> str:
    """Try a function `interval(scores, labels)`: the 95% bootstrap interval of an AUROC.

    Args:
        interval: what was written.

    Book: for-instructors#instructors-checks
    """
    rng = np.random.default_rng(5)
    labels = (np.arange(300) % 3 == 0).astype(int)
    scores = rng.normal(size=300) + labels
    low, high = (float(x) for x in interval(scores.copy(), labels.copy()))
    value = _auroc(scores, labels)
    if not low < value < high:
        return f"the interval [{low:.3f}, {high:.3f}] does not hold the AUROC itself, {value:.3f}"
    draws = []
    for _ in range(2000):
        rows = rng.integers(0, 300, 300)
        draws.append(_auroc(scores[rows], labels[rows]))
    true = np.quantile(draws, [0.025, 0.975])
    ratio = (high - low) / (true[1] - true[0])
    if 0.85 <= ratio <= 1.15:
        return ""
    if abs(ratio - 0.344) < 0.06:  # the quartiles of a normal law lie so near
        return "this is the middle half of the draws, not the middle 95%"
    if ratio < 0.2:
        return "this is the interval of the mean of the draws: their spread itself is asked for"
    return f"the interval is {ratio:.2f} times as wide as it should be"


def _auroc(scores: NDArray, labels: NDArray) -> float:
    cases, others = scores[labels == 1], scores[labels == 0]
    return float((cases[:, None] > others).mean())


def bleu_1(score: Callable[[str, str], float]) -> str:
    """Try a function `score(candidate, reference)`: BLEU-1 of one text, between 0 and 1.

    Args:
        score: what was written.

    Book: for-instructors#instructors-checks
    """
    cases = (
        ("sinus rhythm normal ecg", "sinus rhythm normal ecg", "equal texts have 1"),
        ("the the the the", "the heart beats slowly", "a word counts only as often as it is there"),
        ("sinus rhythm", "sinus rhythm with left axis", "short texts are punished"),
        ("sinus rhythm with old infarction", "sinus rhythm", "long texts are not punished twice"),
        ("atrial flutter", "sinus rhythm", "texts without a common word have 0"),
    )
    for candidate, reference, says in cases:
        got = float(score(candidate, reference))
        if not math.isclose(got, _bleu(candidate, reference), abs_tol=1e-6):
            return f"{says}: '{candidate}' for '{reference}' comes out as {got:.3f}"
    return ""


def _bleu(candidate: str, reference: str) -> float:
    said, true = candidate.split(), reference.split()
    common = sum(min(said.count(word), true.count(word)) for word in set(said))
    return common / len(said) * math.exp(min(0.0, 1 - len(true) / len(said)))


def cmrs_by_hand(score: Callable[[NDArray, NDArray, NDArray], float]) -> str:
    """Try a function `score(missing, full, labels)`: CMRS as the chapter defines it.

    Args:
        score: what was written.

    Book: for-instructors#instructors-checks
    """
    rng = np.random.default_rng(9)
    labels = (rng.random((60, 5)) < 0.3).astype(int)
    labels[:, 0] = np.where(labels.sum(1) == 0, 1, labels[:, 0])
    labels[:, 1] = np.where(labels.sum(1) == 5, 0, labels[:, 1])
    full = labels + rng.normal(size=labels.shape) + 3 * rng.random(5)
    missing = 0.4 * labels + 2 * rng.normal(size=labels.shape)
    for says, one, other in (
        ("with nothing missing it is 1", full, full),
        ("scores that are turned over are cut off at 0", -full, full),
        ("each class is centred over the records first", full + np.arange(5) * 9.0, full),
        ("margins are measured in units of the scores' own spread", full / 3, full),
        ("the share of the separation that is left", missing, full),
    ):
        got, true = float(score(one, other, labels)), cmrs(one, other, labels)[0]
        if not math.isclose(got, float(true), abs_tol=1e-6):
            return f"{says}; this gives {got:.3f}"
    return ""


def leak(people: Any) -> str:
    """Judge who stands on both sides of `split_with_a_leak`.

    Args:
        people: names of patients.

    Book: for-instructors#instructors-checks
    """
    from ecglearn.course.material import split_with_a_leak

    sides = [{_name(one) for one in side} for side in split_with_a_leak().values()]
    true = sides[0] & sides[1]
    try:
        given = {_name(one) for one in people}
    except TypeError:
        return "names of patients are asked for"
    if given == true:
        return ""
    extra, lacking = len(given - true), len(true - given)
    return f"{len(given & true)} are right, {extra} do not belong, {lacking} are missing"


def _name(typed: Any) -> str:
    return str(typed).strip().upper()
