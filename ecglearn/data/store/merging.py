"""Fields of batches of several stores as those of one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def merged(
    found: Sequence[tuple[NDArray[np.int64], dict[str, Any]]], shared: frozenset[str], records: int
) -> dict[str, Any]:
    """Fields of several batches as those of one, each record at its place.

    Args:
        found: where the records of each batch stand, and its fields.
        shared: fields that the whole batch has.
        records: in the whole batch.

    Book: your-own-data#data-several
    """
    if not found:
        return {}
    rest: dict[str, Any] = {}
    for name, value in found[0][1].items():
        values = [fields.get(name) for _, fields in found]
        if name not in shared or any(one is None for one in values):
            continue
        if isinstance(value, Tensor):
            rest[name] = _tensor(values, [places for places, _ in found], records, name)
        elif isinstance(value, list):
            line: list[Any] = [None] * records
            for (places, _), one in zip(found, values, strict=True):
                for place, item in zip(places.tolist(), one or (), strict=True):
                    line[place] = item
            rest[name] = line
        else:
            rest[name] = value
    return rest


def _tensor(values: Sequence[Any], at: Sequence[NDArray], records: int, name: str) -> Tensor:
    """Rows at their places; of R peaks some have more, and -1 stands for none."""
    flat = values[0].ndim == 1
    rows = [one[:, None] if flat else one for one in values]
    wide = max(one.shape[1] for one in rows)
    shape, fill = (records, wide, *rows[0].shape[2:]), -1 if name == "r_peaks" else 0
    whole = torch.full(shape, fill, dtype=rows[0].dtype)
    for places, one in zip(at, rows, strict=True):
        whole[torch.from_numpy(places), : one.shape[1]] = one
    return whole[:, 0] if flat else whole
