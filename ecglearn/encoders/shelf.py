"""Where encoded reports lie: end to end in memory, and on disk what memory has no room for."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.files import disk

Place = tuple[int, torch.dtype, tuple[int, ...]]  # offset, kind and shape of a tensor


class Packed(NamedTuple):
    """What is known of one report, in one stretch of memory.

    Attributes:
        numbers: tokens, attention and pooled vector; or mean and pooled vector.
        positions: that the model has read.
        kept: positions that are no padding.

    Book: tamer#text-side
    """

    numbers: NDArray[np.float32]
    positions: int
    kept: int


class Arena:
    """Numbers end to end in large blocks; a block goes when the last of its numbers is forgotten.

    Thousands of small tensors cost more than their content, and leave holes.

    Book: tamer#text-side
    """

    BLOCK = 1 << 20  # numbers

    def __init__(self) -> None:
        self._block, self._used = np.empty(0, np.float32), 0

    def put(self, numbers: Tensor) -> NDArray[np.float32]:
        """Copy some numbers; what is returned is where they lie.

        Args:
            numbers: one after the other.
        """
        size = len(numbers)
        if self._used + size > len(self._block):
            self._block, self._used = np.empty(max(size, self.BLOCK), np.float32), 0
        place = self._block[self._used : self._used + size]
        self._used += size
        place[:] = numbers.numpy()
        return place


class Shelf:
    """Tensors end to end in one temporary file, which is gone with the process.

    Args:
        folder: in which the file is made.

    Raises:
        DiskError: the folder cannot be written.

    Book: tamer#text-side
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder, self.bytes = Path(folder), 0
        self._places: dict[Hashable, list[Place]] = {}
        with disk(folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def __contains__(self, name: Hashable) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def put(self, name: Hashable, tensors: Sequence[Tensor]) -> None:
        """Write some tensors, once.

        Args:
            name: by which they are found again.
            tensors: in main memory.

        Raises:
            DiskError: the disk is full.
        """
        if name in self._places:
            return
        places = []
        for tensor in tensors:
            content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            with disk(self.folder):
                written = os.pwrite(self._file.fileno(), content, self.bytes)
                if written != len(content):
                    raise OSError(28, "No space left on device")
            places.append((self.bytes, tensor.dtype, tuple(tensor.shape)))
            self.bytes += len(content)
        self._places[name] = places

    def get(self, name: Hashable) -> tuple[Tensor, ...]:
        """Read what was put.

        Args:
            name: of the tensors.

        Raises:
            KeyError: nothing was put under this name.
        """
        found = []
        for offset, dtype, shape in self._places[name]:
            size = dtype.itemsize
            for side in shape:
                size *= side
            content = bytearray(os.pread(self._file.fileno(), size, offset))
            found.append(
                torch.frombuffer(content, dtype=dtype).view(shape)
                if size
                else torch.empty(shape, dtype=dtype)
            )
        return tuple(found)
