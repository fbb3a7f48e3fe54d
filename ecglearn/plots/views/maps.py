"""Words x time, leads x time, features x features: one grid whose edges are what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from ecglearn.errors import InputError
from ecglearn.plots.views.contract import View, pack

TRACE_POINTS = 500


@dataclass(frozen=True)
class MapCase:
    """One patient, or one matrix, of a `MapView`.

    Attributes:
        name: what it is chosen by.
        rows: names along the left edge.
        layers: one array for each layer (moments, rows, columns); a layer that does not change
            while training has one moment.
        truth: where the evidence of each row lies (rows, columns), zeros where it has none.
        traces: a signal for each row, drawn behind its cells (rows, samples).
        strip: name and signal of one lead along the bottom edge.
        start: the row that is marked at first.
        note: a sentence above the grid.

    Book: alignment-matrices#one-contract
    """

    name: str
    rows: Sequence[str]
    layers: Sequence[Float[np.ndarray, "_ _ _"]]
    truth: Float[np.ndarray, "_ _"] | None = None
    traces: Float[np.ndarray, "_ _"] | None = None
    strip: tuple[str, Float[np.ndarray, " _"]] | None = None
    start: int = 0
    note: str = ""

    def contract(self) -> dict[str, Any]:
        """Its part of what the page gets.

        Raises:
            InputError: an array has another number of rows than there are names.
        """
        parts = {"layer": self.layers, "truth": [self.truth], "traces": [self.traces]}
        for what, arrays in parts.items():
            for array in arrays:
                rows = None if array is None else array.shape[1 if what == "layer" else 0]
                if rows not in (None, len(self.rows)):
                    raise InputError(f"{self.name}: {len(self.rows)} rows, {what} has {rows}")
        if not 0 <= self.start < len(self.rows):
            raise InputError(f"{self.name}: row {self.start} of {len(self.rows)} cannot be marked")
        return {
            "name": self.name,
            "rows": list(self.rows),
            "layers": [pack(layer) for layer in self.layers],
            "truth": None if self.truth is None else pack(self.truth),
            "traces": None if self.traces is None else pack(thin(self.traces)),
            "strip": None
            if self.strip is None
            else {
                "name": self.strip[0],
                "signal": np.round(thin(self.strip[1].astype(float)), 3).tolist(),
            },
            "start": self.start,
            "note": self.note,
        }


class MapView(View):
    """A grid to move about in, with cases, layers and moments of training to choose.

    Book: alignment-matrices#one-contract
    """

    kind: ClassVar[str] = "map"

    @classmethod
    def from_cases(
        cls,
        cases: Sequence[MapCase],
        *,
        label: str,
        layers: Sequence[str],
        columns: Sequence[str],
        tells: Literal["rows", "covered", "diagonal"] = "rows",
        limits: Sequence[float | None] | None = None,
        moments: Sequence[str] = ("",),
        row_name: str = "Row",
        column_name: str = "",
        case_name: str = "patient",
        unit: str = "",
        high: str = "more",
        low: str = "",
        marks: tuple[str, str] | None = None,
        without: str = "",
    ) -> MapView:
        """The view of some arrays.

        Args:
            cases: what can be chosen.
            label: of the whole view, read aloud.
            layers: names of what the colour can show.
            columns: names along the bottom edge.
            tells: what the sentence says: where the marked row is strongest; how much of the
                evidence the shown cells cover; how the diagonal stands out.
            limits: end of each layer's colour scale; None takes the largest value shown.
            moments: names of the moments of training.
            row_name: what a row is.
            column_name: what a column is.
            case_name: what a case is.
            unit: after a value in the sentence.
            high: what the strong colour means.
            low: what the other colour means, where values can be negative.
            marks: what ring (most evidence) and dot (strongest) mean; None draws none.
            without: said of a row without evidence.

        Raises:
            InputError: arrays, names and moments do not agree.
        """
        if not cases:
            raise InputError("a view needs a case")
        for case in cases:
            if len(case.layers) != len(layers):
                raise InputError(f"{case.name}: {len(case.layers)} layers, {len(layers)} names")
            for name, layer in zip(layers, case.layers, strict=True):
                shape = layer.shape
                if shape[0] not in (1, len(moments)) or shape[2] != len(columns):
                    raise InputError(
                        f"{case.name}, {name}: {shape} for {len(moments)} moments and "
                        f"{len(columns)} columns"
                    )
        ends = limits or [None] * len(layers)
        data = {
            "label": label,
            "cases": [case.contract() for case in cases],
            "layers": [
                {"name": name, "reach": end} for name, end in zip(layers, ends, strict=True)
            ],
            "columns": list(columns),
            "tells": tells,
            "moments": list(moments),
            "rowName": row_name,
            "columnName": column_name,
            "caseName": case_name,
            "caseLabel": case_name[:1].upper() + case_name[1:],
            "unit": unit,
            "high": high,
            "low": low,
            "marks": list(marks) if marks else None,
            "without": without,
        }
        return cls(data)


def thin(signal: Float[np.ndarray, "*rows samples"]) -> Float[np.ndarray, "*rows points"]:
    """Of every few samples the one farthest from zero: spikes stay as tall as they are.

    Args:
        signal: of any number of rows.

    Book: alignment-matrices#one-contract
    """
    width = max(1, signal.shape[-1] // TRACE_POINTS)
    whole = signal[..., : signal.shape[-1] // width * width]
    groups = whole.reshape(*signal.shape[:-1], -1, width)
    far = np.abs(groups).argmax(-1, keepdims=True)
    return np.take_along_axis(groups, far, -1)[..., 0]
