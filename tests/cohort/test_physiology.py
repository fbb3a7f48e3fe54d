"""Latents, couplings, prevalences, and what the ten phenotypes owe each other."""

import numpy as np
import pytest

from ecglearn.cohort import physiology
from ecglearn.cohort.physiology import CONDITIONS, DIAGNOSES, derive, draw_latents, switch_off


@pytest.fixture(scope="module")
def latents():
    return draw_latents(6000, seed=2)


@pytest.fixture(scope="module")
def p(latents):
    return derive(latents)


def test_a_new_latent_changes_no_other(latents, monkeypatch):
    monkeypatch.setattr(physiology, "NORMAL_LATENTS", ("new", *physiology.NORMAL_LATENTS, "newer"))
    monkeypatch.setattr(physiology, "CONDITIONS", {"new disease": 0.5, **CONDITIONS})
    more = draw_latents(6000, seed=2)
    assert set(more) - set(latents) == {"new", "newer", "new disease.u", "new disease.severity"}
    assert all(np.array_equal(more[name], latents[name]) for name in latents)


def test_phenotypes_fit_together(p):
    assert np.allclose(p["LVSV"], p["LVEDV"] - p["LVESV"])
    assert np.allclose(p["LVEF"], 100 * p["LVSV"] / p["LVEDV"])
    assert np.allclose(p["LVCO"], p["LVSV"] * p["heart_rate"] / 1000)
    assert np.allclose(p["RVSV"], p["RVEDV"] - p["RVESV"])
    assert np.allclose(p["RVEF"], 100 * p["RVSV"] / p["RVEDV"])
    for name in physiology.PHENOTYPES:
        assert (p[name] > 0).all()
        assert np.isfinite(p[name]).all()


def test_healthy_hearts_have_published_sizes(p):
    """Means within 12% of UK Biobank's reference values (Petersen et al. 2017)."""
    ill = sum(p[name] for name in DIAGNOSES)
    published = {"LVEDV": (166, 124), "LVESV": (69, 49), "LVM": (103, 70), "RVEDV": (182, 130)}
    for name, both in published.items():
        for male, value in zip((1, 0), both, strict=True):
            mean = p[name][(ill == 0) & (p["male"] == male)].mean()
            assert abs(mean / value - 1) < 0.12, (name, male, mean)


def test_prevalences_are_as_stated(p):
    for name, prevalence in CONDITIONS.items():
        share = (p[name] > 0).mean()
        if name == "left_bundle_branch_block":  # 30% of dilated hearts have it too
            prevalence += 0.3 * CONDITIONS["dilated_cardiomyopathy"]
        older = 1.25 if name in ("atrial_fibrillation", "hypertension") else 1.0
        assert 0.75 * prevalence < share < 1.25 * older * prevalence, (name, share)


def test_mild_cases_exist(p):
    """Without them every finding would be easy."""
    severity = p["dilated_cardiomyopathy"][p["dilated_cardiomyopathy"] > 0]
    assert severity.min() < 0.15
    assert severity.max() > 0.9


def test_blocks_and_rhythms_exclude_each_other(p):
    left = p["left_bundle_branch_block"] > 0
    assert not (left & (p["right_bundle_branch_block"] > 0)).any()
    assert not ((p["atrial_fibrillation"] > 0) & (p["atrial_flutter"] > 0)).any()


def test_published_correlations(p):
    """QRS duration against EF (-0.34 published); size and mass rise with QRS duration."""
    plain = (p["left_bundle_branch_block"] == 0) & (p["right_bundle_branch_block"] == 0)
    assert -0.45 < np.corrcoef(p["qrs"], p["LVEF"])[0, 1] < -0.15
    assert 0.2 < np.corrcoef(p["qrs"][plain], p["LVEDV"][plain])[0, 1] < 0.75


def test_qtc_rises_as_a_weak_heart_gets_weaker(latents):
    """A quarter of a millisecond for each point of ejection fraction below 58, none above."""
    strong, weak = (
        derive({**latents, "contractility": latents["contractility"] + by}) for by in (0.0, -0.5)
    )
    narrow = (strong["qrs"] < 110) & (weak["qrs"] < 110)  # a broad QRS lengthens QTc by itself
    narrow &= (abs(strong["qtc"] - 445) < 100) & (abs(weak["qtc"] - 445) < 100)
    fall, rise = strong["LVEF"] - weak["LVEF"], weak["qtc"] - strong["qtc"]
    assert (fall > 0).mean() > 0.95
    below, above = narrow & (strong["LVEF"] < 58), narrow & (weak["LVEF"] > 58)
    assert min(below.sum(), above.sum()) > 100
    np.testing.assert_allclose(rise[below], 0.25 * fall[below], atol=1e-9)
    np.testing.assert_allclose(rise[above], 0, atol=1e-9)


def test_switching_off_touches_one_draw(latents):
    fewer = switch_off(latents, ["anaemia"])
    changed = [name for name in latents if not np.array_equal(fewer[name], latents[name])]
    assert changed == ["anaemia.u"]
    assert (derive(fewer)["anaemia"] == 0).all()


def test_unknown_condition_is_refused(latents):
    with pytest.raises(ValueError, match="'gout' is not a condition of the cohort; choose from"):
        switch_off(latents, ["gout"])
