"""Short-axis cine frames gated to the R wave: geometry of one slice, then grey values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.streams import noise, normal, uniform

FIELD_OF_VIEW = 15.12  # centimetres: 84 pixels of 1.8 mm
DENSITY = 1.05  # gram of myocardium per millilitre
RV_OFFSET = 0.90  # centre of the right ventricle's ellipse, in epicardial radii
GREY = {"blood": 0.90, "muscle": 0.30, "tissue": 0.38, "lung": 0.10, "fat": 0.78, "liver": 0.33}


@dataclass(frozen=True)
class Timing:
    """Mechanical events in seconds from the R wave, each (n,).

    Attributes:
        opening, closing: aortic valve.
        filling: mitral opening.
        kick: start of the atrial contraction.
        rr: length of the cycle.

    Book: simulated-cohort#cine
    """

    opening: NDArray
    closing: NDArray
    filling: NDArray
    kick: NDArray
    rr: NDArray


def event_times(p: Latents) -> Timing:
    """Systolic time intervals from heart rate and ejection fraction.

    Args:
        p: derived physiology, arrays (n,).

    Source: Weissler's regressions; PEP/LVET against ejection fraction, Garrard 1970.

    Book: simulated-cohort#cine
    """
    rate, male = p["heart_rate"], p["male"]
    total = 547.5 - 1.5 * male - 2.05 * rate
    total = np.minimum(total, 0.62 * 60000 / rate)
    ratio = np.clip(0.36 + 0.80 * (0.60 - p["LVEF"] / 100), 0.2, 1.0)
    ejection = total / (1 + ratio)
    onset = -0.47 * p["qrs"]
    lbbb = p["left_bundle_branch_block"] > 0
    opening = total - ejection + 35 * lbbb + onset
    closing = opening + ejection
    filling = closing + 75 + 0.5 * (p["age"] - 60)
    rr = 60000 / rate
    kick = np.maximum(rr - (p["pr"] - onset) + 55, filling + 30)
    return Timing(*(t / 1000 for t in (opening, closing, filling, kick, rr)))


def emptying(p: Latents, timing: Timing, time: NDArray) -> NDArray[np.float64]:
    """Share of the stroke volume that has left the ventricle, (n, times), 0 at the R wave.

    Args:
        p: derived physiology, arrays (n,).
        timing: mechanical events.
        time: seconds from the R wave (n, times).

    Book: simulated-cohort#cine
    """
    decade = (p["age"][:, None] - 60) / 10
    kick_share = np.clip(0.24 + 0.05 * decade, 0.08, 0.45)
    kick_share = kick_share * (p["p_amplitude"][:, None] > 0)
    opening, closing, filling, kick, rr = (
        t[:, None] for t in (timing.opening, timing.closing, timing.filling, timing.kick, timing.rr)
    )
    systole = np.clip((time - opening) / (closing - opening), 0, 1) ** 0.82

    def refilled(t: NDArray) -> NDArray:
        early = 1 - np.exp(-((np.maximum(t - filling, 0) / 0.085) ** 1.5))
        late = smoothstep((t - kick) / np.maximum(rr - kick, 0.04))
        return (1 - kick_share) * early + kick_share * late

    return smoothstep(systole) * (1 - refilled(time) / refilled(rr))


def smoothstep(x: NDArray) -> NDArray[np.float64]:
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between.

    Book: simulated-cohort#cine
    """
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


@cache
def _crescent_table() -> tuple[NDArray, NDArray]:
    """Area of the right ventricle outside a unit epicardial disc against the ellipse's scale."""
    axis = np.linspace(-6, 6, 600)
    x, y = np.meshgrid(axis, axis)
    outside = x**2 + y**2 > 1
    scale = np.linspace(0.2, 3.0, 60)
    cell = (axis[1] - axis[0]) ** 2
    area = [
        (outside & (((x + RV_OFFSET) / (0.95 * s)) ** 2 + (y / (1.22 * s)) ** 2 < 1)).sum() * cell
        for s in scale
    ]
    return np.array(area), scale


def render_cine(
    p: Latents, *, frames: int, size: int, seed: int, start: int = 0, noisy: bool = True
) -> NDArray[np.uint8]:
    """Cine loops of one mid-ventricular slice, (n, frames, size, size) uint8.

    Frame j of F shows the heart j * RR / F after the R wave; frame 0 is end-diastole. The areas
    follow the volumes only with slice-level scatter, so that one slice does not give a volume
    away.

    Args:
        p: derived physiology, arrays (n,).
        frames: frames for each cycle.
        size: pixels along each side; the field of view is always 15.1 cm.
        seed: seed of the cohort.
        start: index of the first patient.
        noisy: add image noise (the anatomy's own scatter stays).

    Source: bullet formula A = 6 V / (5 L); grey values of balanced steady-state sequences.

    Book: simulated-cohort#cine
    """
    n = len(p["age"])
    z, lv, shape = _moving(p, frames, seed, start)
    grid = (np.arange(size) + 0.5) * FIELD_OF_VIEW / size - FIELD_OF_VIEW / 2
    image = _paint(p, shape, lv, grid.astype(np.float32), z)
    bias, texture = _fields(seed, start, n, size)
    image += np.float32(0.05) * texture[:, None]
    image *= 1 + np.float32(0.12) * bias[:, None]
    if noisy:
        grain = noise(seed, f"image {frames}x{size}", start, n, frames * size * size)
        image += np.float32(0.040) * grain.reshape(image.shape)
    return (np.clip(image, 0, 1.1) * np.float32(255 / 1.1) + 0.5).astype(np.uint8)


