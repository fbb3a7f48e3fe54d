"""Write a small WFDB record byte by byte, so that a test can break any part of it."""

from pathlib import Path

import numpy as np

from ecglearn.signals.leads import LEADS


def counts(samples: int = 1000, seed: int = 0) -> np.ndarray:
    """Twelve leads of integers that obey the limb-lead rules exactly (time, lead)."""
    rng = np.random.default_rng(seed)
    walk = (rng.normal(size=(samples, 8)).cumsum(0) * 20).astype(int)
    i, ii = 2 * walk[:, 0], 2 * walk[:, 1]
    limb = [i, ii, ii - i, -(i + ii) // 2, i - ii // 2, ii - i // 2]
    return np.stack([*limb, *(walk - walk[0])[:, 2:].T], 1)


def write(
    folder: Path,
    digital: np.ndarray | None = None,
    *,
    name: str = "rec",
    leads: tuple[str, ...] = LEADS,
    fs: str = "500",
    gain: str | list[str] = "1000/mV",
    comments: bytes = b"",
    checksums: bool = True,
) -> Path:
    """Write `name`.hea and `name`.dat (format 16); returns the path without suffix."""
    digital = counts() if digital is None else digital
    gains = [gain] * len(leads) if isinstance(gain, str) else gain
    head = [f"{name} {len(leads)} {fs} {len(digital)}"]
    for k, (lead, scale) in enumerate(zip(leads, gains, strict=True)):
        column = digital[:, k].astype(np.int64)
        total = int(column.sum()) % 65536 if checksums else 0
        head.append(f"{name}.dat 16 {scale} 16 0 {column[0]} {total} 0 {lead}")
    text = "\n".join(head).encode() + b"\n" + comments
    (folder / f"{name}.hea").write_bytes(text)
    (folder / f"{name}.dat").write_bytes(digital.astype("<i2").tobytes())
    return folder / name
