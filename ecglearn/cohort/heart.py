"""The heart as a turning dipole: waves of one beat, seen by eight independent leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.streams import normal

# Dower 1980: rows I, II, V1..V6; columns X (left), Y (down), Z (back)
FORWARD_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
# waves of the QRS complex: time and width in ms for a 92 ms complex, vector in mV
QRS = np.array(
    [
        [-24, 7.0, -0.14, -0.06, -0.24],
        [-9, 8.0, 0.50, 0.50, -0.12],
        [3, 9.0, 0.92, 0.55, 0.48],
        [20, 9.0, -0.12, -0.14, 0.46],
        [34, 9.5, 0.0, 0.0, 0.0],
    ]
)
QRS_LBBB = np.array(
    [
        [-24, 9.0, 0.16, 0.10, 0.10],
        [-9, 11.0, 0.58, 0.30, 0.66],
        [7, 10.0, 0.10, 0.05, 0.22],
        [26, 13.0, 0.78, 0.14, 0.62],
        [34, 9.5, 0.0, 0.0, 0.0],
    ]
)
RBBB_LATE = np.array([-0.55, -0.08, -0.72])
ANTERIOR_LOCAL = np.array([0, 0, 0.10, 0.26, 0.30, 0.20, 0.06, 0.0])
INFERIOR_LOCAL = np.array([0, 0.05, 0, 0, 0, 0, 0, 0.02])


@dataclass(frozen=True)
class Beat:
    """Waves of each patient's normal beat; leads are I, II, V1 to V6, in millivolt.

    Attributes:
        torso: lead vectors (n, 8, 3).
        mu, sigma: centre (ms from R) and width (ms) of the five QRS waves (n, 5).
        qrs: the same waves in the leads (n, 5, 8).
        p: right and left atrial wave in the leads (n, 2, 8).
        t: T wave in the leads (n, 8).
        st: ST level in the leads (n, 8).
        ectopic: the two waves of a ventricular ectopic beat (n, 2, 8).
        atrial: direction of fibrillatory and flutter waves in the leads (n, 2, 8).

    Book: simulated-cohort#dipole
    """

    torso: NDArray[np.float64]
    mu: NDArray[np.float64]
    sigma: NDArray[np.float64]
    qrs: NDArray[np.float64]
    p: NDArray[np.float64]
    t: NDArray[np.float64]
    st: NDArray[np.float64]
    ectopic: NDArray[np.float64]
    atrial: NDArray[np.float64]


def draw_beat(p: Latents, *, seed: int, start: int = 0, prefix: str = "") -> Beat:
    """Dipole waves of each patient, turned to the wanted clinical axis and projected to leads.

    The lead vectors scatter by 9% between patients: without it five leads are exact mixtures of
    the other three and a missing lead would cost nothing.

    Args:
        p: derived physiology, arrays (n,).
        seed: seed of the cohort.
        start: index of the first patient.
        prefix: put before each stream name.

    Source: sum of Gaussian waves in a dipole (Sameni et al. 2007); lead vectors of Dower 1980.

    Book: simulated-cohort#dipole
    """
    n = len(p["age"])
    own = normal(seed, f"{prefix}torso", start, n, 24).reshape(n, 8, 3)
    length = np.linalg.norm(FORWARD_DOWER, axis=1)[:, None]
    torso = FORWARD_DOWER + 0.09 * length * own
    scatter = normal(seed, f"{prefix}qrs waves", start, n, 15).reshape(n, 5, 3)
    ectopy = normal(seed, f"{prefix}ectopic wave", start, n, 2)

    lbbb = p["left_bundle_branch_block"] > 0
    waves = np.where(lbbb[:, None, None], QRS_LBBB, QRS)
    mu, sigma = (waves[..., i] * p["qrs"][:, None] / _nominal(lbbb) for i in (0, 1))
    v = waves[..., 2:] * (1 + 0.10 * scatter)
    rbbb = p["right_bundle_branch_block"] > 0
    v[rbbb, 4] = RBBB_LATE * (1 + 0.10 * scatter[rbbb, 4])
    v[rbbb, 3] *= 0.4
    _infarct(v, p)
    right = p["right_overload"][:, None]
    v[:, 2] += right * [-0.75, 0.05, -0.85]
    v[:, 3] += right * [-0.30, 0.10, -0.45]
    v = _turn(v, p["rotation"], 0, 2)
    v = _turn(v, _frontal_turn(v, sigma, torso, p["axis"]), 0, 1)
    v *= p["gain"][:, None, None]

    q = v[:, :4].sum(1)  # main direction and strength of depolarisation
    t, st = _repolarisation(p, q, lbbb, rbbb)
    to_leads = torso.transpose(0, 2, 1)
    st = (st[:, None] @ to_leads)[:, 0]
    st += p["anterior_infarction.acute"][:, None] * ANTERIOR_LOCAL
    st += p["inferior_infarction.acute"][:, None] * INFERIOR_LOCAL
    strength = 1.25 * (1 + 0.2 * ectopy[:, :1]) * np.where(ectopy[:, 1:] > 0, 1, -1)
    ectopic = np.stack([strength * [0.9, -0.6, 0.9], strength * [0.35, -0.3, 0.5]], 1)
    atrial = np.broadcast_to([[-0.35, 0.45, -0.75], [-0.05, -1.0, 0.25]], (n, 2, 3))
    return Beat(
        torso,
        mu,
        sigma,
        v @ to_leads,
        _p_wave(p) @ to_leads,
        (t[:, None] @ to_leads)[:, 0],
        st,
        ectopic @ to_leads,
        atrial @ to_leads,
    )


def _nominal(lbbb: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(lbbb, 112.0, 92.0)[:, None]


def _infarct(v: NDArray[np.float64], p: Latents) -> None:
    """Lost initial forces of an old infarction; a little of it in an acute one."""
    for wall, first, second in (
        ("anterior", [0.02, 0.02, 0.42], [-0.20, 0.0, 0.50]),
        ("inferior", [0.06, -0.50, 0.02], [0.05, -0.40, -0.05]),
    ):
        size = p[f"{wall}_infarction.old"] + 0.25 * p[f"{wall}_infarction.acute"]
        v[:, 0] += size[:, None] * first
        v[:, 1] += size[:, None] * second


def _turn(v: NDArray, degrees: NDArray, i: int, j: int) -> NDArray[np.float64]:
    """Rotate vectors (n, waves, 3) in the plane of axes i and j."""
    angle = np.radians(degrees)[:, None]
    turned = v.copy()
    turned[..., i] = v[..., i] * np.cos(angle) - v[..., j] * np.sin(angle)
    turned[..., j] = v[..., i] * np.sin(angle) + v[..., j] * np.cos(angle)
    return turned


def _frontal_turn(v: NDArray, sigma: NDArray, torso: NDArray, axis: NDArray) -> NDArray:
    """Degrees to turn in the frontal plane until the net QRS area in I and aVF shows `axis`.

    The clinical axis is atan2(1.155 aVF, I); the condition is linear in cosine and sine of the
    turn, so it has a closed form.
    """
    area = (v * sigma[..., None]).sum(1)
    lead_i, avf = torso[:, 0], torso[:, 1] - torso[:, 0] / 2
    wanted = np.radians(axis)[:, None]
    across = 1.155 * avf * np.cos(wanted) - lead_i * np.sin(wanted)
    along = 1.155 * avf * np.sin(wanted) + lead_i * np.cos(wanted)
    x, y, z = area.T
    cos_part = across[:, 0] * x + across[:, 1] * y
    sin_part = across[:, 1] * x - across[:, 0] * y
    rest = np.clip(-across[:, 2] * z / np.hypot(cos_part, sin_part), -1, 1)
    best, best_along = np.zeros_like(axis), np.full_like(axis, -np.inf)
    for sign in (1, -1):
        turn = np.arctan2(sin_part, cos_part) + sign * np.arccos(rest)
        tx, ty = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        value = along[:, 0] * tx + along[:, 1] * ty + along[:, 2] * z
        best = np.where(value > best_along, turn, best)
        best_along = np.maximum(value, best_along)
    return np.degrees(best)


def _p_wave(p: Latents) -> NDArray[np.float64]:
    amplitude, left = p["p_amplitude"][:, None], p["left_atrium"][:, None]
    first = amplitude * [0.35, 0.75, -0.45]
    second = amplitude * [0.75, 0.70, 0.35] + left * amplitude * [0.45, 0.15, 1.1]
    return np.stack([first, second], 1)


def _repolarisation(p: Latents, q: NDArray, lbbb: NDArray, rbbb: NDArray) -> tuple:
    """T vector and ST vector (n, 3): secondary changes follow the QRS, primary ones do not."""
    resting = np.array([0.72, 0.52, -0.46]) / np.linalg.norm([0.72, 0.52, -0.46])
    away = -q + (q @ resting)[:, None] * resting
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    wide = np.radians(np.clip(p["qrs_t_angle"] - 25, 0, 150))[:, None]
    amplitude = 0.34 * p["t_amplitude"][:, None]
    t = amplitude * (np.cos(wide) * resting + np.sin(wide) * away)
    t[rbbb, 2] += 0.45 * amplitude[rbbb, 0]
    strain = p["strain"][:, None]
    t -= (0.34 * strain + 0.20 * lbbb[:, None]) * q
    st = p["j_point"][:, None] * [0.5, 0.4, -0.9] - (0.11 * strain + 0.05 * lbbb[:, None]) * q
    for wall, inverted, injury in (
        ("anterior", [-0.12, 0.0, 0.38], [0.05, -0.06, -0.16]),
        ("inferior", [0.03, -0.40, 0.0], [-0.08, 0.30, 0.04]),
    ):
        t += p[f"{wall}_infarction.old"][:, None] * inverted
        t += 0.6 * p[f"{wall}_infarction.acute"][:, None] * injury
        st += p[f"{wall}_infarction.acute"][:, None] * injury
    return t, st