def inner_outlines(
    p: Latents, *, frames: int, size: int, points: int, seed: int, start: int = 0
) -> NDArray[np.float64]:
    """Outline of the left ventricle's cavity in every frame, (n, frames, points, 2) as (x, y).

    In pixels from the image's upper left corner: the border that `render_cine` paints, before it
    is softened, without the papillary muscles.

    Args:
        p: derived physiology, arrays (n,).
        frames: frames for each cycle.
        size: pixels along each side.
        points: of the outline, evenly spaced in angle.
        seed: seed of the cohort.
        start: index of the first patient.

    Book: simulated-cohort#cine
    """
    n = len(p["age"])
    z, lv, shape = _moving(p, frames, seed, start)
    turn = np.linspace(-np.pi, np.pi, points, endpoint=False)
    angle = np.broadcast_to(turn, (n, 1, points)).astype(np.float32)
    endo, epi = (shape[name][..., None, None] for name in ("endo", "epi"))
    radius = _regional(p, endo, epi, angle, lv)[:, :, 0].astype(np.float64)
    middle, tilt = _place(z)
    along = turn + tilt[:, None, None]
    xy = radius[..., None] * np.stack([np.cos(along), np.sin(along)], -1)
    return (xy + middle[:, None, None] + FIELD_OF_VIEW / 2) * (size / FIELD_OF_VIEW)


def _moving(
    p: Latents, frames: int, seed: int, start: int
) -> tuple[NDArray, NDArray, dict[str, NDArray[np.float32]]]:
    """Scatter of the slice (n, 16); emptying of the left ventricle, and radii, in every frame."""
    z = normal(seed, "slice", start, len(p["age"]), 16)
    timing = event_times(p)
    clock = np.arange(frames) / frames * timing.rr[:, None]
    lv, rv = emptying(p, timing, clock), emptying(p, timing, clock - 0.012)
    return z, lv, _radii(p, lv, rv, z)


def _place(z: NDArray) -> tuple[NDArray, NDArray]:
    """Centre of the left ventricle in centimetres (n, 2); angle at which the septum lies (n,)."""
    middle = np.stack([0.9 + 0.35 * z[:, 7], 0.35 * z[:, 8]], -1)
    return middle, 0.45 + 0.15 * z[:, 9]


def _radii(p: Latents, lv: NDArray, rv: NDArray, z: NDArray) -> dict[str, NDArray[np.float32]]:
    """Radii in centimetres (n, frames): endocardium, epicardium, scale of the right ventricle."""
    column = {name: p[name][:, None] for name in ("LVEDV", "LVSV", "LVEF", "LVM", "RVEDV", "RVSV")}
    volume = column["LVEDV"] - column["LVSV"] * lv * (1 + 0.085 * z[:, :1])
    long_axis = 1.78 * np.cbrt(column["LVEDV"]) * (1 + 0.06 * z[:, 1:2])
    shortening = 0.15 * column["LVEF"] / 100 * (1 + 0.2 * z[:, 2:3])
    long_axis = long_axis * (1 - shortening * lv)
    inner = 6 * volume / (5 * long_axis) * (1 + 0.05 * z[:, 3:4])
    outer = 6 * (volume + 1.12 * column["LVM"] / DENSITY) / (5 * (long_axis + 0.7))
    outer = np.maximum(outer * (1 + 0.05 * z[:, 3:4] + 0.045 * z[:, 4:5]), 1.18 * inner)
    endo, epi = np.sqrt(inner / np.pi), np.sqrt(outer / np.pi)
    right = column["RVEDV"] - column["RVSV"] * rv * (1 + 0.11 * z[:, 5:6])
    crescent = 0.70 * np.cbrt(right) ** 2 * (1 + 0.06 * z[:, 6:7])
    area, scale = _crescent_table()
    rv_scale = np.interp(crescent / epi**2, area, scale) * epi
    return {
        "endo": endo.astype(np.float32),
        "epi": epi.astype(np.float32),
        "rv": rv_scale.astype(np.float32),
    }


