"""Intervals: over patients by bootstrap, over seeds by Student's t; one way to resample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from ecglearn.errors import InputError


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
        InputError: fewer than two values.

    Book: alignment-matrices#intervals
    """
    x = np.asarray(values, float)
    if len(x) < 2:
        raise InputError("an interval over seeds needs at least two runs")
    half = stdtrit(len(x) - 1, 0.5 + level / 2) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def resampled_rows(
    n: int,
    n_resamples: int,
    seed: int | np.random.Generator = 0,
    groups: Sequence[Any] | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Rows of resampled cohorts, drawn with replacement; the records of a patient stay together.

    Args:
        n: how many records there are.
        n_resamples: resampled cohorts.
        seed: of the draws; or a generator, from which the caller may draw more between two cohorts.
        groups: whose record each row is; None: every row is another patient.

    Yields:
        Row numbers of one cohort, with repeats: n of them when every row is another patient.

    Raises:
        InputError: there is no patient, or another number of groups.

    Source: Efron 1979; that patients and not records are drawn is our choice.

    Book: alignment-matrices#intervals
    """
    if n < 1:
        raise InputError("a bootstrap needs at least one patient")
    rng = np.random.default_rng(seed)
    if groups is None:
        for _ in range(n_resamples):
            yield rng.integers(n, size=n)
        return
    whose = np.asarray(groups)
    if len(whose) != n:
        raise InputError(f"{len(whose)} patients are named for {n} records; name one for each")
    rows_of = [np.flatnonzero(whose == name) for name in dict.fromkeys(whose.tolist())]
    for _ in range(n_resamples):
        yield np.concatenate([rows_of[i] for i in rng.integers(len(rows_of), size=len(rows_of))])


def interval_of(value: float, drawn: ArrayLike, *, tail: float = 0.025) -> Interval:
    """A value with the percentile interval of what was drawn.

    Args:
        value: of all records.
        drawn: one number for each resampled cohort; NaN ones are left out, as long as they are no
            more than half.
        tail: share left out on each side.

    Returns:
        Bounds are NaN when most numbers drawn are: what is left would be a selection.

    Book: alignment-matrices#intervals
    """
    x = np.asarray(drawn, float)
    if not len(x) or np.isnan(x).mean() > 0.5:
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.nanquantile(x, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


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
        InputError: there is no patient.

    Source: Efron 1979.

    Book: alignment-matrices#intervals
    """
    values = [statistic(rows) for rows in resampled_rows(patients, n_resamples, seed)]
    return interval_of(statistic(np.arange(patients)), values, tail=(1 - level) / 2)
