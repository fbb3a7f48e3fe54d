"""Vectors of one heart without scatter, by hand: X to the left, Y down, Z to the back."""

import numpy as np
import pytest

from ecglearn.cohort import heart
from ecglearn.cohort.heart import FORWARD_DOWER, QRS, QRS_LBBB, Beat, draw_beat

RESTING = np.array([0.72, 0.52, -0.46])
RESTING = RESTING / np.sqrt(0.72**2 + 0.52**2 + 0.46**2)
TYPICAL = {
    "age": 60,
    "qrs": 92,
    "rotation": 0,
    "axis": 45,
    "gain": 1,
    "strain": 0,
    "qrs_t_angle": 25,
    "t_amplitude": 1,
    "j_point": 0,
    "p_amplitude": 0.1,
    "left_atrium": 0,
    "right_overload": 0,
    "left_bundle_branch_block": 0,
    "right_bundle_branch_block": 0,
    **{
        f"{wall}_infarction.{age}": 0
        for wall in ("anterior", "inferior")
        for age in ("acute", "old")
    },
}


@pytest.fixture(autouse=True)
def no_scatter(monkeypatch):
    monkeypatch.setattr(heart, "normal", lambda seed, name, start, n, count: np.zeros((n, count)))


def of(**changed: float) -> Beat:
    known = TYPICAL | changed
    assert set(known) == set(TYPICAL)
    return draw_beat({name: np.array([float(v)]) for name, v in known.items()}, seed=0)


def vector(leads: np.ndarray) -> np.ndarray:
    """From eight leads back to the dipole: without scatter nothing is lost."""
    return leads[0] @ np.linalg.pinv(FORWARD_DOWER).T


def late(waves: np.ndarray, k: int, to: list[float]) -> np.ndarray:
    changed = waves.copy()
    changed[k] = to
    return changed


PLAIN = QRS[:, 2:]
BLOCK = PLAIN * np.array([1, 1, 1, 0.4, 1])[:, None]
COMPLEXES = [
    ({}, PLAIN),
    ({"gain": 1.3}, 1.3 * PLAIN),
    ({"left_bundle_branch_block": 0.5}, QRS_LBBB[:, 2:]),
    ({"right_bundle_branch_block": 0.5}, late(BLOCK, 4, [-0.55, -0.08, -0.72])),
    (
        {"right_overload": 0.5},
        PLAIN
        + 0.5 * np.array([[0] * 3, [0] * 3, [-0.75, 0.05, -0.85], [-0.3, 0.1, -0.45], [0] * 3]),
    ),
    *(
        (
            {f"{wall}_infarction.{age}": 0.8},
            PLAIN + share * 0.8 * np.array([*lost, [0] * 3, [0] * 3, [0] * 3]),
        )
        for age, share in (("old", 1), ("acute", 0.25))
        for wall, lost in (
            ("anterior", [[0.02, 0.02, 0.42], [-0.20, 0, 0.50]]),
            ("inferior", [[0.06, -0.50, 0.02], [0.05, -0.40, -0.05]]),
        )
    ),
]


@pytest.mark.parametrize(("changed", "wanted"), COMPLEXES, ids=[str(c) for c, _ in COMPLEXES])
def test_waves_of_the_complex_but_for_how_they_are_turned(changed, wanted):
    """Lengths, and angles between waves; the measured axis is asked in `test_heart.py`."""
    v = vector(of(**changed).qrs)
    np.testing.assert_allclose(v @ v.T, wanted @ wanted.T, atol=1e-9)


def test_the_heart_turns_about_its_long_axis_first():
    """A turn in the horizontal plane keeps Y, and the frontal one after it keeps Z."""
    turned = vector(of(rotation=90).qrs)
    np.testing.assert_allclose(turned[:, 2], PLAIN[:, 0], atol=1e-9)
    np.testing.assert_allclose(np.hypot(*turned[:, :2].T), np.hypot(*PLAIN[:, [2, 1]].T), atol=1e-9)


@pytest.mark.parametrize(("axis", "qrs"), [(45, 92), (45, 120), (-20, 92)])
def test_times_and_widths_grow_with_the_complex(axis, qrs):
    wide = of(qrs=qrs, axis=axis)
    np.testing.assert_allclose(wide.mu[0], QRS[:, 0] * qrs / 92)
    np.testing.assert_allclose(wide.sigma[0], QRS[:, 1] * qrs / 92)
    left = of(qrs=qrs, axis=axis, left_bundle_branch_block=0.5)
    np.testing.assert_allclose(left.mu[0], QRS_LBBB[:, 0] * qrs / 112)
    np.testing.assert_allclose(left.sigma[0], QRS_LBBB[:, 1] * qrs / 112)


