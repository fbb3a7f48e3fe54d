"""What a WFDB header may promise: files that are there, inside, long enough and not too long."""

import errno
import os
import re
import stat
from pathlib import Path
from typing import Any

from ecglearn.errors import InputError

Place = str | os.PathLike[str]
_MOST_VALUES = 2**28  # samples times channels
_MOST_IN_ONE_PIECE = 2**25  # where nothing can be read without all that stands before it
_MOST_A_FRAME = 1000
#: Bytes that a sample takes in each format; 0 where it is compressed.
BYTES_PER_SAMPLE = {
    "8": 1,
    "80": 1,
    "16": 2,
    "61": 2,
    "160": 2,
    "24": 3,
    "32": 4,
    "212": 1.5,
    "310": 4 / 3,
    "311": 4 / 3,
    "508": 0,
    "516": 0,
    "524": 0,
}
_RATES = (1.0, 100_000.0)
_DISK = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)


class RecordError(InputError):
    """A record that cannot be read safely; the message says which, why, and what to do.

    Book: the-12-lead-ecg#ecg-own-record
    """


def check_promises(head: Any, *, root: Place | None, longest: float) -> tuple[int, list[str]]:
    """Compare what the header claims with the files on disk, before any memory is asked for.

    Args:
        head: the header, see `ecglearn.data.wfdb.header`.
        root: folder that the files must not leave; None trusts them.
        longest: seconds.

    Returns:
        How many frames there are; where the header says none, as many as every file has. And notes
        about files that hold more.

    Raises:
        RecordError: something cannot be.

    Book: the-12-lead-ecg#ecg-own-record
    """
    header: Path = head.path
    if not _RATES[0] <= head.fs <= _RATES[1]:
        raise RecordError(
            f"{header}: {head.fs:g} samples per second cannot be; correct the header's first line"
        )
    _check_length(header, head.frames, head, longest)
    found = {}
    for name in dict.fromkeys(channel.file for channel in head.channels):
        if name in ("", ".", "..", "~", "-") or re.search(r"[/\\\0]", name):
            raise RecordError(f"{header}: the signal file {name[:80]!r} is not beside the header")
        check_inside(header, header.with_name(name), root)
        found[name] = _frames_of(header, head, name)
    frames = head.frames or min(found.values())
    if frames < 1:
        why = (
            "a compressed file needs their number in the header"
            if head.in_one_piece
            else "get it again"
        )
        raise RecordError(f"{header}: the record has no samples; {why}")
    _check_length(header, frames, head, longest)
    if any(channel.skew >= frames for channel in head.channels):
        raise RecordError(f"{header}: a skew longer than the record; get the header again")
    packed = any(channel.fmt in ("212", "310", "311") for channel in head.channels)
    notes = [
        f"{name} holds {there:,} samples, of which the header promises {frames:,}: the rest is not "
        "read"
        for name, there in found.items()
        if head.frames and there > frames + 2 * packed  # packed samples end in a group of 2 or 3
    ]
    return frames, notes[:3]


def disk_failed(error: Exception) -> bool:
    """Whether an error is about the disk that we write to, and about no record.

    Args:
        error: any.

    Book: the-12-lead-ecg#ecg-own-record
    """
    return isinstance(error, OSError) and error.errno in _DISK


