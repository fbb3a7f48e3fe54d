"""The samples of the usual WFDB record (one file, format 16, one rate), without any package."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.wfdb.header import Header


def plain_signal(folder: Path, head: Header, frames: int) -> NDArray[np.int16]:
    """Read the samples of such a record, whose file must be long enough.

    Args:
        folder: of the record.
        head: its header, `plain`.
        frames: how many samples each channel has.

    Returns:
        Stored integers (channel, time), a view of what was read.

    Raises:
        OSError: the file cannot be read.

    Book: the-12-lead-ecg#ecg-own-record
    """
    first, number = head.channels[0], len(head.channels)
    stored = np.fromfile(
        folder / first.file, "<i2", count=number * frames, offset=first.offset
    ).reshape(frames, number)
    return stored.T
