"""Write a WFDB record: format 16, one file of samples, checksums; refuse what it cannot hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from ecglearn.data.wfdb.checks import Place, RecordError
from ecglearn.signals.leads import LEADS

_LARGEST = 32_767  # counts
INVALID = -32_768  # how format 16 writes "no sample"
_RATES = (1.0, 100_000.0)


def write_record(
    path: Place,
    signal: Float[np.ndarray, "lead time"],
    fs: float,
    *,
    leads: Sequence[str] = LEADS,
    gain: float | Sequence[float] = 1000,
    comments: Sequence[str] = (),
) -> Path:
    """Write millivolt as a WFDB record that `read_record`, and any other program, reads back.

    A signal comes back rounded to whole counts: half a microvolt of error at 1,000 counts to the
    millivolt, which reach to 32.767 mV. NaN is stored as "no sample". Files that are there already
    are replaced.

    Args:
        path: the record, with or without `.hea`; its folder must be there.
        signal: millivolt (lead, time).
        fs: samples per second.
        leads: names of the rows.
        gain: counts to the millivolt, one for all leads or one each.
        comments: lines for the end of the header, such as "Age: 61"; `#` is added where absent.

    Returns:
        The path without suffix.

    Raises:
        RecordError: the format cannot hold it; says what and why.

    Book: the-12-lead-ecg#ecg-own-record
    """
    path = _checked(path, signal, fs, leads)
    scale = _gains(path, gain, leads)
    counts = np.rint(np.asarray(signal, np.float64) * scale[:, None])
    reach = np.abs(np.nan_to_num(counts, nan=0.0, posinf=np.inf)).max(1)
    if (reach > _LARGEST).any():
        k = int(np.argmax(reach > _LARGEST))
        raise RecordError(
            f"{path}: {leads[k]} reaches {reach[k] / scale[k]:g} mV and format 16 holds "
            f"{_LARGEST / scale[k]:g} mV at {scale[k]:g} counts to the millivolt; check the unit, "
            "or take a smaller gain"
        )
    counts[np.isnan(counts)] = INVALID
    return write_counts(path, counts, fs, leads=leads, gain=gain, comments=comments)


def write_counts(
    path: Place,
    counts: Shaped[np.ndarray, "lead time"],
    fs: float,
    *,
    leads: Sequence[str] = LEADS,
    gain: float | Sequence[float] = 1000,
    comments: Sequence[str] = (),
) -> Path:
    """Write stored integers as a WFDB record, with any gain in its header.

    Args:
        path: the record, with or without `.hea`; its folder must be there.
        counts: whole numbers from -32,767 to 32,767 (lead, time); -32,768 for "no sample".
        fs: samples per second.
        leads: names of the rows.
        gain: what the header says about counts to the millivolt, one for all leads or one each.
        comments: lines for the end of the header; `#` is added where absent.

    Returns:
        The path without suffix.

    Raises:
        RecordError: the format cannot hold it; says what and why.

    Book: the-12-lead-ecg#ecg-own-record
    """
    path = _checked(path, counts, fs, leads)
    scale = _gains(path, gain, leads)
    given = np.asarray(counts, np.float64)
    if not ((given == np.rint(given)) & (given >= INVALID) & (given <= _LARGEST)).all():
        raise RecordError(
            f"{path}: counts are whole numbers from {INVALID:,} to {_LARGEST:,}; give millivolt to "
            "write_record instead"
        )
    broken = [line for line in comments if re.search(r"[\r\n\0]", line)]
    if broken:
        raise RecordError(
            f"{path}: the comment {broken[0]!r} has more than one line; give each its own"
        )
    stored = given.astype("<i2")
    head = [f"{path.name} {len(stored)} {fs:.12g} {stored.shape[1]}"]
    for lead, row, number in zip(leads, stored, scale, strict=True):
        total = int(row.sum(dtype=np.int64)) % 65536
        head.append(f"{path.name}.dat 16 {number:.12g}/mV 16 0 {row[0]} {total} 0 {lead}")
    head += [line if line.startswith("#") else f"# {line}" for line in comments]
    path.with_name(f"{path.name}.dat").write_bytes(stored.T.tobytes())
    text = "\n".join(head) + "\n"
    path.with_name(f"{path.name}.hea").write_text(text, encoding="utf-8", newline="\n")
    return path


def _checked(path: Place, signal: np.ndarray, fs: float, leads: Sequence[str]) -> Path:
    place = Path(path)
    place = place.with_name(place.name.removesuffix(".hea"))
    if not re.fullmatch(r"[\w-]+", place.name, re.ASCII):
        raise RecordError(
            f"{place}: the name of a WFDB record has letters, digits, - and _ only; choose another"
        )
    if not place.parent.is_dir():
        raise RecordError(f"{place}: there is no folder {place.parent}; make it first")
    if signal.shape[0] != len(leads) or signal.shape[0] == 0 or signal.shape[1] == 0:
        raise RecordError(
            f"{place}: a signal of {signal.shape} does not fit {len(leads)} leads; give one row "
            "for each lead and one sample or more"
        )
    odd = [lead for lead in leads if not re.fullmatch(r"[^\s#]\S*(?: \S+)*", lead)]
    if odd:
        raise RecordError(f"{place}: {odd[0]!r} is no name of a lead; give one line of text")
    if not _RATES[0] <= fs <= _RATES[1]:
        raise RecordError(f"{place}: {fs:g} samples per second cannot be; give 1 to 100,000")
    return place


def _gains(
    path: Path, gain: float | Sequence[float], leads: Sequence[str]
) -> Float[np.ndarray, " lead"]:
    scale = np.asarray(gain, np.float64)
    if scale.shape not in ((), (len(leads),)) or not ((scale > 0) & np.isfinite(scale)).all():
        raise RecordError(
            f"{path}: a gain is above 0, one for all leads or one for each of {len(leads)}; "
            f"not {gain}"
        )
    return np.broadcast_to(scale, (len(leads),))
