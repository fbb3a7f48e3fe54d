"""Walls of the heart that is painted: an infarct, a blocked branch, the crescent beside it."""

import numpy as np
import pytest

from ecglearn.cohort import cine
from ecglearn.cohort.cine import (
    FIELD_OF_VIEW,
    GREY,
    RV_OFFSET,
    emptying,
    event_times,
    inner_outlines,
    render_cine,
)
from ecglearn.cohort.physiology import derive, draw_latents, switch_off
from ecglearn.cohort.streams import normal

SEED, FRAMES, POINTS = 6, 24, 360
ANGLE = np.linspace(-np.pi, np.pi, POINTS, endpoint=False)
SECTORS = {"anterior": -2.0, "inferior": 2.0}


def healthy(n: int = 4) -> dict[str, np.ndarray]:
    z = draw_latents(n, seed=SEED)
    conditions = [name.removesuffix(".u") for name in z if name.endswith(".u") and name != "sex.u"]
    p = derive(switch_off(z, conditions))
    p["LVM"] *= 1.5  # thick enough to be thinned
    return p


def radii(p: dict[str, np.ndarray]) -> np.ndarray:
    """Of the cavity in centimetres, by frame and angle from the septum's (n, frames, points)."""
    n = len(p["age"])
    size = 84
    xy = inner_outlines(p, frames=FRAMES, size=size, points=POINTS, seed=SEED)
    z = normal(SEED, "slice", 0, n, 16)
    middle = np.stack([0.9 + 0.35 * z[:, 7], 0.35 * z[:, 8]], -1)
    away = xy * FIELD_OF_VIEW / size - FIELD_OF_VIEW / 2 - middle[:, None, None]
    return np.hypot(away[..., 0], away[..., 1])


def sector(direction: float, angle: np.ndarray = ANGLE) -> np.ndarray:
    return np.exp(2.2 * (np.cos(angle - direction) - 1))


@pytest.mark.parametrize("wall", SECTORS)
@pytest.mark.parametrize(("age", "severity"), [("acute", 0.5), ("old", 0.5), ("acute", 0.9)])
def test_an_infarct_stands_still(wall, age, severity):
    """Motion in its sector against that at the other side, whatever the rest makes up for."""
    p = healthy()
    p[f"{wall}_infarction.{age}"] = np.full(4, severity)
    r = radii(p)
    moved = r[:, 9] - r[:, 0]
    still = np.clip(1.15 * severity * sector(SECTORS[wall]), 0, 1)
    if age == "acute":
        free = (1 - still) / (1 - still.min())
        far = moved[:, [still.argmin()]]
        assert (far < -0.1).all()
        np.testing.assert_allclose(moved / far, np.tile(free, (4, 1)), atol=1e-3)
    else:  # its wall is thin as well, so that the cavity is larger there
        there, across = abs(ANGLE - SECTORS[wall]).argmin(), still.argmin()
        bulge = r[:, 0] - r[:, 0, [across]]
        shape = sector(SECTORS[wall])
        wanted = bulge[:, [there]] * (shape - shape.min()) / (shape[there] - shape.min())
        np.testing.assert_allclose(bulge, wanted, atol=5e-3)
        assert (bulge[:, there] > 0.04).all()


def test_the_rest_of_the_wall_makes_up_for_an_infarct():
    """The mean radius moves as it would without."""
    well, ill = healthy(), healthy()
    ill["anterior_infarction.acute"] = np.full(4, 0.5)
    (a, b) = (radii(p).mean(2) for p in (well, ill))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_the_septum_of_a_blocked_branch_moves_early_and_late():
    """Outwards first, then back: a sine of the emptying, 1.2 mm, at the septum."""
    p = healthy()
    plain = radii(p)
    p["left_bundle_branch_block"] = np.full(4, 0.5)
    timing = event_times(p)
    lv = emptying(p, timing, np.arange(FRAMES) / FRAMES * timing.rr[:, None])
    blocked = radii(p)
    p["left_bundle_branch_block"] = np.zeros(4)
    septum, across = 0, POINTS // 2  # at -180 and 0 degrees
    early = blocked[:, :, septum] - blocked[:, :, across]
    early -= early[:, :1]
    wanted = 0.12 * np.sin(2 * np.pi * np.clip(lv, 0, 1)) * (1 - np.exp(-4.4))
    np.testing.assert_allclose(early, wanted, atol=2e-3)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(plain[:, :, septum], plain[:, :, across], atol=1e-5)


def test_the_right_ventricle_has_the_area_of_its_volume():
    """0.70 V^(2/3) of blood outside the left one's wall, with 6% of scatter."""
    n, size = 40, 84
    p = healthy(n)
    painted = render_cine(p, frames=1, size=size, seed=SEED, noisy=False)[:, 0].astype(float)
    cell = FIELD_OF_VIEW / size
    axis = (np.arange(size) + 0.5) * cell - FIELD_OF_VIEW / 2
    z = normal(SEED, "slice", 0, n, 16)
    x = axis[None, None] - (0.9 + 0.35 * z[:, 7])[:, None, None]
    y = axis[None, :, None] - (0.35 * z[:, 8])[:, None, None]
    tilt = (0.45 + 0.15 * z[:, 9])[:, None, None]
    u, v = x * np.cos(tilt) + y * np.sin(tilt), -x * np.sin(tilt) + y * np.cos(tilt)
    share = (painted * 1.1 / 255 - GREY["muscle"]) / (GREY["blood"] - GREY["muscle"])
    beyond = np.hypot(u, v) > radii(p)[:, 0].mean(1)[:, None, None] + 0.5
    near = (np.hypot(u + 3.5 * RV_OFFSET, v) < 5.0) & beyond & (u < 1.5)
    area = (near & (share > 0.5)).sum((1, 2)) * cell**2
    wanted = 0.70 * np.cbrt(p["RVEDV"]) ** 2
    assert np.mean(area / wanted) == pytest.approx(1, abs=0.04)


def test_the_cavity_is_painted_where_its_outline_lies():
    """A seventh within the outline is blood, and as far beyond it is muscle."""
    n, size = 12, 84
    p = healthy(n)
    painted = render_cine(p, frames=FRAMES, size=size, seed=SEED, noisy=False) * (1.1 / 255)
    xy = inner_outlines(p, frames=FRAMES, size=size, points=POINTS, seed=SEED)
    z = normal(SEED, "slice", 0, n, 16)
    place = np.stack([0.9 + 0.35 * z[:, 7], 0.35 * z[:, 8]], -1)
    middle = (place[:, None, None] + FIELD_OF_VIEW / 2) * (size / FIELD_OF_VIEW)

    def grey(share):
        x, y = np.moveaxis(middle + share * (xy - middle), -1, 0).astype(int)
        who = np.arange(n)[:, None, None]
        return painted[who, np.arange(FRAMES)[:, None], y, x]

    between = (GREY["blood"] + GREY["muscle"]) / 2
    np.testing.assert_allclose(middle[..., 0, :], xy[:, :1].mean(2), atol=0.5)
    assert (grey(6 / 7) > between).mean() > 0.97
    assert (grey(8 / 7) < between).mean() > 0.97


def test_smooth_fields_are_straight_between_their_knots():
    field = np.random.default_rng(0).normal(size=(2, 3, 3))
    at = np.linspace(0, 2, 9)
    rows = np.apply_along_axis(lambda line: np.interp(at, [0, 1, 2], line), 1, field)
    wanted = np.apply_along_axis(lambda line: np.interp(at, [0, 1, 2], line), 2, rows)
    np.testing.assert_allclose(cine._upsample(field, 9), wanted, atol=1e-6)
