"""The usual WFDB record (one file, format 16, one rate) without the general parser: much faster.

Whatever is not of exactly this form is left to the package wfdb; both must read the same numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INVALID = -32_768  # how format 16 writes "no sample"
_RECORD = re.compile(
    r"[\w-]+ (?P<channels>\d{1,3}) (?P<fs>\d{1,6}(?:\.\d{1,6})?) (?P<samples>\d{1,12})"
    r"(?: \d\d?:\d\d:\d\d(?: \d\d/\d\d/\d{4})?| \d\d?-\w{3}-\d{4} \d\d:\d\d:\d\d)?"
)
_SIGNAL = re.compile(
    r"(?P<file>[\w-][\w.-]*) 16(?:x1)?(?:\+(?P<offset>\d{1,9}))? (?P<gain>\d{1,9}(?:\.\d{1,9})?)"
    r"(?:\((?P<baseline>-?\d{1,9})\))?(?:/\S+)? \d{1,3} (?P<zero>-?\d{1,9}) -?\d{1,9}"
    r" (?P<checksum>-?\d{1,9}) 0 (?P<name>\S+(?: \S+)*)"
)


@dataclass(frozen=True)
class PlainHeader:
    """The header of such a record; names are those of the package wfdb.

    Attributes:
        fs: samples per second.
        sig_len: samples of each channel.
        file_name: of each channel, all the same.
        byte_offset: where the samples begin in the file, for each channel.
        adc_gain: counts per unit of each channel, above zero.
        baseline: count that stands for zero, of each channel.
        checksum: of each channel, as promised.
        sig_name: of each channel.

    Book: the-12-lead-ecg#ecg-own-record
    """

    fs: float
    sig_len: int
    file_name: list[str]
    byte_offset: list[int]
    adc_gain: list[float]
    baseline: list[int]
    checksum: list[int]
    sig_name: list[str]

    @property
    def n_sig(self) -> int:
        """Number of channels."""
        return len(self.sig_name)

    @property
    def fmt(self) -> list[str]:
        """Storage format of each channel."""
        return ["16"] * self.n_sig

    @property
    def samps_per_frame(self) -> list[int]:
        """Samples of each channel at one time."""
        return [1] * self.n_sig

    @property
    def skew(self) -> list[int]:
        """Shift of each channel in samples."""
        return [0] * self.n_sig


def plain_header(lines: Sequence[str]) -> PlainHeader | None:
    """Parse a header of the usual form.

    Args:
        lines: of the header, without comments and empty lines, spaces at their ends removed.

    Returns:
        The header; None when it is of any other form, right or wrong.

    Book: the-12-lead-ecg#ecg-own-record
    """
    record = _RECORD.fullmatch(lines[0]) if lines else None
    signals = [_SIGNAL.fullmatch(line) for line in lines[1:]]
    if record is None or not signals or len(signals) != int(record["channels"]):
        return None
    found = [match for match in signals if match is not None]
    gains = [float(match["gain"]) for match in found]
    same = len({(match["file"], match["offset"]) for match in found}) == 1
    if len(found) < len(signals) or not same or min(gains) <= 0 or int(record["samples"]) < 1:
        return None
    return PlainHeader(
        fs=float(record["fs"]),
        sig_len=int(record["samples"]),
        file_name=[match["file"] for match in found],
        byte_offset=[int(match["offset"] or 0) for match in found],
        adc_gain=gains,
        baseline=[int(match["baseline"] or match["zero"]) for match in found],
        checksum=[int(match["checksum"]) for match in found],
        sig_name=[match["name"] for match in found],
    )


def plain_signal(
    folder: Path, head: PlainHeader
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    """Read the samples of such a record, whose file must be long enough.

    Args:
        folder: of the record.
        head: its header.

    Returns:
        Stored integers (channel, time), the same in physical units with NaN for invalid samples,
        and the checksum of each channel.

    Raises:
        OSError: the file cannot be read.

    Book: the-12-lead-ecg#ecg-own-record
    """
    stored = np.fromfile(
        folder / head.file_name[0],
        "<i2",
        count=head.n_sig * head.sig_len,
        offset=head.byte_offset[0],
    ).reshape(head.sig_len, head.n_sig)
    sums = [int(total) for total in stored.sum(0, dtype=np.int64)]
    counts = np.ascontiguousarray(stored.T, np.float64)
    physical = (counts - np.array(head.baseline)[:, None]) / np.array(head.adc_gain)[:, None]
    physical[counts == INVALID] = np.nan
    return counts, physical, sums
