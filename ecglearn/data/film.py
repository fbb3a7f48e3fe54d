"""A film of the heart from a file: `.npy` or NIfTI, checked, as grey values of eight bits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from ecglearn.data.transforms import sample_frames
from ecglearn.errors import InputError, MissingGroupError

PHASES, SIDES = (2, 256), (16, 1024)  # least and most
BEAT = (0.25, 3.0)  # seconds: 240 to 20 beats a minute
LEVELS = 16  # fewer grey values are a mask, not an image
_PER_SECOND = {"sec": 1.0, "msec": 1e3, "usec": 1e6}
_ENDINGS = (".npy", ".nii", ".nii.gz")


class FilmError(InputError):
    """A film that cannot be used; the message says which and why.

    Book: your-own-data#data-companions
    """


@dataclass(frozen=True)
class Film:
    """One film of the heart: one beat, from one R peak to the next.

    Attributes:
        frames: grey values (phases, rows, columns).
        rate: frames per second; None where nobody says it.

    Book: your-own-data#data-companions
    """

    frames: UInt8[np.ndarray, "phases rows columns"]
    rate: float | None = None

    def fitted(self, phases: int, size: int) -> UInt8[np.ndarray, "phases size size"]:
        """The square in the middle, its pixels averaged, and phases evenly over the beat.

        Args:
            phases: wanted; no more than there are.
            size: pixels wanted along each side; no more than there are.

        Raises:
            FilmError: there are fewer of either: none is invented.
        """
        have, *sides = self.frames.shape
        if phases > have or size > min(sides):
            raise FilmError(
                f"it has {have} phases of {sides[0]} x {sides[1]} pixels, and {phases} of {size} x "
                f"{size} are wanted: none is invented, so ask for fewer"
            )
        frames = self.frames[sample_frames(have, phases)[0].numpy()]
        top, left = ((side - min(sides)) // 2 for side in sides)
        square = frames[:, top : top + min(sides), left : left + min(sides)]
        if min(sides) == size:
            return np.ascontiguousarray(square)
        mean = adaptive_avg_pool2d(torch.from_numpy(square.astype(np.float32)), size)
        return mean.round().to(torch.uint8).numpy()


def read_film(
    path: str | os.PathLike[str], *, rate: float | None = None, slice: int | None = None
) -> Film:
    """Read a film and check it.

    Grey values of eight bits stay as they are; others are scaled so that the least of the film
    becomes 0 and its greatest 255. A NIfTI file has columns, rows, slices and times, an array
    `.npy` phases, rows and columns. Nothing in a file is run.

    Args:
        path: `.npy`, `.nii` or `.nii.gz`.
        rate: frames per second, where a table says it; a NIfTI header may say it too.
        slice: which one, from 0, of a NIfTI file with several.

    Raises:
        FilmError: it cannot be read; is not one film of 2 to 256 phases; has a rate at which it is
            not one heartbeat, or two rates; has values that are not finite, too few grey levels,
            or frames that are all the same.
        MissingGroupError: a NIfTI file, and nibabel is not installed.

    Book: your-own-data#data-companions
    """
    path = Path(path)
    if not path.name.endswith(_ENDINGS):
        raise FilmError(f"a film ends in {', '.join(_ENDINGS)}, and this one is {path.name}")
    try:
        if path.suffix == ".npy":
            found, said = _array(path, slice), None
        else:
            found, said = _nifti(path, slice)
    except (FilmError, MissingGroupError):
        raise
    except Exception as error:  # what foreign readers raise for a damaged file they do not say
        told = " ".join(str(error).split())[:200]
        raise FilmError(f"{path.name} cannot be read ({type(error).__name__}: {told})") from error
    if said is not None and rate is not None and abs(said - rate) > 0.01 * rate:
        raise FilmError(
            f"{path.name} has {said:g} frames per second by its header and {rate:g} by the table: "
            "correct one of them"
        )
    rate = said if rate is None else rate
    _check_form(path.name, found, rate)
    return Film(_grey(path.name, np.asarray(found)), rate)


def _array(path: Path, slice: int | None) -> NDArray[Any]:
    if slice is not None:
        raise FilmError(f"{path.name} is an array of one slice: leave the slice empty")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _nifti(path: Path, slice: int | None) -> tuple[NDArray[Any], float | None]:
    """Phases, rows, columns of a NIfTI file, and the rate by its header."""
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            "films in NIfTI need nibabel: pip install 'ecglearn[films]'"
        ) from error
    image: Any = nibabel.load(path)  # pyright: ignore[reportPrivateImportUsage]
    place = _slice(path.name, image.shape, slice)
    columns, rows, *_, phases = image.shape
    _check_size(path.name, phases, rows, columns)  # before anything of it is read
    chosen = np.asarray(image.dataobj[place])
    step, unit = float(image.header.get_zooms()[-1]), image.header.get_xyzt_units()[1]
    known = unit in _PER_SECOND and np.isfinite(step) and step > 0
    return chosen.transpose(2, 1, 0), _PER_SECOND[unit] / step if known else None


def _slice(name: str, shape: tuple[int, ...], slice: int | None) -> tuple[Any, ...]:
    """What to read of a NIfTI file: columns, rows, times of one slice."""
    if len(shape) == 3 and slice is None:
        return (...,)
    slices = shape[2] if len(shape) == 4 else 0
    wanted = 0 if slice is None and slices == 1 else slice
    if wanted is None or not 0 <= wanted < slices:
        said = f"slice 0 to {slices - 1}" if slices else "no slice"
        raise FilmError(
            f"{name} has the axes {' x '.join(map(str, shape))}, where columns x rows x phases or "
            f"columns x rows x slices x phases are wanted; give {said} of it"
        )
    return np.s_[:, :, wanted, :]


def _check_form(name: str, found: NDArray[Any], rate: float | None) -> None:
    if found.dtype.kind not in "iuf":
        raise FilmError(f"{name} holds {found.dtype}, and grey values are whole or real numbers")
    if found.ndim != 3:
        raise FilmError(
            f"{name} has {found.ndim} axes ({' x '.join(map(str, found.shape))}), and a film has "
            "phases x rows x columns"
        )
    phases = len(found)
    _check_size(name, *found.shape)
    if rate is None:
        return
    if not (np.isfinite(rate) and rate > 0 and BEAT[0] <= phases / rate <= BEAT[1]):
        raise FilmError(
            f"{name} has {phases} phases at {rate:g} per second, and one heartbeat takes "
            f"{BEAT[0]:g} to {BEAT[1]:g} seconds: give frames per second, or leave the rate empty"
        )


def _check_size(name: str, phases: int, *sides: int) -> None:
    if not PHASES[0] <= phases <= PHASES[1] or not all(SIDES[0] <= s <= SIDES[1] for s in sides):
        raise FilmError(
            f"{name} has {phases} phases of {sides[0]} x {sides[1]} pixels: {PHASES[0]} to "
            f"{PHASES[1]} phases of {SIDES[0]} to {SIDES[1]} pixels are read, phases first"
        )


def _grey(name: str, found: NDArray[Any]) -> NDArray[np.uint8]:
    """Eight bits, when the values are those of a film."""
    low, high = found.min(), found.max()
    with np.errstate(over="ignore"):
        size = float(high) - float(low)
    if not np.isfinite(size):
        raise FilmError(f"{name} has grey values that are not finite: write the film again")
    if (found == found[:1]).all():
        raise FilmError(f"{name} has {len(found)} frames that are all the same: nothing moves")
    if len(np.unique(found)) < LEVELS:
        raise FilmError(
            f"{name} has fewer than {LEVELS} grey values, so it is a mask and no film: give the "
            "images"
        )
    if found.dtype == np.uint8:
        return found
    return np.rint((found.astype(np.float64) - float(low)) / size * 255).astype(np.uint8)
