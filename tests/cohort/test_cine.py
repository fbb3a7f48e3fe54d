"""The cine: gated to the R wave, emptying and filling as the volumes do, but not exactly."""

import numpy as np
import pytest
from scipy.ndimage import label

from ecglearn.cohort import PHENOTYPES, simulate
from ecglearn.cohort.cine import (
    FIELD_OF_VIEW,
    GREY,
    Timing,
    emptying,
    event_times,
    smoothstep,
)
from ecglearn.cohort.physiology import derive, draw_latents
from ecglearn.cohort.streams import normal


@pytest.fixture(scope="module")
def p():
    return derive(draw_latents(1500, seed=6))


@pytest.fixture(scope="module")
def cines():
    """Cines without noise, their blood-filled area inside the left ventricle (n, frames)."""
    cohort = simulate(150, seed=6, fs=50, frames=24, size=42, noise=False)
    blood = cohort.cine > 255 / 1.1 * (GREY["blood"] + GREY["muscle"]) / 2
    pixel = FIELD_OF_VIEW / 42
    axis = (np.arange(42) + 0.5) * pixel - FIELD_OF_VIEW / 2
    z = normal(6, "slice", 0, 150, 16)
    x = axis[None, None, :] - (0.9 + 0.35 * z[:, 7])[:, None, None]
    y = axis[None, :, None] - (0.35 * z[:, 8])[:, None, None]
    radius = np.hypot(x, y)
    inside = radius < 3.4
    near = np.stack([_connected(b, i) for b, i in zip(blood, inside, strict=True)])
    return cohort, near.sum((2, 3)) * pixel**2


def _connected(cine, disc):
    """Blood connected to the middle of the left ventricle, frame by frame."""
    out = np.zeros_like(cine)
    rows, columns = np.nonzero(disc)
    centre = int(rows.mean()), int(columns.mean())
    for f, frame in enumerate(cine):
        parts = np.zeros(frame.shape, int)
        label(frame & disc, output=parts)
        names = parts[centre[0] - 1 : centre[0] + 3, centre[1] - 1 : centre[1] + 3]
        names = names[names > 0]
        if len(names):
            out[f] = parts == np.bincount(names).argmax()
    return out


def test_smoothstep_by_hand():
    assert smoothstep(np.array([-1, 0, 0.25, 0.5, 1, 2.0])).tolist() == [0, 0, 0.15625, 0.5, 1, 1]


def test_events_come_in_order(p):
    timing = event_times(p)
    assert (timing.opening > 0).all()
    assert (timing.opening < timing.closing).all()
    assert (timing.closing < timing.filling).all()
    assert (timing.filling < timing.kick).all()


USUAL = {
    "heart_rate": 70,
    "male": 0,
    "LVEF": 60,
    "qrs": 90,
    "age": 60,
    "pr": 160,
    "left_bundle_branch_block": 0,
}
EVENTS = [  # a change, and milliseconds by which opening, closing, filling and kick move
    ({}, (0, 0, 0, 0)),
    ({"male": 1}, (-1.5 * 0.36 / 1.36, -1.5, -1.5, 0)),
    ({"qrs": 120}, (-14.1, -14.1, -14.1, -14.1)),
    ({"left_bundle_branch_block": 0.5}, (35, 35, 35, 0)),
    ({"age": 70}, (0, 0, 5, 0)),
    ({"pr": 200}, (0, 0, 0, -40)),
    ({"LVEF": 50}, (404 * (0.44 / 1.44 - 0.36 / 1.36), 0, 0, 0)),
]


@pytest.mark.parametrize(("changed", "moved"), EVENTS)
def test_events_by_hand(changed, moved):
    """Ejection and what precedes it share 547.5 - 2.05 times the rate, as 1 to 0.36."""
    timing = event_times({name: np.array([float(v)]) for name, v in (USUAL | changed).items()})
    onset, total = -0.47 * 90, 547.5 - 2.05 * 70
    assert total == 404
    usual = (total * 0.36 / 1.36 + onset, total + onset, total + onset + 75)
    usual = (*usual, 60000 / 70 - 160 + onset + 55)
    found = [
        1000 * float(t[0]) for t in (timing.opening, timing.closing, timing.filling, timing.kick)
    ]
    assert found == pytest.approx([a + b for a, b in zip(usual, moved, strict=True)])
    assert float(timing.rr[0]) == pytest.approx(60 / 70)