def no_file(path: Path) -> str:
    """Why there is no file to read at a path, as the rest of a sentence; empty where there is.

    Args:
        path: of a file.

    Book: the-12-lead-ecg#ecg-own-record
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return "is a link that leads nowhere" if path.is_symlink() else "is missing"
        if error.errno == errno.ENAMETOOLONG:
            return f"has a name of {len(path.name)} letters, more than a file can have"
        if error.errno == errno.ELOOP:
            return "is a link that leads to itself"
        return f"cannot be looked at ({error.strerror})"
    except ValueError:
        return "has a name that no file can have"
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "is a folder, no file"
    return "is a pipe, no file" if stat.S_ISFIFO(mode) else "is a device or a socket, no file"


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


def _frames_of(header: Path, head: Any, name: str) -> int:
    """How many frames a file holds; refused when these are fewer than promised."""
    file = header.with_name(name)
    what = no_file(file)
    if what:
        raise RecordError(f"{header}: the signal file {name[:80]} {what}; put it beside the header")
    mine = [channel for channel in head.channels if channel.file == name]
    strange = {channel.fmt for channel in mine} - BYTES_PER_SAMPLE.keys()
    if strange:
        raise RecordError(
            f"{header}: signal format {', '.join(sorted(strange))} is not a WFDB format that holds "
            "samples; get the header again"
        )
    for of, values in (
        ("format", {channel.fmt for channel in mine}),
        ("byte offset", {str(channel.offset) for channel in mine}),
    ):
        if len(values) > 1:
            raise RecordError(
                f"{header}: the channels of {name} have more than one {of}, "
                f"{', '.join(sorted(values)[:4])}, and a file has one; get the header again"
            )
    if any(channel.per_frame < 1 or channel.per_frame > _MOST_A_FRAME for channel in mine):
        raise RecordError(f"{header}: so many samples in a frame cannot be; get the header again")
    frame = sum(channel.per_frame * BYTES_PER_SAMPLE[channel.fmt] for channel in mine)
    size = file.stat().st_size
    if frame == 0:  # compressed: only reading tells
        if size > 4 * _MOST_IN_ONE_PIECE:
            raise RecordError(f"{header}: {name} is too large to unpack; cut out the part you need")
        return head.frames
    start = mine[0].offset
    promised = start + int(max(head.frames, 1) * frame)
    if size < promised:
        raise RecordError(
            f"{header}: {name} is cut short, {size:,} of {promised:,} bytes; get the file again"
        )
    return int((size - start) / frame)


def _check_length(header: Path, frames: int, head: Any, longest: float) -> None:
    values = frames * sum(channel.per_frame for channel in head.channels)
    if values > (_MOST_IN_ONE_PIECE if head.in_one_piece else _MOST_VALUES):
        raise RecordError(
            f"{header}: {frames:,} samples of {len(head.channels)} channels are too many to hold; "
            "cut out the part you need with wfdb.rdrecord(sampfrom=..., sampto=...)"
        )
    if frames > longest * head.fs:
        raise RecordError(
            f"{header}: {frames / head.fs:,.0f} s are more than the {longest:,.0f} s that are "
            "read at once; cut the record into pieces"
        )


def check_samples(samples: int, fs_in: float, fs_out: float) -> None:
    """Refuse to make more samples than are read at once.

    Args:
        samples: of each of twelve leads.
        fs_in: their rate.
        fs_out: the rate wanted.

    Raises:
        RecordError: there would be too many.

    Book: preprocessing#prep-resampling
    """
    if samples * fs_out * 12 > _MOST_VALUES * fs_in:
        raise RecordError(
            f"{samples:,} samples would become {samples / fs_in * fs_out:,.0f}, too many to hold; "
            "take a lower rate"
        )


def check_sums(head: Any, sums: list[int]) -> None:
    """Compare the samples with the checksums that the header promises; zeros promise nothing.

    Args:
        head: the header.
        sums: of each channel, over the samples as stored.

    Raises:
        RecordError: one differs.

    Book: the-12-lead-ecg#ecg-own-record
    """
    promised = [channel.checksum for channel in head.channels]
    if not any(promised):
        return
    wrong = [
        channel.name[:40] or f"channel {number}"
        for number, (channel, ours) in enumerate(zip(head.channels, sums, strict=True), start=1)
        if channel.checksum is not None and (ours - channel.checksum) % 65536
    ]
    if wrong:
        raise RecordError(
            f"{head.path}: the samples of {', '.join(wrong)[:200]} do not match their checksum; "
            "get the record again, or pass verify=False if you changed it yourself"
        )
