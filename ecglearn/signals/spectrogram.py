"""How strong each frequency is, moment by moment: short-time Fourier transform and its axes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.signals.leads import Signal

_SECONDS = 0.25


def stft_magnitude(
    x: Float[Signal, "*batch lead time"], *, fs: float | int
) -> Float[Signal, "*batch lead frequency frame"]:
    """Measure the strength of every frequency in windows of a quarter of a second.

    Each lead's mean is taken away first. The window is a periodic Hann window of round(fs / 4)
    samples, the step is half of it rounded up, and only windows that lie wholly inside the signal
    count: no zeros are added at the ends. At 500 samples per second: window 125, overlap 62, step
    63; 5,000 samples give 63 frequencies by 78 frames.

    Args:
        x: signal (..., lead, time), any unit.
        fs: samples per second.

    Returns:
        Magnitudes |STFT| (..., lead, frequency, frame), in the unit of `x` times the window's sum.

    Raises:
        InputError: the signal is shorter than one window, or a window has fewer than two samples.

    Source: Zhou et al. 2026 (TAMER): 0.25 s, Hann, overlap 62; padding and mean are our choice.

    Book: preprocessing#prep-spectrogram
    """
    window, hop = _window_and_hop(fs, x.shape[-1])
    values = x if isinstance(x, Tensor) else torch.tensor(x)
    centred = values - values.mean(-1, keepdim=True)
    spectrum = torch.stft(
        centred.reshape(-1, x.shape[-1]),
        n_fft=window,
        hop_length=hop,
        window=torch.hann_window(window, periodic=True, dtype=values.dtype, device=values.device),
        center=False,
        return_complex=True,
    )
    magnitude = spectrum.abs().reshape(*x.shape[:-1], *spectrum.shape[-2:])
    if isinstance(x, Tensor):
        return magnitude
    return magnitude.numpy()


def spectrogram(
    x: Float[Signal, "*batch lead time"], *, fs: float | int
) -> Float[Signal, "*batch lead frequency frame"]:
    """Make the spectrogram that TAMER's second encoder sees: log(1 + magnitude), standardised.

    Mean and standard deviation are taken once per record, over leads, frequencies and frames.

    Args:
        x: signal (..., lead, time), any unit.
        fs: samples per second.

    Returns:
        Spectrogram (..., lead, frequency, frame), no unit; zeros for a record that is flat.

    Raises:
        InputError: the signal is shorter than one window, or a window has fewer than two samples.

    Source: Zhou et al. 2026 (TAMER) for window and overlap; log and standardising are our choice.

    Book: preprocessing#prep-spectrogram
    """
    magnitude = stft_magnitude(x, fs=fs)
    logs = (magnitude if isinstance(magnitude, Tensor) else torch.tensor(magnitude)).log1p()
    spread = logs.std((-3, -2, -1), correction=0, keepdim=True)
    standard = (logs - logs.mean((-3, -2, -1), keepdim=True)) / (spread + 1e-8)
    if isinstance(x, Tensor):
        return standard
    return standard.numpy()


def spectrogram_axes(
    fs: float | int, samples: int
) -> tuple[Float[np.ndarray, " frequency"], Float[np.ndarray, " frame"]]:
    """Give the frequency and the time that each cell of a spectrogram stands for.

    A frame stands for the middle of its window, so the first frame lies at 0.124 s, not at 0, when
    the window has 125 samples at 500 per second.

    Args:
        fs: samples per second.
        samples: length of the signal.

    Returns:
        Frequencies in hertz and frame centres in seconds.

    Raises:
        InputError: the signal is shorter than one window, or a window has fewer than two samples.

    Book: preprocessing#prep-spectrogram
    """
    window, hop = _window_and_hop(fs, samples)
    frames = (samples - window) // hop + 1
    hertz = np.arange(window // 2 + 1) * (fs / window)
    return hertz, (np.arange(frames) * hop + (window - 1) / 2) / fs


def _window_and_hop(fs: float | int, samples: int) -> tuple[int, int]:
    window = round(_SECONDS * fs)
    if window < 2:
        raise InputError(
            f"a window of {_SECONDS} s has fewer than two samples at {fs:g} per second"
        )
    if samples < window:
        raise InputError(f"{samples} samples are shorter than one window of {window}")
    return window, window - window // 2
