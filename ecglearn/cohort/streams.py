"""Counter-based random streams: every patient owns a fixed stretch of every named stream."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

WORDS_PER_COUNTER = 4  # Philox4x64 yields four 64-bit words for each counter value


def words(seed: int, stream: str, start: int, n: int, count: int) -> NDArray[np.uint64]:
    """Random 64-bit words of patients `start` to `start + n - 1` in one named stream.

    Patient i reads counters i * blocks to (i + 1) * blocks - 1 of a Philox generator keyed by
    (seed, stream). So a patient's draws depend on neither the cohort's size nor on other streams.

    Args:
        seed: seed of the cohort.
        stream: name of the quantity that is drawn.
        start: index of the first patient.
        n: number of patients.
        count: words for each patient.

    Returns:
        Array (n, count).

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".

    Book: simulated-cohort#random-streams
    """
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=16).digest()
    blocks = -(-count // WORDS_PER_COUNTER)
    generator = np.random.Philox(key=np.frombuffer(digest, np.uint64), counter=start * blocks)
    raw = generator.random_raw(n * blocks * WORDS_PER_COUNTER)
    return raw.reshape(n, blocks * WORDS_PER_COUNTER)[:, :count]


def uniform(seed: int, stream: str, start: int, n: int, count: int = 1) -> NDArray[np.float64]:
    """Numbers uniform in the open interval (0, 1), shape (n, count), or (n,) when count is 1.

    Args:
        seed: seed of the cohort.
        stream: name of the quantity that is drawn.
        start: index of the first patient.
        n: number of patients.
        count: numbers for each patient.

    Book: simulated-cohort#random-streams
    """
    values = (words(seed, stream, start, n, count) >> np.uint64(11)).astype(np.float64)
    values = (values + 0.5) * 2.0**-53
    return values[:, 0] if count == 1 else values


def normal(seed: int, stream: str, start: int, n: int, count: int = 1) -> NDArray[np.float64]:
    """Standard normal numbers by the inverse distribution function: one word, one number.

    Args:
        seed: seed of the cohort.
        stream: name of the quantity that is drawn.
        start: index of the first patient.
        n: number of patients.
        count: numbers for each patient; with 1 the result has shape (n,), else (n, count).

    Book: simulated-cohort#random-streams
    """
    return ndtri(uniform(seed, stream, start, n, count))


@cache
def _quantiles() -> NDArray[np.float32]:
    return ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)


def noise(seed: int, stream: str, start: int, n: int, count: int) -> NDArray[np.float32]:
    """Fast Gaussian noise for signals and images, shape (n, count), float32.

    Each 64-bit word gives four values, read from a table of 65,536 normal quantiles, so the tails
    end at 4.2 standard deviations.

    Args:
        seed: seed of the cohort.
        stream: name of the quantity that is drawn.
        start: index of the first patient.
        n: number of patients.
        count: values for each patient.

    Book: simulated-cohort#random-streams
    """
    raw = np.ascontiguousarray(words(seed, stream, start, n, -(-count // 4)))
    return _quantiles()[raw.view(np.uint16)[:, :count]]
