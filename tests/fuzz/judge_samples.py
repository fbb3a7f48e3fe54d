"""The samples of a record by the letter of signal(5), for the judge."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ecglearn.signals.leads import EIGHT, LEADS, canonical

PER_MV = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6}
#: Bits of a sample in each format.
BITS = {8: 8, 80: 8, 16: 16, 61: 16, 160: 16, 24: 24, 32: 32, 212: 12, 310: 32 / 3, 311: 32 / 3}
Files = dict[str, bytes | str]  # content, or the kind of thing that stands in a file's place


@dataclass
class Verdict:
    """What is right about an input.

    Attributes:
        faults: words of which a refusal must have one; if there are any, it must be refused.
        allowed: words of further refusals that are right too, though the record can be read.
        notes: what must be said if it is read.
        uncalibrated: the size in millivolt cannot be believed.
        fs: samples per second.
        signal: millivolt (lead, time) by the header, NaN where nothing was measured.
        counts: stored integers of the same leads.
    """

    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uncalibrated: bool = False
    fs: float = 250.0
    signal: np.ndarray | None = None
    counts: np.ndarray | None = None


@dataclass
class Line:
    """One signal line."""

    file: str
    fmt: int = 16
    per_frame: int = 1
    skew: int = 0
    offset: int = 0
    gain: float = 0.0
    baseline: int = 0
    unit: str = "mV"
    initial: int = 0
    checksum: int | None = None
    name: str = ""


def read_samples(channels: list[Line], frames: int, files: Files, v: Verdict) -> None:
    """Read the files, compare lengths and checksums, and put the leads together."""
    there: list[int] = []
    groups: dict[str, list[Line]] = {}
    for line in channels:
        groups.setdefault(line.file, []).append(line)
    if frames * sum(line.per_frame for line in channels) > 2**28:
        v.faults.append("too many to hold")
    for name, mine in groups.items():
        content = files.get(name, "missing")
        if "/" in name or "\\" in name or "\0" in name or name in ("", ".", "..", "~", "-"):
            v.faults.append("is not beside the header")
        elif isinstance(content, str):
            v.faults.append(content)
        elif len({line.fmt for line in mine}) > 1 or len({line.offset for line in mine}) > 1:
            v.faults.append("the channels of")
        elif mine[0].fmt in (508, 516, 524):
            v.faults += ["cannot be read", "no samples", "too many to hold"]
        elif mine[0].fmt in BITS:
            values = max(1, sum(line.per_frame for line in mine))
            size = (len(content) - mine[0].offset) * 8
            there.append(int(size / (values * BITS[mine[0].fmt])))
            if there[-1] < max(frames, 1):
                v.faults.append("cut short")
    if v.faults:
        return
    if frames and max(there) > frames + 2:
        v.notes.append("not read")
    frames = frames or min(there)
    if any(line.skew >= frames for line in channels):
        v.faults.append("skew")
        return
    rows: dict[int, np.ndarray] = {}
    for name, mine in groups.items():
        content = files[name]
        assert isinstance(content, bytes)
        each = sum(line.per_frame for line in mine)
        flat = stored(content[mine[0].offset :], mine[0].fmt, frames * each).reshape(frames, each)
        start = 0
        for line in mine:
            row = flat[:, start : start + line.per_frame].reshape(-1).astype(np.int64)
            rows[id(line)] = np.cumsum(row) + line.initial if line.fmt == 8 else row
            start += line.per_frame
    promised = [line.checksum for line in channels]
    if any(promised) and any(
        line.checksum is not None and (int(rows[id(line)].sum()) - line.checksum) % 65536
        for line in channels
    ):
        v.faults.append("checksum")
    _leads(channels, rows, v)


def stored(content: bytes, fmt: int, n: int) -> np.ndarray:
    """The first `n` samples of a file."""
    octets = np.frombuffer(content + bytes(8), np.uint8).astype(np.int64)
    if fmt in (8, 80):
        return octets[:n] - 128 if fmt == 80 else (octets[:n] + 128) % 256 - 128
    if fmt in (16, 24, 32, 61, 160):
        size = {24: 3, 32: 4}.get(fmt, 2)
        order = range(size) if fmt != 61 else (1, 0)
        parts = [octets[place : n * size : size] << 8 * k for k, place in enumerate(order)]
        value = np.sum(parts, axis=0)
        top = 1 << (8 * size - 1)
        return value - top if fmt == 160 else (value + top) % (2 * top) - top
    k = np.arange(n)
    if fmt == 212:
        a, b, c = (octets[k // 2 * 3 + j] for j in range(3))
        value = np.where(k % 2 == 0, a | (b & 15) << 8, c | (b >> 4) << 8)
        return (value + 2048) % 4096 - 2048
    a, b, c, d = (octets[k // 3 * 4 + j] for j in range(4))
    low, high = a | b << 8, c | d << 8
    if fmt == 310:
        value = np.choose(k % 3, [low >> 1 & 1023, high >> 1 & 1023, low >> 11 | high >> 11 << 5])
    else:
        value = (low | high << 16) >> 10 * (k % 3) & 1023
    return (value + 512) % 1024 - 512


def _leads(channels: list[Line], rows: dict[int, np.ndarray], v: Verdict) -> None:
    known = {line.name: canonical(line.name) for line in channels}
    leads = [line for line in channels if known[line.name]]
    if len({line.per_frame for line in leads}) > 1:
        v.faults.append("different rates")
        return
    found = [known[line.name] for line in leads]
    absent = [lead for lead in EIGHT if lead not in found]
    if absent or len(set(found)) < len(found):
        v.faults.append("not a 12-lead record")
        return
    if any(line.unit.lower() not in PER_MV for line in leads):
        v.faults.append("is not a voltage")
        return
    by_lead = {known[line.name]: line for line in leads}
    v.fs *= leads[0].per_frame
    if not 40 <= v.fs <= 25_000:
        v.notes.append("no electrocardiograph")
    if any(line.per_frame != leads[0].per_frame for line in channels):
        v.notes.append("another rate")
    counts, signal = [], []
    for lead in LEADS:
        if lead not in by_lead:
            counts.append(np.full_like(counts[0], np.nan))
            signal.append(np.full_like(counts[0], np.nan))
            continue
        line = by_lead[lead]
        row = rows[id(line)].astype(np.float64)
        if line.fmt != 8:
            row[row == -(2 ** (int(BITS[line.fmt]) - 1))] = np.nan
        late = line.skew * line.per_frame
        if late:
            row = np.append(row[late:], np.full(late, np.nan))
        counts.append(row)
        with np.errstate(over="ignore"):
            signal.append((row - line.baseline) / (line.gain or 200.0) * PER_MV[line.unit.lower()])
    v.counts, v.signal = np.stack(counts), np.stack(signal)
    if np.nanmax(np.abs(v.signal), initial=0) > 10_000:
        v.faults.append("cannot come from a body surface")
    if len(by_lead) < 12:
        v.notes.append("computed from I and II")
        for k, lead in enumerate(LEADS):
            if lead not in by_lead:
                v.signal[k], v.counts[k] = complete(v.signal)[k], complete(v.counts)[k]


def complete(x: np.ndarray) -> np.ndarray:
    """Six limb leads out of I and II, and the chest leads as they are."""
    i, ii = x[0], x[1]
    return np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, *x[6:]])


def broken(x: np.ndarray) -> float:
    """By how much limb leads differ from those that I and II make, as a share of all."""
    limb, made = x[:6], complete(x)[:6]
    seen = np.isfinite(limb).all(0)
    if not seen.any():
        return 0.0
    apart = (limb - made)[:, seen]
    apart -= apart.mean(1, keepdims=True)
    size = np.sqrt(np.square(limb[:, seen] - limb[:, seen].mean(1, keepdims=True)).mean())
    return float(np.sqrt(np.square(apart).mean(1)).max() / size) if size > 0 else 0.0
