"""R peaks: found where they are known to be, by a vote of the leads that were observed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglearn.signals import r_peaks
from ecglearn.signals.leads import LEADS
from ecglearn.signals.r_peaks import _voted, detect_beats, detect_r_peaks


def _synthetic(rr: float, fs: float, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Twelve leads of Gaussian waves at known R times (s), with drift and noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.5, 9.6, rr)
    t = np.arange(int(10 * fs)) / fs
    waves = [
        (-0.16, 0.12, 0.022),
        (-0.028, -0.1, 0.010),
        (0, 1.1, 0.011),
        (0.03, -0.2, 0.011),
        (0.26, 0.3, 0.05),
    ]
    lead = sum(a * np.exp(-0.5 * ((t - r - dt) / s) ** 2) for r in times for dt, a, s in waves)
    size = np.array([0.6, 1, 0.4, -0.8, 0.1, 0.7, -0.5, 0.4, 0.8, 1.1, 1.0, 0.8])
    drift = 0.3 * np.sin(2 * np.pi * 0.3 * t)
    return size[:, None] * lead + drift + noise * rng.normal(size=(12, len(t))), times


@pytest.mark.parametrize("fs", [100, 250, 500, 1000])
@pytest.mark.parametrize("rr", [0.5, 0.85, 1.3])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_every_known_peak_is_found_within_ten_milliseconds(fs, rr, noise):
    signal, times = _synthetic(rr, fs, noise)
    found = detect_r_peaks(signal, fs)
    assert found.dtype == np.int64
    assert len(found) == len(times)
    assert np.abs(found / fs - times).max() <= 0.010


def test_a_signal_with_a_gradient_has_the_same_beats():
    x = _synthetic(0.85, 250, 0.01)[0]
    found = detect_r_peaks(torch.from_numpy(x).requires_grad_(), 250)
    np.testing.assert_array_equal(found, detect_r_peaks(x, 250))


@pytest.mark.parametrize(
    "flat",
    [["II"], ["I", "II"], ["II", "III"], ["I", "II", "V5"], [x for x in LEADS if x != "aVR"]],
)
def test_without_lead_two_another_lead_serves(flat):
    signal, times = _synthetic(0.85, 500, 0.01)
    for lead in flat:
        signal[LEADS.index(lead)] = 0
    found = detect_r_peaks(signal, 500)
    assert len(found) == len(times)
    assert np.abs(found / 500 - times).max() <= 0.020


def test_names_decide_where_lead_two_is_and_other_channels_are_ignored():
    signal, _ = _synthetic(0.85, 500, 0.01)
    rng = np.random.default_rng(1)
    mixed = np.concatenate([rng.normal(size=(1, 5000)), signal[::-1]])
    found = detect_r_peaks(mixed, 500, leads=["RESP", *(lead.upper() for lead in LEADS[::-1])])
    np.testing.assert_array_equal(found, detect_r_peaks(signal, 500))
    np.testing.assert_array_equal(detect_r_peaks(torch.tensor(signal[1]), 500), found)


def test_flat_records_have_no_beats_and_unfit_ones_are_refused():
    assert detect_r_peaks(np.zeros((12, 5000)), 500).tolist() == []
    with pytest.raises(ValueError, match="11 rows"):
        detect_r_peaks(np.zeros((11, 5000)), 500)
    with pytest.raises(ValueError, match="61 samples per second"):
        detect_r_peaks(np.zeros((12, 500)), 50)
    with pytest.raises(ValueError, match="2 s"):
        detect_r_peaks(np.zeros((12, 900)), 500)
    with pytest.raises(ValueError, match="none of the twelve leads"):
        detect_r_peaks(np.zeros((1, 5000)), 500, leads=["RESP"])
    broken = _synthetic(0.85, 500, 0.01)[0]
    broken[1, 17] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        detect_r_peaks(broken, 500)


@pytest.mark.parametrize("fs", [100, 250, 257, 500])
@pytest.mark.parametrize("hertz", np.arange(4, 7, 0.25))
def test_waves_as_fast_as_the_refractory_period_do_no_harm(fs, hertz):
    """The compiled detector would write outside its memory; an abort here would end the tests."""
    x = np.sin(2 * np.pi * hertz * np.arange(8 * fs) / fs)
    found = detect_r_peaks(x, fs)
    assert (np.diff(found) >= int(0.2 * fs)).all()
    if hertz < 4.5:  # slow enough to be beats, one a wave
        assert len(found) > 7 * hertz


@pytest.mark.parametrize("fs", [100.0, 500.0])
def test_the_guard_looks_through_the_filter_of_the_detector(fs):
    """Beats that the guard does not see could write outside the detector's memory."""
    from sleepecg import heartbeats

    signal, _ = _synthetic(0.85, fs, 0.01)
    detect_r_peaks(signal, fs)
    np.testing.assert_allclose(r_peaks._beat_filter(fs), heartbeats._sos_filters[fs])


