"""The batches of a run in the order of its steps: into memory used again, or read by workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ecglearn.data.store.reading import Buffers
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store

Step = list[Tensor]  # rows of each part of a step


class _Steps(Dataset):
    """What a worker reads at once: all parts of one step of this process."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __getitem__(self, step: Step) -> list[Any]:
        data = self.data
        stored = isinstance(data, Store | Stores)
        return [data.counts(rows) if stored else data[rows] for rows in step]


def feed(
    data: Any, steps: Iterable[Step], *, device: torch.device, workers: int = 0
) -> Iterator[list[Any]]:
    """Batches of some steps; each stands until the next but one is asked for.

    A store is read into memory that is used again, as integers where a device or another process
    takes them; `to(device)` of what comes out is the batch. Anything else is asked for
    `data[rows]`. Numbers are the same whichever way they come.

    Args:
        data: patients.
        steps: rows of each part of each step, in order.
        device: on which the method lies; from page-locked memory it copies by itself.
        workers: processes that read ahead, each two steps; 0 reads in this one, when asked.

    Book: many-machines#flags
    """
    card = device.type == "cuda"
    if workers:
        loader = DataLoader(
            _Steps(data),
            sampler=steps,  # pyright: ignore[reportArgumentType]
            batch_size=None,
            num_workers=workers,
            collate_fn=_as_it_is,
            pin_memory=card,
            prefetch_factor=2,
        )
        yield from loader
        return
    buffers: Buffers | None = None
    for rows in steps:
        if not isinstance(data, Store | Stores):
            yield [data[some] for some in rows]
            continue
        if buffers is None:
            buffers = Buffers(2 * len(rows), pin=card)
        read = data.counts if card else data.read
        yield [read(some, buffers) for some in rows]


def closed(batches: Iterator[list[Any]]) -> Any:
    """A context at whose end no worker reads on.

    Args:
        batches: of `feed`.

    Book: many-machines#flags
    """
    return closing(batches)  # pyright: ignore[reportArgumentType]


def _as_it_is(step: list[Any]) -> list[Any]:
    return step
