"""Findings can be taken away one at a time, from those who show them and from nobody else."""

import numpy as np
import pytest

from ecglearn.cohort.findings import FINDINGS, REMOVALS, RHYTHM_FINDINGS, grade, without
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import CONDITIONS, derive, draw_latents

SEED = 9
# what goes with a finding because it is the same thing, or follows from it
FOLLOWS = {
    "left anterior fascicular block": {"left axis deviation"},
    "left axis deviation": {"left anterior fascicular block"},
    "right ventricular hypertrophy": {"right axis deviation"},
    "right axis deviation": {"right ventricular hypertrophy"},
    "left bundle branch block": {"long QT interval"},
    "right bundle branch block": {"long QT interval"},
    "intraventricular conduction delay": {"long QT interval"},
    "peaked T waves": {
        "first-degree AV block",
        "intraventricular conduction delay",
        "long QT interval",
    },
    "atrial fibrillation": {"intraventricular conduction delay", "nonspecific T wave changes"},
}
# findings on voltage are judged from the curve, which any change of the QRS complex moves
VOLTAGE = {
    "left ventricular hypertrophy",
    "right ventricular hypertrophy",
    "low QRS voltage",
    "normal ECG",
}


@pytest.fixture(scope="module")
def z():
    return draw_latents(4000, seed=SEED)


@pytest.fixture(scope="module")
def grades(z):
    p = derive(z)
    return grade(p, draw_beat(p, seed=SEED))


def test_bands_of_prevalence(grades):
    shown = dict(zip(FINDINGS, (grades > 0).mean(axis=0), strict=True))
    assert 0.2 < shown.pop("normal ECG") < 0.35
    assert all(0.015 < share < 0.17 for share in shown.values()), shown
    assert 1 < sum(shown.values()) < 2


def test_normal_means_no_finding(grades):
    normal = grades[:, 0] == 1
    assert (normal == (grades[:, 1:] == 0).all(axis=1)).all()
    assert grades.min() >= 0
    assert grades.max() <= 1


@pytest.mark.parametrize("name", FINDINGS[1:])
def test_a_finding_can_be_taken_away(name, z, grades):
    k = FINDINGS.index(name)
    before, after = derive(z), without(z, (name,), seed=SEED)
    left = grade(after, draw_beat(after, seed=SEED))
    shows = grades[:, k] > 0
    assert shows.any()
    assert (left[:, k] == 0).all()
    for key, value in before.items():
        assert np.array_equal(after[key][~shows], value[~shows]), key
    lost = (grades[shows] > 0) & (left[shows] == 0)
    gone = {FINDINGS[j] for j in np.flatnonzero(lost.any(axis=0))}
    assert gone - {name} - VOLTAGE <= FOLLOWS.get(name, set())
    if name not in RHYTHM_FINDINGS:
        assert np.array_equal(after["heart_rate"], before["heart_rate"])


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_can_be_taken_away(name, z):
    before, after = derive(z), without(z, (name,), seed=SEED)
    had = before[name] > 0
    assert (after[name] == 0).all()
    for key, value in before.items():
        assert np.array_equal(after[key][~had], value[~had]), key
    for other in CONDITIONS:  # no condition begins because another ends
        assert not ((after[other] > 0) & (before[other] == 0)).any()


def test_identities_survive(z):
    p = without(z, ("sinus tachycardia", "dilated_cardiomyopathy"), seed=SEED)
    assert np.allclose(p["LVCO"], p["LVSV"] * p["heart_rate"] / 1000)
    assert np.allclose(p["LVSV"], p["LVEDV"] - p["LVESV"])


def test_taking_away_nothing_changes_nothing(z):
    before, after = derive(z), without(z, (), seed=SEED)
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_an_electrical_finding_leaves_the_volumes(z):
    before, after = derive(z), without(z, ("old anterior infarction",), seed=SEED)
    assert np.array_equal(before["LVEF"], after["LVEF"])


def test_unknown_names_are_refused(z):
    with pytest.raises(ValueError, match="'flu' is not a condition of the cohort; choose from"):
        without(z, ("flu",), seed=SEED)


def test_every_finding_but_normal_has_a_removal():
    empty = [name for name, removal in REMOVALS.items() if removal == REMOVALS["normal ECG"]]
    assert empty == ["normal ECG"]
