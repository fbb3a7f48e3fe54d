"""What a WFDB header may promise: files that are there, inside, long enough and not too long."""

import os
import re
from pathlib import Path
from typing import Any

from ecglearn.errors import InputError

Place = str | os.PathLike[str]
_MOST_VALUES = 2**28  # samples times channels
_RATES = (1.0, 100_000.0)


class RecordError(InputError):
    """A record that cannot be read safely; the message says which, why, and what to do.

    Book: the-12-lead-ecg#ecg-own-record
    """


def check_promises(
    header: Path, head: Any, plain: list[str], *, root: Place | None, longest: float
) -> None:
    """Compare what the header claims with the files on disk, before any memory is asked for.

    Args:
        header: path of the header.
        head: its content, with the names of the package wfdb.
        plain: its lines without comments.
        root: folder that the files must not leave; None trusts them.
        longest: seconds.

    Raises:
        RecordError: something cannot be.

    Book: the-12-lead-ecg#ecg-own-record
    """
    channels = head.n_sig or 0
    if channels == 0:
        raise RecordError(f"{header}: the record has no signals; look for the record that has them")
    if len(plain) - 1 != channels or len(head.sig_name or []) != channels:
        raise RecordError(
            f"{header}: {channels} channels are promised but {len(plain) - 1} described; "
            "get the header again"
        )
    if not _RATES[0] <= head.fs <= _RATES[1]:
        raise RecordError(
            f"{header}: {head.fs:g} samples per second cannot be; correct the header's first line"
        )
    if head.sig_len is not None and head.sig_len < 1:
        raise RecordError(f"{header}: the record has no samples; get it again")
    _check_length(header, head.sig_len or 0, head, longest)
    for name in dict.fromkeys(head.file_name):
        if name in ("", ".", "..") or re.search(r"[/\\\0]", name):
            raise RecordError(f"{header}: the signal file {name!r} is not beside the header")
        check_inside(header, header.with_name(name), root)
        _check_file(header, head, name, longest)


def check_inside(header: Path, file: Path, root: Place | None) -> None:
    """Refuse a file of a record that lies outside a folder once all links are followed.

    Args:
        header: path of the header, for the message.
        file: of the record.
        root: the folder; None trusts the file.

    Raises:
        RecordError: it lies outside.

    Book: the-12-lead-ecg#ecg-own-record
    """
    if root is not None and not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root)):
        raise RecordError(
            f"{header}: {file.name} is a link to a place outside {root}; copy the file into it"
        )


def _check_file(header: Path, head: Any, name: str, longest: float) -> None:
    from wfdb.io._signal import BYTES_PER_SAMPLE

    file = header.with_name(name)
    if not file.is_file():
        raise RecordError(f"{header}: the signal file {name} is missing; put it beside the header")
    mine = [k for k, other in enumerate(head.file_name) if other == name]
    strange = {head.fmt[k] for k in mine} - BYTES_PER_SAMPLE.keys()
    if strange:
        raise RecordError(
            f"{header}: signal format {', '.join(sorted(strange))} is not a WFDB format; "
            "get the header again"
        )
    if any(abs(head.skew[k] or 0) >= (head.sig_len or 1) for k in mine):
        raise RecordError(f"{header}: a skew longer than the record; get the header again")
    start = max(head.byte_offset[k] or 0 for k in mine)
    frame = sum((head.samps_per_frame[k] or 1) * BYTES_PER_SAMPLE[head.fmt[k]] for k in mine)
    promised = start + int((head.sig_len or 1) * frame)
    found = file.stat().st_size
    if found < promised:
        raise RecordError(
            f"{header}: {name} is cut short, {found:,} of {promised:,} bytes; get the file again"
        )
    if head.sig_len is None and frame:  # then the size of the file decides
        _check_length(header, int((found - start) / frame), head, longest)
    if frame == 0 and found > 4 * _MOST_VALUES:
        raise RecordError(f"{header}: {name} is too large to unpack; cut out the part you need")


def _check_length(header: Path, samples: int, head: Any, longest: float) -> None:
    if samples * head.n_sig > _MOST_VALUES:
        raise RecordError(
            f"{header}: {samples:,} samples of {head.n_sig} channels are too many to hold; "
            "cut out the part you need with wfdb.rdrecord(sampfrom=..., sampto=...)"
        )
    if samples > longest * head.fs:
        raise RecordError(
            f"{header}: {samples / head.fs:,.0f} s are more than the {longest:,.0f} s that are "
            "read at once; cut the record into pieces"
        )


def check_sums(header: Path, head: Any, sums: list[int]) -> None:
    """Compare the samples with the checksums that the header promises; zeros promise nothing.

    Args:
        header: path of the header, for the message.
        head: its content, with the names of the package wfdb.
        sums: of each channel, as read.

    Raises:
        RecordError: one differs.

    Book: the-12-lead-ecg#ecg-own-record
    """
    promised = head.checksum
    if promised is None or not any(promised):
        return
    wrong = [
        name
        for name, ours, theirs in zip(head.sig_name, sums, promised, strict=True)
        if theirs is not None and (ours - theirs) % 65536
    ]
    if wrong:
        raise RecordError(
            f"{header}: the samples of {', '.join(wrong)} do not match their checksum; "
            "get the record again, or pass verify=False if you changed it yourself"
        )
