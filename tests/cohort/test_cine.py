"""The cine: gated to the R wave, emptying and filling as the volumes do, but not exactly."""

import numpy as np
import pytest
from scipy.ndimage import label

from ecglearn.cohort import PHENOTYPES, simulate
from ecglearn.cohort.cine import FIELD_OF_VIEW, GREY, emptying, event_times, smoothstep
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
