"""The samples of the usual WFDB record (one file, format 16, one rate), without any package."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.wfdb.header import Header

INVALID = -32_768  # how format 16 writes "no sample"


def plain_signal(
    folder: Path, head: Header, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    """Read the samples of such a record, whose file must be long enough.

    Args:
        folder: of the record.
        head: its header, `plain`.
        frames: how many samples each channel has.

    Returns:
        Stored integers (channel, time), the same in physical units with NaN for invalid samples,
        and the checksum of each channel.

    Raises:
        OSError: the file cannot be read.

    Book: the-12-lead-ecg#ecg-own-record
    """
    channels = head.channels
    stored = np.fromfile(
        folder / channels[0].file, "<i2", count=len(channels) * frames, offset=channels[0].offset
    ).reshape(frames, len(channels))
    sums = [int(total) for total in stored.sum(0, dtype=np.int64)]
    counts = np.ascontiguousarray(stored.T, np.float64)
    baseline = np.array([channel.baseline for channel in channels])
    gain = np.array([channel.gain for channel in channels])
    physical = (counts - baseline[:, None]) / gain[:, None]
    physical[counts == INVALID] = np.nan
    return counts, physical, sums