def test_the_two_atria():
    """A large left one makes the second half of the P wave larger, above all to the back."""
    first, second = vector(of().p)
    np.testing.assert_allclose(first, [0.035, 0.075, -0.045], atol=1e-12)
    np.testing.assert_allclose(second, [0.075, 0.070, 0.035], atol=1e-12)
    large = vector(of(left_atrium=0.5).p)
    np.testing.assert_allclose(large[0], first, atol=1e-12)
    np.testing.assert_allclose(large[1] - second, [0.0225, 0.0075, 0.055], atol=1e-12)


def test_fibrillation_flutter_and_ectopic_beats_have_their_directions():
    beat = of()
    wanted = [[-0.35, 0.45, -0.75], [-0.05, -1.0, 0.25]]
    np.testing.assert_allclose(vector(beat.atrial), wanted, atol=1e-12)
    wanted = -1.25 * np.array([[0.9, -0.6, 0.9], [0.35, -0.3, 0.5]])
    np.testing.assert_allclose(vector(beat.ectopic), wanted, atol=1e-12)


def repolarised(**changed: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T vector, ST vector without what lies under single electrodes, main QRS vector."""
    beat = of(**changed)
    local = np.array([0, 0, 0.10, 0.26, 0.30, 0.20, 0.06, 0]) * changed.get(
        "anterior_infarction.acute", 0
    ) + np.array([0, 0.05, 0, 0, 0, 0, 0, 0.02]) * changed.get("inferior_infarction.acute", 0)
    st = beat.st - local
    for leads in (beat.t, st):  # the rest is a dipole's
        np.testing.assert_allclose(vector(leads[:, None])[0] @ FORWARD_DOWER.T, leads[0], atol=1e-9)
    return vector(beat.t[:, None])[0], vector(st[:, None])[0], vector(beat.qrs)[:4].sum(0)


def test_t_wave_of_a_healthy_heart():
    t, st, _ = repolarised(t_amplitude=1.2, j_point=0.1)
    np.testing.assert_allclose(t, 0.34 * 1.2 * RESTING, atol=1e-9)
    np.testing.assert_allclose(st, [0.05, 0.04, -0.09], atol=1e-9)


def test_a_wide_angle_turns_t_away_from_the_complex():
    t, _, q = repolarised(qrs_t_angle=25 + 60)
    assert np.linalg.norm(t) == pytest.approx(0.34)
    assert t @ RESTING == pytest.approx(0.17)
    away = t - 0.17 * RESTING
    across = q - (q @ RESTING) * RESTING
    assert away @ across == pytest.approx(-np.linalg.norm(away) * np.linalg.norm(across))
    assert repolarised(qrs_t_angle=400)[0] @ RESTING == pytest.approx(
        0.34 * np.cos(np.radians(150))
    )


def test_secondary_changes_follow_the_complex():
    t, st, q = repolarised(strain=0.5)
    np.testing.assert_allclose(t, 0.34 * RESTING - 0.17 * q, atol=1e-9)
    np.testing.assert_allclose(st, -0.055 * q, atol=1e-9)
    t, st, q = repolarised(left_bundle_branch_block=0.5)
    np.testing.assert_allclose(t, 0.34 * RESTING - 0.20 * q, atol=1e-9)
    np.testing.assert_allclose(st, -0.05 * q, atol=1e-9)
    t, st, _ = repolarised(right_bundle_branch_block=0.5)
    np.testing.assert_allclose(t, 0.34 * RESTING + [0, 0, 0.45 * 0.34], atol=1e-9)
    np.testing.assert_allclose(st, 0, atol=1e-9)


@pytest.mark.parametrize(
    ("wall", "inverted", "injury"),
    [
        ("anterior", [-0.12, 0.0, 0.38], [0.05, -0.06, -0.16]),
        ("inferior", [0.03, -0.40, 0.0], [-0.08, 0.30, 0.04]),
    ],
)
def test_an_infarct_lifts_st_and_later_inverts_t(wall, inverted, injury):
    t, st, _ = repolarised(**{f"{wall}_infarction.old": 0.5})
    np.testing.assert_allclose(t, 0.34 * RESTING + 0.5 * np.array(inverted), atol=1e-9)
    np.testing.assert_allclose(st, 0, atol=1e-9)
    t, st, _ = repolarised(**{f"{wall}_infarction.acute": 0.5})
    np.testing.assert_allclose(t, 0.34 * RESTING + 0.3 * np.array(injury), atol=1e-9)
    np.testing.assert_allclose(st, 0.5 * np.array(injury), atol=1e-9)
