"""Run a module over many records in evaluation mode, a bounded number of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn

# A processor asks the system anew for every tensor of 32 MB or more, and waits for its pages.
PIECES = {"cpu": 32}
PIECE = 128
_WANTED: ContextVar[int | None] = ContextVar("pieces", default=None)


@contextmanager
def pieces_of(records: int | None) -> Iterator[None]:
    """Until the end of the `with` block, `map_batches` takes so many records at a time.

    Args:
        records: of a piece; None leaves it as it is.

    Book: tamer#text-side
    """
    token = _WANTED.set(_WANTED.get() if records is None else records)
    try:
        yield
    finally:
        _WANTED.reset(token)


@torch.no_grad()
def map_batches(
    module: nn.Module, records: Any, what: Callable[[Any], Any], *, size: int | None = None
) -> list[Any]:
    """What a module says about each piece of some records; its training mode is left as it was.

    Args:
        module: put into evaluation mode meanwhile; records go to the device it lies on.
        records: has `len`, slices and `to(device)`, for instance an `ECGBatch`.
        what: from a piece to an answer, usually a tensor with one row for each record.
        size: records in a piece; None takes what `pieces_of` says, or 32 on a processor and 128
            elsewhere.

    Returns:
        The answers, piece by piece; `torch.cat` joins tensors.

    Book: tamer#text-side
    """
    device = next(module.parameters()).device
    size = size or _WANTED.get() or PIECES.get(device.type, PIECE)
    was_training = module.training
    module.eval()
    try:
        return [
            what(records[slice(first, first + size)].to(device))
            for first in range(0, len(records), size)
        ]
    finally:
        module.train(was_training)
