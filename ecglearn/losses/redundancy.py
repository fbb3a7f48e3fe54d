"""Barlow Twins: each dimension agrees between two views, and repeats no other dimension."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ecglearn.errors import InputError


def cross_correlation(
    a: Float[Tensor, "B E"], b: Float[Tensor, "B E"], *, epsilon: float = 1e-5
) -> Float[Tensor, "E E"]:
    r"""Correlation over the batch of every dimension of one view with every dimension of the other.

    C_ij = (1/N) sum over records of a_i b_j, each dimension standardised over the batch (variance
    divided by N, plus epsilon, as a batch norm without learned parts).

    Args:
        a: z_x (B, E).
        b: z_m (B, E); row i belongs to row i of `a`.
        epsilon: added to variances; a constant dimension then correlates with nothing.

    Returns:
        C (E, E), entries within [-1, 1]: a_i along rows, b_j along columns.

    Raises:
        InputError: fewer than two records.

    Source: Zbontar et al. 2021, equation 2; across modalities as reported of Fernandes et al. 2025.

    Book: clinical-transfer#barlow-twins
    """
    if len(a) < 2:
        raise InputError(f"a correlation over the batch needs at least two records, not {len(a)}")

    def standardised(x: Tensor) -> Tensor:
        centred = x - x.mean(0)
        return centred / (centred.square().mean(0) + epsilon).sqrt()

    return standardised(a).mT @ standardised(b) / len(a)


def barlow_twins(
    correlation: Float[Tensor, "E E"], *, redundancy: float = 0.0051
) -> Float[Tensor, ""]:
    r"""Pull the diagonal of a cross-correlation to one and everything else to zero.

    L = sum_i (1 - C_ii)^2 + lambda * sum_{i != j} C_ij^2.

    Args:
        correlation: C (E, E), of `cross_correlation`.
        redundancy: lambda.

    Returns:
        The loss. 0 for the identity; E for embeddings that do not vary; about
        E (1 + 1/N) + lambda E (E - 1) / N for unrelated ones.

    Source: Zbontar et al. 2021, equation 1.

    Book: clinical-transfer#barlow-twins
    """
    diagonal = correlation.diagonal()
    outside = correlation.square().sum() - diagonal.square().sum()
    return (1 - diagonal).square().sum() + redundancy * outside