def test_waves_that_even_the_slow_detector_cannot_count_are_refused(monkeypatch):
    from sleepecg import heartbeats

    def fails(*_, backend="c"):
        assert backend == "python"
        raise IndexError

    monkeypatch.setattr(heartbeats, "detect_heartbeats", fails)
    x = np.sin(2 * np.pi * 5 * np.arange(800) / 100)
    with pytest.raises(ValueError, match=r"every 0\.2 s"):
        detect_r_peaks(x, 100)


def test_a_lead_that_begins_late_is_not_asked():
    fs = 100
    pulse = np.zeros((2, 10 * fs))
    pulse[0, 50::80] = 1  # lead I
    pulse[1, 870::10] = 1  # lead II, connected after 8.7 s
    peaks = detect_r_peaks(pulse, fs, leads=("I", "II"))
    np.testing.assert_allclose(peaks[-11:], np.arange(130, 1000, 80), atol=2)
    assert detect_r_peaks(pulse[1], fs).size == 0


# beats by a vote of all leads, and inside what was observed


def crowd(beats=12, fs=500, noise=0.0, seed=0):
    """Twelve leads that keep the limb-lead rules, and their beats."""
    at = np.arange(0.4, 0.4 + 0.8 * beats, 0.8)
    t = np.arange(int((at[-1] + 0.6) * fs)) / fs

    def waves(shift, width, height):
        return (height * np.exp(-0.5 * ((t - at[:, None] - shift) / width) ** 2)).sum(0)

    base = waves(0, 0.012, 1.2) + waves(0.26, 0.05, 0.3) + waves(-0.16, 0.02, 0.12)
    late = waves(0.015, 0.018, 0.5)
    one, two = 0.55 * base + 0.2 * late, base + 0.05 * late
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    x = np.array([*limb, *(-0.6 * base + k * 0.3 * base + 0.1 * late for k in range(6))])
    return x + noise * np.random.default_rng(seed).normal(size=x.shape), at * fs


def assert_beats(found, true, fs=500):
    apart = np.abs(np.asarray(found)[:, None] - true)
    assert apart.min(0).max() < 0.06 * fs
    assert apart.min(1).max() < 0.06 * fs


@pytest.mark.parametrize("gap", [(0, 1500), (1, 1500), (1500, 3000), (2500, 5000), (2000, 2100)])
@pytest.mark.parametrize("bridge", [0.0, np.nan, 5.0])
def test_a_hole_in_lead_two_costs_no_beat(gap, bridge):
    """Whatever stands in the hole: it was not observed, and I + III is lead II."""
    x, true = crowd()
    seen = np.ones(x.shape, bool)
    seen[1, gap[0] : gap[1]] = False
    x[1, gap[0] : gap[1]] = bridge
    beats = detect_beats(x, 500, observed=seen)
    assert_beats(beats.r_peaks, true)
    assert beats.known.all()
    assert (beats.agreement >= 0.5).all()


def test_inside_a_hole_of_all_leads_beats_are_unknown():
    x, true = crowd()
    seen = np.ones(x.shape, bool)
    seen[:, 1500:3000] = False
    beats = detect_beats(np.where(seen, x, 0), 500, observed=seen)
    outside = true[(true < 1500) | (true >= 3000)]
    assert_beats(beats.r_peaks, outside[(outside < 1480) | (outside > 3020)])
    assert not beats.known[1500:3000].any()
    assert beats.known[:1500].all()
    assert beats.known[3000:].all()


