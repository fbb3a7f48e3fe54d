"""Search a database of cine loops with an ECG: is what comes first like the query's heart?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ecglearn.cohort import PHENOTYPES
from ecglearn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 0.5  # standard deviations within which two phenotypes match


def cosine(a: Float[Tensor, "N D"], b: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    """Cosine of every pair of rows.

    Args:
        a: queries.
        b: candidates.

    Book: ptacl#retrieval
    """
    return torch.nn.functional.normalize(a, dim=1) @ torch.nn.functional.normalize(b, dim=1).T


def retrieval_table(
    similarity: Float[Tensor, "N N"],
    phenotypes: Float[Tensor, "N P"],
    *,
    ks: Sequence[int] = (1, 3, 5, 10, 15),
    include_self: bool = False,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Precision at k, mean and median rank of the first match, for each phenotype.

    A candidate matches when its phenotype lies within half a standard deviation of the query's.
    A query without any match gets the number of candidates as its rank.

    Args:
        similarity: queries by candidates (N, N); row i and column i are the same patient.
        phenotypes: physical values (N, P).
        ks: depths of the precision.
        include_self: leave the query's own scan among the candidates; it always matches.
        seed: of the random ranking that is shown beside the model.
        names: of the phenotypes; the ten of the cohort by default.

    Returns:
        Rows (ranking, phenotype) with ranking `model` or `random`, and `mean` over phenotypes;
        columns P@k, MnR, MdR.

    Raises:
        InputError: shapes disagree, or k exceeds the number of candidates.

    Source: Selivanov et al. 2025 (PTACL), table 1; ranks of the first match are derived from it.

    Book: ptacl#retrieval
    """
    import pandas as pd

    n, count = phenotypes.shape
    if similarity.shape != (n, n):
        raise InputError(f"similarity is {tuple(similarity.shape)} for {n} patients")
    if max(ks) > n - (not include_self):
        raise InputError(f"P@{max(ks)} needs more candidates than {n} patients give")
    names = list(names or (PHENOTYPES if count == len(PHENOTYPES) else map(str, range(count))))
    noise = torch.rand(n, n, generator=torch.Generator().manual_seed(seed))
    rows = {}
    for ranking, score in (("model", similarity), ("random", noise)):
        measured = _measures(_order(score, include_self), phenotypes, ks)
        for j, name in enumerate(names):
            rows[ranking, name] = {k: v[j] for k, v in measured.items()}
        rows[ranking, "mean"] = {k: v.mean() for k, v in measured.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["ranking", "phenotype"])
    return table


def patient_rank(similarity: Float[Tensor, "N N"]) -> Int[Tensor, " N"]:
    """Rank of each query's own scan among all, 1 is best.

    Args:
        similarity: queries by candidates (N, N).

    Book: ptacl#retrieval
    """
    return (similarity > similarity.diagonal()[:, None]).sum(1) + 1


def matches(
    similarity: Float[Tensor, "N N"], phenotypes: Float[Tensor, "N P"], *, k: int = 1
) -> Float[Tensor, "N P"]:
    """Share of each query's first k candidates that match it, for each phenotype.

    Args:
        similarity: queries by candidates (N, N); the query itself is no candidate.
        phenotypes: physical values (N, P).
        k: depth.

    Book: ptacl#retrieval
    """
    first = _order(similarity, include_self=False)[:, :k]
    allowed = TOLERANCE * phenotypes.double().std(0, unbiased=False)
    gap = (phenotypes.double()[first] - phenotypes.double()[:, None]).abs()
    return (gap <= allowed).double().mean(1)


def _order(score: Tensor, include_self: bool) -> Tensor:
    """Candidates of each query from best to worst, (N, N) or (N, N - 1)."""
    n = len(score)
    if include_self:
        return score.argsort(dim=1, descending=True, stable=True)
    others = score.clone()
    others.fill_diagonal_(-torch.inf)
    return others.argsort(dim=1, descending=True, stable=True)[:, : n - 1]


def _measures(order: Tensor, phenotypes: Tensor, ks: Sequence[int]) -> dict[str, np.ndarray]:
    columns: dict[str, list[float]] = {f"P@{k}": [] for k in ks} | {"MnR": [], "MdR": []}
    for value in phenotypes.double().T:
        allowed = TOLERANCE * value.std(unbiased=False)
        hit = (value[order] - value[:, None]).abs() <= allowed
        for k in ks:
            columns[f"P@{k}"].append(float(hit[:, :k].double().mean()))
        first = torch.where(hit.any(1), hit.int().argmax(1) + 1, order.shape[1]).double()
        columns["MnR"].append(float(first.mean()))
        columns["MdR"].append(float(np.median(first.numpy())))
    return {name: np.array(values) for name, values in columns.items()}
