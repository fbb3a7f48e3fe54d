"""From records to vectors: what every other question is asked of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.abilities import Embeds
from ecglearn.data.batch import ECGBatch
from ecglearn.data.wfdb.record import ECGRecord
from ecglearn.encoders.inference import pieces_of
from ecglearn.errors import InputError
from ecglearn.method import Method

PIECE = 1024  # records that are read at once


def embed(
    model: Embeds,
    records: Any,
    *,
    batch_size: int | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> Float[Tensor, "B D"]:
    """Vectors of records, whatever holds them; memory does not grow with what lies on disk.

    Args:
        model: a method, or anything with `embed(batch)`.
        records: an `ECGBatch`, a store, or one or more of what `read_record` gives; the last need a
            method of this library, which says what rate and length it reads.
        batch_size: records that go through the model at once; None takes 32 on a processor and 128
            elsewhere.
        precision: "bf16" for matrix products in bfloat16; the vectors are float32 all the same.

    Raises:
        InputError: there is no record, or it is not known what the model reads; or a batch of less
            than one, or another precision.

    Book: five-methods#contract
    """
    alone = isinstance(records, ECGRecord)
    if alone or (isinstance(records, Sequence) and any(isinstance(r, ECGRecord) for r in records)):
        if not isinstance(model, Method):
            raise InputError(
                f"{type(model).__name__} does not say what rate and length it reads; give a batch, "
                "for instance ECGBatch.from_records(records, fs=100, seconds=10)"
            )
        config: Any = model.config
        records = ECGBatch.from_records(records, fs=config.fs, seconds=config.samples / config.fs)
    if not len(records):
        raise InputError("there is no record to embed")
    if precision not in ("fp32", "bf16"):
        raise InputError(f"vectors are made in 'fp32' or 'bf16', not in {precision!r}")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"a batch of {batch_size} has no record; give 1 or more")
    batches: Any = records
    pieces = (batches[slice(k, k + PIECE)] for k in range(0, len(records), PIECE))
    place = next(model.parameters()).device.type if isinstance(model, Method) else "cpu"
    with torch.autocast(place, torch.bfloat16, enabled=precision == "bf16"), pieces_of(batch_size):
        found = [torch.as_tensor(model.embed(piece)) for piece in pieces]
    return torch.cat([part.float() if precision == "bf16" else part for part in found])
