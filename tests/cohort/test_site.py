"""Another hospital: who comes, what its device does, and what stays true."""

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.cohort.site import second_site
from ecglearn.signals.leads import limb_residuals


@pytest.fixture(scope="module")
def here():
    return simulate(128, seed=3)


def test_nothing_changes_when_everything_is_switched_off(here):
    there = second_site(here, healthy=1, noise=0, cutoff=0, step=0)
    np.testing.assert_allclose(there.ecg, here.ecg, atol=1e-6)
    np.testing.assert_array_equal(there.truth.index, here.truth.index)


def test_fewer_healthy_people_come_and_all_others_do(here):
    there = second_site(here)
    normal = FINDINGS.index("normal ECG")
    assert there.findings[:, normal].mean() < here.findings[:, normal].mean()
    ill = here.truth.index[~here.findings[:, normal]]
    assert set(ill) <= set(there.truth.index)
    order = np.searchsorted(here.truth.index, there.truth.index)
    np.testing.assert_array_equal(there.phenotypes, here.phenotypes[order])


def test_lead_identities_hold_after_noise_filter_and_steps(here):
    assert np.abs(limb_residuals(second_site(here).ecg[:, :6])).max() < 1e-5


def test_values_are_steps_and_fast_waves_are_gone(here):
    there = second_site(here, noise=0, healthy=1)
    two = there.ecg[:, 1] / 0.005
    np.testing.assert_allclose(two, np.round(two), atol=1e-3)
    power = [np.abs(np.fft.rfft(c.ecg[:, 1])[:, 450:]).mean() for c in (here, there)]  # 45 Hz up
    assert power[1] < 0.7 * power[0]


def test_same_seed_same_patients_other_seed_other_noise(here):
    a, b, c = (second_site(here, seed=s, healthy=1) for s in (0, 0, 1))
    np.testing.assert_array_equal(a.ecg, b.ecg)
    assert np.abs(a.ecg - c.ecg).max() > 0.01
