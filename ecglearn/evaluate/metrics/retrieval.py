"""Search a database of cine loops with an ECG: is what comes first like the query's heart?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.cohort import PHENOTYPES
from ecglearn.errors import InputError
from ecglearn.evaluate.metrics.door import checked_targets, checked_vectors

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 0.5  # standard deviations within which two phenotypes match


def cosine(a: Float[Tensor, "N D"], b: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    """Cosine of every pair of rows.

    Args:
        a: queries.
        b: candidates.

    Raises:
        InputError: a row has NaN or infinity.

    Book: ptacl#retrieval
    """
    for x in (a, b):
        checked_vectors(x)
    return torch.nn.functional.normalize(a, dim=1) @ torch.nn.functional.normalize(b, dim=1).T


def retrieval_table(
    similarity: Float[Tensor, "N N"],
    phenotypes: Float[Tensor, "N P"],
    *,
    ks: Sequence[int] = (1, 3, 5, 10, 15),
    include_self: bool = True,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Precision at k, mean and median rank of the first match, for each phenotype.

    A candidate matches when its phenotype lies within half a standard deviation of the query's.
    The query's own scan stays among the candidates and matches, as in the public code of the
    paper's group; a query without any match gets the number of candidates and one more as its rank.
    Candidates with equal similarity count as the mean over their orders.

    Args:
        similarity: queries by candidates (N, N); row i and column i are the same patient.
        phenotypes: physical values (N, P).
        ks: depths of the precision.
        include_self: False takes the query's own scan from among the candidates, so that a query
            can be without a match.
        seed: of the random ranking that is shown beside the model.
        names: of the phenotypes; the ten of the cohort by default.

    Returns:
        Rows (ranking, phenotype) with ranking `model` or `random`, and `mean` over phenotypes;
        columns P@k, MnR, MdR.

    Raises:
        InputError: shapes disagree, k exceeds the number of candidates, a similarity is NaN, or a
            phenotype is missing; names it.

    Source: Selivanov et al. 2025 (PTACL), table 1; the rule for the own scan and for queries
        without a match is that of the public code of the same group.

    Book: ptacl#retrieval
    """
    import pandas as pd

    n, count = phenotypes.shape
    if similarity.shape != (n, n):
        raise InputError(f"similarity is {tuple(similarity.shape)} for {n} patients")
    if max(ks) > n - (not include_self):
        raise InputError(f"P@{max(ks)} needs more candidates than {n} patients give")
    _ranking(similarity)
    names = list(names or (PHENOTYPES if count == len(PHENOTYPES) else map(str, range(count))))
    checked_targets(phenotypes, names)
    noise = torch.rand(n, n, generator=torch.Generator().manual_seed(seed))
    rows = {}
    for ranking, score in (("model", similarity), ("random", noise)):
        measured = _measures(score, phenotypes, ks, include_self)
        for j, name in enumerate(names):
            rows[ranking, name] = {k: v[j] for k, v in measured.items()}
        rows[ranking, "mean"] = {k: v.mean() for k, v in measured.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["ranking", "phenotype"])
    return table


def patient_rank(similarity: Float[Tensor, "N N"]) -> Float[Tensor, " N"]:
    """Rank of each query's own scan among all, 1 is best; among equals the mean of their ranks.

    Args:
        similarity: queries by candidates (N, N).

    Returns:
        (N + 1) / 2 for everybody when all similarities are equal.

    Raises:
        InputError: a similarity is NaN.

    Book: ptacl#retrieval
    """
    _ranking(similarity)
    own = similarity.diagonal()[:, None]
    return (similarity > own).sum(1) + ((similarity == own).sum(1) + 1) / 2


def matches(
    similarity: Float[Tensor, "N N"], phenotypes: Float[Tensor, "N P"], *, k: int = 1
) -> Float[Tensor, "N P"]:
    """Share of each query's first k candidates that match it, for each phenotype.

    Args:
        similarity: queries by candidates (N, N); the query itself is no candidate.
        phenotypes: physical values (N, P).
        k: depth.

    Raises:
        InputError: a similarity is NaN, or a phenotype is missing.

    Book: ptacl#retrieval
    """
    _ranking(similarity)
    checked_targets(phenotypes)
    order, first, last = _sorted(similarity, include_self=False)
    allowed = TOLERANCE * phenotypes.double().std(0, unbiased=False)
    hit = (phenotypes.double()[order] - phenotypes.double()[:, None]).abs() <= allowed
    return torch.stack([_first_k(hit[..., p], first, last, k) for p in range(hit.shape[2])], 1)


def _ranking(similarity: Tensor) -> None:
    bad = similarity.isnan()
    if bool(bad.any()):
        row = int(bad.any(1).int().argmax())
        raise InputError(
            f"the similarities of query {row} have NaN, and NaN has no rank; find out why, or "
            "leave the patient out"
        )


def _sorted(score: Tensor, include_self: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates from best to worst, and where the equals of each place begin and end."""
    if not include_self:
        score = score.clone().fill_diagonal_(-torch.inf)
    ranked, order = score.sort(dim=1, descending=True, stable=True)
    count = len(score) - (not include_self)
    ranked, order = ranked[:, :count].contiguous(), order[:, :count]
    falling = (-ranked).contiguous()
    first = torch.searchsorted(falling, falling, right=False)
    last = torch.searchsorted(falling, falling, right=True) - 1
    return order, first, last


def _first_k(hit: Tensor, first: Tensor, last: Tensor, k: int) -> Tensor:
    """Expected share of hits among the first k, over the orders of equals."""
    hits = torch.cat([torch.zeros(len(hit), 1), hit.double().cumsum(1)], 1).double()
    begin, end = first[:, k - 1 : k], last[:, k - 1 : k] + 1
    before = hits.gather(1, begin)
    among = hits.gather(1, end) - before
    return ((before + among * (k - begin) / (end - begin)) / k)[:, 0]


def _first_hit(hit: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Expected rank of the first hit; one more than there are candidates where there is none."""
    at = hit.int().argmax(1, keepdim=True)
    begin, end = first.gather(1, at), last.gather(1, at) + 1
    hits = torch.cat([torch.zeros(len(hit), 1), hit.double().cumsum(1)], 1).double()
    among = hits.gather(1, end) - hits.gather(1, begin)
    rank = begin + (end - begin + 1) / (among + 1)
    return torch.where(hit.any(1), rank[:, 0], hit.shape[1] + 1.0)


def _measures(
    score: Tensor, phenotypes: Tensor, ks: Sequence[int], include_self: bool
) -> dict[str, np.ndarray]:
    order, first, last = _sorted(score, include_self)
    columns: dict[str, list[float]] = {f"P@{k}": [] for k in ks} | {"MnR": [], "MdR": []}
    for value in phenotypes.double().T:
        allowed = TOLERANCE * value.std(unbiased=False)
        hit = (value[order] - value[:, None]).abs() <= allowed
        for k in ks:
            columns[f"P@{k}"].append(float(_first_k(hit, first, last, k).mean()))
        rank = _first_hit(hit, first, last)
        columns["MnR"].append(float(rank.mean()))
        columns["MdR"].append(float(np.median(rank.numpy())))
    return {name: np.array(values) for name, values in columns.items()}
