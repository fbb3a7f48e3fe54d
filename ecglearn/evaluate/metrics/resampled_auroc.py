"""AUROC of many resampled cohorts: scores are sorted once, a draw is only counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecglearn.evaluate.metrics.door import checked_labels, checked_scores


class ResampledAUROC:
    """`auroc_columns(y[rows], scores[rows])` for many `rows`, with the same values.

    A pair of case and non-case counts once where the case has the higher score, half where the two
    are equal. Below a group of equal scores there are so many non-cases as the draw counts there,
    so one pass along the sorted records is enough.

    Args:
        y: 1 has it, 0 has not, NaN unmeasured (records, classes).
        scores: (records, classes).

    Raises:
        InputError: shapes disagree, a score is NaN, or a label is none.

    Source: the rank form of Mann and Whitney 1947; ties count half.

    Book: tamer#zero-shot-diagnosis
    """

    def __init__(self, y: NDArray, scores: NDArray) -> None:
        y = checked_labels(y)
        scores = checked_scores(scores, y)
        self.order = np.argsort(scores, axis=0, kind="stable")
        ordered = np.take_along_axis(scores, self.order, 0)
        labels = np.take_along_axis(y, self.order, 0)
        self.case, self.other = labels == 1, labels == 0
        place = np.arange(len(y))[:, None]
        new = np.ones(y.shape, bool)
        new[1:] = ordered[1:] != ordered[:-1]
        last = np.ones(y.shape, bool)
        last[:-1] = new[1:]
        # of each record: where its group of equal scores begins, and where it ends
        self.begin = np.maximum.accumulate(np.where(new, place, 0), 0)
        behind = np.where(last, place, len(y))
        self.end = np.minimum.accumulate(behind[::-1], 0)[::-1] + 1

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """AUROC of every class (classes,), NaN where it lacks cases or non-cases.

        Args:
            rows: of the records, with repeats.
        """
        count = np.bincount(rows, minlength=len(self.order)).astype(float)[self.order]
        cases, others = count * self.case, count * self.other
        below = np.concatenate([np.zeros((1, others.shape[1])), others.cumsum(0)])
        under = np.take_along_axis(below, self.begin, 0) + np.take_along_axis(below, self.end, 0)
        above = (cases * under).sum(0) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return above / (cases.sum(0) * others.sum(0))

    def mean(self, rows: NDArray[np.int64]) -> float:
        """Mean over the classes that can be judged, NaN when none can.

        Args:
            rows: of the records, with repeats.
        """
        found = self(rows)
        return float(np.nanmean(found)) if not np.isnan(found).all() else float("nan")
