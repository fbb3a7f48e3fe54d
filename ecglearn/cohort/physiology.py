"""Latents, diagnoses and couplings: the one physiology behind ECG, cine, report and laboratory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from ecglearn.cohort.streams import normal, uniform
from ecglearn.errors import InputError

Latents = dict[str, NDArray[np.float64]]

PHENOTYPES = (
    *("LVEDV", "LVESV", "LVSV", "LVEF", "LVCO", "LVM"),
    *("RVEDV", "RVESV", "RVSV", "RVEF"),
)
PHENOTYPE_UNITS = ("mL", "mL", "mL", "%", "L/min", "g", "mL", "mL", "mL", "%")

NORMAL_LATENTS = (
    *("age", "height", "bmi", "size", "contractility", "mass", "right_size", "heart_rate"),
    *("gain", "qrs", "rotation", "axis", "pr", "p_wave", "qtc", "t_amplitude", "t_width"),
    *("qrs_t_angle", "j_point", "potassium", "calcium", "filling"),
)
# name -> prevalence at age 60; severity is drawn beside it
CONDITIONS = {
    "hypertension": 0.33,
    "dilated_cardiomyopathy": 0.09,
    "anterior_infarction": 0.07,
    "inferior_infarction": 0.07,
    "right_overload": 0.08,
    "kidney_disease": 0.09,
    "anaemia": 0.10,
    "hyperkalaemia": 0.04,
    "hypokalaemia": 0.04,
    "hypocalcaemia": 0.04,
    "atrial_fibrillation": 0.06,
    "atrial_flutter": 0.025,
    "left_bundle_branch_block": 0.03,
    "right_bundle_branch_block": 0.05,
    "left_anterior_fascicular_block": 0.05,
    "conduction_delay": 0.04,
    "first_degree_block": 0.06,
    "ventricular_ectopy": 0.09,
    "tachycardia": 0.05,
    "bradycardia": 0.04,
    "low_voltage": 0.04,
    "long_qt": 0.04,
    "flat_t_waves": 0.07,
    "atrial_enlargement": 0.05,
}
DIAGNOSES = (
    *("hypertension", "dilated_cardiomyopathy", "anterior_infarction", "inferior_infarction"),
    *("right_overload", "kidney_disease", "anaemia", "atrial_fibrillation", "atrial_flutter"),
)


def draw_latents(n: int, *, seed: int, start: int = 0, prefix: str = "") -> Latents:
    """Independent standard latents: one stream for each name, so adding one changes no other.

    Args:
        n: number of patients.
        seed: seed of the cohort.
        start: index of the first patient.
        prefix: put before each stream name; another prefix gives independent patients.

    Returns:
        Name to (n,): standard normal for `NORMAL_LATENTS`; for every condition `NAME.u`, uniform
        and compared with the prevalence, and `NAME.severity`, uniform.

    Book: simulated-cohort#latents
    """
    latents = {
        name: normal(seed, f"{prefix}latent/{name}", start, n) for name in NORMAL_LATENTS
    } | {"sex.u": uniform(seed, f"{prefix}latent/sex", start, n)}
    for name in CONDITIONS:
        both = uniform(seed, f"{prefix}condition/{name}", start, n, 2)
        latents[f"{name}.u"], latents[f"{name}.severity"] = both.T
    return latents


def switch_off(latents: Latents, conditions: Iterable[str]) -> Latents:
    """The same patients without some conditions; every other draw stays as it was.

    Args:
        latents: result of `draw_latents`.
        conditions: names from `CONDITIONS`.

    Raises:
        InputError: a name is not a condition.

    Book: simulated-cohort#counterfactuals
    """
    changed = dict(latents)
    for name in conditions:
        if name not in CONDITIONS:
            raise InputError(
                f"'{name}' is not a condition of the cohort; choose from {', '.join(CONDITIONS)}"
            )
        changed[f"{name}.u"] = np.ones_like(latents[f"{name}.u"])
    return changed


def derive(z: Latents) -> Latents:
    """Physiology in physical units from standard latents: the table of couplings.

    Args:
        z: result of `draw_latents` or `switch_off`, arrays (n,).

    Returns:
        Name to (n,): demographics, volumes (mL), mass (g), rates (1/min), intervals (ms), angles
        (degrees), electrolytes (mmol/L), and for every condition its severity, 0 when absent.

    Source: numbers and their origin in the coupling table of the book; all set by hand.

    Book: simulated-cohort#couplings
    """
    p: Latents = {"male": (z["sex.u"] < 0.5).astype(float)}
    male = p["male"]
    p["age"] = np.clip(60 + 11 * z["age"], 30, 88)
    decade = (p["age"] - 60) / 10
    p["height"] = 163 + 13 * male + 6.5 * z["height"]
    p["bmi"] = 26.5 * np.exp(0.15 * z["bmi"])
    p["weight"] = p["bmi"] * (p["height"] / 100) ** 2
    p["bsa"] = np.sqrt(p["height"] * p["weight"] / 3600)
    for name, prevalence in CONDITIONS.items():
        older = np.exp(0.5 * decade) if name in ("atrial_fibrillation", "hypertension") else 1.0
        present = z[f"{name}.u"] < np.minimum(prevalence * older, 0.9)
        # Beta(2, 2) stretched so that mild cases exist and are hard to see
        severity = 0.05 + 0.95 * betaincinv(2, 2, z[f"{name}.severity"])
        p[name] = np.where(present, severity, 0.0)
    # one rhythm and one kind of bundle branch block at a time
    p["atrial_flutter"] = np.where(p["atrial_fibrillation"] > 0, 0, p["atrial_flutter"])
    more_lbbb = (p["dilated_cardiomyopathy"] > 0) & (z["left_bundle_branch_block.u"] < 0.30)
    lbbb = np.where(more_lbbb, 0.5, p["left_bundle_branch_block"])
    p["left_bundle_branch_block"] = lbbb
    p["right_bundle_branch_block"] = np.where(lbbb > 0, 0, p["right_bundle_branch_block"])
    p["left_anterior_fascicular_block"] = np.where(lbbb > 0, 0, p["left_anterior_fascicular_block"])

    _heart(p, z, decade)
    _blood(p, z)
    _electrics(p, z, decade)
    return p


def _heart(p: Latents, z: Latents, decade: NDArray) -> None:
    """Volumes, mass and rate."""
    male, dcm, hyp = p["male"], p["dilated_cardiomyopathy"], p["hypertension"]
    infarct = p["anterior_infarction"] + p["inferior_infarction"]
    base = p["bsa"] * (70 + 13 * male) * np.exp(-0.03 * decade)
    p["LVEDV"] = base * np.exp(0.15 * z["size"] + 0.38 * dcm + 0.06 * infarct)
    ef = 60.5 - 2.4 * male + 4.8 * z["contractility"]
    ef = ef - 2.5 * hyp - 30 * dcm - 14 * infarct - 3 * (p["atrial_fibrillation"] > 0)
    p["LVEF"] = np.where(ef > 25, np.minimum(ef, 78), 12 + 13 * np.exp((ef - 25) / 13))
    p["LVSV"] = p["LVEDV"] * p["LVEF"] / 100
    p["LVESV"] = p["LVEDV"] - p["LVSV"]
    log_mass = np.log(p["bsa"] * (42 + 10.5 * male)) + 0.0675 * z["size"] + 0.13 * z["mass"]
    p["LVM"] = np.exp(log_mass + 0.36 * hyp + 0.25 * dcm)
    p["RVEDV"] = (
        1.08
        * base
        * np.exp(0.10 * z["size"] + 0.09 * z["right_size"])
        * np.exp(0.50 * p["right_overload"])
    )
    stroke = p["LVSV"] * (1 - 0.12 * p["right_overload"])
    p["RVSV"] = np.minimum(stroke, 0.78 * p["RVEDV"])
    p["RVESV"] = p["RVEDV"] - p["RVSV"]
    p["RVEF"] = 100 * p["RVSV"] / p["RVEDV"]
    rate = 67 + 8.5 * z["heart_rate"] - 0.14 * (p["LVSV"] - 86) + 8 * infarct + 8 * p["anaemia"]
    rate = rate + 11 * (p["atrial_fibrillation"] > 0)
    rate = rate + (25 + 35 * p["tachycardia"]) * (p["tachycardia"] > 0)
    rate = rate - (14 + 14 * p["bradycardia"]) * (p["bradycardia"] > 0)
    conducted = np.where(p["atrial_flutter"] > 0.5, 150.0, 75.0)  # 2:1 or 4:1 of 300 per minute
    p["heart_rate"] = np.where(p["atrial_flutter"] > 0, conducted, np.clip(rate, 38, 145))
    p["LVCO"] = p["LVSV"] * p["heart_rate"] / 1000


def _blood(p: Latents, z: Latents) -> None:
    """Electrolytes that the ECG can see."""
    potassium = 4.2 + 0.32 * z["potassium"] + 0.4 * p["kidney_disease"]
    potassium = potassium + (0.9 + 2.4 * p["hyperkalaemia"]) * (p["hyperkalaemia"] > 0)
    potassium = potassium - (0.6 + 0.9 * p["hypokalaemia"]) * (p["hypokalaemia"] > 0)
    p["potassium"] = np.clip(potassium, 2.2, 8.0)
    calcium = 2.36 + 0.07 * z["calcium"] - 0.08 * p["kidney_disease"]
    calcium = calcium - (0.12 + 0.45 * p["hypocalcaemia"]) * (p["hypocalcaemia"] > 0)
    p["calcium"] = np.clip(calcium, 1.6, 2.9)


def _electrics(p: Latents, z: Latents, decade: NDArray) -> None:
    """What the ECG is drawn from: intervals, angles, amplitudes."""
    male, ef = p["male"], p["LVEF"]
    lbbb, rbbb = p["left_bundle_branch_block"], p["right_bundle_branch_block"]
    extra_k, high_k = p["potassium"] - 4.2, np.maximum(p["potassium"] - 6.2, 0)
    qrs = 86 + 6 * male + 20 * np.log(p["LVEDV"] / 140) + 8 * np.log(p["LVM"] / 88)
    qrs = qrs + 6 * z["qrs"] + 0.30 * np.maximum(58 - ef, 0)
    qrs = qrs + (14 + 16 * p["conduction_delay"]) * (p["conduction_delay"] > 0)
    qrs = np.where(lbbb > 0, 138 + 16 * lbbb + 0.6 * (qrs - 92), qrs)
    qrs = np.where(rbbb > 0, 124 + 20 * rbbb + 0.6 * (qrs - 92), qrs)
    p["qrs"] = np.clip(qrs + 22 * high_k, 66, 210)
    p["rotation"] = 34 * np.log(p["RVEDV"] / 155) + 9 * z["rotation"]
    axis = 45 - 8 * decade - 1.1 * (p["bmi"] - 26.5) + 18 * z["axis"]
    axis = axis - 14 * p["hypertension"] + 75 * p["right_overload"]
    lafb = p["left_anterior_fascicular_block"]
    p["axis"] = np.where(lafb > 0, -42 - 30 * lafb + 5 * z["axis"], np.clip(axis, -60, 150))
    gain = (p["LVM"] / 88) ** 0.62 * np.exp(0.16 * z["gain"] - 0.02 * (p["bmi"] - 26.5))
    p["gain"] = gain * np.where(p["low_voltage"] > 0, 0.55 - 0.25 * p["low_voltage"], 1.0)
    heavy = np.clip((p["LVM"] / p["bsa"] / (42 + 10.5 * male) - 1.1) / 0.5, 0, 1)
    p["strain"] = heavy * np.clip(2 * p["hypertension"], 0, 1)
    p["qrs_t_angle"] = np.abs(25 + 14 * z["qrs_t_angle"]) + 1.5 * np.maximum(60 - ef, 0)
    t_wave = np.exp(0.22 * z["t_amplitude"] + 0.26 * male - 0.07 * decade)
    t_wave = t_wave * (1 + 0.015 * np.maximum(ef - 58, -30)) * np.maximum(1 + 0.42 * extra_k, 0.15)
    p["t_amplitude"] = t_wave * np.where(p["flat_t_waves"] > 0, 0.55 - 0.5 * p["flat_t_waves"], 1)
    p["t_width"] = np.clip(np.exp(0.08 * z["t_width"]) * (1 - 0.16 * extra_k), 0.55, 1.4)
    qtc = 412 - 11 * male + 2 * decade + 0.25 * np.maximum(58 - ef, 0) + 14 * z["qtc"]
    qtc = qtc - 75 * (p["calcium"] - 2.36) + (25 + 60 * p["long_qt"]) * (p["long_qt"] > 0)
    p["qtc"] = np.clip(qtc + 0.5 * np.maximum(p["qrs"] - 110, 0), 330, 560)
    pr = 158 + 6 * decade + 18 * z["pr"] + 18 * np.maximum(p["potassium"] - 5.8, 0)
    first = p["first_degree_block"]
    p["pr"] = np.clip(pr + (40 + 70 * first) * (first > 0), 110, 340)
    no_p = (p["atrial_fibrillation"] > 0) | (p["atrial_flutter"] > 0) | (p["potassium"] > 7.0)
    p["p_amplitude"] = np.where(no_p, 0, 0.095 * np.exp(0.2 * z["p_wave"]))
    large = 0.5 * p["hypertension"] + 0.6 * p["dilated_cardiomyopathy"]
    enlarged = p["atrial_enlargement"]
    p["left_atrium"] = np.clip(large + (0.4 + 0.6 * enlarged) * (enlarged > 0), 0, 1.2)
    p["j_point"] = 0.015 + 0.045 * male * np.exp(-0.2 * decade) + 0.012 * z["j_point"]
    p["filling"] = z["filling"]
    # half of the infarctions are acute: decided by the severity draw's second bit of information
    for wall in ("anterior_infarction", "inferior_infarction"):
        fresh = (z[f"{wall}.severity"] * 1e4) % 1 < 0.5
        p[f"{wall}.acute"] = np.where(fresh, p[wall], 0.0)
        p[f"{wall}.old"] = np.where(fresh, 0.0, p[wall])
