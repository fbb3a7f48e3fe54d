"""From records to vectors: what every other question is asked of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.abilities import Embeds
from ecglearn.data.batch import ECGBatch
from ecglearn.data.wfdb.record import ECGRecord
from ecglearn.errors import InputError
from ecglearn.method import Method

PIECE = 1024  # records that are read at once


def embed(model: Embeds, records: Any) -> Float[Tensor, "B D"]:
    """Vectors of records, whatever holds them; memory does not grow with what lies on disk.

    Args:
        model: a method, or anything with `embed(batch)`.
        records: an `ECGBatch`, a store, or one or more of what `read_record` gives; the last need a
            method of this library, which says what rate and length it reads.

    Raises:
        InputError: there is no record, or it is not known what the model reads.

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
    batches: Any = records
    pieces = (batches[slice(k, k + PIECE)] for k in range(0, len(records), PIECE))
    return torch.cat([torch.as_tensor(model.embed(piece)) for piece in pieces])
