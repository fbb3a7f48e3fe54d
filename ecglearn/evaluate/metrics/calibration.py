"""Do records that get 30% have the finding in 30 of 100 cases?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError
from ecglearn.evaluate.metrics.door import checked_labels

if TYPE_CHECKING:
    import pandas as pd


def reliability(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> pd.DataFrame:
    """What was said and what was true, in equal steps of the probability.

    Args:
        probabilities: 0 to 1, all classes pooled (records, classes).
        labels: 1, 0, or NaN where unmeasured (records, classes).
        bins: steps between 0 and 1.

    Returns:
        One row for each step that holds something: `said` and `true` (means), `count`.

    Raises:
        InputError: shapes differ, or a probability is outside 0 to 1.

    Source: DeGroot and Fienberg 1983.

    Book: evaluation#calibration
    """
    import pandas as pd

    p, y = _pooled(probabilities, labels)
    step = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(step, minlength=bins)
    kept = count > 0
    said, true = (np.bincount(step, x, bins)[kept] / count[kept] for x in (p, y))
    return pd.DataFrame({"said": said, "true": true, "count": count[kept]})


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> float:
    """Expected calibration error: mean distance of said and true, weighted by the records in a bin.

    Args:
        probabilities: as for `reliability`.
        labels: as for `reliability`.
        bins: as for `reliability`.

    Returns:
        0 when every bin keeps its word; |p - rate| for one constant answer p.

    Source: Naeini et al. 2015; 15 bins as in Guo et al. 2017.

    Book: evaluation#calibration
    """
    p, y = _pooled(probabilities, labels)
    step = np.minimum((p * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(step, p - y, bins)).sum() / len(p))


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance of probability and truth.

    Args:
        probabilities: as for `reliability`.
        labels: as for `reliability`.

    Returns:
        0 for certainty that is right; q (1 - q) for the constant answer q, the rate itself.

    Source: Brier 1950.

    Book: evaluation#calibration
    """
    p, y = _pooled(probabilities, labels)
    return float(np.mean((p - y) ** 2))


def _pooled(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, y = np.asarray(probabilities, float), checked_labels(labels)
    if p.shape != y.shape:
        raise InputError(f"probabilities are {p.shape} and labels {y.shape}; they must agree")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("probabilities lie between 0 and 1; give scores through a sigmoid first")
    seen = ~np.isnan(y)
    return p[seen], y[seen]
