"""Beats, their phase, and R peaks that can be seen and found where the truth says."""

import numpy as np
import pytest

from ecglearn.cohort.physiology import derive, draw_latents
from ecglearn.cohort.rhythm import SECONDS, cardiac_phase, draw_rhythm, last_event
from ecglearn.signals.r_peaks import detect_r_peaks


@pytest.fixture(scope="module")
def drawn():
    p = derive(draw_latents(800, seed=4))
    return p, draw_rhythm(p, seed=4)


def test_beats_cover_the_record(drawn):
    _, rhythm = drawn
    assert (rhythm.r_times[:, 0] < 0).all()
    assert (rhythm.r_times[:, -1] > SECONDS).all()
    assert (rhythm.rr >= 0.33 * 0.62 - 1e-9).all()
    assert np.allclose(np.diff(rhythm.r_times, axis=1), rhythm.rr[:, :-1])


def test_rate_is_the_wanted_one(drawn):
    p, rhythm = drawn
    regular = (p["atrial_fibrillation"] == 0) & (p["ventricular_ectopy"] == 0)
    rate = 60 / rhythm.rr[regular, :12].mean(1)
    assert np.abs(rate / p["heart_rate"][regular] - 1).max() < 0.12


def test_fibrillation_is_irregular_and_flutter_regular(drawn):
    p, rhythm = drawn
    unsteady = rhythm.rr.std(1) / rhythm.rr.mean(1)
    plain = p["ventricular_ectopy"] == 0
    assert np.median(unsteady[plain & (p["atrial_fibrillation"] > 0)]) > 0.15
    assert unsteady[plain & (p["atrial_flutter"] > 0)].max() < 0.01


def test_ectopic_beats_come_early_and_pause(drawn):
    p, rhythm = drawn
    rows, beats = np.nonzero(rhythm.ectopic[:, :-1] & (p["atrial_fibrillation"] == 0)[:, None])
    assert len(rows) > 100
    base = 60 / p["heart_rate"][rows]
    assert (rhythm.rr[rows, beats - 1] < 0.9 * base).all()
    assert (rhythm.rr[rows, beats] > 1.05 * base).mean() > 0.95
    assert not (rhythm.ectopic[:, 1:] & rhythm.ectopic[:, :-1]).any()


def test_last_event_by_hand():
    times = np.array([[-0.5, 0.25, 0.9], [-0.1, 0.3, 2.0]])
    assert last_event(times, 10, 10).tolist() == [
        [0, 0, 0, 1, 1, 1, 1, 1, 1, 2],
        [0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
    ]


def test_phase_starts_at_r_and_rises(drawn):
    _, rhythm = drawn
    fs = 500
    phase = cardiac_phase(rhythm, fs, 5000)
    assert phase.min() >= 0
    assert phase.max() < 1
    falls = np.diff(phase, axis=1) < 0
    for i in range(100):
        inside = rhythm.r_times[i][(rhythm.r_times[i] > 0) & (rhythm.r_times[i] <= 4999 / fs)]
        after = np.flatnonzero(falls[i]) + 1  # first sample of each beat
        assert np.allclose(after / fs, inside, atol=1 / fs + 1e-9)
        assert (phase[i, after] < 1 / fs / 0.2).all()


def test_peaks_lie_where_the_truth_says(quiet_crowd):
    """In narrow complexes the largest deflection is within 10 ms of the R time."""
    cohort, p = quiet_crowd, quiet_crowd.latents
    fs, checked = int(cohort.fs), 0
    wide = p["qrs"] > 115
    odd = (p["ventricular_ectopy"] > 0) | (p["right_overload"] > 0) | (np.abs(p["axis"] - 45) > 40)
    odd |= (p["inferior_infarction"] > 0) | (p["anterior_infarction"] > 0)
    for i in np.flatnonzero(~wide & ~odd):
        times = cohort.truth.r_times[i]
        for time in times[(times > 0.3) & (times < 9.7)]:
            r = round(time * fs)
            window = cohort.ecg[i, 1, r - fs // 20 : r + fs // 20 + 1]
            assert abs(np.argmax(window) - fs // 20) / fs <= 0.010 + 0.5 / fs
            checked += 1
    assert checked > 1500


def test_the_detector_finds_them(crowd):
    found = true = near = 0
    for i in range(150):
        times = crowd.truth.r_times[i]
        times = times[(times > 0.5) & (times < 9.5)]
        marks = detect_r_peaks(crowd.ecg[i], crowd.fs) / crowd.fs
        apart = np.abs(marks[:, None] - times).min(axis=0)
        true += len(times)
        found += (apart < 0.150).sum()
        near += (apart < 0.030).sum()
    assert found / true > 0.99
    assert near / true > 0.90
