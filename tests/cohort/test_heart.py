"""The dipole: published lead vectors, the wanted axis, leads that are not each other's echo."""

from dataclasses import replace

import numpy as np
import pytest

from ecglearn.cohort.electrocardiogram import render_ecg
from ecglearn.cohort.findings import voltages
from ecglearn.cohort.heart import FORWARD_DOWER, draw_beat
from ecglearn.cohort.physiology import derive, draw_latents
from ecglearn.cohort.rhythm import draw_rhythm
from ecglearn.signals.leads import LEADS

# Edenbrandt and Pahlm 1988: rows X, Y, Z; columns V1 to V6, I, II
INVERSE_DOWER = np.array(
    [
        [-0.172, -0.074, 0.122, 0.231, 0.239, 0.194, 0.156, -0.010],
        [0.057, -0.019, -0.106, -0.022, 0.041, 0.048, -0.227, 0.887],
        [-0.229, -0.310, -0.246, -0.063, 0.055, 0.108, 0.022, 0.102],
    ]
)


def test_forward_matrix_is_dowers():
    """Its published inverse undoes it; public code often exchanges the two."""
    forward = FORWARD_DOWER[[2, 3, 4, 5, 6, 7, 0, 1]]
    assert np.allclose(INVERSE_DOWER @ forward, np.eye(3), atol=2e-3)
    assert np.allclose(np.linalg.pinv(forward), INVERSE_DOWER, atol=1e-3)


@pytest.fixture(scope="module")
def hearts():
    p = derive(draw_latents(400, seed=3))
    return p, draw_beat(p, seed=3), draw_rhythm(p, seed=3)


def test_measured_axis_is_the_wanted_one(hearts):
    """Net areas of the rendered QRS complexes in I and aVF, as a clinician measures them."""
    p, beat, rhythm = hearts
    bare = replace(beat, p=beat.p * 0, t=beat.t * 0, st=beat.st * 0, atrial=beat.atrial * 0)
    ecg = render_ecg(p, bare, rhythm, fs=500, seed=3, noisy=False)
    wrong = []
    for i in np.flatnonzero((p["ventricular_ectopy"] == 0) & (p["right_bundle_branch_block"] == 0)):
        area = ecg[i].sum(axis=1)
        measured = np.degrees(np.arctan2(1.155 * area[LEADS.index("aVF")], area[LEADS.index("I")]))
        wrong.append((measured - p["axis"][i] + 180) % 360 - 180)
    wrong = np.abs(wrong)
    assert len(wrong) > 250
    assert np.quantile(wrong, 0.95) < 3
    assert wrong.max() < 10


def test_lead_vectors_scatter_between_patients(hearts):
    torso = hearts[1].torso
    assert np.allclose(torso.mean(0), FORWARD_DOWER, atol=0.05)
    relative = (torso - FORWARD_DOWER) / np.linalg.norm(FORWARD_DOWER, axis=1)[:, None]
    assert 0.085 < relative.std() < 0.095


def test_leads_are_not_echoes(quiet_crowd):
    """Under one torso for all, V1 would be an exact mixture of I, II and V2."""
    from_leads = [LEADS.index(name) for name in ("I", "II", "V2")]
    x = quiet_crowd.ecg[:200, from_leads, ::10].transpose(0, 2, 1).reshape(-1, 3)
    y = quiet_crowd.ecg[:200, LEADS.index("V1"), ::10].ravel()
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    assert 0.7 < 1 - rest.var() / y.var() < 0.99


def test_voltages_are_those_of_the_record(hearts, quiet_crowd):
    """Mean R in II, S in V2, R in V5 of ordinary beats lie where real ones do (mV)."""
    p, beat, _ = hearts
    plain = (p["left_bundle_branch_block"] == 0) & (p["right_bundle_branch_block"] == 0)
    volt = voltages(beat)
    assert 0.6 < volt["high"][plain, 1].mean() < 1.2
    assert -1.4 < volt["low"][plain, 3].mean() < -0.6
    assert 1.0 < volt["high"][plain, 6].mean() < 1.9
