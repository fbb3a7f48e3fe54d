"""The one door of the metrics: what has no meaning is refused, with class and row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError


def checked_labels(labels: ArrayLike, names: Sequence[Any] | None = None) -> NDArray[np.float64]:
    """Labels that are 1, 0, or NaN where a record was not measured.

    Args:
        labels: (records, classes) or (records,).
        names: of the classes, for the message.

    Raises:
        InputError: another value; names class, row and value.

    Book: evaluation#compare
    """
    y = np.asarray(labels, float)
    bad = ~((y == 0) | (y == 1) | np.isnan(y))
    if bad.any():
        row, name = _first(bad, names)
        raise InputError(
            f"the label of {name} in row {row} is {y[bad][0]:g}; labels are 1, 0, or NaN where "
            "nothing was measured"
        )
    return y


def checked_scores(
    scores: ArrayLike, labels: NDArray[np.float64], names: Sequence[Any] | None = None
) -> NDArray[np.float64]:
    """Scores that rank: each is finite where its label is known.

    Args:
        scores: of the shape of the labels.
        labels: checked.
        names: of the classes, for the message.

    Raises:
        InputError: a score is NaN or infinite, or the shapes differ; names class and row.

    Book: evaluation#compare
    """
    s = np.asarray(scores, float)
    if s.shape != labels.shape:
        raise InputError(f"scores are {s.shape} and labels {labels.shape}; they must agree")
    bad = ~np.isfinite(s) & ~np.isnan(labels)
    if bad.any():
        row, name = _first(bad, names)
        raise InputError(
            f"the score of {name} in row {row} is {'NaN' if np.isnan(s[bad][0]) else 'infinite'} "
            f"({int(bad.sum())} in all), which cannot be judged; find out why, or leave these "
            "records out for every model"
        )
    return s


def checked_vectors(vectors: Any, what: str = "embedding") -> torch.Tensor:
    """Vectors without NaN or infinity.

    Args:
        vectors: (records, features).
        what: they are, for the message.

    Raises:
        InputError: a number is not finite; names the row.

    Book: evaluation#compare
    """
    x = torch.as_tensor(vectors)
    bad = ~x.isfinite()
    if bool(bad.any()):
        row = int(bad.flatten(1).any(1).int().argmax()) if x.ndim > 1 else int(bad.int().argmax())
        raise InputError(
            f"the {what} of row {row} has NaN or infinity; nothing can be measured on it: find out "
            "why, or leave the record out"
        )
    return x


def checked_targets(targets: Any, names: Sequence[str] | None = None) -> torch.Tensor:
    """Numbers to be predicted, all of them measured.

    Args:
        targets: (records, targets).
        names: of the targets, for the message.

    Raises:
        InputError: one is not finite; names target and row.

    Book: evaluation#compare
    """
    y = torch.as_tensor(targets)
    bad = (~y.isfinite()).cpu().numpy()
    if bad.any():
        row, name = _first(bad, names)
        raise InputError(
            f"{name} is missing in row {row} ({int(bad.sum())} values in all); leave these "
            "patients out for this target"
        )
    return y


def _first(bad: NDArray[np.bool_], names: Sequence[Any] | None) -> tuple[int, str]:
    """Row and name of the first value that is not right."""
    row, *column = (int(at[0]) for at in np.nonzero(bad))
    if not column:
        return row, "the class"
    named = names is not None and isinstance(names[column[0]], str)
    return row, str(names[column[0]]) if named else f"class {column[0]}"  # pyright: ignore
