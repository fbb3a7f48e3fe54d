"""Do an encoder's tokens know where in the heartbeat they are? Against the cohort's own phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort import Truth

PENALTY = 1e-3  # of the ridge, for features of unit variance


def phase_errors(
    train: tuple[NDArray, Truth], test: tuple[NDArray, Truth], seconds: NDArray, fs: float
) -> NDArray[np.float64]:
    """How far a linear readout of the tokens misses the true cardiac phase.

    Cosine and sine of the phase are read from each token by ridge regression that was fitted on
    training patients; the angle of the two is the answer.

    Args:
        train: tokens in order of time (patients, N, D) and the truth about these patients.
        test: the same of test patients.
        seconds: centre of each token (N,).
        fs: sampling rate of `truth.phase_ecg` in hertz.

    Returns:
        Mean distance on the cycle times the patient's median beat, in milliseconds (patients,).
        Tokens that know nothing give about a quarter of a beat.

    Source: our choice: of the papers only PTACL looks at phases, and only in a picture.

    Book: evaluation#phase-error
    """
    at = np.minimum(np.round(np.asarray(seconds) * fs).astype(int), train[1].phase_ecg.shape[1] - 1)
    x, goal = train[0].reshape(-1, train[0].shape[-1]), _circle(train[1].phase_ecg[:, at])
    mean, spread = x.mean(0), x.std(0) + 1e-9
    x = (x - mean) / spread
    centre = goal.reshape(-1, 2).mean(0)
    gram = x.T @ x / len(x) + PENALTY * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (goal.reshape(-1, 2) - centre) / len(x))
    said = (test[0] - mean) / spread @ weights + centre
    angle = np.arctan2(said[..., 1], said[..., 0]) / (2 * np.pi)
    gap = np.abs(angle - test[1].phase_ecg[:, at]) % 1
    gap = np.minimum(gap, 1 - gap)
    beat = np.nanmedian(np.diff(test[1].r_times, axis=1), axis=1)
    return gap.mean(1) * beat * 1000


def _circle(phase: NDArray) -> NDArray[np.float64]:
    angle = 2 * np.pi * phase.astype(float)
    return np.stack([np.cos(angle), np.sin(angle)], -1)
