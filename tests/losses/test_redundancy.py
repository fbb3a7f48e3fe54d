"""Barlow Twins: by hand, in closed form, and what leaves it as it is."""

import pytest
import torch

from ecglearn.losses.redundancy import barlow_twins, cross_correlation


def views(n=40, e=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, n, e, generator=generator, dtype=torch.float64)
    return a, a + 0.7 * b


def value(a, b, **settings):
    return barlow_twins(cross_correlation(a, b, epsilon=0), **settings)


def test_by_hand():
    a, b = views(6, 3)
    c = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            x, y = a[:, i].tolist(), b[:, j].tolist()
            mx, my = sum(x) / 6, sum(y) / 6
            sx = (sum((v - mx) ** 2 for v in x) / 6) ** 0.5
            sy = (sum((v - my) ** 2 for v in y) / 6) ** 0.5
            c[i][j] = sum((u - mx) * (v - my) for u, v in zip(x, y, strict=True)) / 6 / sx / sy
    torch.testing.assert_close(cross_correlation(a, b, epsilon=0), torch.tensor(c).double())
    loss = sum((1 - c[i][i]) ** 2 for i in range(3))
    loss += 0.3 * sum(c[i][j] ** 2 for i in range(3) for j in range(3) if i != j)
    assert float(value(a, b, redundancy=0.3)) == pytest.approx(loss)


def test_weight_of_the_paper_and_a_batch_of_two():
    a, b = views()
    torch.testing.assert_close(value(a, b), value(a, b, redundancy=0.0051))
    pair = torch.tensor([[0.0, 3.0], [2.0, 1.0]], dtype=torch.float64)
    wanted = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(cross_correlation(pair, pair, epsilon=0), wanted)


def test_zero_for_equal_uncorrelated_dimensions():
    q = torch.linalg.qr(torch.cat([torch.ones(16, 1), torch.randn(16, 6)], 1).double())[0]
    assert float(value(q[:, 1:], q[:, 1:], redundancy=1.0)) < 1e-8


def test_scale_and_shift_do_not_matter_but_sign_does():
    a, b = views()
    scale, shift = torch.rand(2, 5, dtype=torch.float64) + 0.5
    torch.testing.assert_close(value(a * scale + shift, b), value(a, b))
    flipped = b.clone()
    flipped[:, 2] *= -1
    c = cross_correlation(a, b, epsilon=0)
    assert cross_correlation(a, flipped, epsilon=0)[2, 2] == -c[2, 2]
    torch.testing.assert_close(value(a, flipped), value(a, b) + 4 * c[2, 2])


def test_symmetries():
    a, b = views()
    torch.testing.assert_close(cross_correlation(b, a), cross_correlation(a, b).mT)
    torch.testing.assert_close(value(b, a), value(a, b))
    for order in (torch.randperm(5), torch.arange(5).flip(0)):
        torch.testing.assert_close(value(a[:, order], b[:, order]), value(a, b))
    rows = torch.randperm(40)
    torch.testing.assert_close(value(a[rows], b[rows]), value(a, b))


def test_broken_pairs_correlate_with_nothing():
    a, b = views(4000, 3)
    c = cross_correlation(a, b[torch.randperm(4000, generator=torch.Generator().manual_seed(1))])
    assert float(c.abs().max()) < 5 / 4000**0.5
    assert float(cross_correlation(a, b).diagonal().min()) > 0.7


def test_extreme_cases():
    a, b = views()
    c = cross_correlation(a, b)
    torch.testing.assert_close(barlow_twins(c, redundancy=0.0), (1 - c.diagonal()).square().sum())
    constant = torch.ones(40, 5).double()
    assert float(barlow_twins(cross_correlation(constant, constant))) == 5
    q = torch.linalg.qr(torch.cat([torch.ones(16, 1), torch.randn(16, 3)], 1).double())[0][:, 1:]
    double = torch.cat([q, q[:, :1]], 1)  # one dimension twice: two ordered pairs
    assert float(value(double, double, redundancy=0.01)) == pytest.approx(0.02)
    with pytest.raises(ValueError, match="at least two records, not 1"):
        cross_correlation(a[:1], b[:1])


def test_entries_are_correlations_and_unrelated_views_cost_what_is_expected():
    generator = torch.Generator().manual_seed(0)
    n, e, lam = 50, 8, 0.2
    losses = []
    for _ in range(300):
        a, b = torch.randn(2, n, e, generator=generator)
        c = cross_correlation(a, b)
        assert float(c.abs().max()) <= 1
        losses.append(barlow_twins(c, redundancy=lam))
    expected = e * (1 + 1 / n) + lam * e * (e - 1) / n
    assert float(torch.stack(losses).mean()) == pytest.approx(expected, rel=0.02)


def test_gradient():
    a, b = (x[:6, :3].clone().requires_grad_() for x in views())
    assert torch.autograd.gradcheck(
        lambda u, v: barlow_twins(cross_correlation(u, v), redundancy=0.1), (a, b)
    )
