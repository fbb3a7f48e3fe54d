"""Retrieval: PTACL's properties 28 to 30, and a by-hand reference."""

import numpy as np
import pytest
import torch

from ecglearn.evaluate import cosine, patient_rank, retrieval_table
from ecglearn.evaluate.metrics.retrieval import matches


def by_hand(similarity, values, ks, include_self=False):
    n, allowed = len(values), 0.5 * float(values.std(unbiased=False))
    precision, ranks = dict.fromkeys(ks, 0.0), []
    for i in range(n):
        others = [j for j in range(n) if include_self or j != i]
        order = sorted(others, key=lambda j: -float(similarity[i, j]))
        hits = [abs(float(values[j] - values[i])) <= allowed for j in order]
        for k in ks:
            precision[k] += sum(hits[:k]) / k / n
        ranks.append(hits.index(True) + 1 if any(hits) else len(order))
    return precision, np.mean(ranks), np.median(ranks)


@pytest.mark.parametrize("include_self", [False, True])
def test_equals_a_loop(include_self):
    generator = torch.Generator().manual_seed(0)
    similarity = torch.randn(30, 30, generator=generator)
    phenotypes = torch.randn(30, 2, generator=generator, dtype=torch.float64)
    table = retrieval_table(similarity, phenotypes, ks=(1, 5), include_self=include_self)
    for j in range(2):
        precision, mean, median = by_hand(similarity, phenotypes[:, j], (1, 5), include_self)
        row = table.loc[("model", str(j))]
        assert row["P@1"] == pytest.approx(precision[1])
        assert row["P@5"] == pytest.approx(precision[5])
        assert (row["MnR"], row["MdR"]) == (pytest.approx(mean), median)
    assert table.loc[("model", "mean"), "P@1"] == pytest.approx(
        table.loc["model"].loc[["0", "1"], "P@1"].mean()
    )


def test_own_scan_always_matches():
    generator = torch.Generator().manual_seed(0)
    phenotypes = torch.randn(40, 1, generator=generator)
    table = retrieval_table(torch.eye(40), phenotypes, include_self=True)
    assert table.loc[("model", "0"), "P@1"] == 1
    assert table.loc[("model", "0"), "MdR"] == 1


def test_perfect_embedding():
    value = torch.sort(torch.randn(300, generator=torch.Generator().manual_seed(1))).values
    similarity = -(value[:, None] - value).abs()
    row = retrieval_table(similarity, value[:, None], ks=(1,)).loc[("model", "0")]
    assert row["P@1"] > 0.99
    assert row["MdR"] == 1
    assert row["MnR"] < 1.2


def test_random_embedding_on_gaussian_phenotypes():
    generator = torch.Generator().manual_seed(0)
    phenotypes = torch.randn(1500, 4, generator=generator)
    features = torch.randn(1500, 32, generator=generator)
    table = retrieval_table(cosine(features, features.flip(0)), phenotypes)
    # the first of h hits among c candidates in random order has the expected rank (c + 1) / (h + 1)
    near = (phenotypes[:, None] - phenotypes).abs() <= 0.5 * phenotypes.std(0, unbiased=False)
    expected = float((1500 / near.sum(1)).mean())
    for ranking in ("model", "random"):
        row = table.loc[(ranking, "mean")]
        for k in (1, 3, 5, 10, 15):
            assert row[f"P@{k}"] == pytest.approx(0.276, abs=0.02)
        assert row["MdR"] == 3
        assert row["MnR"] == pytest.approx(expected, rel=0.15)


def test_median_rank_is_one_exactly_when_more_than_half_hit_first():
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(201, 1, generator=generator)
    for noise in (0.05, 0.3, 0.6, 1.0, 3.0):
        seen = value + noise * torch.randn(201, 1, generator=generator)
        row = retrieval_table(-(seen - value.T).abs(), value, ks=(1,)).loc[("model", "0")]
        assert (row["MdR"] == 1) == (row["P@1"] > 0.5)


def test_invariances():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 50, 8, generator=generator)
    phenotypes = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    first = retrieval_table(cosine(a, b), phenotypes)
    scale = torch.rand(50, 1, generator=generator) + 0.5
    second = retrieval_table(cosine(scale * a, 3 * b), 40 - 7 * phenotypes)
    assert np.allclose(first, second)


def test_matches_of_each_query_are_those_of_the_table():
    generator = torch.Generator().manual_seed(0)
    similarity = torch.randn(40, 40, generator=generator)
    similarity.fill_diagonal_(9)  # everybody is most like oneself, and no candidate
    phenotypes = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    table = retrieval_table(similarity, phenotypes, ks=(1, 5), include_self=False).loc["model"]
    for k in (1, 5):
        hit = matches(similarity, phenotypes, k=k)
        assert hit.shape == (40, 3)
        np.testing.assert_allclose(hit.mean(0), table.loc[["0", "1", "2"], f"P@{k}"])


def test_patient_rank():
    similarity = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.4, 0.3], [0.9, 0.8, 0.1]])
    assert patient_rank(similarity).tolist() == [1, 2, 3]


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="more candidates than 10"):
        retrieval_table(torch.zeros(10, 10), torch.randn(10, 1))
