"""The linear probe: chosen on validation records, blind to the test records, honest about gaps."""

import numpy as np
import pandas as pd
import pytest
from jaxtyping import TypeCheckError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from ecglearn.evaluate import ECG_FIX, Split, fit_probe, mean_auroc, probe_table

N, D, K = 200, 8, 3


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(0)
    y = (rng.random((3 * N, K)) < 0.3).astype(float)
    x = y @ rng.normal(size=(K, D)) + rng.normal(size=(3 * N, D))
    return split(x), split(y)


def split(x):
    return Split(x[:N], x[N : 2 * N], x[2 * N :])


def test_one_strength_is_logistic_regression_class_by_class(crowd):
    x, y = crowd
    probe = fit_probe(x, y, Cs=[0.1])
    scale = StandardScaler().fit(x.train)
    for k in range(K):
        model = LogisticRegression(C=0.1).fit(scale.transform(x.train), y.train[:, k])
        expected = model.decision_function(scale.transform(x.test))
        np.testing.assert_allclose(probe.scores[:, k], expected, atol=1e-4)
    assert mean_auroc(y.test, probe.scores) > 0.8


def test_the_strength_is_chosen_by_validation_never_by_test(crowd):
    x, y = crowd
    tried = (1e-6, 1e-2, 10.0)
    values = [
        mean_auroc(y.validation, fit_probe(x._replace(test=x.validation), y, Cs=[c]).scores)
        for c in tried
    ]
    chosen = fit_probe(x, y, Cs=tried)
    assert tried[int(np.argmax(values))] == chosen.C
    other = fit_probe(x, y._replace(test=1 - y.test), Cs=tried)
    np.testing.assert_array_equal(other.scores, chosen.scores)


def test_test_records_do_not_reach_scaling_or_weights(crowd):
    x, y = crowd
    moved = x._replace(test=np.concatenate([x.test[:5], 1e6 + x.test[5:]]))
    np.testing.assert_array_equal(fit_probe(moved, y).scores[:5], fit_probe(x, y).scores[:5])


def test_few_labels_miss_classes_and_say_so(crowd):
    x, y = crowd
    y = Split(*(part.copy() for part in y))
    y.train[:, 1] = 0
    y.train[7, 1] = np.nan
    probe = fit_probe(x, y)
    assert probe.unseen == [1]
    assert len(np.unique(probe.scores[:, 1])) == 1
    assert mean_auroc(y.test[:, 1:2], probe.scores[:, 1:2]) == 0.5


def test_unmeasured_labels_are_left_out(crowd):
    x, y = crowd
    y = Split(*(part.copy() for part in y))
    gaps = np.random.default_rng(1).random(y.train.shape) < 0.3
    y.train[gaps] = np.nan
    rows = ~gaps[:, 0]
    alone = fit_probe(x, Split(*(part[:, :1] for part in y)), Cs=[1.0])
    scale = StandardScaler().fit(x.train)
    model = LogisticRegression(C=1.0).fit(scale.transform(x.train)[rows], y.train[rows, 0])
    expected = model.decision_function(scale.transform(x.test))
    np.testing.assert_allclose(alone.scores[:, 0], expected, atol=1e-3)


def test_table_orders_what_is_known_to_be_ordered(crowd):
    x, y = crowd
    noise = split(np.random.default_rng(3).normal(size=(3 * N, D)))
    table = probe_table(
        {"good": x, "noise": noise}, y, label_fractions=(0.05, 1.0), seeds=3, n_resamples=50
    )
    assert list(table.index) == [("good", 0.05), ("good", 1.0), ("noise", 0.05), ("noise", 1.0)]
    assert table["records"].tolist() == [10, 200, 10, 200]
    assert table.loc[("good", 0.05), "high"] < table.loc[("good", 1.0), "value"]
    assert table.loc[("noise", 1.0), "high"] < table.loc[("good", 0.05), "low"]
    assert 0.4 < table.loc[("noise", 1.0), "value"] < 0.6


