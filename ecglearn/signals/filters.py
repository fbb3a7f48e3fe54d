"""Cleaning: change the sampling rate, remove drift and noise with wavelets, standardise."""

from typing import Literal

import numpy as np
import pywt
import scipy  # its parts are imported when they are first used
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.signals.leads import Signal
from ecglearn.signals.rates import small_rates

#: A lead counts as flat when its standard deviation is below this times (1 + |its mean|).
FLAT = 1e-6
GROUPS = (3, 3, 6)  # leads: I to III, aVR to aVF, V1 to V6


def resample(
    x: Float[Signal, "*batch lead time"], fs_in: float | int, fs_out: float | int
) -> Float[Signal, "*batch lead resampled"]:
    """Change the sampling rate, filtering out what the new rate cannot hold.

    A zero-phase low-pass filter goes first, so nothing is shifted and nothing folds back. Sample k
    of the result is the signal at k / fs_out seconds; the straight line from first to last sample
    is set aside while filtering, so that an offset leaves no step at the ends.

    Args:
        x: signal (..., lead, time), finite, any unit.
        fs_in: its samples per second.
        fs_out: samples per second wanted.

    Returns:
        Signal with ceil(time * fs_out / fs_in) samples: every instant k / fs_out that lies inside
        the recording. The signal itself when the rates are equal.

    Raises:
        InputError: a rate is not positive, the rates do not stand to each other as small whole
            numbers do, or a sample is not finite.

    Book: preprocessing#prep-resampling
    """
    if not (fs_in > 0 and fs_out > 0):
        raise InputError(f"sampling rates must be positive, got {fs_in:g} and {fs_out:g}")
    if fs_in == fs_out:
        return x
    down, up = small_rates(fs_in, fs_out)
    values = _finite(x, "resampling")
    return _back(scipy.signal.resample_poly(values, up, down, axis=-1, padtype="line"), x)


def wavelet_parts(
    x: Float[Signal, "*batch lead time"], *, wavelet: str = "db6", level: int = 8
) -> dict[str, Float[Signal, "*batch lead time"]]:
    """Split a signal into the bands of a wavelet decomposition; their sum is the signal.

    At 500 samples per second D1 holds about 125 to 250 Hz, every next D half of that, and A8 what
    lies below 0.98 Hz.

    Args:
        x: signal (..., lead, time), finite, any unit.
        wavelet: name of a PyWavelets wavelet.
        level: number of halvings.

    Returns:
        For "A<level>", "D<level>", ..., "D1", in this order, that band as a signal (..., lead,
        time).

    Raises:
        InputError: the signal is too short for this level, or a sample is not finite.

    Source: Martis et al. 2013 for the use on ECGs.

    Book: preprocessing#prep-wavelet
    """
    coefficients = _decompose(x, wavelet, level)
    parts: dict[str, Signal] = {}
    for k in range(level + 1):
        only = [c if i == k else np.zeros_like(c) for i, c in enumerate(coefficients)]
        name = f"A{level}" if k == 0 else f"D{level + 1 - k}"
        parts[name] = _back(_reconstruct(only, wavelet, x.shape[-1]), x)
    return parts


