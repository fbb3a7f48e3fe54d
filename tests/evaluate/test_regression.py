"""Linear probe: PTACL's property 31, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from ecglearn.data.splits import check_disjoint, split_patients
from ecglearn.evaluate import linear_probe, linear_probe_r2, r2


def data(n=80, d=5, p=3, noise=0.0):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator)
    y = x @ torch.randn(d, p, generator=generator) + 4
    return x, y + noise * torch.randn(n, p, generator=generator)


def test_exact_linear_features_give_one():
    x, y = data()
    assert linear_probe_r2(x[:50], y[:50], x[50:], y[50:]).tolist() == pytest.approx([1] * 3)


def test_equals_scikit_learn():
    x, y = data(noise=2)
    model = LinearRegression().fit(x[:50], y[:50])
    expected = np.asarray(r2_score(y[50:], model.predict(x[50:]), multioutput="raw_values"))
    measured = linear_probe_r2(x[:50], y[:50], x[50:], y[50:])
    assert measured.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_training_mean_is_at_most_zero():
    x, y = data(noise=1)
    useless = torch.zeros_like(x)
    scores = linear_probe_r2(useless[:50], y[:50], useless[50:], y[50:])
    assert bool((scores <= 1e-6).all())


def test_test_patients_never_enter_the_fit():
    x, y = data(noise=1)
    first = linear_probe(x[:50], y[:50], x[50:])
    second = linear_probe(x[:50], y[:50], torch.cat([x[50:], 100 * x[:5]]))
    assert torch.equal(first, second[:30])


def test_repeated_and_constant_features_do_no_harm():
    x, y = data(noise=1)
    wide = torch.cat([x, x, torch.ones(80, 2)], 1)
    assert torch.allclose(
        linear_probe(x[:50], y[:50], x[50:]), linear_probe(wide[:50], y[:50], wide[50:]), atol=1e-3
    )


def test_r2_by_hand():
    true, guess = torch.tensor([[1.0], [2.0], [6.0]]), torch.tensor([[1.0], [3.0], [5.0]])
    assert float(r2(guess, true)) == pytest.approx(1 - 2 / 14)


def test_patients_stay_on_one_side():
    people = [f"p{i // 3}" for i in range(60)]
    train, test = split_patients(people, test=0.25, seed=1)
    assert len(test) == 15
    assert sorted([*train, *test]) == list(range(60))
    check_disjoint([people[i] for i in train], [people[i] for i in test])
    with pytest.raises(ValueError, match="1 patients are on both sides of the split: p0"):
        check_disjoint(["p0", "p1"], ["p0"])
    with pytest.raises(ValueError, match="cannot be split"):
        split_patients(["a", "a", "b"], test=0.01)
