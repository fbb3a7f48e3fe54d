"""InfoNCE against a loop, in closed form, and by its symmetries."""

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity

from ecglearn.losses.contrastive import info_nce


def pair(n=5, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64)


def by_loop(a, b, tau, weight, left_out=(), exclude=False):
    def one_way(x, y, swap):
        total = 0.0
        for i in range(len(x)):
            scores = {
                j: math.exp(float(cosine_similarity(x[i], y[j], 0)) / tau) for j in range(len(y))
            }
            for j in range(len(y)):
                pair = (j, i) if swap else (i, j)
                if pair in left_out or (exclude and i == j):
                    scores[j] = 0.0
            own = math.exp(float(cosine_similarity(x[i], y[i], 0)) / tau)
            total -= math.log(own / sum(scores.values()))
        return total / len(x)

    return weight * one_way(a, b, False) + (1 - weight) * one_way(b, a, True)


@pytest.mark.parametrize("weight", [0.5, 0.2, 1.0])
@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_equals_a_loop(tau, weight):
    a, b = pair()
    assert float(info_nce(a, b, temperature=tau, weight=weight)) == pytest.approx(
        by_loop(a, b, tau, weight), abs=1e-10
    )


def test_same_content_leaves_the_denominator_and_the_diagonal_stays():
    a, b = pair()
    same = torch.eye(5, dtype=torch.bool)
    same[0, 3] = same[3, 0] = same[1, 2] = True
    expected = by_loop(a, b, 0.5, 0.5, left_out={(0, 3), (3, 0), (1, 2)})
    assert float(info_nce(a, b, temperature=0.5, same=same)) == pytest.approx(expected, abs=1e-10)


def test_same_content_as_further_positives():
    """Minus the log of the share that all positives of a row have together."""
    a, b = pair()
    same = torch.eye(5, dtype=torch.bool)
    same[0, 3] = same[3, 0] = True
    positives = {0: (0, 3), 1: (1,), 2: (2,), 3: (0, 3), 4: (4,)}
    expected = 0.0
    for x, y in ((a, b), (b, a)):
        for i, found in positives.items():
            e = [math.exp(float(cosine_similarity(x[i], row, 0)) / 0.5) for row in y]
            expected -= math.log(sum(e[j] for j in found) / sum(e)) / 10
    measured = info_nce(a, b, temperature=0.5, same=same, same_positive=True)
    assert float(measured) == pytest.approx(expected, abs=1e-10)
    alone = torch.eye(5, dtype=torch.bool)
    plain = info_nce(a, b, temperature=0.5)
    assert torch.allclose(info_nce(a, b, temperature=0.5, same=alone, same_positive=True), plain)
    everything = info_nce(a, b, temperature=0.5, same=torch.ones_like(same), same_positive=True)
    assert float(everything) == pytest.approx(0, abs=1e-12)
    a.requires_grad_()
    b.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda u, v: info_nce(u, v, temperature=0.5, same=same, same_positive=True), (a, b)
    )


def test_printed_form_leaves_out_the_positive():
    a, b = pair()
    expected = by_loop(a, b, 0.5, 0.5, exclude=True)
    measured = info_nce(a, b, temperature=0.5, exclude_positive=True)
    assert float(measured) == pytest.approx(expected, abs=1e-10)


def test_equal_embeddings_give_log_of_the_batch():
    x = torch.ones(7, 3)
    assert float(info_nce(x, x, temperature=0.1)) == pytest.approx(math.log(7), abs=1e-6)
    without = info_nce(x, x, temperature=0.1, exclude_positive=True)
    assert float(without) == pytest.approx(math.log(6), abs=1e-6)


def test_symmetric_at_half_weight_and_one_sided_at_one():
    a, b = pair()
    half = [float(info_nce(*p, temperature=0.3)) for p in ((a, b), (b, a))]
    assert half[0] == pytest.approx(half[1], abs=1e-12)
    one = float(info_nce(a, b, temperature=0.3, weight=1.0))
    other = float(info_nce(b, a, temperature=0.3, weight=0.0))
    assert one == pytest.approx(other, abs=1e-12)
    assert one != pytest.approx(half[0], abs=1e-6)


def test_scale_of_an_embedding_does_not_matter():
    a, b = pair()
    scale = torch.tensor([0.1, 1, 3, 20, 7.0], dtype=torch.float64)[:, None]
    assert float(info_nce(a * scale, b / scale, temperature=0.3)) == pytest.approx(
        float(info_nce(a, b, temperature=0.3)), abs=1e-10
    )


def test_another_patient_changes_the_global_loss():
    a, b = pair()
    changed = a.clone()
    changed[4] *= -1
    before = info_nce(a, b, temperature=0.3)
    assert float(info_nce(changed, b, temperature=0.3)) != pytest.approx(float(before), abs=1e-3)


@pytest.mark.parametrize("exclude", [False, True])
def test_gradient(exclude):
    a, b = (x.clone().requires_grad_() for x in pair(4, 3))
    assert torch.autograd.gradcheck(
        lambda x, y: info_nce(x, y, temperature=0.4, exclude_positive=exclude), (a, b)
    )


@pytest.mark.parametrize("turned", [False, True])
def test_no_negative_left_on_one_side_is_refused(turned):
    """All say the same as the first, in one direction only."""
    a, b = pair(4)
    same = torch.zeros(4, 4, dtype=torch.bool)
    same[0] = True
    with pytest.raises(ValueError, match="no negative"):
        info_nce(a, b, temperature=0.1, same=same.T if turned else same, exclude_positive=True)


def test_no_negative_left_is_refused():
    a, b = pair(1)
    with pytest.raises(ValueError, match="no negative"):
        info_nce(a, b, temperature=0.1, exclude_positive=True)
