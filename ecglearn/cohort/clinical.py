"""Laboratory values with gaps, vital signs and demographics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.streams import normal, uniform

LABS = (
    *("potassium", "calcium", "sodium", "creatinine", "haemoglobin", "troponin_t", "nt_probnp"),
    *("glucose", "magnesium"),
)
LAB_UNITS = ("mmol/L", "mmol/L", "mmol/L", "umol/L", "g/dL", "ng/L", "pg/mL", "mmol/L", "mmol/L")
REFERENCE_RANGES = {
    "potassium": (3.5, 5.1),
    "calcium": (2.15, 2.60),
    "sodium": (135, 145),
    "creatinine": (45, 105),
    "haemoglobin": (12.0, 17.0),
    "troponin_t": (0, 14),
    "nt_probnp": (0, 300),
    "glucose": (3.9, 7.8),
    "magnesium": (0.70, 1.05),
}
#: What a living patient can have, wide, after those that users of MIMIC commonly cut at.
POSSIBLE = {
    "potassium": (0.5, 15),
    "calcium": (0.5, 6),
    "sodium": (70, 220),
    "creatinine": (5, 3500),
    "haemoglobin": (1, 27),
    "troponin_t": (0, 200_000),
    "nt_probnp": (0, 500_000),
    "glucose": (0.3, 120),
    "magnesium": (0.1, 6),
    "heart_rate": (10, 350),
    "systolic_pressure": (30, 320),
    "diastolic_pressure": (10, 220),
    "oxygen_saturation": (30, 100),
    "respiratory_rate": (2, 90),
    "temperature": (25, 45),
}
VITALS = (
    *("heart_rate", "systolic_pressure", "diastolic_pressure", "oxygen_saturation"),
    *("respiratory_rate", "temperature"),
)
DEMOGRAPHICS = ("age", "male", "height", "weight")


def laboratory(p: Latents, *, seed: int, start: int = 0, noise: float = 1.0) -> NDArray[np.float64]:
    """Laboratory values (n, len(LABS)), NaN where none was ordered.

    Sicker patients are tested more often: the gaps are not at random. Sodium, glucose and
    magnesium depend on nothing the ECG shows and serve as controls.

    Args:
        p: derived physiology, arrays (n,).
        seed: seed of the cohort.
        start: index of the first patient.
        noise: what the patients differ in for no reason that shows elsewhere, times this.

    Book: simulated-cohort#labs
    """
    n = len(p["age"])
    z = noise * normal(seed, "labs", start, n, len(LABS)).T
    decade = (p["age"] - 60) / 10
    kidney, acute = (
        p["kidney_disease"],
        p["anterior_infarction.acute"] + p["inferior_infarction.acute"],
    )
    troponin = 0.75 + 0.10 * decade + 0.3 * kidney + 0.25 * p["dilated_cardiomyopathy"]
    troponin = troponin + (0.6 + 1.5 * acute) * (acute > 0) + 0.28 * z[5]
    bnp = 1.75 + 0.17 * decade + 0.022 * np.maximum(60 - p["LVEF"], 0) + 0.4 * kidney
    bnp = bnp - 0.015 * (p["bmi"] - 26.5) + 0.5 * p["right_overload"]
    bnp = bnp + 0.45 * (p["atrial_fibrillation"] > 0) + 0.28 * z[6]
    values = np.stack(
        [
            p["potassium"] + 0.12 * z[0],
            p["calcium"] + 0.03 * z[1],
            140 + 2.6 * z[2],
            (72 + 15 * p["male"]) * np.exp(0.14 * z[3] + 0.04 * decade + 1.1 * kidney),
            13.3
            + 1.4 * p["male"]
            + 0.9 * z[4]
            - (1.6 + 3.2 * p["anaemia"]) * (p["anaemia"] > 0)
            - 1.2 * kidney,
            10**troponin,
            10**bnp,
            5.6 * np.exp(0.22 * z[7]),
            0.85 + 0.08 * z[8],
        ],
        1,
    )
    sick = 1.5 * acute + p["dilated_cardiomyopathy"] + kidney + p["right_overload"] + 0.15 * decade
    ordered = np.array([2.0, -0.4, 2.0, 2.0, 1.6, -1.0, -1.0, 0.8, -0.6])
    chance = expit(ordered + 1.5 * sick[:, None])
    drawn = uniform(seed, "labs ordered", start, n, len(LABS)) < chance
    return np.where(drawn, _possible(values, LABS), np.nan)


def vital_signs(
    p: Latents, *, seed: int, start: int = 0, noise: float = 1.0
) -> NDArray[np.float64]:
    """Vital signs (n, len(VITALS)); temperature is a control that nothing drives.

    Args:
        p: derived physiology, arrays (n,).
        seed: seed of the cohort.
        start: index of the first patient.
        noise: as in `laboratory`.

    Book: simulated-cohort#labs
    """
    n = len(p["age"])
    z = noise * normal(seed, "vitals", start, n, len(VITALS)).T
    decade = (p["age"] - 60) / 10
    failing = p["dilated_cardiomyopathy"]
    systolic = 126 + 5 * decade + 32 * p["hypertension"] - 16 * failing + 9 * z[1]
    diastolic = 76 + 0.35 * (systolic - 126) + 5 * z[2]
    saturation = 97.3 - 2.5 * p["right_overload"] - 1.5 * failing + 0.9 * z[3]
    values = np.stack(
        [
            p["heart_rate"] + 2.5 * z[0],
            systolic,
            diastolic,
            saturation,
            15.5 + 3 * failing + 2 * p["right_overload"] + 1.6 * z[4],
            36.7 + 0.3 * z[5],
        ],
        1,
    )
    return _possible(values, VITALS)


def _possible(values: NDArray[np.float64], names: tuple[str, ...]) -> NDArray[np.float64]:
    """No further than a living patient: what much noise would add beyond is cut."""
    return np.clip(values, *np.array([POSSIBLE[name] for name in names], float).T)
