"""Laboratory and vital signs: gaps where nobody asked, controls that nothing drives."""

import numpy as np
import pytest

from ecglearn.cohort import clinical
from ecglearn.cohort.clinical import (
    LAB_UNITS,
    LABS,
    POSSIBLE,
    REFERENCE_RANGES,
    VITALS,
    laboratory,
    vital_signs,
)
from ecglearn.cohort.physiology import PHENOTYPES, derive, draw_latents
from ecglearn.cohort.simulate import simulate
from ecglearn.data.batch import ECGBatch


@pytest.fixture(scope="module")
def drawn():
    p = derive(draw_latents(6000, seed=8))
    return p, laboratory(p, seed=8), vital_signs(p, seed=8)


def test_names_match(drawn):
    _, labs, vitals = drawn
    assert labs.shape[1] == len(LABS) == len(LAB_UNITS)
    assert set(REFERENCE_RANGES) == set(LABS)
    assert vitals.shape[1] == len(VITALS)


def test_reference_ranges_are_what_they_were():
    """Written down once, with their units: every laboratory flag hangs on them."""
    found = {
        name: (*REFERENCE_RANGES[name], unit) for name, unit in zip(LABS, LAB_UNITS, strict=True)
    }
    assert found == {
        "potassium": (3.5, 5.1, "mmol/L"),
        "calcium": (2.15, 2.6, "mmol/L"),
        "sodium": (135, 145, "mmol/L"),
        "creatinine": (45, 105, "umol/L"),
        "haemoglobin": (12, 17, "g/dL"),
        "troponin_t": (0, 14, "ng/L"),
        "nt_probnp": (0, 300, "pg/mL"),
        "glucose": (3.9, 7.8, "mmol/L"),
        "magnesium": (0.7, 1.05, "mmol/L"),
    }


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


@pytest.mark.parametrize("noise", [4.0, 50.0])
def test_much_noise_leaves_patients_alive(noise):
    """Their tables are read without a word: `from_cohort` refuses what is impossible."""
    loud = simulate(300, seed=5, table_noise=noise, frames=1, size=2)
    batch = ECGBatch.from_cohort(loud)
    tables = np.hstack([loud.vitals, loud.labs]).T
    for name, values in zip((*VITALS, *LABS), tables, strict=True):
        low, high = POSSIBLE[name]
        assert low <= np.nanmin(values) < np.nanmax(values) <= high, name
    assert batch.labs is not None
    if noise == 50:  # so much that both bounds are reached
        rate = loud.vitals[:, VITALS.index("heart_rate")]
        assert (rate.min(), rate.max()) == POSSIBLE["heart_rate"]


@pytest.mark.parametrize("noise", [-1.0, float("inf"), float("nan")])
def test_noise_that_is_none_is_refused(noise):
    with pytest.raises(ValueError, match="table_noise must be finite and not negative"):
        simulate(2, table_noise=noise)


WELL = dict.fromkeys(
    (
        *("kidney_disease", "anterior_infarction.acute", "inferior_infarction.acute", "anaemia"),
        *("dilated_cardiomyopathy", "right_overload", "atrial_fibrillation", "hypertension"),
    ),
    0.0,
) | {
    "age": 60,
    "male": 0,
    "bmi": 26.5,
    "LVEF": 60,
    "heart_rate": 70,
    "potassium": 4.2,
    "calcium": 2.36,
}


def table(of, monkeypatch, *, draw=0.0, u=0.0, **changed):
    """A row by name, of a woman of 60 whose draws are known."""
    monkeypatch.setattr(
        clinical, "normal", lambda *_: np.full((1, 9 if of is laboratory else 6), draw)
    )
    monkeypatch.setattr(clinical, "uniform", lambda *_: np.full((1, 9), u))
    p = {
        name: np.array([float(value)])
        for name, value in (WELL | {"heart_rate": 70} | changed).items()
    }
    return dict(zip(LABS if of is laboratory else VITALS, of(p, seed=0)[0], strict=True))


