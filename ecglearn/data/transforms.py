"""What an encoder sees of a batch: a crop of the ECG, some frames of the cine, changed or not."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, grid_sample, pad

from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import Preprocess
from ecglearn.errors import InputError
from ecglearn.signals.augment import augment, crop


def ecg_window(
    batch: ECGBatch,
    *,
    fs: float,
    samples: int,
    generator: Generator | None,
    augmented: bool = True,
    preprocess: Preprocess = "standard",
) -> tuple[Float[Tensor, "B lead {samples}"], Int[Tensor, " B"]]:
    """A crop of each record, and its first sample.

    Args:
        batch: whole records.
        fs: sampling rate in hertz that the encoder reads.
        samples: length of the crop.
        generator: source of randomness; without one the first samples, unchanged.
        augmented: with a generator, also apply `ecglearn.signals.augment.augment`.
        preprocess: what the encoder reads, see `ECGBatch.preprocess`.

    Raises:
        InputError: the batch has another sampling rate or preprocessing, or is shorter than the
            crop.

    Book: ptacl#augmentations
    """
    whole = batch.signal(fs, batch.ecg.shape[-1], preprocess)
    if generator is None or not augmented:
        return crop(whole, length=samples, generator=generator)
    return augment(whole, length=samples, generator=generator)


def cine_frames(
    batch: ECGBatch,
    *,
    frames: int,
    size: int,
    generator: Generator | None,
    augmented: bool = True,
    first_stage: bool = False,
) -> Float[Tensor, "B {frames} {size} {size}"]:
    """Frames of each cine in [0, 1].

    Args:
        batch: needs `cine`.
        frames: frames to keep.
        size: pixels along each side.
        generator: source of randomness; without one evenly spaced, unchanged frames.
        augmented: with a generator, also change the frames at random.
        first_stage: change them only by crop and flip.

    Raises:
        InputError: the batch has no cines, too few frames, or a size that `size` does not divide.

    Book: ptacl#augmentations
    """
    batch.need("cine")
    assert batch.cine is not None
    loops, have = batch.cine.shape[:2]
    x = to_unit(batch.cine)
    if have != frames:
        chosen = sample_frames(have, frames, records=loops, generator=generator).to(x.device)
        x = x.gather(1, chosen[:, :, None, None].expand(-1, -1, *x.shape[2:]))
    if x.shape[-1] != size:
        x = shrink(x, size)
    if generator is None or not augmented:
        return x
    return (crop_and_flip if first_stage else augment_cine)(x, generator=generator)


def sample_frames(
    frames: int, wanted: int, *, records: int = 1, generator: Generator | None = None
) -> Int[Tensor, "B wanted"]:
    """Frames to keep: evenly over the cycle, or one at random from each of `wanted` equal parts.

    Order and starting phase are kept. A random contiguous clip would break the phase on which the
    local loss rests.

    Args:
        frames: frames of the loop.
        wanted: frames to keep.
        records: number of loops B.
        generator: source of randomness; without it the even choice round(j frames / wanted).

    Raises:
        InputError: more frames are wanted than there are.

    Source: temporal-segment sampling; that PTACL samples so is our choice.

    Book: ptacl#augmentations
    """
    if not 0 < wanted <= frames:
        raise InputError(f"cannot take {wanted} of {frames} frames")
    edges = torch.arange(wanted + 1) * frames / wanted
    if generator is None:
        return edges[:-1].round().long().expand(records, -1)
    first, last = edges[:-1].ceil(), edges[1:].ceil() - 1
    share = torch.rand(records, wanted, generator=generator)
    return (first + share * (last - first + 1)).floor().long()


def to_unit(cine: UInt8[Tensor, "B frames rows columns"]) -> Float[Tensor, "B frames rows columns"]:
    """Min-max scale each loop to [0, 1].

    Args:
        cine: grey values (B, frames, rows, columns).

    Source: Selivanov et al. 2025 (PTACL), section "data".

    Book: ptacl#augmentations
    """
    x = cine.float()
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return (x - low) / (high - low).clamp(min=1)


def augment_cine(
    x: Float[Tensor, "B frames rows columns"],
    *,
    generator: Generator,
    area: tuple[float, float] = (0.6, 1.0),
    rotation: float = 45.0,
    flip: float = 0.5,
    colour: float = 0.5,
    blur: float = 0.2,
    noise: float = 0.2,
    rate: float = 0.95,
) -> Float[Tensor, "B frames rows columns"]:
    """Resized crop, rotation, flip, brightness and contrast, blur, noise; one draw for each loop.

    Args:
        x: frames in [0, 1] (B, frames, rows, columns).
        generator: source of randomness.
        area: range of the share of the image that is kept.
        rotation: largest angle in degrees, either way.
        flip: probability to mirror left and right.
        colour: largest relative change of brightness and of contrast.
        blur: probability of a Gaussian blur (sigma 0.1 to 2 pixels).
        noise: probability of noise with standard deviation 0.05.
        rate: share of loops that are changed at all.

    Returns:
        Changed frames in [0, 1], same shape.

    Source: Selivanov et al. 2025 names the transforms; strengths after the public code of MMCL.

    Book: ptacl#augmentations
    """

    def draw(low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(len(x), generator=generator).to(x.device)

    scale = draw(*area).sqrt()
    angle = torch.deg2rad(draw(-rotation, rotation))
    mirror = torch.where(draw() < flip, -1.0, 1.0)
    shift = (1 - scale)[:, None] * torch.stack([draw(-1, 1), draw(-1, 1)], 1)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    matrix = torch.stack(
        [
            torch.stack([cos * mirror, -sin, shift[:, 0]], 1),
            torch.stack([sin * mirror, cos, shift[:, 1]], 1),
        ],
        1,
    )
    grid = affine_grid(matrix, [len(x), 1, *x.shape[-2:]], align_corners=False)
    y = grid_sample(x, grid, padding_mode="border", align_corners=False)

    brightness, contrast = draw(1 - colour, 1 + colour), draw(1 - colour, 1 + colour)
    mean = y.mean((1, 2, 3), keepdim=True)
    y = (y - mean) * contrast.view(-1, 1, 1, 1) + mean * brightness.view(-1, 1, 1, 1)
    y = torch.where((draw() < blur).view(-1, 1, 1, 1), _blurred(y, draw(0.1, 2.0)), y)
    grain = 0.05 * torch.randn(y.shape, generator=generator).to(x.device)
    y = y + grain * (draw() < noise).view(-1, 1, 1, 1)
    return torch.where((draw() < rate).view(-1, 1, 1, 1), y.clamp(0, 1), x)


def crop_and_flip(
    x: Float[Tensor, "B frames rows columns"], *, generator: Generator
) -> Float[Tensor, "B frames rows columns"]:
    """The two changes of stage 1: resized crop and flip.

    Args:
        x: frames in [0, 1].
        generator: source of randomness.

    Book: ptacl#augmentations
    """
    return augment_cine(x, generator=generator, rotation=0, colour=0, blur=0, noise=0)


def shrink(x: Float[Tensor, "B frames rows columns"], size: int) -> Tensor:
    """Average blocks of pixels down to `size` along each side.

    Args:
        x: frames (B, frames, rows, columns), square.
        size: pixels along each side afterwards; divides the present size.

    Raises:
        InputError: `size` does not divide the present size.

    Book: ptacl#augmentations
    """
    if x.shape[-1] % size:
        raise InputError(f"{size} pixels do not divide {x.shape[-1]}")
    return avg_pool2d(x, x.shape[-1] // size)


def _blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Separable Gaussian blur over five pixels with a width for each loop."""
    offset = torch.arange(-2, 3, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    frames = x.transpose(0, 1)  # (frames, B, rows, columns): one kernel for each loop
    for shape, beyond in (((-1, 1, 5, 1), (0, 0, 2, 2)), ((-1, 1, 1, 5), (2, 2, 0, 0))):
        frames = conv2d(pad(frames, beyond, "reflect"), kernel.view(shape), groups=len(x))
    return frames.transpose(0, 1)


def roll_frames(
    x: Shaped[Tensor, "B frames rows columns"], offset: int
) -> Shaped[Tensor, "B frames rows columns"]:
    """Start every loop `offset` frames later: the control against counting frames.

    Args:
        x: frames.
        offset: frames to move forward; the loop is cyclic.

    Book: alignment-matrices#rolled-cine
    """
    return torch.roll(x, -offset, dims=1)
