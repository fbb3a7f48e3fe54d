"""Random changes that keep the patient; one draw serves all leads of a record."""

import math

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from ecglearn.errors import InputError


def ft_surrogate(
    x: Float[Tensor, "batch lead time"],
    *,
    generator: Generator,
    strength: float | int = 0.1,
    probability: float | int = 0.5,
) -> Float[Tensor, "batch lead time"]:
    """Turn the phase of every frequency a little, by the same angle in all leads.

    Angles are uniform in [0, strength * 2 pi], one for each frequency and record; how strong each
    frequency is and how the leads relate to each other stay as they were. The constant part and,
    for an even number of samples, the highest frequency have no phase and are left alone.

    Args:
        x: signals (batch, lead, time), any unit.
        generator: source of randomness.
        strength: largest angle as a share of a full turn.
        probability: share of records that are changed.

    Returns:
        Changed signals, same shape and unit.

    Source: strength and probability as in the public code of MMCL and oetu/mae; Selivanov et al.
        2025 names the transform only.

    Book: preprocessing#prep-augmentation
    """
    spectrum = torch.fft.rfft(x, dim=-1)
    angle = _uniform((len(x), 1, spectrum.shape[-1]), x, generator) * (strength * 2 * math.pi)
    angle = angle * _chosen(x, probability, generator)
    angle[..., 0] = 0
    if x.shape[-1] % 2 == 0:
        angle[..., -1] = 0
    return torch.fft.irfft(
        spectrum * torch.polar(torch.ones_like(angle), angle), n=x.shape[-1], dim=-1
    )


def crop(
    x: Float[Tensor, "batch lead time"], *, length: int, generator: Generator | None = None
) -> tuple[Float[Tensor, "batch lead {length}"], Int[Tensor, " batch"]]:
    """Cut a window out of every record, at a random place of its own.

    Args:
        x: signals (batch, lead, time), any unit.
        length: samples to keep.
        generator: source of randomness; without one every window starts at sample 0 (the choice for
            evaluation).

    Returns:
        The windows (batch, lead, length), and the first sample of each (batch): subtract it from R
        peaks.

    Raises:
        InputError: `length` is longer than the signal or not positive.

    Book: preprocessing#prep-augmentation
    """
    spare = x.shape[-1] - length
    if length < 1 or spare < 0:
        raise InputError(f"cannot cut {length} samples out of {x.shape[-1]}")
    if generator is None:
        start = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        return x[..., :length], start
    start = torch.randint(spare + 1, (len(x),), generator=generator, device=generator.device)
    start = start.to(x.device)
    index = (start[:, None] + torch.arange(length, device=x.device))[:, None]  # (batch, 1, length)
    return x.gather(-1, index.expand(-1, x.shape[1], -1)), start


def jitter(
    x: Float[Tensor, "batch lead time"],
    *,
    generator: Generator,
    strength: float | int = 0.6,
    sigma: float | int = 0.2,
) -> Float[Tensor, "batch lead time"]:
    """Multiply every instant by 1 + strength * e, with e ~ N(0, sigma^2) drawn once for all leads.

    Args:
        x: signals (batch, lead, time), any unit.
        generator: source of randomness.
        strength: weight of the noise; 0 changes nothing.
        sigma: standard deviation of e.

    Returns:
        Changed signals, same shape and unit.

    Source: strength and sigma as in the public code of MMCL; one draw for all leads is our choice,
        so that I + III = II survives.

    Book: preprocessing#prep-augmentation
    """
    return x * (1 + strength * sigma * _normal((len(x), 1, x.shape[-1]), x, generator))


def rescale(
    x: Float[Tensor, "batch lead time"], *, generator: Generator, sigma: float | int = 0.5
) -> Float[Tensor, "batch lead time"]:
    """Multiply each record by one factor drawn from N(1, sigma^2).

    At the default about 2 records in 100 are turned upside down, as in the code that the value
    comes from.

    Args:
        x: signals (batch, lead, time), any unit.
        generator: source of randomness.
        sigma: standard deviation of the factor; 0 changes nothing.

    Returns:
        Changed signals, same shape.

    Source: sigma as in the public code of MMCL and oetu/mae.

    Book: preprocessing#prep-augmentation
    """
    return x * (1 + sigma * _normal((len(x), 1, 1), x, generator))


def augment(
    x: Float[Tensor, "batch lead time"],
    *,
    length: int,
    generator: Generator,
    rate: float | int = 0.95,
    surrogate: float | int = 0.1,
    surrogate_probability: float | int = 0.5,
    jitter_strength: float | int = 0.6,
    jitter_sigma: float | int = 0.2,
    rescale_sigma: float | int = 0.5,
) -> tuple[Float[Tensor, "batch lead {length}"], Int[Tensor, " batch"]]:
    """Apply PTACL's ECG augmentations in order: Fourier surrogate, crop, jitter, rescale.

    Args:
        x: filtered, standardised signals (batch, lead, time).
        length: samples of the crop.
        generator: source of randomness.
        rate: share of records that are changed; the others are only cropped.
        surrogate: strength of `ft_surrogate`.
        surrogate_probability: probability of `ft_surrogate`.
        jitter_strength: strength of `jitter`.
        jitter_sigma: sigma of `jitter`.
        rescale_sigma: sigma of `rescale`.

    Returns:
        The changed windows (batch, lead, length), and the first sample of each (batch).

    Raises:
        InputError: `length` is longer than the signal or not positive.

    Source: Selivanov et al. 2025 names the four; strengths are those of MMCL and oetu/mae.

    Book: preprocessing#prep-augmentation
    """
    turned = ft_surrogate(
        x, generator=generator, strength=surrogate, probability=surrogate_probability
    )
    chosen = _chosen(x, rate, generator).bool()
    window, start = crop(torch.where(chosen, turned, x), length=length, generator=generator)
    changed = jitter(window, generator=generator, strength=jitter_strength, sigma=jitter_sigma)
    changed = rescale(changed, generator=generator, sigma=rescale_sigma)
    return torch.where(chosen, changed, window), start


def _uniform(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device, dtype=like.dtype).to(
        like.device
    )


def _normal(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype).to(
        like.device
    )


def _chosen(like: Tensor, probability: float | int, generator: Generator) -> Tensor:
    return (_uniform((len(like), 1, 1), like, generator) < probability).to(like.dtype)
