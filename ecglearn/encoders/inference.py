"""Run a module over many records in evaluation mode, a bounded number of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

PIECE = 128


@torch.no_grad()
def map_batches(
    module: nn.Module, records: Any, what: Callable[[Any], Any], *, size: int = PIECE
) -> list[Any]:
    """What a module says about each piece of some records; its training mode is left as it was.

    Args:
        module: put into evaluation mode meanwhile; records go to the device it lies on.
        records: has `len`, slices and `to(device)`, for instance an `ECGBatch`.
        what: from a piece to an answer, usually a tensor with one row for each record.
        size: records in a piece.

    Returns:
        The answers, piece by piece; `torch.cat` joins tensors.

    Book: tamer#text-side
    """
    was_training = module.training
    module.eval()
    device = next(module.parameters()).device
    try:
        return [
            what(records[slice(first, first + size)].to(device))
            for first in range(0, len(records), size)
        ]
    finally:
        module.train(was_training)
