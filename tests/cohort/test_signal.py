"""How much an ECG knows: as much as real ones do, and nothing when it is a stranger's."""

import numpy as np
import pytest

from ecglearn.cohort import PHENOTYPES, simulate
from ecglearn.signals.leads import eight_from_twelve
from ecglearn.signals.r_peaks import detect_r_peaks

PATIENTS, BEAT = 2000, 8 * 80


def features(cohort):
    """Median beat of eight leads from R peaks that were detected, and the R-R intervals."""
    rows = []
    for ecg in cohort.ecg:
        peaks = detect_r_peaks(ecg, cohort.fs)
        intervals = np.diff(peaks) / cohort.fs
        peaks = peaks[(peaks > 30) & (peaks < ecg.shape[1] - 50)]
        eight = eight_from_twelve(ecg)
        beats = np.stack([eight[:, r - 30 : r + 50] for r in peaks])
        beats = beats - np.median(beats, axis=2, keepdims=True)
        rr = [np.median(intervals), intervals.std(), intervals.min()]
        rows.append(np.concatenate([np.median(beats, axis=0).ravel(), rr]))
    return np.array(rows)


def ridge_r2(x, y, strength=700.0):
    """R2 of ridge regression in five folds; millivolts share one scale."""
    guess, fold = np.empty_like(y), np.arange(len(x)) % 5
    for f in range(5):
        train, test = fold != f, fold == f
        spread = x[train].std(0)
        spread[:BEAT] = spread[:BEAT].mean()
        z = (x - x[train].mean(0)) / spread
        gram = z[train].T @ z[train] + strength * np.eye(x.shape[1])
        mean = y[train].mean(0)
        guess[test] = mean + z[test] @ np.linalg.solve(gram, z[train].T @ (y[train] - mean))
    return 1 - ((guess - y) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)


@pytest.mark.parametrize("coupled", [True, False])
def test_an_ecg_knows_what_it_should(coupled):
    cohort = simulate(PATIENTS, seed=0, frames=1, size=4, coupled=coupled)
    r2 = ridge_r2(features(cohort), cohort.phenotypes)
    table = dict(zip(PHENOTYPES, r2.round(3), strict=True))
    if coupled:
        assert 0.30 < r2.mean() < 0.45, table
        assert (r2 > 0.15).all(), table
        assert (r2 < 0.65).all(), table
    else:
        assert (r2 < 0.05).all(), table
