"""How much of the phenotypes can be read linearly from frozen features."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.evaluate.metrics.door import checked_targets, checked_vectors


def linear_probe_r2(
    train_x: Float[Tensor, "N D"],
    train_y: Float[Tensor, "N P"],
    test_x: Float[Tensor, "M D"],
    test_y: Float[Tensor, "M P"],
) -> Float[Tensor, " P"]:
    """R2 on test patients of ordinary least squares, with intercept, fitted on training patients.

    Args:
        train_x: features of training patients.
        train_y: their phenotypes.
        test_x: features of test patients.
        test_y: their phenotypes.

    Returns:
        1 - SSE / SST of each phenotype (P,); 0 is the test mean, below 0 is worse than that.

    Source: Selivanov et al. 2025 (PTACL), linear probe of table 2.

    Book: ptacl#linear-probe
    """
    return r2(linear_probe(train_x, train_y, test_x), test_y)


def linear_probe(
    train_x: Float[Tensor, "N D"], train_y: Float[Tensor, "N P"], test_x: Float[Tensor, "M D"]
) -> Float[Tensor, "M P"]:
    """Predictions for test patients by ordinary least squares with intercept.

    Args:
        train_x: features of training patients.
        train_y: their targets.
        test_x: features of test patients.

    Raises:
        InputError: a feature or a target is NaN or infinite; names it.

    Book: ptacl#linear-probe
    """
    for x in (train_x, test_x):
        checked_vectors(x)
    checked_targets(train_y)
    mean = train_x.double().mean(0)
    center = train_y.double().mean(0)
    # gelsd copes with features that are constant or repeat each other
    weights = torch.linalg.lstsq(
        train_x.double() - mean, train_y.double() - center, driver="gelsd"
    ).solution
    return ((test_x.double() - mean) @ weights + center).to(train_y.dtype)


def r2(predicted: Float[Tensor, "M P"], true: Float[Tensor, "M P"]) -> Float[Tensor, " P"]:
    """Share of the variance explained, for each target.

    Args:
        predicted: predictions.
        true: what they should have been.

    Raises:
        InputError: a target or a prediction is NaN or infinite; names it.

    Book: ptacl#linear-probe
    """
    checked_targets(true)
    checked_vectors(predicted, "prediction")
    error = ((true - predicted) ** 2).sum(0)
    return 1 - error / ((true - true.mean(0)) ** 2).sum(0)
