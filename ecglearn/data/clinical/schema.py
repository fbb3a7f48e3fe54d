"""What a clinical number is: name, unit, what is normal, what is possible; and flags made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ecglearn.cohort.clinical import DEMOGRAPHICS, LABS, POSSIBLE, REFERENCE_RANGES, VITALS
from ecglearn.errors import InputError


class ClinicalError(InputError):
    """A clinical value, unit, item or time that cannot be used; the message says which and why.

    Book: clinical-transfer#clinical-table
    """


@dataclass(frozen=True)
class Column:
    """One clinical number.

    Attributes:
        name: lower case, with underscores.
        unit: the one values are kept in.
        possible: (low, high); a value outside is an error of measurement or of typing.
        reference: (low, high) of healthy adults; None where there is none.
        units: other units to their factor; value in `unit` = factor * value.
        item: number of the laboratory test in MIMIC-IV.

    Book: clinical-transfer#clinical-table
    """

    name: str
    unit: str
    possible: tuple[float, float]
    reference: tuple[float, float] | None = None
    units: Mapping[str, float] = field(default_factory=dict)
    item: int | None = None

    def convert(self, values: ArrayLike, unit: str) -> NDArray[np.float64]:
        """Values in the unit of this column.

        Args:
            values: numbers, NaN allowed.
            unit: theirs.

        Raises:
            ClinicalError: the unit is not known for this column.
        """
        factors = {self.unit.lower(): 1.0} | {u.lower(): f for u, f in self.units.items()}
        if unit.strip().lower() not in factors:
            raise ClinicalError(
                f"{self.name} in '{unit}' is not understood; known units are {self.unit}"
                + "".join(f", {u}" for u in self.units)
            )
        return np.asarray(values, float) * factors[unit.strip().lower()]

    def check(self, values: ArrayLike) -> NDArray[np.float64]:
        """The values, when all are possible.

        Args:
            values: in the unit of this column, NaN where unmeasured.

        Raises:
            ClinicalError: one of them is impossible; names the first and its row.
        """
        x = np.asarray(values, float)
        wrong = (x < self.possible[0]) | (x > self.possible[1])
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ClinicalError(
                f"{self.name} of {x[row]:g} {self.unit} in row {row} is impossible "
                f"({self.possible[0]:g} to {self.possible[1]:g}): check its unit, or set it to NaN"
            )
        return x


def _lab(name: str, unit: str, item: int, **units: float) -> Column:
    written = {key.replace("_per_", "/"): factor for key, factor in units.items()}
    return Column(name, unit, POSSIBLE[name], REFERENCE_RANGES[name], written, item)


def _vital(name: str, unit: str, reference: tuple[float, float]) -> Column:
    return Column(name, unit, POSSIBLE[name], reference)


#: Laboratory values, in the order of the cohort.
LAB_COLUMNS: tuple[Column, ...] = (
    _lab("potassium", "mmol/L", 50971, mEq_per_L=1.0),
    _lab("calcium", "mmol/L", 50893, mg_per_dL=0.2495),
    _lab("sodium", "mmol/L", 50983, mEq_per_L=1.0),
    _lab("creatinine", "umol/L", 50912, mg_per_dL=88.42),
    _lab("haemoglobin", "g/dL", 51222, g_per_L=0.1),
    _lab("troponin_t", "ng/L", 51003, ng_per_mL=1000.0),
    _lab("nt_probnp", "pg/mL", 50963, ng_per_L=1.0),
    _lab("glucose", "mmol/L", 50931, mg_per_dL=0.0555),
    _lab("magnesium", "mmol/L", 50960, mg_per_dL=0.4114),
)
TABLE_COLUMNS: tuple[Column, ...] = (
    Column("age", "years", (0, 125)),
    Column("height", "cm", (90, 250), units={"in": 2.54, "m": 100.0}),
    Column("weight", "kg", (20, 400), units={"lb": 0.45359237}),
    Column("bmi", "kg/m2", (8, 120)),
    _vital("heart_rate", "1/min", (60, 100)),
    _vital("systolic_pressure", "mmHg", (90, 140)),
    _vital("diastolic_pressure", "mmHg", (60, 90)),
    _vital("oxygen_saturation", "%", (95, 100)),
    _vital("respiratory_rate", "1/min", (12, 20)),
    _vital("temperature", "degC", (36.0, 37.8)),
)
SEX = "male"
assert tuple(c.name for c in LAB_COLUMNS) == LABS


def lab_flags(
    values: Float[Tensor, "B labs"], columns: Sequence[Column] = LAB_COLUMNS
) -> Float[Tensor, "B flags"]:
    """Two flags for each laboratory value: below its reference range, and above it.

    Args:
        values: in the units of the columns, NaN where unmeasured.
        columns: each with a reference range.

    Returns:
        (B, 2 L): low and high of the first test, then of the second; both NaN where unmeasured.

    Raises:
        InputError: another number of columns.
        ClinicalError: a column has no reference range.

    Source: Alcaraz and Strodthoff 2024 (CardioLab).

    Book: clinical-transfer#lab-flags
    """
    if values.shape[1] != len(columns):
        raise InputError(f"{values.shape[1]} laboratory values, and {len(columns)} columns")
    bare = [c.name for c in columns if c.reference is None]
    if bare:
        raise ClinicalError(f"no reference range for {', '.join(bare)}")
    low, high = torch.tensor([c.reference for c in columns]).to(values).unbind(1)
    flags = torch.stack([values < low, values > high], 2).to(values)
    return flags.masked_fill(values.isnan()[..., None], torch.nan).flatten(1)


def flag_names(columns: Sequence[Column] = LAB_COLUMNS) -> list[str]:
    """Names of the flags of `lab_flags`, in its order.

    Args:
        columns: the same.

    Book: clinical-transfer#lab-flags
    """
    return [f"{column.name} {side}" for column in columns for side in ("low", "high")]


def enough_cases(*parts: ArrayLike, least: int = 10) -> NDArray[np.bool_]:
    """Labels with enough cases and enough non-cases in every part.

    Args:
        *parts: labels of validation and of test records (records, K), NaN where unmeasured.
        least: cases, and non-cases, that each part needs.

    Source: Alcaraz and Strodthoff 2024 (CardioLab): ten of each in validation and in test.

    Book: clinical-transfer#lab-flags
    """
    tables = [np.asarray(part, float) for part in parts]
    return np.all([((y == 1).sum(0) >= least) & ((y == 0).sum(0) >= least) for y in tables], 0)


def clinical_table(
    demographics: Float[np.ndarray, "n demographics"], vitals: Float[np.ndarray, "n vitals"]
) -> Float[np.ndarray, "n columns"]:
    """The table m of simulated patients: `TABLE_COLUMNS`, then sex.

    Args:
        demographics: columns `ecglearn.cohort.DEMOGRAPHICS`.
        vitals: columns `ecglearn.cohort.VITALS`.

    Book: clinical-transfer#clinical-table
    """
    known = dict(zip((*DEMOGRAPHICS, *VITALS), np.hstack([demographics, vitals]).T, strict=True))
    known["bmi"] = known["weight"] / (known["height"] / 100) ** 2
    numbers = [column.check(known[column.name]) for column in TABLE_COLUMNS]
    return np.stack([*numbers, known[SEX]], 1)


def age_and_sex(
    ages: Sequence[float | None], sexes: Sequence[str | float | None]
) -> Float[np.ndarray, "n columns"]:
    """The table m of patients of whom age and sex are known at most.

    Args:
        ages: years; None or NaN where unknown.
        sexes: "female" or "male"; None or NaN where unknown.

    Returns:
        Columns as of `clinical_table`, float32, NaN where unknown.

    Book: clinical-transfer#clinical-table
    """
    table = np.full((len(ages), len(TABLE_COLUMNS) + 1), np.nan, np.float32)
    table[:, 0] = np.asarray(ages, np.float32)
    for sex, number in (("female", 0), ("male", 1)):
        table[[found == sex for found in sexes], -1] = number
    return table
