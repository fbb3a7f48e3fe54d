"""What a reader can see in the ECG: 25 findings with a grade, and how to take each one away."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.heart import Beat, draw_beat
from ecglearn.cohort.physiology import CONDITIONS, Latents, derive, switch_off


class Removal(NamedTuple):
    """How a finding is taken away: conditions that end, and electrical values that are bounded.

    Book: simulated-cohort#counterfactuals
    """

    conditions: tuple[str, ...] = ()
    bounds: Mapping[str, tuple[float, float]] = MappingProxyType({})
    rhythm: bool = False


INF = np.inf
REMOVALS = {
    "normal ECG": Removal(),
    "atrial fibrillation": Removal(("atrial_fibrillation",), rhythm=True),
    "atrial flutter": Removal(("atrial_flutter",), rhythm=True),
    "sinus tachycardia": Removal(("tachycardia",), {"heart_rate": (60, 90)}, rhythm=True),
    "sinus bradycardia": Removal(("bradycardia",), {"heart_rate": (60, 90)}, rhythm=True),
    "ventricular premature complexes": Removal(("ventricular_ectopy",), rhythm=True),
    "first-degree AV block": Removal(("first_degree_block",), {"pr": (0, 180)}),
    "left bundle branch block": Removal(
        ("left_bundle_branch_block",), {"left_bundle_branch_block": (0, 0), "qrs": (0, 105)}
    ),
    "right bundle branch block": Removal(("right_bundle_branch_block",), {"qrs": (0, 105)}),
    "left anterior fascicular block": Removal(
        ("left_anterior_fascicular_block",), {"axis": (-10, 90)}
    ),
    "intraventricular conduction delay": Removal(("conduction_delay",), {"qrs": (0, 105)}),
    "left ventricular hypertrophy": Removal((), {"gain": (0, 0.95)}),
    "ST-T strain": Removal((), {"strain": (0, 0)}),
    "right ventricular hypertrophy": Removal(("right_overload",)),
    "left atrial enlargement": Removal(("atrial_enlargement",), {"left_atrium": (0, 0)}),
    "anterior ST elevation": Removal((), {"anterior_infarction.acute": (0, 0)}),
    "inferior ST elevation": Removal((), {"inferior_infarction.acute": (0, 0)}),
    "old anterior infarction": Removal((), {"anterior_infarction.old": (0, 0)}),
    "old inferior infarction": Removal((), {"inferior_infarction.old": (0, 0)}),
    "peaked T waves": Removal(
        ("hyperkalaemia",), {"t_amplitude": (0, 1.2), "t_width": (0.95, INF)}
    ),
    "nonspecific T wave changes": Removal(
        ("flat_t_waves", "hypokalaemia"), {"t_amplitude": (0.8, INF)}
    ),
    "long QT interval": Removal(("long_qt", "hypocalcaemia"), {"qtc": (0, 420)}),
    "low QRS voltage": Removal(("low_voltage",)),
    "left axis deviation": Removal(("left_anterior_fascicular_block",), {"axis": (-10, 90)}),
    "right axis deviation": Removal(("right_overload",), {"axis": (-30, 80)}),
}
FINDINGS = tuple(REMOVALS)
RHYTHM_CONDITIONS = ("atrial_fibrillation", "atrial_flutter", "tachycardia", "bradycardia")
RHYTHM_FINDINGS = tuple(name for name, removal in REMOVALS.items() if removal.rhythm)


def without(
    z: Latents, names: tuple[str, ...], *, seed: int, start: int = 0, prefix: str = ""
) -> Latents:
    """Derived physiology of the same patients without some findings or conditions, in this order.

    Who does not show a finding stays as he was. Nothing behind a switched-off item is drawn anew,
    and no other condition that it had ruled out begins (a right bundle branch block under a left
    one); what it had hidden from the reader may show (tall voltages under the block). The heart
    rate stays, so that beats keep their places, unless the item is itself one of rhythm.

    Args:
        z: result of `draw_latents`.
        names: findings or conditions.
        seed: seed of the cohort.
        start: index of the first patient.
        prefix: the one given to `draw_latents`.

    Raises:
        InputError: a name is neither a finding nor a condition.

    Book: simulated-cohort#counterfactuals
    """
    place: dict[str, Any] = {"seed": seed, "start": start, "prefix": prefix}
    p = before = derive(z)
    ends = {name: np.zeros(p[name].shape, bool) for name in CONDITIONS}
    bounds: list[tuple[NDArray[np.bool_], Mapping[str, tuple[Any, Any]]]] = []
    keeps_rate = np.ones(before["age"].shape, bool)
    for name in names:
        removal = REMOVALS.get(name, Removal((name,), rhythm=name in RHYTHM_CONDITIONS))
        here = np.ones_like(keeps_rate)
        if name in FINDINGS:
            here = grade(p, draw_beat(p, **place))[:, FINDINGS.index(name)] > 0
        switch_off(z, removal.conditions)  # raises for a name that is unknown
        for condition in removal.conditions:
            ends[condition] |= here
        bounds.append((here, removal.bounds))
        keeps_rate &= ~(here & removal.rhythm)
        stays = {c: (before[c] > 0) & ~ends[c] for c in CONDITIONS}
        p = derive(z | {f"{c}.u": np.where(stays[c], z[f"{c}.u"], 1.0) for c in CONDITIONS})
        p["heart_rate"] = np.where(keeps_rate, before["heart_rate"], p["heart_rate"])
        for rows, limits in bounds:
            for key, (low, high) in limits.items():
                p[key] = np.where(rows, np.clip(p[key], low, high), p[key])
        if name == "low QRS voltage":
            limb = limb_voltage(voltages(draw_beat(p, **place)))
            p["gain"] = np.where(here, p["gain"] * np.maximum(0.75 / limb, 1), p["gain"])
            bounds.append((here, {"gain": (p["gain"], INF)}))
        p["LVCO"] = p["LVSV"] * p["heart_rate"] / 1000
    return p


def voltages(beat: Beat) -> dict[str, NDArray[np.float64]]:
    """Largest and smallest QRS deflection of each independent lead, in millivolt (n, 8).

    Args:
        beat: waves of n patients.

    Book: simulated-cohort#findings
    """
    time = np.arange(-90, 130, 3.0)
    shape = np.exp(-0.5 * ((time - beat.mu[..., None]) / beat.sigma[..., None]) ** 2)
    course = beat.qrs.transpose(0, 2, 1) @ shape
    return {"high": course.max(-1), "low": course.min(-1)}


def limb_voltage(volt: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """The larger peak-to-peak QRS voltage of leads I and II, in millivolt (n,).

    Args:
        volt: result of `voltages`.

    Book: simulated-cohort#findings
    """
    return (volt["high"] - volt["low"])[:, :2].max(1)


def grade(p: Latents, beat: Beat) -> NDArray[np.float64]:
    """How marked each finding is, 0 (absent) to 1, judged from what the ECG shows.

    Args:
        p: derived physiology, arrays (n,).
        beat: waves of the same patients.

    Returns:
        Array (n, K), columns as `FINDINGS`. The last step sets "normal ECG" to 1 where all others
        are 0.

    Source: Sokolow-Lyon and low-voltage criteria; PR above 200 ms; QTc above 460 ms.

    Book: simulated-cohort#findings
    """
    volt = voltages(beat)
    high, low = volt["high"], volt["low"]
    sinus = (p["atrial_fibrillation"] == 0) & (p["atrial_flutter"] == 0)
    lbbb, rbbb = p["left_bundle_branch_block"], p["right_bundle_branch_block"]
    narrow = (lbbb == 0) & (rbbb == 0)
    sokolow = -low[:, 2] + np.maximum(high[:, 6], high[:, 7])
    limb = limb_voltage(volt)
    rate, axis = p["heart_rate"], p["axis"]
    r_over_s = high[:, 2] / np.maximum(-low[:, 2], 0.05)

    def above(value: NDArray, threshold: float, span: float) -> NDArray:
        return np.clip(0.05 + (value - threshold) / span, 0.05, 1) * (value > threshold)

    grades = {
        "atrial fibrillation": p["atrial_fibrillation"],
        "atrial flutter": p["atrial_flutter"],
        "sinus tachycardia": above(rate, 100, 45) * sinus,
        "sinus bradycardia": above(-rate, -55, 15) * sinus,
        "ventricular premature complexes": p["ventricular_ectopy"],
        "first-degree AV block": above(p["pr"], 200, 110) * (p["p_amplitude"] > 0),
        "left bundle branch block": lbbb,
        "right bundle branch block": rbbb,
        "left anterior fascicular block": p["left_anterior_fascicular_block"],
        "intraventricular conduction delay": above(p["qrs"], 114, 30) * narrow,
        "left ventricular hypertrophy": above(sokolow, 3.5, 2.0) * narrow,
        "ST-T strain": above(p["strain"], 0.3, 0.7) * narrow,
        "right ventricular hypertrophy": above(r_over_s, 1.0, 2.0)
        * narrow
        * (p["right_overload"] > 0),
        "left atrial enlargement": above(p["left_atrium"], 0.45, 0.75) * (p["p_amplitude"] > 0),
        "anterior ST elevation": above(p["anterior_infarction.acute"], 0.15, 0.85),
        "inferior ST elevation": above(p["inferior_infarction.acute"], 0.15, 0.85),
        "old anterior infarction": above(p["anterior_infarction.old"], 0.15, 0.85),
        "old inferior infarction": above(p["inferior_infarction.old"], 0.15, 0.85),
        "peaked T waves": above(p["t_amplitude"] / p["t_width"] ** 2, 2.3, 2.0),
        "nonspecific T wave changes": above(-p["t_amplitude"], -0.5, 0.4) * narrow,
        "long QT interval": above(p["qtc"], 460, 70),
        "low QRS voltage": above(-limb, -0.6, 0.3),
        "left axis deviation": above(-axis, 30, 40),
        "right axis deviation": above(axis, 95, 50),
    }
    table = np.stack([grades.get(name, np.zeros_like(axis)) for name in FINDINGS], 1)
    table[:, 0] = (table[:, 1:] == 0).all(1)
    return table
