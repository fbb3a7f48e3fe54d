"""Judges of exercises on simulated patients."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from ecglearn.cohort.physiology import PHENOTYPES
from ecglearn.cohort.simulate import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate.metrics.auroc import mean_auroc
from ecglearn.evaluate.probe import Split, fit_probe


def weak_heart(seed: Any) -> str:
    """Judge a seed whose first patient has a left ventricular ejection fraction below 40%.

    Args:
        seed: a whole number.

    Book: for-instructors#instructors-checks
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        return f"a seed is a whole number, not {type(seed).__name__}"
    patient = simulate(1, seed=int(seed), frames=1, size=2)
    fraction = float(patient.phenotypes[0, PHENOTYPES.index("LVEF")])
    return "" if fraction < 40 else f"the patient of seed {seed} has {fraction:.0f}%"


def wrong_unit(found: Any) -> str:
    """Judge which values of `glucose_of_two_laboratories` are in mg/dL.

    Args:
        found: one truth value for each of them.

    Book: for-instructors#instructors-checks
    """
    from ecglearn.course.material import glucose_of_two_laboratories

    values = glucose_of_two_laboratories()
    try:
        marked = np.asarray(found, bool)
    except (TypeError, ValueError):
        return "one truth value for each of the values is asked for"
    if marked.shape != values.shape:
        return f"the shape is {marked.shape}, asked for: {values.shape}"
    true = values > 35  # mmol/L: nobody lives with this, and nobody lives with so few mg/dL
    if np.array_equal(marked, ~true):
        return "these are the values in mmol/L: turned over"
    missed, false = int((true & ~marked).sum()), int((marked & ~true).sum())
    return f"{missed} are missed, {false} are in mmol/L after all" if missed or false else ""


def beat_voltages(model: Any) -> str:
    """Judge a model with `embed(batch)` whose probe should beat that of mean absolute voltages.

    Asked for: a macro AUROC at least .02 higher, on 600 patients to learn from and 300 to test.

    Args:
        model: what was written.

    Book: for-instructors#instructors-checks
    """
    own, voltages = _value(model.embed), _value_of_voltages()
    if own >= voltages + 0.02:
        return ""
    return f"macro AUROC {own:.3f}, that of voltages {voltages:.3f}: .02 above is asked for"


@cache
def _asked() -> tuple[Split, Split]:
    """Who teaches, chooses and judges, with their findings; simulated once."""
    cohort = simulate(900, seed=23, frames=1, size=2)
    batch = ECGBatch.from_cohort(cohort)
    rows = Split(slice(0, 480), slice(480, 600), slice(600, 900))
    labels = (cohort.findings[part].astype(float) for part in rows)
    return Split(*(batch[part] for part in rows)), Split(*labels)


def _value(embed: Any) -> float:
    parts, labels = _asked()
    own = (replace(part, ecg=part.ecg.clone()) for part in parts)  # what was written may change it
    vectors = (torch.as_tensor(embed(part)).double().numpy() for part in own)
    return mean_auroc(labels.test, fit_probe(Split(*vectors), labels).scores)


@cache
def _value_of_voltages() -> float:
    return _value(lambda part: part.ecg.abs().mean(-1))
