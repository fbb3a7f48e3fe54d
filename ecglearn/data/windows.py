"""What an encoder sees of a batch: a crop of the ECG, some frames of the film."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Generator, Tensor

from ecglearn.data.batch import ECGBatch
from ecglearn.data.cine import augment_cine, crop_and_flip, sample_frames, shrink, to_unit
from ecglearn.signals.augment import augment, crop


def ecg_window(
    batch: ECGBatch, *, fs: float, samples: int, generator: Generator | None, augmented: bool = True
) -> tuple[Float[Tensor, "B lead {samples}"], Int[Tensor, " B"]]:
    """A crop of each record, and its first sample.

    Args:
        batch: whole records.
        fs: sampling rate in hertz that the encoder reads.
        samples: length of the crop.
        generator: source of randomness; without one the first samples, unchanged.
        augmented: with a generator, also apply `ecglearn.signals.augment.augment`.

    Raises:
        ValueError: the batch has another sampling rate, or is shorter than the crop.

    Book: ptacl#augmentations
    """
    if batch.fs != fs:
        raise ValueError(
            f"this configuration reads {fs:g} Hz and the batch has {batch.fs:g} Hz; build the "
            f"batch with fs={fs:g}"
        )
    if generator is None or not augmented:
        return crop(batch.ecg, length=samples, generator=generator)
    return augment(batch.ecg, length=samples, generator=generator)


def cine_frames(
    batch: ECGBatch, *, frames: int, size: int, generator: Generator | None,
    augmented: bool = True, first_stage: bool = False,
) -> Float[Tensor, "B {frames} {size} {size}"]:  # fmt: skip
    """Frames of each film in [0, 1].

    Args:
        batch: needs `cine`.
        frames: frames to keep.
        size: pixels along each side.
        generator: source of randomness; without one evenly spaced, unchanged frames.
        augmented: with a generator, also change the frames at random.
        first_stage: change them only by crop and flip.

    Raises:
        ValueError: the batch has no films, too few frames, or a size that `size` does not divide.

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
