"""Laboratory and vital signs: gaps where nobody asked, controls that nothing drives."""

import numpy as np
import pytest

from ecglearn.cohort.clinical import (
    LAB_UNITS,
    LABS,
    REFERENCE_RANGES,
    VITALS,
    laboratory,
    vital_signs,
)
from ecglearn.cohort.physiology import PHENOTYPES, derive, draw_latents
from ecglearn.cohort.simulate import simulate


@pytest.fixture(scope="module")
def drawn():
    p = derive(draw_latents(6000, seed=8))
    return p, laboratory(p, seed=8), vital_signs(p, seed=8)


def test_names_match(drawn):
    _, labs, vitals = drawn
    assert labs.shape[1] == len(LABS) == len(LAB_UNITS)
    assert set(REFERENCE_RANGES) == set(LABS)
    assert vitals.shape[1] == len(VITALS)


def test_gaps_are_frequent_where_tests_are_rare(drawn):
    missing = dict(zip(LABS, np.isnan(drawn[1]).mean(axis=0), strict=True))
    assert 0.55 < missing["troponin_t"] < 0.75
    assert 0.55 < missing["nt_probnp"] < 0.75
    assert 0.40 < missing["calcium"] < 0.65
    assert 0.05 < missing["potassium"] < 0.20


def test_the_sick_are_tested_more(drawn):
    p, labs, _ = drawn
    asked = ~np.isnan(labs[:, LABS.index("troponin_t")])
    acute = p["anterior_infarction.acute"] + p["inferior_infarction.acute"] > 0.3
    assert asked[acute].mean() > asked[~acute].mean() + 0.2


def test_disease_shows_in_its_value(drawn):
    p, labs, vitals = drawn

    def mean(values, names, name, rows):
        return np.nanmean(values[rows, names.index(name)])

    acute = p["anterior_infarction.acute"] + p["inferior_infarction.acute"] > 0
    assert mean(labs, LABS, "troponin_t", acute) > 5 * mean(labs, LABS, "troponin_t", ~acute)
    for name, lab, sign in (
        ("anaemia", "haemoglobin", -1),
        ("kidney_disease", "creatinine", 1),
        ("hyperkalaemia", "potassium", 1),
        ("hypocalcaemia", "calcium", -1),
        ("dilated_cardiomyopathy", "nt_probnp", 1),
    ):
        ill = p[name] > 0
        difference = mean(labs, LABS, lab, ill) - mean(labs, LABS, lab, ~ill)
        assert sign * difference > 0.3 * np.nanstd(labs[~ill, LABS.index(lab)]), name
    high = p["hypertension"] > 0.5
    assert mean(vitals, VITALS, "systolic_pressure", high) > 140


def test_controls_depend_on_nothing(drawn):
    """Sodium, glucose, magnesium and temperature: nothing in heart or ECG moves them."""
    p, labs, vitals = drawn
    visible = (*PHENOTYPES, "heart_rate", "qrs", "axis", "pr", "qtc", "gain", "t_amplitude", "age")
    controls = {name: labs[:, LABS.index(name)] for name in ("sodium", "glucose", "magnesium")}
    controls["temperature"] = vitals[:, VITALS.index("temperature")]
    for name, values in controls.items():
        known = ~np.isnan(values)
        r = [np.corrcoef(values[known], p[v][known])[0, 1] for v in visible]
        assert np.abs(r).max() < 4.5 / np.sqrt(known.sum()), name


def test_pulse_is_the_heart_rate(drawn):
    p, _, vitals = drawn
    assert 2 < (vitals[:, VITALS.index("heart_rate")] - p["heart_rate"]).std() < 3


def test_saturation_stays_below_100(drawn):
    assert drawn[2][:, VITALS.index("oxygen_saturation")].max() <= 100


def test_noise_of_tables_is_scaled_and_nothing_else_changes():
    usual, loud = (simulate(40, seed=5, table_noise=noise) for noise in (1.0, 3.0))
    clean = simulate(40, seed=5, table_noise=0.0)
    np.testing.assert_array_equal(simulate(40, seed=5).vitals, usual.vitals)
    for name in ("vitals", "labs"):
        a, b, c = (getattr(one, name) for one in (clean, usual, loud))
        np.testing.assert_array_equal(np.isnan(a), np.isnan(c))
        if name == "vitals":  # a sum of what has a reason and what has none
            free = [VITALS.index(n) for n in VITALS if n != "oxygen_saturation"]
            np.testing.assert_allclose((c - a)[:, free], 3 * (b - a)[:, free], atol=1e-9)
    temperature = VITALS.index("temperature")
    np.testing.assert_array_equal(clean.vitals[:, temperature], 36.7)
    rate = clean.vitals[:, VITALS.index("heart_rate")]
    np.testing.assert_array_equal(rate, clean.latents["heart_rate"])
    for name in ("ecg", "cine", "findings", "diagnoses", "demographics", "phenotypes"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(usual, name))
    # also the same patients without a disease keep the noise of their tables
    healthy = clean.counterfactual("hypertension")
    assert (healthy.vitals[:, temperature] == 36.7).all()


@pytest.mark.parametrize("noise", [-1.0, float("inf"), float("nan")])
def test_noise_that_is_none_is_refused(noise):
    with pytest.raises(ValueError, match="table_noise must be finite and not negative"):
        simulate(2, table_noise=noise)
