"""A small WFDB record with its header spelt as a test wants it, so that any part can be broken."""

from pathlib import Path

import numpy as np

from ecglearn.data.wfdb.write import write_counts
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
    """`write_counts` with words of the header replaced; returns the path without suffix."""
    digital = counts() if digital is None else digital
    path = write_counts(folder / name, digital.T, 500, leads=leads)
    first, *rows = path.with_suffix(".hea").read_text().splitlines()
    gains = [gain] * len(rows) if isinstance(gain, str) else gain
    head = [first.replace(" 500 ", f" {fs} ", 1)]
    for row, scale in zip(rows, gains, strict=True):
        words = row.split(" ")
        words[2], words[6] = scale, words[6] if checksums else "0"
        head.append(" ".join(words))
    path.with_suffix(".hea").write_bytes("\n".join(head).encode() + b"\n" + comments)
    return path
