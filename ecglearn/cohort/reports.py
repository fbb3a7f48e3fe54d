"""Report text: graded statements with paraphrases, negations, numbers and a summary line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.findings import FINDINGS
from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.streams import uniform

OMISSION = 0.07  # share of visible findings that the reader does not mention
DRAWS = 64

# {severity} and {certainty} are filled from the finding's grade
WORDINGS = {
    "normal ECG": (
        "normal ECG",
        "within normal limits",
        "no abnormality detected",
        "ECG unremarkable",
    ),
    "atrial fibrillation": (
        "atrial fibrillation, ventricular rate {rate}",
        "irregularly irregular rhythm without P waves",
        "absent P waves with irregular RR intervals, atrial fibrillation",
    ),
    "atrial flutter": (
        "atrial flutter with flutter waves in the inferior leads",
        "saw-tooth flutter waves, rate {rate}",
        "typical atrial flutter",
    ),
    "sinus tachycardia": (
        "sinus tachycardia at {rate}",
        "fast sinus rhythm, {rate} per minute",
    ),
    "sinus bradycardia": (
        "sinus bradycardia at {rate}",
        "slow sinus rhythm, {rate} per minute",
    ),
    "ventricular premature complexes": (
        "{frequency} ventricular premature complexes",
        "{frequency} PVCs",
        "{frequency} wide ectopic beats",
    ),
    "first-degree AV block": (
        "first-degree AV block, PR {pr} ms",
        "prolonged PR interval ({pr} ms)",
        "{severity} AV conduction delay",
    ),
    "left bundle branch block": (
        "left bundle branch block",
        "complete LBBB, QRS {qrs} ms",
        "wide QRS of left bundle branch block type",
    ),
    "right bundle branch block": (
        "right bundle branch block",
        "complete RBBB, QRS {qrs} ms",
        "rSR' in V1, right bundle branch block",
    ),
    "left anterior fascicular block": (
        "left anterior fascicular block",
        "left anterior hemiblock",
    ),
    "intraventricular conduction delay": (
        "nonspecific intraventricular conduction delay",
        "QRS widened to {qrs} ms, nonspecific",
    ),
    "left ventricular hypertrophy": (
        "{certainty} left ventricular hypertrophy by voltage",
        "high QRS voltage, {certainty} LVH",
        "voltage criteria for left ventricular hypertrophy",
    ),
    "ST-T strain": (
        "ST depression and T inversion in V5 and V6, strain pattern",
        "{severity} lateral strain",
        "secondary repolarisation changes in the lateral leads",
    ),
    "right ventricular hypertrophy": (
        "{certainty} right ventricular hypertrophy",
        "dominant R in V1, {certainty} RVH",
    ),
    "left atrial enlargement": (
        "left atrial enlargement",
        "broad P waves, {certainty} left atrial abnormality",
        "P mitrale",
    ),
    "anterior ST elevation": (
        "{severity} ST elevation in V1 to V4, {certainty} acute anterior infarction",
        "anterior STEMI",
        "convex ST elevation in the anterior leads",
    ),
    "inferior ST elevation": (
        "{severity} ST elevation in II, III and aVF, {certainty} acute inferior infarction",
        "inferior STEMI",
        "ST elevation in the inferior leads with reciprocal depression in aVL",
    ),
    "old anterior infarction": (
        "{certainty} old anterior infarction",
        "Q waves in V1 to V4",
        "poor R progression, old anterior MI",
    ),
    "old inferior infarction": (
        "{certainty} old inferior infarction",
        "Q waves in II, III and aVF",
        "inferior Q waves, old MI",
    ),
    "peaked T waves": (
        "tall peaked T waves",
        "{severity} T wave peaking, consider potassium",
    ),
    "nonspecific T wave changes": (
        "nonspecific T wave changes",
        "flat T waves",
        "{severity} T wave flattening",
    ),
    "long QT interval": (
        "prolonged QT interval",
        "QTc {qtc} ms, prolonged",
        "long QT",
    ),
    "low QRS voltage": (
        "low QRS voltage in the limb leads",
        "{severity} low voltage",
    ),
    "left axis deviation": (
        "left axis deviation",
        "axis {axis} degrees, leftward",
    ),
    "right axis deviation": (
        "right axis deviation",
        "axis {axis} degrees, rightward",
    ),
}
SINUS = ("sinus rhythm", "normal sinus rhythm, rate {rate}", "regular sinus rhythm")
NEGATIONS = (
    "no acute ST elevation",
    "no pathological Q waves",
    "no bundle branch block",
    "no ectopic beats",
    "QT interval normal",
)
NEGATED = (
    ("anterior ST elevation", "inferior ST elevation"),
    ("old anterior infarction", "old inferior infarction"),
    ("left bundle branch block", "right bundle branch block"),
    ("ventricular premature complexes",),
    ("long QT interval",),
)


def write_reports(p: Latents, grades: NDArray, *, seed: int, start: int = 0) -> list[str]:
    """One report for each patient, made only of what the ECG can show.

    Ejection fraction, laboratory values and diagnoses never enter the text: a report that leaks
    them would let zero-shot scores measure the leak.

    Args:
        p: derived physiology, arrays (n,).
        grades: grade of each finding (n, K).
        seed: seed of the cohort.
        start: index of the first patient.

    Returns:
        n strings of one to about eight short statements.

    Book: simulated-cohort#reports
    """
    draws = uniform(seed, "report", start, len(grades), DRAWS)
    numbers = {
        "rate": p["heart_rate"],
        "pr": p["pr"],
        "qrs": p["qrs"],
        "qtc": p["qtc"],
        "axis": p["axis"],
    }
    rounded = {name: np.round(value).astype(int) for name, value in numbers.items()}
    return [
        _report(row, iter(draw), {name: int(value[i]) for name, value in rounded.items()})
        for i, (row, draw) in enumerate(zip(grades, draws, strict=True))
    ]


def _report(grades: NDArray, draw, numbers: dict[str, int]) -> str:
    present = {name: grade for name, grade in zip(FINDINGS, grades, strict=True) if grade > 0}

    def choose(options: tuple[str, ...]) -> str:
        return options[int(next(draw) * len(options))]

    lines = []
    if not {
        "atrial fibrillation",
        "atrial flutter",
        "sinus tachycardia",
        "sinus bradycardia",
    } & set(present):
        lines.append(choose(SINUS).format(**numbers))
    for name, grade in present.items():
        text = choose(WORDINGS[name])
        forgotten = next(draw) < OMISSION and len(present) > 1
        if forgotten:
            continue
        level = min(int(3 * grade), 2)
        lines.append(
            text.format(
                severity=("mild", "moderate", "marked")[level],
                certainty=("possible", "probable", "definite")[level],
                frequency=("rare", "occasional", "frequent")[level],
                **numbers,
            )
        )
    if next(draw) < 0.4:
        k = int(next(draw) * len(NEGATIONS))
        if not set(NEGATED[k]) & set(present):
            lines.append(NEGATIONS[k])
    if next(draw) < 0.5 and "normal ECG" not in present:
        lines.append("abnormal ECG" if max(present.values()) > 0.3 else "borderline ECG")
    return ". ".join(line[0].upper() + line[1:] for line in lines) + "."
