"""The cleaning of an ECG: one chain for stores, batches and the book."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ecglearn.signals.filters import denoise_wavelet, resample

SLOWEST_KEPT = 0.98  # hertz: upper edge of the band that the default filter removes
FASTEST_KEPT = 62.0  # hertz: bands that begin above this are removed


def clean_ecg(
    ecg: Float[np.ndarray, "B lead time"], fs_in: float, *, fs: float
) -> Float[np.ndarray, "B lead resampled"]:
    """Resample and filter: the bands below 1 Hz and above 62.5 Hz go, at any sampling rate.

    At 500 Hz these are the eight levels of the default chain; at 100 Hz six levels reach 0.78 Hz
    and nothing lies above 50 Hz.

    Args:
        ecg: millivolt (B, lead, time).
        fs_in: its sampling rate in hertz.
        fs: sampling rate wanted.

    Book: preprocessing#prep-chain
    """
    level = _levels(fs)
    fast = tuple(j for j in range(1, level + 1) if fs / 2 ** (j + 1) >= FASTEST_KEPT)
    resampled = resample(ecg, fs_in, fs)
    return denoise_wavelet(resampled, level=level, drop_details=fast)


def shortest_ecg(fs: float) -> int:
    """Samples that `clean_ecg` needs at least.

    Args:
        fs: sampling rate wanted, in hertz.

    Book: preprocessing#prep-chain
    """
    return 11 * 2 ** _levels(fs)  # db6 has 12 taps


def _levels(fs: float) -> int:
    return round(np.log2(fs / 2 / SLOWEST_KEPT))
