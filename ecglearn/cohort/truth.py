"""What no real data set has: R times, phases, grades, and where each finding is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.findings import FINDINGS, RHYTHM_FINDINGS
from ecglearn.cohort.render import BLOCK, CohortSpec, noise_free_ecg

SEGMENTS = 20


@dataclass(frozen=True)
class Truth:
    """Ground truth that no real data set has.

    Attributes:
        r_times: R times in seconds (n, beats), NaN outside the record.
        phase_ecg: cardiac phase of every sample, 0 at an R wave (n, time).
        phase_cine: cardiac phase of every frame (n, frames).
        grades: how marked each finding is, 0 to 1 (n, K).

    Book: simulated-cohort#ground-truth
    """

    r_times: NDArray[np.float64]
    phase_ecg: NDArray[np.float32]
    phase_cine: NDArray[np.float32]
    grades: NDArray[np.float64]
    source: CohortSpec
    index: NDArray[np.int64]

    @cached_property
    def evidence(self) -> NDArray[np.float32]:
        """Share of each finding's evidence by lead and half-second (n, K, 12, 20).

        See `evidence`.
        """
        return evidence(self, segments=SEGMENTS)


def evidence(truth: Truth, *, segments: int = SEGMENTS) -> NDArray[np.float32]:
    """Where in the record each finding is written: the noise-free ECG with and without it.

    The squared difference is summed in each lead and time segment and divided by its total.

    Args:
        truth: ground truth of a cohort.
        segments: equal time segments of the record.

    Returns:
        (n, K, 12, segments), each map sums to 1; zeros where the finding is absent and for the
        normal ECG; NaN for findings of rhythm, which move every beat and have no place. In an
        uncoupled cohort the ECG is a stranger's, so a map is zeros unless both have the finding.

    Book: simulated-cohort#evidence-maps
    """
    maps = np.zeros((len(truth.index), len(FINDINGS), 12, segments), np.float32)
    source = replace(truth.source, noise=False)
    local = [name not in ("normal ECG", *RHYTHM_FINDINGS) for name in FINDINGS]
    maps[:, [name in RHYTHM_FINDINGS for name in FINDINGS]] = np.nan
    maps[truth.grades == 0] = 0
    for block in np.unique(truth.index // BLOCK):
        first = int(block) * BLOCK
        shown = (truth.index // BLOCK == block) & (truth.grades[:, local] > 0).any(1)
        if not shown.any():
            continue
        rows = np.flatnonzero(shown)
        ecg = noise_free_ecg(source, first, truth.index[rows] - first)
        edges = np.linspace(0, ecg.shape[-1], segments + 1).astype(int)[:-1]
        for k in np.flatnonzero(local):
            has = truth.grades[rows, k] > 0
            if not has.any():
                continue
            gone = replace(source, without=(*source.without, FINDINGS[k]))
            change = ecg[has] - noise_free_ecg(gone, first, truth.index[rows[has]] - first)
            total = np.add.reduceat(change**2, edges, axis=2)
            maps[rows[has], k] = total / np.maximum(total.sum((1, 2), keepdims=True), 1e-12)
    return maps