# a change, and what it does to the values: factors of what is skewed, else sums
NORMAL_LABS = {
    "potassium": 4.2,
    "calcium": 2.36,
    "sodium": 140,
    "creatinine": 72,
    "haemoglobin": 13.3,
    "troponin_t": 10**0.75,
    "nt_probnp": 10**1.75,
    "glucose": 5.6,
    "magnesium": 0.85,
}
SKEWED = ("creatinine", "troponin_t", "nt_probnp", "glucose")
LAB_CHANGES = [
    ({"male": 1}, {"creatinine": 87 / 72, "haemoglobin": 1.4}),
    (
        {"age": 70},
        {"creatinine": np.exp(0.04), "troponin_t": 10**0.1, "nt_probnp": 10**0.17},
    ),
    ({"bmi": 36.5}, {"nt_probnp": 10**-0.15}),
    ({"LVEF": 50}, {"nt_probnp": 10**0.22}),
    ({"LVEF": 70}, {}),
    ({"potassium": 5, "calcium": 2}, {"potassium": 0.8, "calcium": -0.36}),
    (
        {"kidney_disease": 0.5},
        {
            "creatinine": np.exp(0.55),
            "haemoglobin": -0.6,
            "troponin_t": 10**0.15,
            "nt_probnp": 10**0.2,
        },
    ),
    ({"anterior_infarction.acute": 0.4}, {"troponin_t": 10**1.2}),
    ({"inferior_infarction.acute": 0.4}, {"troponin_t": 10**1.2}),
    ({"anaemia": 0.5}, {"haemoglobin": -3.2}),
    ({"dilated_cardiomyopathy": 0.4}, {"troponin_t": 10**0.1}),
    ({"right_overload": 0.4}, {"nt_probnp": 10**0.2}),
    ({"atrial_fibrillation": 0.1}, {"nt_probnp": 10**0.45}),
    ({"hypertension": 1}, {}),
    (
        {"draw": 1.0},
        {
            "potassium": 0.12,
            "calcium": 0.03,
            "sodium": 2.6,
            "creatinine": np.exp(0.14),
            "haemoglobin": 0.9,
            "troponin_t": 10**0.28,
            "nt_probnp": 10**0.28,
            "glucose": np.exp(0.22),
            "magnesium": 0.08,
        },
    ),
]
VITAL_CHANGES = [
    ({"age": 70}, {"systolic_pressure": 5, "diastolic_pressure": 1.75}),
    ({"hypertension": 0.5}, {"systolic_pressure": 16, "diastolic_pressure": 5.6}),
    (
        {"dilated_cardiomyopathy": 0.5},
        {
            "systolic_pressure": -8,
            "diastolic_pressure": -2.8,
            "oxygen_saturation": -0.75,
            "respiratory_rate": 1.5,
        },
    ),
    ({"right_overload": 0.5}, {"oxygen_saturation": -1.25, "respiratory_rate": 1}),
    ({"heart_rate": 90}, {"heart_rate": 20}),
    (
        {"draw": 1.0},
        {
            "heart_rate": 2.5,
            "systolic_pressure": 9,
            "diastolic_pressure": 8.15,
            "oxygen_saturation": 0.9,
            "respiratory_rate": 1.6,
            "temperature": 0.3,
        },
    ),
]


@pytest.mark.parametrize(("changed", "wanted"), LAB_CHANGES)
def test_one_change_in_the_laboratory(changed, wanted, monkeypatch):
    before, after = (table(laboratory, monkeypatch, **c) for c in ({}, changed))
    assert before == pytest.approx(NORMAL_LABS)
    moved = {
        name: value * wanted.get(name, 1) if name in SKEWED else value + wanted.get(name, 0)
        for name, value in before.items()
    }
    assert after == pytest.approx(moved)


@pytest.mark.parametrize(("changed", "wanted"), VITAL_CHANGES)
def test_one_change_at_the_bedside(changed, wanted, monkeypatch):
    before, after = (table(vital_signs, monkeypatch, **c) for c in ({}, changed))
    assert list(before.values()) == pytest.approx([70, 126, 76, 97.3, 15.5, 36.7])
    assert after == pytest.approx({n: v + wanted.get(n, 0) for n, v in before.items()})


@pytest.mark.parametrize(
    ("changed", "sick"),
    [
        ({}, 0),
        ({"anterior_infarction.acute": 0.2}, 0.3),
        ({"inferior_infarction.acute": 0.2}, 0.3),
        ({"dilated_cardiomyopathy": 0.3}, 0.3),
        ({"kidney_disease": 0.3}, 0.3),
        ({"right_overload": 0.3}, 0.3),
        ({"age": 70}, 0.15),
    ],
)
def test_who_is_tested(changed, sick, monkeypatch):
    """Odds of an order: e to the power of its usual one and 1.5 times how sick somebody is."""
    usual = dict(zip(LABS, [2.0, -0.4, 2.0, 2.0, 1.6, -1.0, -1.0, 0.8, -0.6], strict=True))
    for name, logit in usual.items():
        chance = 1 / (1 + np.exp(-logit - 1.5 * sick))
        for u, ordered in ((chance - 1e-6, True), (chance + 1e-6, False)):
            known = table(laboratory, monkeypatch, u=u, **changed)[name]
            assert np.isfinite(known) == ordered, name
