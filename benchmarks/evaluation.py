"""What judging costs: resampled AUROC against sorting every draw anew."""

from __future__ import annotations

import numpy as np

from benchmarks.measure import report, seconds
from ecglearn.evaluate.metrics.auroc import auroc_columns
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC


def bootstrap() -> bool:
    """50 draws of 2,000 patients and 25 findings; the values must be the same."""
    rng = np.random.default_rng(0)
    y = (rng.random((2000, 25)) < 0.1).astype(float)
    scores = rng.normal(size=y.shape)
    draws = rng.integers(2000, size=(50, 2000))

    def sorted_anew() -> list[np.ndarray]:
        return [auroc_columns(y[rows], scores[rows]) for rows in draws]

    def counted() -> list[np.ndarray]:
        resampled = ResampledAUROC(y, scores)
        return [resampled(rows) for rows in draws]

    assert np.array_equal(sorted_anew(), counted())
    slow, fast = seconds(sorted_anew, counted, repeats=3)
    return report(
        "bootstrap of AUROC, 2,000 x 25, over sorting every draw",
        f"{slow / fast:.1f} times",
        ">= 3 times",
        slow / fast >= 3,
    )
