"""What exercises are given: small data with one fault each, the same for everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MG_PER_MMOL = 18.016  # glucose: 180.16 g/mol, per decilitre


def glucose_of_two_laboratories() -> NDArray[np.float64]:
    """Glucose of 400 simulated patients, of which one laboratory wrote mg/dL, the other mmol/L.

    Returns:
        Values (400,), in the order in which they were written down, the unit lost.

    Book: clinical-transfer#clinical-exercises
    """
    rng = np.random.default_rng(18)
    values = np.exp(rng.normal(np.log(5.8), 0.22, 400))
    second = rng.random(400) < 0.35
    return np.where(second, values * MG_PER_MMOL, values).round(1).astype(np.float64)


def split_with_a_leak() -> dict[str, list[str]]:
    """Whose records train and test a model: a split by record, patients named in free text.

    Returns:
        `train` and `test`: one patient's name for each record, as it was typed.

    Book: evaluation#evaluation-exercises
    """
    rng = np.random.default_rng(4)
    train = [f"P{n:03d}" for n in rng.choice(300, 160, replace=False)]
    others = sorted({f"P{n:03d}" for n in range(300)} - set(train))
    leaked = [str(one) for one in rng.choice(train, 7, replace=False)]
    test = [*others[:60], *leaked]
    rng.shuffle(test)
    return {
        "train": [_typed(one, rng) for one in train],
        "test": [_typed(one, rng) for one in test],
    }


def _typed(name: str, rng: np.random.Generator) -> str:
    """A name as people write it: capitals and blanks vary."""
    forms = (name, name.lower(), f" {name}", f"{name} ")
    return forms[int(rng.integers(4))]