def _paint(
    p: Latents, shape: dict[str, NDArray], lv: NDArray, grid: NDArray[np.float32], z: NDArray
) -> NDArray[np.float32]:
    """Layers from back to front with soft edges, (n, frames, size, size)."""
    z = z.astype(np.float32)
    middle, tilt = (part[..., None, None] for part in _place(z))
    z = z[:, :, None, None]
    x = grid - middle[:, 0]
    y = grid[:, None] - middle[:, 1]
    u = x * np.cos(tilt) + y * np.sin(tilt)
    v = -x * np.sin(tilt) + y * np.cos(tilt)
    radius = np.sqrt(u * u + v * v)
    angle = np.arctan2(v, u)
    ramp = np.float32(max(0.32, 1.8 * float(grid[1] - grid[0])))

    def soft(distance: NDArray) -> NDArray[np.float32]:
        return np.clip(0.5 - distance / ramp, 0, 1).astype(np.float32, copy=False)

    body = np.hypot(grid[:, None] / 7.2, grid / 8.2)
    still = np.where(soft((body - 1) * 7) > 0.5, GREY["tissue"], GREY["fat"])
    still = np.broadcast_to(still, radius.shape).astype(np.float32).copy()
    lung = soft(2.6 - np.hypot(x - 4.6, 0.8 * (y + 1.0))) * (np.hypot(x, y) > 0)
    lung = 1 - np.clip(lung, 0, 1)
    still += lung * (np.float32(GREY["lung"]) - still)
    liver = soft(np.hypot(x + 4.2, y - 6.0) - 3.2)
    still += liver * (np.float32(GREY["liver"]) - still)
    epi_rest = shape["epi"][:, :1, None]
    fat = soft(np.abs(radius - epi_rest - 0.25) - 0.12) * (u > -0.3 * epi_rest)
    still += fat * (np.float32(GREY["fat"]) - still)

    image = np.repeat(still[:, None], shape["endo"].shape[1], axis=1)
    endo, epi, rv = (shape[k][..., None, None] for k in ("endo", "epi", "rv"))
    across = ((u[:, None] + RV_OFFSET * epi) / 0.95) ** 2 + (v[:, None] / 1.22) ** 2
    to_rv = np.sqrt(across) - rv
    image += soft(to_rv - 0.30) * (np.float32(GREY["muscle"]) - image)
    image += soft(to_rv) * (np.float32(GREY["blood"]) - image)
    image += soft(radius[:, None] - epi) * (np.float32(GREY["muscle"]) - image)
    inner = _regional(p, endo, epi, angle, lv)
    image += soft(radius[:, None] - inner) * (np.float32(GREY["blood"]) - image)
    for k, direction in enumerate((0.9, -1.3)):
        centre = np.float32(0.62) * endo
        away = np.hypot(
            u[:, None] - centre * np.float32(np.cos(direction)),
            v[:, None] - centre * np.float32(np.sin(direction)),
        )
        size = np.float32(0.17) * endo * (1 + np.float32(0.15) * z[:, 10 + k][:, None])
        image += soft(away - size) * np.float32(0.8) * (np.float32(GREY["muscle"]) - image)
    return image.astype(np.float32, copy=False)


def _regional(
    p: Latents, endo: NDArray, epi: NDArray, angle: NDArray, lv: NDArray
) -> NDArray[np.float32]:
    """Endocardial radius by angle: infarcted sectors stand still, an old one is thin."""
    rest = endo[:, :1]
    motion, thin = endo - rest, np.zeros_like(angle)
    still = np.zeros_like(angle)
    for wall, direction in (("anterior", -2.0), ("inferior", 2.0)):
        sector = np.exp(2.2 * (np.cos(angle - direction) - 1)).astype(np.float32)
        both = p[f"{wall}_infarction.acute"] + p[f"{wall}_infarction.old"]
        still += 1.15 * both[:, None, None].astype(np.float32) * sector
        thin += 0.45 * p[f"{wall}_infarction.old"][:, None, None].astype(np.float32) * sector
    still = np.clip(still, 0, 1)
    lost = still.mean((1, 2), keepdims=True)
    inner = rest + motion * ((1 - still) / np.maximum(1 - lost, 0.4))[:, None]
    wall = np.maximum(epi - inner, 0.2)
    lbbb = (p["left_bundle_branch_block"] > 0)[:, None, None, None]
    septal = np.exp(2.2 * (np.cos(angle - np.pi) - 1))[:, None].astype(np.float32)
    early = np.float32(0.12) * np.sin(2 * np.pi * np.clip(lv, 0, 1)).astype(np.float32)
    inner = inner + lbbb * septal * early[..., None, None]
    return np.minimum(inner + thin[:, None] * 0.5 * wall, epi - 0.15).astype(np.float32)


def _fields(seed: int, start: int, n: int, size: int) -> tuple[NDArray, NDArray]:
    """Smooth random fields (n, size, size): the coil's shading and the tissue's texture."""
    coarse = normal(seed, "shading", start, n, 9).reshape(n, 3, 3)
    fine = (uniform(seed, "texture", start, n, 144).reshape(n, 12, 12) - 0.5) * 3.4
    return _upsample(coarse, size), _upsample(fine, size)


def _upsample(field: NDArray, size: int) -> NDArray[np.float32]:
    knots = field.shape[-1]
    position = np.linspace(0, knots - 1, size)
    weight = np.maximum(1 - np.abs(position[:, None] - np.arange(knots)), 0).astype(np.float32)
    return weight @ field.astype(np.float32) @ weight.T
