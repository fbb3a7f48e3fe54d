"""Columns of yours: what a schema file, JSON or TOML, says about a table of clinical values."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ecglearn.data.clinical.schema import SEX, ClinicalError, Column
from ecglearn.metadata import Description, described

Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
KEPT = ("age", SEX)  # the store knows them already
FORM = (
    "it should have tables [labs.NAME] with unit, limits, reference, [vitals.NAME] with unit and "
    "limits, and diagnoses, a list of columns or the name of a label set"
)


class Vital(Description):
    """A vital sign, or any other number of the table.

    Attributes:
        unit: of its values.
        limits: (low, high); a value outside is an error of measurement or of typing.
        reference: (low, high) of healthy people, where there is one.

    Book: your-own-data#data-companions
    """

    unit: str
    limits: Pair
    reference: Pair | None = None


class Lab(Description):
    """A laboratory value: with a reference range, since low and high are what is learned.

    Attributes:
        unit: of its values.
        limits: (low, high); a value outside is an error of measurement or of typing.
        reference: (low, high) of healthy people.

    Book: your-own-data#data-companions
    """

    unit: str
    limits: Pair
    reference: Pair


class SchemaFile(Description):
    """What a schema file says; the names are those of columns of the table.

    Attributes:
        labs: laboratory values.
        vitals: vital signs, and other numbers.
        diagnoses: columns of 1, 0 or nothing; or the name of a label set of the store.

    Book: your-own-data#data-companions
    """

    labs: dict[str, Lab] = Field(default_factory=dict)
    vitals: dict[str, Vital] = Field(default_factory=dict)
    diagnoses: list[str] | str = ""


@dataclass(frozen=True)
class OwnColumns:
    """Columns of a table of yours, in the order of the schema file.

    Attributes:
        labs: laboratory values.
        vitals: vital signs, and other numbers.
        diagnoses: columns of 1 and 0.
        label_set: of the store, whose classes are the diagnoses; empty where columns are.

    Book: your-own-data#data-companions
    """

    labs: tuple[Column, ...] = ()
    vitals: tuple[Column, ...] = ()
    diagnoses: tuple[str, ...] = ()
    label_set: str = ""

    @property
    def every(self) -> tuple[Column, ...]:
        """All columns of the table; a diagnosis is 0 or 1."""
        yes_or_no = (Column(name, "", (0, 1)) for name in self.diagnoses)
        return (*self.labs, *self.vitals, *yes_or_no)

    def described(self) -> dict[str, Any]:
        """What a schema file of these columns says."""

        def said(column: Column) -> dict[str, Any]:
            ranges = {"limits": column.possible, "reference": column.reference}
            given = {name: list(pair) for name, pair in ranges.items() if pair is not None}
            return {"unit": column.unit, **given}

        return {
            "labs": {column.name: said(column) for column in self.labs},
            "vitals": {column.name: said(column) for column in self.vitals},
            "diagnoses": self.label_set or list(self.diagnoses),
        }


def read_columns(path: str | os.PathLike[str]) -> OwnColumns:
    """Read a schema file.

    Args:
        path: `.toml` or `.json`.

    Raises:
        ClinicalError: it cannot be read, or says something else than a schema does; a range is
            upside down, a column is named twice, or none is named.

    Book: your-own-data#data-companions
    """
    path = Path(path)
    if path.suffix not in (".toml", ".json"):
        raise ClinicalError(f"a schema file ends in .toml or .json, and this one is {path.name}")
    try:
        text = path.read_text("utf-8")
        found: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ClinicalError(f"{path} is no schema file that can be read ({error})") from error
    if not isinstance(found, dict):
        raise ClinicalError(f"{path} is no schema file: {FORM}")
    return own_columns(found, path)


def own_columns(found: dict[str, Any], where: object) -> OwnColumns:
    """The columns that a schema describes.

    Args:
        found: what a schema file says.
        where: the file, for messages.

    Raises:
        ClinicalError: it is no schema.

    Book: your-own-data#data-companions
    """
    try:
        said = described(SchemaFile, found, where, ClinicalError)
    except ClinicalError as error:
        raise ClinicalError(f"{error}; {FORM}") from error
    one_set = said.diagnoses if isinstance(said.diagnoses, str) else ""
    columns = OwnColumns(
        tuple(_column(name, one, where) for name, one in said.labs.items()),
        tuple(_column(name, one, where) for name, one in said.vitals.items()),
        () if isinstance(said.diagnoses, str) else tuple(said.diagnoses),
        one_set,
    )
    names = [column.name for column in columns.every]
    if not names:
        raise ClinicalError(f"{where} names no column: {FORM}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ClinicalError(f"{where} names {', '.join(twice)} twice: leave one")
    if ours := [name for name in names if name in KEPT]:
        raise ClinicalError(
            f"{where} names {', '.join(ours)}, which the store knows of each patient: leave it out"
        )
    return columns


def _column(name: str, said: Lab | Vital, where: object) -> Column:
    for what, pair in (("limits", said.limits), ("reference", said.reference)):
        if pair is not None and not pair[0] < pair[1]:
            raise ClinicalError(f"{where}: {what} of {name} are {pair}, and the lower comes first")
    low, high = said.limits
    if said.reference is not None and not low <= said.reference[0] < said.reference[1] <= high:
        raise ClinicalError(
            f"{where}: the reference range of {name}, {said.reference}, is not within its limits "
            f"{said.limits}: are they in the same unit?"
        )
    reference = None if said.reference is None else (said.reference[0], said.reference[1])
    return Column(name, said.unit, (low, high), reference)
