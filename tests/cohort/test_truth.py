"""Evidence maps lie in the leads where a cardiologist looks."""

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, RHYTHM_FINDINGS, evidence, simulate
from ecglearn.cohort.truth import SEGMENTS
from ecglearn.signals.leads import LEADS


@pytest.fixture(scope="module")
def maps(crowd):
    return crowd.truth.evidence


def share(crowd, maps, name):
    """Mean share of each lead over those who clearly show the finding."""
    k = FINDINGS.index(name)
    rows = crowd.truth.grades[:, k] > 0.2
    assert rows.sum() >= 3
    return dict(zip(LEADS, maps[rows, k].sum(axis=2).mean(axis=0), strict=True))


def test_maps_are_shares(crowd, maps):
    assert maps.shape == (len(crowd), len(FINDINGS), 12, SEGMENTS)
    rhythm = np.array([name in RHYTHM_FINDINGS for name in FINDINGS])
    shown = crowd.findings.copy()
    shown[:, 0] = False  # a normal ECG has no place
    local = shown & ~rhythm
    assert np.allclose(maps[local].sum(axis=(1, 2)), 1, atol=1e-5)
    assert (maps[~shown] == 0).all()
    assert np.isnan(maps[shown & rhythm]).all()
    assert maps[local].min() >= 0


@pytest.mark.parametrize(
    ("name", "leads", "least"),
    [
        ("anterior ST elevation", ("V2", "V3", "V4"), 0.75),
        ("inferior ST elevation", ("II", "III", "aVF"), 0.55),
        ("old anterior infarction", ("V1", "V2", "V3", "V4"), 0.75),
        ("old inferior infarction", ("II", "III", "aVF"), 0.5),
        ("right bundle branch block", ("V1", "V2", "V3"), 0.3),
        ("ST-T strain", ("V1", "V4", "V5", "V6"), 0.4),
        ("right ventricular hypertrophy", ("V1", "V2", "V3", "V4", "V5", "V6"), 0.6),
    ],
)
def test_evidence_lies_in_the_right_leads(name, leads, least, crowd, maps):
    shares = share(crowd, maps, name)
    assert sum(shares[lead] for lead in leads) > least, shares


def test_a_bundle_branch_block_is_everywhere(crowd, maps):
    shares = share(crowd, maps, "left bundle branch block")
    assert max(shares.values()) < 0.5
    assert sum(value > 0.03 for value in shares.values()) >= 7


def wave_share(crowd, name, low, high):
    """Share of the change between `low` and `high` seconds after the R waves."""
    k = FINDINGS.index(name)
    rows = np.flatnonzero(crowd.truth.grades[:, k] > 0.2)[:12]
    some = crowd[rows]
    change = ((some.counterfactual(name).ecg - some.ecg) ** 2).sum(axis=1)
    inside = total = 0.0
    for row, times in zip(change, some.truth.r_times, strict=True):
        when = np.arange(len(row)) / some.fs
        since = when[:, None] - times[times < 10]
        near = ((since > low) & (since < high)).any(axis=1)
        inside, total = inside + row[near].sum(), total + row.sum()
    return inside / total


def test_evidence_lies_in_the_right_wave(quiet_crowd):
    assert wave_share(quiet_crowd, "peaked T waves", 0.12, 0.5) > 0.9
    assert wave_share(quiet_crowd, "left bundle branch block", -0.09, 0.12) > 0.5
    assert wave_share(quiet_crowd, "left atrial enlargement", -0.35, -0.04) > 0.95


def test_segments_are_free(crowd):
    fine = evidence(crowd[:30].truth, segments=50)
    coarse = evidence(crowd[:30].truth, segments=10)
    assert np.allclose(
        fine.reshape(30, len(FINDINGS), 12, 10, 5).sum(-1), coarse, atol=1e-5, equal_nan=True
    )


def test_chosen_patients_have_the_same_maps(crowd, maps):
    rows = np.array([300, 17, 18])
    assert np.array_equal(crowd[rows].truth.evidence, maps[rows], equal_nan=True)


def test_noise_is_no_evidence(crowd, quiet_crowd, maps):
    assert np.array_equal(quiet_crowd.truth.evidence, maps, equal_nan=True)


def test_a_strangers_ecg_has_evidence_only_of_its_own():
    cohort = simulate(40, seed=1, frames=2, size=8, coupled=False)
    sums = cohort.truth.evidence.sum(axis=(2, 3))
    sums = sums[~np.isnan(sums)]
    assert (np.isclose(sums, 1, atol=1e-5) | (sums == 0)).all()
