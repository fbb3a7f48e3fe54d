"""CMRS and its properties; hiding without a trace; critical cells of a model that is understood."""

import numpy as np
import pytest
import torch

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    Probed,
    Split,
    apply_missing,
    cmrs,
    cmrs_draws,
    critical,
    critical_views,
    evidence_removed,
    fit_probe,
    load_prompts,
    mean_auroc,
    missingness_table,
    random_keep_masks,
    token_drops,
)
from ecglearn.evaluate.intervals import interval_of, resampled_rows
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.signals.missing import missing_share

MEASURES = ("auroc", "cmrs", "cmrs_mag")


def scores(n=400, classes=6, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random((n, classes)) < 0.3
    return y + noise * rng.standard_normal(y.shape), y


# CMRS


def test_nothing_missing_is_one_and_constants_are_zero():
    s, y = scores()
    assert cmrs(s, s, y) == (1, 1)
    assert cmrs(np.zeros_like(s), s, y) == (0, 0)
    assert cmrs(np.zeros_like(s) + np.arange(6), s, y) == (0, 0)
    assert cmrs(-s, s, y) == (0, 0)


def test_strangers_are_about_zero():
    s, y = scores(2000)
    other = np.random.default_rng(1).standard_normal(s.shape)
    assert cmrs(other, s, y).value <= 0.03


def test_scale_and_shifts_of_classes_do_not_count():
    s, y = scores()
    worse = s + np.random.default_rng(2).standard_normal(s.shape)
    plain = cmrs(worse, s, y)
    assert cmrs(3 * worse + np.arange(6), s, y).value == pytest.approx(plain.value)
    assert cmrs(worse, 0.1 * s - np.arange(6), y).value == pytest.approx(plain.value)


def test_shrinking_is_seen_by_the_companion_only():
    s, y = scores()
    left = cmrs(0.4 * s, s, y)
    assert left.value == pytest.approx(1)
    assert left.magnitude == pytest.approx(0.4)


def test_falls_as_more_becomes_a_strangers():
    s, y = scores(2000)
    other = np.roll(s, 1, 0)
    curve = [cmrs((1 - a) * s + a * other, s, y).value for a in (0, 0.25, 0.5, 0.75, 1)]
    assert curve == sorted(curve, reverse=True)
    assert curve[0] == 1
    assert curve[-1] < 0.05


def test_an_uninformative_full_view_gives_nan():
    _, y = scores()
    constant = np.ones(y.shape)
    assert all(np.isnan(cmrs(constant, constant, y)))


def test_definition_by_hand():
    s = np.array([[3.0, 0.0], [1.0, 2.0], [5.0, 5.0]])
    y = np.array([[1, 0], [0, 1], [1, 1]])  # the last has everything and does not count
    half = np.array([[2.5, 0.0], [1.0, 0.5], [0.0, 0.0]])

    def g(x):
        c = x[:2] - x[:2].mean(0)
        margin = ((c[0, 0] - c[0, 1]) + (c[1, 1] - c[1, 0])) / 2
        return margin / np.sqrt((c**2).mean()), margin

    found = cmrs(half, s, y)
    assert found.magnitude == pytest.approx(g(half)[1] / g(s)[1])
    assert found.value == pytest.approx(min(g(half)[0] / g(s)[0], 1))
    with pytest.raises(ValueError, match="must agree"):
        cmrs(s[:2], s, y)
    with pytest.raises(ValueError, match="some class and lack another"):
        cmrs(s, s, np.ones_like(s))


# hiding


@pytest.fixture(scope="module")
def cohort():
    return simulate(32, seed=5)


@pytest.fixture(scope="module")
def batch(cohort):
    return ECGBatch.from_cohort(cohort)


def test_hidden_content_leaves_no_trace_in_any_field(batch):
    keep = random_keep_masks(32, segments=4)["moderate"]
    seen = keep.repeat_interleave(250, -1)
    poisoned = ECGBatch(ecg=batch.ecg.where(seen, 1e3), fs=batch.fs)
    shown = apply_missing(batch, keep)
    torch.testing.assert_close(apply_missing(poisoned, keep).ecg, shown.ecg)
    assert shown.keep is not None
    assert torch.equal(shown.keep, seen)
    assert shown.r_peaks is None
    assert (shown.ecg[~seen] == 0).all()
    for row, here in zip(shown.ecg, seen, strict=True):
        assert float(row[here].mean()) == pytest.approx(0, abs=1e-4)
        assert float(row[here].std(correction=0)) == pytest.approx(1, abs=1e-3)
    again = apply_missing(shown, ~keep.logical_not())
    torch.testing.assert_close(again.ecg, shown.ecg, atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="does not fit"):
        apply_missing(batch, keep[:5])


def test_same_seed_same_views_and_stated_shares():
    first, again = (random_keep_masks(64, segments=4, seed=3) for _ in range(2))
    for (name, keep), share in zip(first.items(), (0.4375, 0.75, 0.875), strict=True):
        assert torch.equal(keep, again[name])
        torch.testing.assert_close(missing_share(keep), torch.full((64,), share))
    assert not torch.equal(first["mild"], random_keep_masks(64, segments=4, seed=4)["mild"])


class Reader:
    """Looks at one cell only: lead V1, second quarter."""

    def embed(self, batch):
        part = batch.ecg[:, 6, 250:500]
        return torch.stack([part.abs().mean(1), torch.full((len(part),), 0.1)], 1)

    def embed_text(self, texts):
        return torch.tensor([[1.0, 0.0] if text == "yes" else [0.0, 1.0] for text in texts])


def test_the_cell_a_model_reads_is_the_most_critical(batch):
    labels = np.tile([1, 0], (32, 1))
    drops = token_drops(Reader(), batch, {"a": "yes", "b": ["no"]}, labels, segments=4)
    assert drops.flatten(1).argmax(1).tolist() == [6 * 4 + 1] * 32
    keep = critical(drops, 1 / 48)
    assert (~keep).sum() == 32
    assert not keep[:, 6, 1].any()
    labels[3] = 0
    without = token_drops(Reader(), batch, {"a": "yes", "b": ["no"]}, labels, segments=4)
    assert (without[3] == 0).all()
    assert torch.equal(without[4:], drops[4:])
    with pytest.raises(ValueError, match="labels are"):
        token_drops(Reader(), batch, {"a": "yes"}, labels, segments=4)
    with pytest.raises(ValueError, match="share"):
        critical(drops, 2)


def test_views_for_the_worst_take_their_shares_and_leave_something():
    drops = torch.randn(16, 12, 4, generator=torch.Generator().manual_seed(0))
    views = critical_views(drops, seed=1)
    assert list(views) == ["critical 10%", "critical 25%", "critical 50%", "hard"]
    for share in (0.1, 0.25, 0.5):
        gone = ~views[f"critical {share:.0%}"]
        assert (gone.sum((1, 2)) == round(share * 48)).all()
        for row, scores_of in zip(gone, drops, strict=True):
            assert float(scores_of[row].min()) > float(scores_of[~row].max())
    assert views["hard"].any(2).any(1).all()
    assert (missing_share(views["hard"]) >= 0.75).all()
    assert all(torch.equal(a, critical_views(drops, seed=1)[n]) for n, a in views.items())


def test_evidence_removed_against_chance(cohort):
    evidence = cohort.truth.evidence
    total = torch.from_numpy(np.nan_to_num(evidence).sum(1))
    hit, chance = evidence_removed(critical(total, 0.25), evidence)
    assert chance == pytest.approx(0.25)
    assert hit > 2 * chance
    random = torch.rand(32, 12, 20, generator=torch.Generator().manual_seed(0)) > 0.25
    hit, chance = evidence_removed(random, evidence)
    assert hit == pytest.approx(chance, abs=0.05)
    assert evidence_removed(torch.zeros(32, 12, 20).bool(), evidence)[0] == pytest.approx(1)


def test_table_works_on_a_model_without_keep(batch, cohort):
    torch.manual_seed(0)
    model = MERL(MERLConfig.preset("smoke"))
    prompts = {name: name for name in FINDINGS[:8]}
    labels = cohort.findings[:, :8]
    views = random_keep_masks(32, segments=4)
    table = missingness_table({"MERL": model}, batch, prompts, labels, views, n_resamples=20)
    assert list(table["view"]) == ["full", "mild", "moderate", "severe"]
    assert table["missing"].tolist() == pytest.approx([0, 0.4375, 0.75, 0.875])
    again = missingness_table({"MERL": model}, batch, prompts, labels, views, n_resamples=20)
    assert again.equals(table)


class Told:
    """Scores are the findings through noise, which grows as more is missing."""

    def __init__(self, labels):
        self.labels = labels

    def score(self, batch):
        missing = 0.0 if batch.keep is None else 1 - float(batch.keep.float().mean())
        noise = np.random.default_rng(0).standard_normal(self.labels.shape)
        return self.labels + (0.5 + 2 * missing) * noise


def test_numbers_of_the_table_and_their_intervals(batch):
    """Values are those of the single functions; one fortieth is left out on each side."""
    labels = np.random.default_rng(1).random((32, 6)) < 0.4
    model, views = Told(labels), random_keep_masks(32, segments=4)
    prompts = {name: name for name in FINDINGS[:6]}
    table = missingness_table({"m": model}, batch, prompts, labels, views, n_resamples=60, seed=3)
    assert table[["cmrs", "cmrs_low", "cmrs_high", "cmrs_mag"]].to_numpy()[0].tolist() == [1] * 4
    rng = np.random.default_rng(3)
    drawn = [rng.integers(32, size=32) for _ in range(60)]
    full = model.score(batch)
    for k, view in enumerate(("full", *views)):
        row = table.iloc[k]
        shown = batch if view == "full" else apply_missing(batch, views[view])
        s = model.score(shown)
        values = (mean_auroc(labels, s), *cmrs(s, full, labels))
        np.testing.assert_allclose(row[list(MEASURES)].astype(float), values)
        each = [(mean_auroc(labels[r], s[r]), *cmrs(s[r], full[r], labels[r])) for r in drawn]
        for side, wanted in (("low", 0.025), ("high", 0.975)):
            found = row[[f"{measure}_{side}" for measure in MEASURES]].astype(float)
            np.testing.assert_allclose(found, np.quantile(each, wanted, axis=0))
    assert table["view"].tolist() == ["full", *views]
    assert table["cmrs"].is_monotonic_decreasing
    assert table["cmrs"].iloc[-1] < 0.9


def test_a_probe_is_asked_like_any_model():
    """Through a probe the table shows the probe's own scores, on full and on hidden records."""
    cohort = simulate(96, seed=8)
    batch = ECGBatch.from_cohort(cohort)
    torch.manual_seed(0)
    merl = MERL(MERLConfig.preset("smoke"))
    y = np.asarray(batch.findings, float)
    cuts = (slice(0, 48), slice(48, 64), slice(64, 96))
    x = merl.embed(batch).numpy()
    probe = fit_probe(Split(*(x[c] for c in cuts)), Split(*(y[c] for c in cuts)))
    test, views = batch[cuts[2]], random_keep_masks(32, segments=4)
    table = missingness_table(
        {"probe": Probed(merl, probe)}, test, load_prompts(), y[cuts[2]], views, n_resamples=3
    )
    expected = [
        mean_auroc(y[cuts[2]], probe.score(merl.embed(view)))
        for view in (test, *(apply_missing(test, keep) for keep in views.values()))
    ]
    np.testing.assert_allclose(table["auroc"], expected)


def test_cmrs_with_most_draws_nan_has_no_interval():
    """Where the full view separates hardly anybody, what draws are left are a selection."""
    rng = np.random.default_rng(0)
    y = np.zeros((40, 3))
    y[np.arange(40), rng.integers(3, size=40)] = 1
    full = -0.2 * y + rng.normal(size=y.shape)
    rows = list(resampled_rows(40, 100))
    drawn = cmrs_draws(full + rng.normal(size=y.shape), full, y, rows)
    assert 0.5 < np.isnan(drawn[:, 0]).mean() < 1
    assert {0.0, 1.0} >= set(np.nanquantile(drawn[:, 0], [0.025, 0.975]).round(1))
    assert np.isnan(interval_of(0.5, drawn[:, 0])[1:]).all()
