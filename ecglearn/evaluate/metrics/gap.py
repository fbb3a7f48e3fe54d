"""How much of the distance between a weak and a strong reference a model covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from ecglearn.evaluate.intervals import Interval
from ecglearn.evaluate.metrics.auroc import paired

SMALLEST_GAP = 0.005


def gap_closed(
    scores: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    labels: ArrayLike,
    *,
    patients: Sequence[Any] | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> Interval:
    """G = (A_model - A_lower) / (A_upper - A_lower), A the macro AUROC, over resampled patients.

    Args:
        scores: of the model (records, classes).
        lower: of the lower reference, here the ECG alone.
        upper: of the upper reference, here ECG and table.
        labels: NaN where unmeasured.
        patients: whose record each row is; None: every row is another patient.
        n_resamples: resampled test cohorts.
        seed: of the resampling.

    Returns:
        0 for the lower reference, 1 for the upper one, more when it is passed. All three NaN when
        the two references are closer than 0.005; draws in which they are leave the interval.

    Source: our choice; the paper says in words that a part of the gap is closed.

    Book: clinical-transfer#clinical-references
    """

    def share(model: float, low: float, high: float) -> float:
        return (model - low) / (high - low) if abs(high - low) >= SMALLEST_GAP else float("nan")

    found = paired(
        share, [scores, lower, upper], labels, patients=patients, n_resamples=n_resamples, seed=seed
    )
    return found if found.value == found.value else Interval(*(3 * [float("nan")]))
