"""The record: identities of the leads, noise on electrodes, waves that follow the physiology."""

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.cohort.electrocardiogram import gaussian, twelve_leads
from ecglearn.signals.leads import limb_residuals


@pytest.mark.parametrize("fs", [100, 250, 500])
def test_limb_leads_keep_their_rules(fs):
    cohort = simulate(8, seed=2, fs=fs, frames=2, size=8)
    assert cohort.ecg.shape == (8, 12, 10 * fs)
    assert cohort.ecg.dtype == np.float32
    assert np.abs(limb_residuals(cohort.ecg)).max() < 1e-6


def test_identities_hold_without_noise_too(quiet_crowd):
    assert np.abs(limb_residuals(quiet_crowd.ecg)).max() < 1e-6


def test_twelve_from_eight_by_hand():
    eight = np.arange(1.0, 9.0, dtype=np.float32).reshape(1, 8, 1)
    assert twelve_leads(eight)[0, :, 0].tolist() == [1, 2, 1, -1.5, 0, 1.5, 3, 4, 5, 6, 7, 8]


def test_noise_has_the_size_of_skin_and_muscle(crowd, quiet_crowd):
    noise = crowd.ecg - quiet_crowd.ecg
    assert 0.03 < np.median(noise.std(axis=2)) < 0.3
    assert abs(noise.mean()) < 0.01
    fast = np.diff(noise, axis=2).std(axis=2)
    assert 0.002 < np.median(fast) < 0.05


def test_signal_is_stronger_than_noise(crowd, quiet_crowd):
    heart = quiet_crowd.ecg[:, 1].std(axis=1)
    noise = (crowd.ecg - quiet_crowd.ecg)[:, 1].std(axis=1)
    assert np.median(heart / noise) > 1.2


def test_low_sampling_rate_shows_the_same_heart():
    slow, fast = (simulate(6, seed=3, fs=fs, frames=2, size=8, noise=False) for fs in (100, 500))
    alike = [
        np.corrcoef(a.ravel(), b[:, ::5].ravel())[0, 1]
        for a, b in zip(slow.ecg, fast.ecg, strict=True)
    ]
    assert min(alike) > 0.98


def test_a_low_pass_keeps_the_area():
    time = np.linspace(-0.5, 0.5, 2001, dtype=np.float32)[None]
    areas = []
    for smooth in (0.0, 0.003):
        out = np.empty_like(time)
        gaussian(out, time, np.array([0.01]), np.array([0.008]), smooth)
        areas.append(out.sum())
    assert np.isclose(*areas, rtol=1e-3)


def test_fibrillation_has_no_p_wave(quiet_crowd):
    """Before the R wave, the mean beat of lead II is flat in fibrillation and rises in sinus."""
    cohort, p, fs = quiet_crowd, quiet_crowd.latents, int(quiet_crowd.fs)

    def height(i):
        times = cohort.truth.r_times[i]
        starts = [round(t * fs) for t in times[(times > 0.5) & (times < 9)]]
        beat = np.mean(
            [cohort.ecg[i, 1, s - int(0.26 * fs) : s - int(0.06 * fs)] for s in starts], axis=0
        )
        return beat.max() - np.median(beat)

    plain = (p["ventricular_ectopy"] == 0) & (p["heart_rate"] < 90)
    sinus = plain & (p["p_amplitude"] > 0)
    fibrillating = plain & (p["atrial_fibrillation"] > 0)
    mean_sinus = np.median([height(i) for i in np.flatnonzero(sinus)[:60]])
    mean_none = np.median([height(i) for i in np.flatnonzero(fibrillating)])
    assert mean_sinus > 2 * mean_none


def test_long_qt_moves_the_t_wave(quiet_crowd):
    """Without the finding the T wave peaks earlier, and the QRS complex stays."""
    fs = int(quiet_crowd.fs)
    shown = quiet_crowd.findings[:, FINDINGS.index("long QT interval")]
    steady = shown & (quiet_crowd.latents["heart_rate"] < 80)
    long = quiet_crowd[np.flatnonzero(steady)]
    short = long.counterfactual("long QT interval")

    def t_peak(cohort, i, r):
        beat = cohort.ecg[i, :, r + int(0.15 * fs) : r + int(0.65 * fs)]
        return np.abs(beat - beat[:, :1]).sum(axis=0).argmax() / fs

    earlier = []
    for i in range(len(long)):
        times = long.truth.r_times[i]
        r = round(times[(times > 2) & (times < 8)][0] * fs)
        earlier.append(t_peak(long, i, r) - t_peak(short, i, r))
        assert np.allclose(
            long.ecg[i, :, r - 10 : r + 8], short.ecg[i, :, r - 10 : r + 8], atol=0.02
        )
    assert len(earlier) > 5
    assert np.median(earlier) > 0.03


def test_a_pause_of_seconds_is_finite_and_no_warning():
    """One patient in some twenty thousand; warnings are errors here."""
    pause = simulate(1, seed=5013, start=3965, frames=1, size=2, noise=False)
    assert np.nanmax(np.diff(pause.truth.r_times)) > 2.5
    assert np.isfinite(pause.ecg).all()