def denoise_wavelet(
    x: Float[Signal, "*batch lead time"],
    *,
    wavelet: str = "db6",
    level: int = 8,
    drop_approximation: bool = True,
    drop_details: tuple[int, ...] = (1, 2),
) -> Float[Signal, "*batch lead time"]:
    """Take away baseline wander and high-frequency noise by leaving out wavelet bands.

    The default is meant for 10 s at 500 samples per second: without A8 (below 0.98 Hz), D1 (125 to
    250 Hz) and D2 (62.5 to 125 Hz), no thresholds, symmetric continuation at the ends. Two
    cautions: most of the mains hum at 50 or 60 Hz stays, and what is lost below 1 Hz touches the ST
    segment. `drop_details=(1,)` keeps up to about 100 Hz. At 100 samples per second the same low
    cut is `level=6, drop_details=()`. Filter before cropping: 2,500 samples allow only 7 levels.

    Args:
        x: signal (..., lead, time), finite, any unit; all leads are filtered in one pass.
        wavelet: name of a PyWavelets wavelet.
        level: number of halvings L.
        drop_approximation: leave out A_L, the slowest part.
        drop_details: which detail bands to leave out, 1 the fastest.

    Returns:
        Filtered signal, same shape and unit.

    Raises:
        InputError: the signal is too short for this level, a detail is not between 1 and `level`,
            or a sample is not finite.

    Source: Martis et al. 2013 and Selivanov et al. 2025 (eight levels); padding and bands are our
        choice.

    Book: preprocessing#prep-wavelet
    """
    if any(not 1 <= k <= level for k in drop_details):
        raise InputError(f"details go from 1 to {level}, got {drop_details}")
    coefficients = _decompose(x, wavelet, level)
    drop = {level + 1 - k for k in drop_details} | ({0} if drop_approximation else set())
    kept = [np.zeros_like(c) if i in drop else c for i, c in enumerate(coefficients)]
    return _back(_reconstruct(kept, wavelet, x.shape[-1]), x)


def zscore(
    x: Float[Signal, "*batch lead time"],
    *,
    per: Literal["lead", "group", "record"] = "lead",
    keep: Bool[Signal, "*keep"] | None = None,
) -> Float[Signal, "*batch lead time"]:
    """Subtract the mean and divide by the standard deviation, x <- (x - mean) / (std + 1e-8).

    Per lead, every lead gets the same spread and the voltage is forgotten. Per record, one mean and
    one spread serve all leads, so that a tall lead stays taller than a low one (though one
    patient's voltage still cannot be compared with another's). Per group, I to III, aVR to aVF and
    V1 to V6 have one of their own each. A flat lead (see `FLAT`) becomes
    zeros and does not count for the others.

    Args:
        x: signal (..., lead, time), any unit.
        per: "lead", "record", or "group", which needs the twelve leads in their usual order.
        keep: which samples were observed, True = observed, of a shape that broadcasts to `x`. Only
            these count for mean and spread; the others become 0, the mean, and their content is
            never read.

    Returns:
        Standardised signal, no unit, same shape.

    Raises:
        InputError: `per` is none of the three, or twelve leads are needed.

    Source: per lead as in Selivanov et al. 2025; per group as in later public code of the same
        group; per record keeps what voltage says about heart muscle mass.

    Book: preprocessing#prep-zscore
    """
    if per not in ("lead", "group", "record"):
        raise InputError(f'per must be "lead", "group" or "record", got {per!r}')
    if per == "group" and x.shape[-2] != 12:
        raise InputError(f"groups are those of twelve leads, and these are {x.shape[-2]}")
    values = _tensor(x)
    seen = (_tensor(keep) if keep is not None else torch.tensor(True)).to(values.device)
    seen = seen.expand(values.shape)
    values = values.where(seen, 0)
    mean, std = _moments(values, seen, (-1,))
    seen = seen & (std > FLAT * (1 + mean.abs()))  # from here on without flat leads
    if per == "record":
        mean, std = _moments(values, seen, (-2, -1))
    elif per == "group":
        parts = zip(values.split(GROUPS, -2), seen.split(GROUPS, -2), strict=True)
        moments = [_moments(part, there, (-2, -1)) for part, there in parts]
        mean, std = (
            torch.cat(
                [m[k].expand(*m[k].shape[:-2], n, 1) for m, n in zip(moments, GROUPS, strict=True)],
                -2,
            )
            for k in (0, 1)
        )
    standard = ((values - mean) / (std + 1e-8)).where(seen, 0)
    if isinstance(x, Tensor):
        return standard
    return standard.numpy()


