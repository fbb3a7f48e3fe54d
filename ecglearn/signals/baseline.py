"""Baseline wander by asymmetric least squares: a smooth curve that lies under the waves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import solveh_banded
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.signals.leads import Signal


def subtract_baseline(
    x: Float[Signal, "*batch lead time"],
    *,
    smoothness: float = 1e7,
    asymmetry: float = 0.3,
    passes: int = 5,
    clip: float | None = 4.0,
) -> Float[Signal, "*batch lead time"]:
    """Clip outliers, then take off the curve z that minimises a weighted distance and its bending.

    z = argmin sum_i w_i (y_i - z_i)^2 + smoothness sum_i (z_{i-1} - 2 z_i + z_{i+1})^2, where w_i
    is `asymmetry` above the curve of the pass before and 1 - `asymmetry` below it. Half a second
    is smooth at 1e7 and 500 samples per second; other rates need another smoothness, in proportion
    to the fourth power of the rate. A straight line is its own baseline, whatever the weights.

    Args:
        x: signal (..., lead, time), finite, any unit; 3 samples or more.
        smoothness: weight of the bending.
        asymmetry: weight of samples above the curve, between 0 and 1.
        passes: times the weights are renewed.
        clip: standard deviations of its lead beyond which a sample is cut off first; None: none.

    Returns:
        What is left, same shape and unit.

    Raises:
        InputError: fewer than 3 samples, a sample that is not finite, or an asymmetry outside
            (0, 1).

    Source: Eilers and Boelens 2005; values and clipping as in the later public code of PTACL's
        group (Echo2ECG, StenCE), an alternative to its wavelet filter.

    Book: preprocessing#prep-baseline
    """
    values = x.detach().cpu().double().numpy() if isinstance(x, Tensor) else x.astype(np.float64)
    if values.shape[-1] < 3 or not np.isfinite(values).all():
        raise InputError("a baseline needs 3 samples or more, all of them finite")
    if not 0 < asymmetry < 1:
        raise InputError(f"asymmetry lies between 0 and 1, and is {asymmetry:g}")
    if clip is not None:
        centre = values.mean(-1, keepdims=True)
        reach = clip * values.std(-1, keepdims=True)
        values = np.clip(values, centre - reach, centre + reach)
    bending = _bending(values.shape[-1]) * smoothness
    rows = values.reshape(-1, values.shape[-1])
    left = np.stack([row - _baseline(row, bending, asymmetry, passes) for row in rows])
    left = left.reshape(values.shape)
    if isinstance(x, Tensor):
        return x.new_tensor(left)
    return left.astype(x.dtype)


def _bending(samples: int) -> np.ndarray:
    """Squared second differences as a matrix, its upper band only: two, one and no place off."""
    band = np.zeros((3, samples))
    for place, weight in enumerate((1.0, -2.0, 1.0)):
        for other in range(place, 3):
            product = weight * (1.0, -2.0, 1.0)[other]
            band[2 - (other - place), other : samples - 2 + other] += product
    return band


def _baseline(y: np.ndarray, bending: np.ndarray, asymmetry: float, passes: int) -> np.ndarray:
    weights, z = np.ones_like(y), y
    for _ in range(passes):
        system = bending.copy()
        system[2] += weights
        z = solveh_banded(system, weights * y, overwrite_ab=True, check_finite=False)
        weights = np.where(y > z, asymmetry, 1 - asymmetry)
    return z