@given(hole=st.tuples(st.integers(0, 11), st.integers(0, 4000), st.integers(1, 3000)))
@settings(max_examples=15)
def test_what_was_not_observed_takes_no_part(hole):
    lead, begin, length = hole
    x, _ = crowd(noise=0.01)
    seen = np.ones(x.shape, bool)
    seen[lead, begin : begin + length] = False
    other = x.copy()
    other[~seen] = np.random.default_rng(1).normal(size=(~seen).sum()) * 3
    one, two = (detect_r_peaks(values, 500, observed=seen) for values in (x, other))
    np.testing.assert_array_equal(one, two)


def test_the_vote_overrules_one_lead():
    x, true = crowd()
    noisy = x.copy()
    noisy[1] += np.random.default_rng(0).normal(size=x.shape[1])
    assert_beats(detect_r_peaks(noisy, 500), true)
    flutter = x.copy()  # waves of one lead at 300 a minute
    flutter[1] = np.sin(2 * np.pi * 5 * np.arange(x.shape[1]) / 500) ** 15
    assert_beats(detect_r_peaks(flutter, 500), true)
    turned = x.copy()
    turned[1] *= -1
    assert_beats(detect_r_peaks(turned, 500), true)
    off = x.copy()
    off[[1, 2, 3, 4, 5]] = 0  # left leg
    assert_beats(detect_r_peaks(off, 500), true)


def test_agreement_is_the_share_of_leads_that_mark_a_beat():
    x, true = crowd()
    beats = detect_beats(x, 500)
    assert len(beats.agreement) == len(true)
    assert (beats.agreement > 0.8).all()
    alone = detect_beats(x[1], 500)
    assert (alone.agreement == 1).all()


def _by_hand(marks, asked, fs):
    """The vote, one group of marks after the other."""
    places = sorted((place, lead) for lead, row in enumerate(marks) for place in row)
    groups = []
    for place, lead in places:
        if groups and place - groups[-1][-1][0] <= 0.08 * fs:
            groups[-1].append((place, lead))
        else:
            groups.append([(place, lead)])
    peaks, agreement = [], []
    for group in groups:
        middle = int(np.median([place for place, _ in group]))
        voters = {lead for _, lead in group}
        could = int(asked[:, middle].sum())
        if 2 * len(voters) >= could:
            mine = [place for place, lead in group if lead == min(voters)]
            nearest = min(mine, key=lambda place: abs(place - middle))
            peaks.append(nearest if abs(nearest - middle) <= 0.04 * fs else middle)
            agreement.append(len(voters) / max(could, 1))
    return peaks, agreement


@given(data=st.data(), leads=st.integers(3, 12), fs=st.sampled_from([100.0, 500.0]))
def test_the_vote_equals_the_vote_beat_by_beat(data, leads, fs):
    rows = st.lists(st.integers(0, 999), max_size=12, unique=True).map(sorted)
    marks = [np.array(data.draw(rows), np.int64) for _ in range(leads)]
    holes = st.tuples(st.integers(0, 999), st.integers(0, 400))
    asked = np.ones((leads, 1000), bool)
    for row in asked:
        begin, length = data.draw(holes)
        row[begin : begin + length] = False
    peaks, agreement = _by_hand(marks, asked, fs)
    beats = _voted(marks, asked, fs)
    assert beats.r_peaks.tolist() == peaks
    np.testing.assert_allclose(beats.agreement, agreement)


def test_leads_that_agree_are_not_outvoted_and_save_the_others(monkeypatch):
    """Where II, V5 and V2 say the same, nobody else is asked; one false mark, and all are."""
    asked = []
    detected = r_peaks._detected
    monkeypatch.setattr(r_peaks, "_detected", lambda *a: asked.append(1) or detected(*a))
    x, true = crowd()
    assert_beats(detect_r_peaks(x, 500), true)
    assert len(asked) == 3
    asked.clear()
    x[LEADS.index("V2")] *= np.where(np.arange(x.shape[1]) < 2500, 1, 0.001)
    assert_beats(detect_r_peaks(x, 500), true)
    assert len(asked) == 3 + 12