def minmax(
    x: Float[Signal, "*batch lead time"],
    *,
    keep: Bool[Signal, "*keep"] | None = None,
) -> Float[Signal, "*batch lead time"]:
    """Scale each record to [0, 1]: x <- (x - least) / (greatest - least), over all its leads.

    What was millivolts is forgotten, and one artefact decides how tall everything else is; it is
    what the public code of MERL and DERI reads. A record that is flat throughout becomes zeros.

    Args:
        x: signal (..., lead, time), any unit; unfiltered in that code.
        keep: which samples were observed, as for `zscore`; the others become 0.

    Returns:
        Scaled signal, no unit, same shape.

    Source: public code of Liu et al. 2024 (MERL) and Chen et al. 2025 (DERI).

    Book: preprocessing#prep-zscore
    """
    values = _tensor(x)
    seen = (_tensor(keep) if keep is not None else torch.tensor(True)).to(values.device)
    seen = seen.expand(values.shape)
    low = values.where(seen, torch.inf).amin((-2, -1), keepdim=True)
    high = values.where(seen, -torch.inf).amax((-2, -1), keepdim=True)
    scaled = ((values - low) / (high - low)).where(seen & (high > low), 0)
    if isinstance(x, Tensor):
        return scaled
    return scaled.numpy()


def preprocess(
    x: Float[Signal, "*batch lead time"],
    fs: float | int,
    *,
    fs_out: float | int = 500,
    per: Literal["lead", "record"] = "lead",
    keep: Bool[Signal, "*keep"] | None = None,
) -> Float[Signal, "*batch lead resampled"]:
    """Run the default chain: 500 samples per second, eight-level wavelet filter, z-score.

    Args:
        x: signal as read (..., lead, time), finite, mV; at least 5.7 s.
        fs: its samples per second.
        fs_out: samples per second wanted. The bands of the filter are those of 500.
        per: z-score per "lead" or per "record".
        keep: which samples were observed, True = observed, of a shape that broadcasts to `x`, at
            its rate.

    Returns:
        Filtered, standardised signal (..., lead, ceil(time * fs_out / fs)), no unit; 0 where
        nothing was observed.

    Raises:
        InputError: a rate is not positive, the signal is too short for eight levels, or a sample is
            not finite.

    Source: Selivanov et al. 2025, data section.

    Book: preprocessing#prep-chain
    """
    clean = denoise_wavelet(resample(x, fs, fs_out))
    if keep is not None and keep.shape[-1] == x.shape[-1]:
        last_seen = (np.arange(clean.shape[-1]) * (fs / fs_out)).astype(np.int64)
        keep = keep[..., last_seen]
    return zscore(clean, per=per, keep=keep)


def _decompose(x: Signal, wavelet: str, level: int) -> list[np.ndarray]:
    most = pywt.dwt_max_level(x.shape[-1], wavelet)
    if level > most:
        raise InputError(
            f"{x.shape[-1]} samples allow {most} levels of {wavelet}, not {level}: "
            "filter before cropping, or take fewer levels"
        )
    return pywt.wavedec(
        _finite(x, "the wavelet filter"), wavelet, mode="symmetric", level=level, axis=-1
    )


def _reconstruct(coefficients: list[np.ndarray], wavelet: str, samples: int) -> np.ndarray:
    return pywt.waverec(coefficients, wavelet, mode="symmetric", axis=-1)[..., :samples]


def _moments(values: Tensor, seen: Tensor, dim: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    count = seen.sum(dim, keepdim=True).clamp(min=1)
    mean = values.where(seen, 0).sum(dim, keepdim=True) / count
    variance = (values - mean).where(seen, 0).square().sum(dim, keepdim=True) / count
    return mean, variance.sqrt()


def _finite(x: Signal, step: str) -> np.ndarray:
    values = np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{step} needs finite samples: fill or hide NaN and infinity first")
    return values


def _tensor(x: np.ndarray | Tensor) -> Tensor:
    return x if isinstance(x, Tensor) else torch.tensor(x)


def _back(values: np.ndarray, like: Signal) -> Signal:
    values = np.ascontiguousarray(values)
    if isinstance(like, Tensor):
        return torch.from_numpy(values).to(device=like.device, dtype=like.dtype)
    return values.astype(like.dtype, copy=False)