def test_events_have_their_bounds():
    """The ratio lies between 0.2 and 1; the kick comes 30 ms after the filling at the earliest."""
    for changed, total, ratio in (
        ({"heart_rate": 150}, 240, 0.36),
        ({"LVEF": 95}, 404, 0.2),
        ({"LVEF": -60}, 404, 1),
    ):
        timing = event_times({name: np.array([float(v)]) for name, v in (USUAL | changed).items()})
        ejection = 1000 * float(timing.closing[0] - timing.opening[0])
        assert ejection == pytest.approx(total / (1 + ratio))
        kick = max(60000 / (USUAL | changed)["heart_rate"] - 160 - 0.47 * 90 + 55, 0)
        assert 1000 * float(timing.kick[0]) == pytest.approx(
            max(kick, 1000 * float(timing.filling[0]) + 30)
        )


@pytest.mark.parametrize(
    ("age", "p_wave", "kick"), [(60, 0.1, 0.24), (70, 0.1, 0.29), (20, 0.1, 0.08), (60, 0, 0)]
)
def test_emptying_by_hand(age, p_wave, kick):
    """Opening 0.1, closing 0.4, filling 0.5, kick 0.9, next beat 1.1 s."""
    timing = Timing(*(np.array([t]) for t in (0.1, 0.4, 0.5, 0.9, 1.1)))
    p = {"age": np.array([float(age)]), "p_amplitude": np.array([p_wave])}
    found = emptying(p, timing, np.array([[0.05, 0.25, 0.45, 0.585, 1.0, 1.1]]))[0]

    def filled(early, late):
        return (1 - kick) * (1 - np.exp(-(early**1.5))) + kick * late

    end = filled(0.6 / 0.085, 1)
    half = float(smoothstep(np.array([0.5**0.82]))[0])
    wanted = [0, half, 1, 1 - filled(1, 0) / end, 1 - filled(0.5 / 0.085, 0.5) / end, 0]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_systolic_intervals_follow_the_ejection_fraction(p):
    """PEP/LVET against EF: r = -0.90 published (Garrard 1970)."""
    timing = event_times(p)
    plain = p["left_bundle_branch_block"] == 0
    ejection = timing.closing - timing.opening
    before = timing.opening + 0.00047 * p["qrs"]
    r = np.corrcoef((before / ejection)[plain], p["LVEF"][plain])[0, 1]
    assert r < -0.85
    assert 0.09 < before[plain].mean() < 0.14
    assert 0.25 < ejection.mean() < 0.32


def test_emptying_starts_and_ends_full(p):
    timing = event_times(p)
    clock = np.linspace(0, 1, 101) * timing.rr[:, None]
    share = emptying(p, timing, clock)
    assert share.min() >= 0
    assert share.max() <= 1
    assert np.abs(share[:, 0]).max() < 1e-9
    assert np.abs(share[:, -1]).max() < 1e-9
    assert (share.max(axis=1) > 0.95).mean() > 0.95
    slow = p["heart_rate"] < 100
    end_systole = share.argmax(axis=1)[slow] / 100
    assert np.quantile(end_systole, [0.01, 0.99]) == pytest.approx([0.4, 0.4], abs=0.15)


def test_the_kick_is_missing_without_p_waves(p):
    timing = event_times(p)
    late = emptying(p, timing, timing.kick[:, None])[:, 0]
    slow = p["heart_rate"] < 80
    none = slow & (p["p_amplitude"] == 0)
    assert late[none].mean() < 0.5 * late[slow & (p["p_amplitude"] > 0)].mean()


def test_cines_begin_full_empty_and_refill(cines):
    cohort, area = cines
    smallest = area.argmin(axis=1) / area.shape[1]
    slow = cohort.latents["heart_rate"] < 100
    assert ((smallest > 0.25) & (smallest < 0.55))[slow].mean() > 0.95
    assert (area[:, 0] > 0.9 * area.max(axis=1)).mean() > 0.95
    assert (area[:, -1] > 0.85 * area[:, 0]).mean() > 0.9
    assert (area.min(axis=1) < 0.85 * area[:, 0]).mean() > 0.9


def test_area_shows_the_ejection_fraction_but_not_exactly(cines):
    cohort, area = cines
    share = 1 - area.min(axis=1) / area[:, 0]
    r = np.corrcoef(share, cohort.phenotypes[:, PHENOTYPES.index("LVEF")])[0, 1]
    assert 0.7 < r < 0.97
    r = np.corrcoef(area[:, 0], cohort.phenotypes[:, PHENOTYPES.index("LVEDV")])[0, 1]
    assert 0.8 < r < 0.99


def test_noise_is_all_that_noise_changes(few):
    quiet = simulate(12, seed=5, noise=False)
    difference = few.cine.astype(float) - quiet.cine
    assert abs(difference.mean()) < 1
    assert 5 < difference.std() < 12


def test_frames_and_size_are_free():
    cohort = simulate(3, frames=50, size=84)
    assert cohort.cine.shape == (3, 50, 84, 84)
    assert cohort.cine.dtype == np.uint8
    assert cohort.truth.phase_cine[0, :2].tolist() == pytest.approx([0, 0.02])
