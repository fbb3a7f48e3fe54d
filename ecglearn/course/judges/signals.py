"""Judges of exercises on the signal itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.simulate import simulate
from ecglearn.signals.leads import LEADS

TOLERANCE = 0.075  # seconds between a mark and its beat


def arms_swapped(swap: Callable[[NDArray], NDArray]) -> str:
    """Try a function that returns the ECG (12, time) as it looks with both arm electrodes swapped.

    Args:
        swap: what was written.

    Book: for-instructors#instructors-checks
    """
    ecg = np.random.default_rng(7).normal(size=(12, 40))
    one, two = ecg[:2]
    ecg[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    given = ecg.copy()
    got = np.asarray(swap(ecg.copy()), float)
    if got.shape != ecg.shape:
        return f"the shape is {got.shape}, asked for: {ecg.shape}"
    true = given.copy()
    true[0], true[1], true[2], true[3], true[4] = -given[0], given[2], given[1], given[4], given[3]
    wrong = [lead for lead, a, b in zip(LEADS, got, true, strict=True) if not np.allclose(a, b)]
    if "V1" in wrong or "V6" in wrong:
        return "the chest leads keep their reference, the mean of three limbs: they do not change"
    if np.allclose(got[3], -given[3]) and np.allclose(got[4], -given[4]):
        return "aVR and aVL turn into each other, they are not turned over"
    return f"not yet right: {', '.join(wrong)}" if wrong else ""


def r_peaks(find: Callable[[NDArray, float], NDArray]) -> str:
    """Try a function that finds the R peaks of an ECG (12, time), as sample indices.

    Asked for: an F1 of .95 over twenty simulated records, with marks within 75 ms of a beat.

    Args:
        find: what was written.

    Book: for-instructors#instructors-checks
    """
    fs = 250
    cohort = simulate(20, seed=11, fs=fs, frames=1, size=2)
    hits = marks = beats = 0
    for ecg, times in zip(cohort.ecg, cohort.truth.r_times, strict=True):
        true = times[np.isfinite(times)]
        true = true[(true > TOLERANCE) & (true < ecg.shape[1] / fs - TOLERANCE)]
        found = np.asarray(find(ecg.copy(), fs), float).ravel() / fs
        found = found[(found > 2 * TOLERANCE) & (found < ecg.shape[1] / fs - 2 * TOLERANCE)]
        inner = true[(true > 2 * TOLERANCE) & (true < ecg.shape[1] / fs - 2 * TOLERANCE)]
        hits += _paired(inner, found)
        marks, beats = marks + len(found), beats + len(inner)
    if not marks:
        return "no beat is marked; sample indices are asked for, not seconds"
    f1 = 2 * hits / (marks + beats)
    if f1 >= 0.95:
        return ""
    missed, false = beats - hits, marks - hits
    return (
        f"F1 {f1:.2f} of the .95 asked for: of {beats} beats {missed} missed, {false} false marks"
    )


def _paired(true: NDArray, found: NDArray) -> int:
    """How many beats have a mark of their own."""
    left, hits = list(np.sort(found)), 0
    for beat in true:
        near = [k for k, mark in enumerate(left) if abs(mark - beat) <= TOLERANCE]
        if near:
            del left[near[0]]
            hits += 1
    return hits
