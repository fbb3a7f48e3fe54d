"""The phase target and the local loss: PTACL's properties 1 to 12."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from ecglearn.losses.temporal import aligned_cosine, local_contrastive, phase_target

T = 13
SETTINGS = [("linear", 0.0), ("linear", 0.1), ("circular", 0.1), ("linear", 0.5), ("circular", 2.0)]


def pair(n=4, t=T, d=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, t, d, generator=generator, dtype=torch.float64)


def simplex(t=T):
    """t directions with equal pairwise angles, for one patient."""
    return (torch.eye(t, dtype=torch.float64) - 1 / t)[None]


def entropy(P):
    return float(-(P * P.clamp(min=1e-30).log()).sum(1).mean())


@pytest.mark.parametrize(("distance", "sigma"), SETTINGS)
def test_rows_are_distributions_with_their_peak_on_the_diagonal(distance, sigma):
    P = phase_target(T, sigma=sigma, distance=distance)
    assert torch.allclose(P.sum(1), torch.ones(T), atol=1e-6)
    assert bool((P >= 0).all())
    assert torch.equal(P.argmax(1), torch.arange(T))


@pytest.mark.parametrize("distance", ["linear", "circular"])
def test_extreme_widths(distance):
    assert torch.equal(phase_target(T, sigma=0, distance=distance), torch.eye(T))
    wide = phase_target(T, sigma=1e6, distance=distance)
    assert torch.allclose(wide, torch.full((T, T), 0.076923), atol=1e-6)
    assert torch.allclose(phase_target(T, sigma=1e-3, distance=distance), torch.eye(T))


def test_circular_is_symmetric_and_circulant_linear_is_neither():
    circular = phase_target(T, sigma=0.1, distance="circular")
    assert torch.allclose(circular, circular.T)
    for k in range(T):
        assert torch.allclose(circular[k], circular[0].roll(k))
    linear = phase_target(T, sigma=0.1)
    assert torch.allclose(linear, linear.flip(0, 1))
    assert float((linear - linear.T).abs().max()) == pytest.approx(0.092, abs=5e-4)


def test_published_rows_to_four_decimals():
    linear = phase_target(T, sigma=0.1)
    middle = [0.0146, 0.0829, 0.2349, 0.3325, 0.2349, 0.0829, 0.0146]
    assert linear[6, 3:10].tolist() == pytest.approx(middle, abs=5e-5)
    assert linear[0, :4].tolist() == pytest.approx([0.4990, 0.3526, 0.1244, 0.0219], abs=5e-5)
    circular = phase_target(T, sigma=0.1, distance="circular")
    assert circular[6, 4:9].tolist() == pytest.approx(
        [0.0054, 0.1879, 0.6135, 0.1879, 0.0054], abs=5e-5
    )
    assert entropy(circular) == pytest.approx(0.985, abs=5e-4)


def test_hard_alignment_is_plain_cross_entropy_over_time():
    a, b = pair()
    similarity = normalize(a, dim=-1) @ normalize(b, dim=-1).mT / 0.2
    target = torch.arange(T).repeat(4)
    both = [cross_entropy(s.reshape(-1, T), target) for s in (similarity, similarity.mT)]
    measured = local_contrastive(a, b, phase_target(T, sigma=0), temperature=0.2)
    assert float(measured) == pytest.approx(float(sum(both)) / 2, abs=1e-10)


@pytest.mark.parametrize(("distance", "sigma"), SETTINGS)
def test_equals_a_loop(distance, sigma):
    a, b = pair(2, 5, 3)
    P = phase_target(5, sigma=sigma, distance=distance)
    tau, weight, total = 0.7, 0.3, 0.0
    for share, x, y in ((weight, a, b), (1 - weight, b, a)):
        for i in range(2):
            for k in range(5):
                scores = [
                    math.exp(float(torch.cosine_similarity(x[i, k], y[i, t], 0)) / tau)
                    for t in range(5)
                ]
                for t in range(5):
                    total -= share * float(P[k, t]) * math.log(scores[t] / sum(scores)) / 10
    measured = local_contrastive(a, b, P, temperature=tau, weight=weight)
    assert float(measured) == pytest.approx(total, abs=1e-6)


def test_symmetry_scale_and_independence_of_patients():
    a, b = pair()
    P = phase_target(T, sigma=0.1)

    def loss(x, y, **more):
        return float(local_contrastive(x, y, P, temperature=0.5, **more))

    assert loss(a, b) == pytest.approx(loss(b, a), abs=1e-12)
    assert loss(3 * a, 0.2 * b) == pytest.approx(loss(a, b), abs=1e-10)
    one = torch.tensor([True, False, False, False])
    changed = a.clone()
    changed[2] = -changed[2]
    assert loss(changed, b, valid=one) == loss(a, b, valid=one)
    assert loss(changed, b) != pytest.approx(loss(a, b), abs=1e-4)
    assert loss(a, b, weight=1.0) == pytest.approx(loss(b, a, weight=0.0), abs=1e-12)


@pytest.mark.parametrize(("distance", "sigma"), SETTINGS)
@pytest.mark.parametrize("tau", [0.07, 1.0])
def test_equal_embeddings_give_log_of_the_steps(distance, sigma, tau):
    x = torch.ones(3, T, 4, dtype=torch.float64)
    P = phase_target(T, sigma=sigma, distance=distance)
    assert float(local_contrastive(x, x, P, temperature=tau)) == pytest.approx(2.5649, abs=1e-4)


@pytest.mark.parametrize(("tau", "floor"), [(1.0, 1.62168), (0.1, 2.37e-4), (0.07, 2.28e-6)])
def test_floor_of_the_hard_loss(tau, floor):
    x = simplex()
    measured = float(local_contrastive(x, x, torch.eye(T), temperature=tau))
    assert measured == pytest.approx(floor, rel=5e-3)


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.5])
def test_soft_loss_is_bounded_by_the_entropy_and_by_the_inner_form(sigma):
    P = phase_target(T, sigma=sigma)
    for a, b in (pair(), (simplex(), simplex())):
        logs = torch.log_softmax(normalize(a, dim=-1) @ normalize(b, dim=-1).mT / 0.1, 2)
        outer = -(P * logs).sum(2).mean()
        inner = -(P * logs.exp()).sum(2).log().mean()
        assert float(outer) >= entropy(P) - 1e-6
        assert float(outer) > float(inner)
        measured = local_contrastive(a, b, P, temperature=0.1, weight=1.0)
        assert float(measured) == pytest.approx(float(outer), abs=1e-6)


def test_permutations_and_shifts():
    a, b = pair()
    hard, ring = torch.eye(T), phase_target(T, sigma=0.1, distance="circular")
    order = torch.randperm(T, generator=torch.Generator().manual_seed(3))

    def loss(x, y, P):
        return float(local_contrastive(x, y, P, temperature=0.3))

    assert loss(a[:, order], b[:, order], hard) == pytest.approx(loss(a, b, hard), abs=1e-10)
    assert loss(a.roll(4, 1), b.roll(4, 1), ring) == pytest.approx(loss(a, b, ring), abs=1e-6)
    x = simplex()
    assert loss(x, x.roll(1, 1), hard) > loss(x, x, hard) + 0.5


def test_patients_without_a_beat_count_for_nothing_even_with_nan():
    a, b = pair()
    valid = torch.tensor([True, False, True, True])
    broken = a.clone()
    broken[1] = torch.nan
    P = torch.eye(T)
    rest = local_contrastive(a[valid], b[valid], P, temperature=0.3)
    assert float(local_contrastive(broken, b, P, temperature=0.3, valid=valid)) == float(rest)
    assert float(local_contrastive(a, b, P, temperature=0.3, valid=~valid & valid)) == 0


def test_aligned_cosine():
    a, b = pair()
    assert float(aligned_cosine(a, 2 * a)) == pytest.approx(0, abs=1e-12)
    assert float(aligned_cosine(a, -a)) == pytest.approx(2, abs=1e-12)
    by_hand = sum(
        float(torch.cosine_similarity(a[i, k], b[i, k], 0)) for i in range(4) for k in range(T)
    )
    assert float(aligned_cosine(a, b)) == pytest.approx(1 - by_hand / (4 * T), abs=1e-10)


def test_gradients():
    a, b = (x.clone().requires_grad_() for x in pair(2, 4, 3))
    P = phase_target(4, sigma=0.3).double()
    assert torch.autograd.gradcheck(
        lambda x, y: local_contrastive(x, y, P, temperature=0.5), (a, b)
    )
    assert torch.autograd.gradcheck(aligned_cosine, (a, b))


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="cannot be -1"):
        phase_target(T, sigma=-1)
    with pytest.raises(ValueError, match="'linear' or 'circular'"):
        phase_target(T, sigma=0.1, distance="square")


def test_only_valid_patients_count_for_the_loss_without_negatives():
    ecg, cmr = pair(5)
    valid = torch.tensor([True, False, True, True, False])
    found = aligned_cosine(ecg, cmr, valid=valid)
    torch.testing.assert_close(found, aligned_cosine(ecg[valid], cmr[valid]))
    assert float(aligned_cosine(ecg, cmr, valid=torch.ones(5, dtype=torch.bool))) == pytest.approx(
        float(aligned_cosine(ecg, cmr))
    )
    assert float(aligned_cosine(ecg, cmr, valid=torch.zeros(5, dtype=torch.bool))) == 0


@pytest.mark.parametrize("distance", ["linear", "circular"])
def test_a_single_step_matches_itself(distance):
    assert phase_target(1, sigma=0.1, distance=distance).tolist() == [[1]]
