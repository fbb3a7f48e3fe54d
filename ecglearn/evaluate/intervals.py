"""Intervals: over patients by bootstrap, over seeds by Student's t."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student


class Interval(NamedTuple):
    """An estimate and its 95% interval.

    Book: alignment-matrices#intervals
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def covers(self, value: float) -> bool:
        """Whether a value lies inside.

        Args:
            value: to be compared.
        """
        return self.low <= value <= self.high


def t_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean over training seeds and its t interval.

    Args:
        values: one number for each seed, at least two.
        level: coverage.

    Raises:
        ValueError: fewer than two values.

    Book: alignment-matrices#intervals
    """
    x = np.asarray(values, float)
    if len(x) < 2:
        raise ValueError("an interval over seeds needs at least two runs")
    half = student.ppf(0.5 + level / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    patients: int,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """A statistic and its percentile interval over resampled patients.

    Args:
        statistic: takes indices of patients, with repeats, and gives a number; draws that give NaN
            are left out.
        patients: how many there are.
        n_resamples: resampled cohorts.
        seed: of the resampling.
        level: coverage.

    Raises:
        ValueError: there is no patient.

    Source: Efron 1979.

    Book: alignment-matrices#intervals
    """
    if patients < 1:
        raise ValueError("a bootstrap needs at least one patient")
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(patients, size=patients)) for _ in range(n_resamples)]
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return Interval(float(statistic(np.arange(patients))), float(low), float(high))