def test_interval_is_over_patients_and_seeds(crowd):
    """A draw takes test patients, then runs; one fortieth is left out on each side."""
    x, y = crowd
    runs = [fit_probe(x, y, share=0.05, seed=k, Cs=[1.0]).scores for k in range(3)]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(60):
        rows, chosen = rng.integers(N, size=N), rng.integers(3, size=3)
        drawn.append(np.mean([mean_auroc(y.test[rows], runs[k][rows]) for k in chosen]))
    table = probe_table(
        {"a": x}, y, label_fractions=(0.05,), seeds=3, Cs=[1.0], n_resamples=60
    ).loc[("a", 0.05)]
    assert table["value"] == pytest.approx(np.mean([mean_auroc(y.test, run) for run in runs]))
    np.testing.assert_allclose(
        table[["low", "high"]].astype(float), np.quantile(drawn, [0.025, 0.975])
    )


def test_records_of_a_patient_are_drawn_together(crowd):
    """Every record twice is no new evidence: only other patients would narrow the interval."""
    x, y = crowd
    twice = np.repeat(np.arange(len(y.test)), 2)
    settings = {"label_fractions": (1.0,), "n_resamples": 60}
    once = probe_table({"a": x}, y, **settings).loc[("a", 1.0)]
    x, y = (part._replace(test=np.asarray(part.test)[twice]) for part in (x, y))
    both = probe_table({"a": x}, y, **settings, patients=twice.tolist()).loc[("a", 1.0)]
    pd.testing.assert_series_equal(both, once)
    apart = probe_table({"a": x}, y, **settings).loc[("a", 1.0)]
    assert apart["high"] - apart["low"] < 0.85 * (once["high"] - once["low"])


def test_bad_input(crowd):
    x, y = crowd
    for share in (0, 1.5):
        with pytest.raises(ValueError, match="a share of the training records is above 0"):
            fit_probe(x, y, share=share)
    with pytest.raises(ValueError, match="200 validation records have features and 199"):
        fit_probe(x, y._replace(validation=y.validation[1:]))


def by_log_loss(x, y):
    """The grid of ecg-fix, one setting after the other."""
    found = {}
    for scaled in (True, False):
        change = StandardScaler(with_mean=scaled, with_std=scaled).fit(x.train).transform
        for weight in (None, "balanced"):
            for C in (0.01, 0.1, 1.0, 10.0):
                model = LogisticRegression(C=C, class_weight=weight, max_iter=300)
                model.fit(change(x.train), y.train[:, 0])
                loss = log_loss(y.validation[:, 0], model.predict_proba(change(x.validation))[:, 1])
                found[scaled, weight, C] = loss, model.decision_function(change(x.test))
    return min(found.values(), key=lambda one: one[0])[1]


def test_chosen_by_log_loss_over_scale_strength_and_weights():
    rng = np.random.default_rng(0)
    x = Split(*(rng.normal(size=(n, 6)) * np.array([9, 1, 1, 1, 1, 0.1]) for n in (80, 60, 50)))
    y = Split(*((part[:, :1] / 9 + rng.normal(size=(len(part), 1)) > 0.8) for part in x))
    y = Split(*(part.astype(float) for part in y))
    assert ECG_FIX["Cs"] == (0.01, 0.1, 1.0, 10.0)
    probe = fit_probe(x, y, **ECG_FIX)
    np.testing.assert_allclose(probe.scores[:, 0], by_log_loss(x, y), atol=1e-6)
    np.testing.assert_allclose(probe.score(x.test), probe.scores)
    assert not np.allclose(probe.scores, fit_probe(x, y).scores)
    with pytest.raises(
        (ValueError, TypeCheckError), match=r"chosen by auroc or log_loss|choose_by"
    ):
        fit_probe(x, y, choose_by="luck")  # pyright: ignore[reportArgumentType]
