"""Beats, their phase, and R peaks that can be seen and found where the truth says."""

import numpy as np
import pytest

from ecglearn.cohort import rhythm as rhythms
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


def beats(monkeypatch, *, scatter=0.0, early=(), **changed):
    """Beats of somebody of 60 at 60 a minute, with draws of 0, and of a quarter where uniform."""
    known = {"rhythm/phases": 0.25, "atrial waves": 0.25, "rhythm/ectopy": 1.0}

    def uniform(seed, name, start, n, count):
        drawn = np.full((n, count), known[name])
        if name == "rhythm/ectopy":
            drawn[:, list(early)] = 0.1
        return drawn

    def normal(seed, name, start, n, count):
        return np.full((n, count), scatter if name == "rhythm/beats" else 0.0)

    monkeypatch.setattr(rhythms, "uniform", uniform)
    monkeypatch.setattr(rhythms, "normal", normal)
    names = ("atrial_fibrillation", "atrial_flutter", "ventricular_ectopy")
    p = dict.fromkeys(names, 0.0) | {"age": 60.0, "heart_rate": 60.0} | changed
    return draw_rhythm({name: np.array([value]) for name, value in p.items()}, seed=0)


@pytest.mark.parametrize(("age", "variability"), [(60, 0.045), (80, 0.045 * np.exp(-0.5))])
def test_breath_and_a_slow_wave_vary_the_intervals(monkeypatch, age, variability):
    """14 breaths a minute; the slow one has 0.1 Hz; both begin at a quarter of their cycle."""
    found = beats(monkeypatch, age=float(age), scatter=1.0)
    k = np.arange(40)
    wave = 0.8 * np.cos(2 * np.pi * 14 / 60 * k) + 0.7 * np.cos(2 * np.pi * 0.1 * k) + 0.35
    np.testing.assert_allclose(found.rr[0], 1 + variability * wave)
    np.testing.assert_allclose(found.breathing, [[14 / 60, np.pi / 2]])
    assert found.r_times[0, 0] == -0.75
    np.testing.assert_allclose(np.diff(found.r_times[0]), found.rr[0, :-1])


def test_variability_has_its_bounds(monkeypatch):
    for age, bound in ((200.0, 0.008), (0.0, 0.12)):
        assert np.ptp(beats(monkeypatch, age=age).rr) / np.ptp(beats(monkeypatch).rr) == (
            pytest.approx(bound / 0.045)
        )


def test_fibrillation_scatters_and_flutter_does_not(monkeypatch):
    for scatter in (0.0, 1.0):
        found = beats(monkeypatch, scatter=scatter, atrial_fibrillation=0.5)
        np.testing.assert_allclose(found.rr, np.exp(0.24 * scatter - 0.03))
    np.testing.assert_allclose(beats(monkeypatch, scatter=1.0, atrial_flutter=0.5).rr, 1)
    for scatter, bound in ((-9.0, 0.33), (9.0, 2.0)):
        np.testing.assert_allclose(
            beats(monkeypatch, scatter=scatter, atrial_fibrillation=1.0).rr, bound
        )


def test_an_early_beat_and_its_pause(monkeypatch):
    """No two in a row, none first; as many as how severe it is says."""
    found = beats(monkeypatch, early=(0, 4, 5, 9), atrial_flutter=0.5, ventricular_ectopy=0.5)
    assert np.flatnonzero(found.ectopic[0]).tolist() == [4, 9]
    wanted = np.ones(40)
    wanted[[3, 8]], wanted[[4, 9]] = 0.62, 1.42
    np.testing.assert_allclose(found.rr[0], wanted)
    rare = (0.1 - 0.06) / 0.14  # a draw of 0.1 makes a beat early where the rate is above it
    for severity, some in ((rare - 0.01, False), (rare + 0.01, True), (0.0, False)):
        assert beats(monkeypatch, early=(4,), ventricular_ectopy=severity).ectopic.any() == some


def test_phase_by_hand(monkeypatch):
    found = beats(monkeypatch, atrial_flutter=0.5, heart_rate=120.0)
    phase = cardiac_phase(found, 8, 80)[0]  # R waves at -0.375 s and every half second
    np.testing.assert_allclose(phase, (np.arange(80) / 8 + 0.375) / 0.5 % 1, atol=1e-6)
