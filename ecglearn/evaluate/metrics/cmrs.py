"""Our CMRS: how much of the diagnostic separation is left when part of a record is missing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError
from ecglearn.evaluate.metrics.door import checked_labels, checked_scores

SMALLEST = 1e-8


class CMRS(NamedTuple):
    """Counterfactual Missingness Resolution Score, our definition.

    Attributes:
        value: separation left, in units of the spread of all scores: blind to shrinking.
        magnitude: separation left, without this unit: sees shrinking too.

    Book: scar#cmrs
    """

    value: float
    magnitude: float


def cmrs(missing: ArrayLike, full: ArrayLike, labels: ArrayLike) -> CMRS:
    """Share of the separation of true from other classes that survives missingness.

    With centred scores S~_ic = S_ic - mean_i S_ic, margin m_i = mean of S~ over a record's own
    classes minus the mean over the others, and sigma the root mean square of S~: G = mean_i m_i /
    sigma, CMRS = clip(G(missing) / G(full), 0, 1). The companion leaves sigma out.

    Args:
        missing: scores with part of each record missing (records, classes).
        full: scores of the same records with nothing missing: the counterfactual.
        labels: who has the finding (records, classes). Records with all or none of the classes do
            not count.

    Returns:
        Both scores: 1 without missingness, 0 for constant scores, about 0 for scores of strangers,
        NaN where even the full view separates nothing.

    Raises:
        InputError: shapes differ, or no record counts.

    Source: the name and the purpose are from Liu et al. 2026 (SCAR), whose formula could not be
        read; the definition is ours.

    Book: scar#cmrs
    """
    there, before = (np.asarray(x, float) for x in (missing, full))
    y = checked_labels(labels)
    if not there.shape == before.shape == y.shape:
        raise InputError(
            f"scores are {there.shape} and {before.shape}, labels {y.shape}; they must agree"
        )
    for scores in (there, before):
        checked_scores(scores, np.zeros(y.shape))
    counted = (y.sum(1) > 0) & (y.sum(1) < y.shape[1])
    if not counted.any():
        raise InputError("CMRS needs records that have some class and lack another")
    now, whole = (_separation(x[counted], y[counted]) for x in (there, before))
    return CMRS(*(_share(a, b) for a, b in zip(now, whole, strict=True)))


def _separation(scores: NDArray, y: NDArray) -> tuple[float, float]:
    """G with and without its unit."""
    centred = scores - scores.mean(0)
    spread = float(np.sqrt(np.mean(centred**2)))
    own = (centred * y).sum(1) / y.sum(1)
    other = (centred * (1 - y)).sum(1) / (1 - y).sum(1)
    margin = float(np.mean(own - other))
    return (margin / spread if spread > SMALLEST else 0.0), margin


def _share(now: float, whole: float) -> float:
    return float(np.clip(now / whole, 0, 1)) if whole > 1e-6 else float("nan")


def cmrs_draws(
    missing: Any, full: Any, labels: Any, rows: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Both scores for resampled records, (n_resamples, 2).

    Args:
        missing: as for `cmrs`.
        full: as for `cmrs`.
        labels: as for `cmrs`.
        rows: of each draw.

    Book: scar#cmrs
    """
    a, b, y = (np.asarray(x, float) for x in (missing, full, labels))
    return np.array([cmrs(a[r], b[r], y[r]) for r in rows])
