"""The twelve leads: their names, their order, and the linear rules that tie them together."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ecglearn.errors import InputError

#: A signal, numpy or torch; what comes out is of the kind that went in.
Signal = TypeVar("Signal", np.ndarray, Tensor)

LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

#: The leads that are measured; the other four limb leads follow from I and II.
EIGHT: tuple[str, ...] = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

_ALIASES: dict[str, str] = {
    **{lead.upper(): lead for lead in LEADS},
    "MLII": "II",  # modified lead II of ambulatory recorders: electrodes on the torso
    **{f"D{roman}": roman for roman in ("I", "II", "III")},
    **{f"D{digit}": roman for digit, roman in zip("123", ("I", "II", "III"), strict=True)},
    **{f"C{k}": f"V{k}" for k in range(1, 7)},
}
_PREFIX = re.compile(r"^(?:lead|ecg|ekg)(?:-(?=\w)|[\s._]*)(?=.)", re.IGNORECASE)
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}"

# rows: I, II, III, aVR, aVL, aVF from (I, II)
_LIMB = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
_TWELVE_FROM_EIGHT = np.block([[_LIMB, np.zeros((6, 6))], [np.zeros((6, 2)), np.eye(6)]])

# rows: I + III - II, aVR + (I + II)/2, aVL - (I - III)/2, aVF - (II + III)/2
_IDENTITIES = np.array(
    [
        [1, -1, 1, 0, 0, 0],
        [0.5, 0.5, 0, 1, 0, 0],
        [-0.5, 0, 0.5, 0, 1, 0],
        [0, -0.5, -0.5, 0, 0, 1],
    ]
)


@lru_cache(maxsize=1024)
def canonical(name: str) -> str | None:
    """Give the standard name of a lead, however a file spells it, or None for other channels.

    Case, spaces, dots, underscores and dashes between letters do not count; "Lead II", "ECG_II",
    "MLII", "DII" and "D2" are all lead II, "C1" (the name in the European standard) is V1. A minus
    sign counts: "-aVR" (in Cabrera's order, and code 65 of SCP-ECG) is aVR turned over and "I-II" a
    difference, so neither is one of the twelve. Nor is a mere number, which counts channels.

    Args:
        name: a channel name as found in a file.

    Returns:
        One of `LEADS`, or None when the channel is not one of the twelve (for example "vx" or
        "RESP").

    Book: the-12-lead-ecg#ecg-names
    """
    plain = re.sub(r"[\s._]+", "", _PREFIX.sub("", name.strip())).upper()
    left, *right = re.split(f"[{_MINUS}]", plain, maxsplit=1)
    if right and (left == "" or left in _ALIASES):
        return None
    return _ALIASES.get("".join([left, *right]))


def lead_positions(names: Sequence[str], *, wanted: Sequence[str] = LEADS) -> list[int]:
    """Find where the wanted leads sit among a file's channels.

    Args:
        names: channel names in the order of the file.
        wanted: standard lead names in the order you need.

    Returns:
        One index into `names` for each wanted lead, so that `signal[positions]` has the wanted
        order.

    Raises:
        InputError: a wanted lead is absent, or two channels have the name of the same wanted lead.

    Book: the-12-lead-ecg#ecg-names
    """
    known = [canonical(name) for name in names]
    absent = [lead for lead in wanted if lead not in known]
    if absent:
        raise InputError(
            f"lead {', '.join(absent)} not found among {', '.join(names) or 'no channels'}"
        )
    twice = [lead for lead in wanted if known.count(lead) > 1]
    if twice:
        raise InputError(f"more than one channel is named {', '.join(twice)}: {', '.join(names)}")
    return [known.index(lead) for lead in wanted]


def limb_residuals(x: Float[Signal, "*batch lead time"]) -> Float[Signal, "*batch 4 time"]:
    """Measure by how much the limb leads break the four rules that they must obey.

    The rules: I + III = II; aVR = -(I + II)/2; aVL = (I - III)/2; aVF = (II + III)/2. They hold for
    any heart, because three electrodes have only two independent voltages; a residual well above
    the rounding of the file means swapped leads, gains that differ between leads, or filters that
    differ between leads.

    Args:
        x: signal whose first six leads are I, II, III, aVR, aVL, aVF (..., at least 6, time), any
            unit.

    Returns:
        The four residuals in the order above (..., 4, time), in the unit of `x`.

    Raises:
        InputError: fewer than six leads.

    Source: Einthoven 1908 and Goldberger 1942, as in any textbook of electrocardiography.

    Book: the-12-lead-ecg#ecg-identities
    """
    if x.shape[-2] < 6:
        raise InputError(f"the limb-lead rules need six leads, the signal has {x.shape[-2]}")
    return _mix(_IDENTITIES, x[..., :6, :])


def eight_from_twelve(x: Float[Signal, "*batch 12 time"]) -> Float[Signal, "*batch 8 time"]:
    """Keep the eight leads that carry everything: I, II and V1 to V6.

    Args:
        x: signal in the order of `LEADS` (..., 12, time), any unit.

    Returns:
        The leads of `EIGHT` (..., 8, time).

    Book: the-12-lead-ecg#ecg-eight
    """
    return x[..., [LEADS.index(lead) for lead in EIGHT], :]


def twelve_from_eight(x: Float[Signal, "*batch 8 time"]) -> Float[Signal, "*batch 12 time"]:
    """Compute all twelve leads from the eight independent ones.

    III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2.

    Args:
        x: signal in the order of `EIGHT` (..., 8, time), any unit.

    Returns:
        The leads of `LEADS` (..., 12, time); `eight_from_twelve` undoes it exactly.

    Book: the-12-lead-ecg#ecg-eight
    """
    return _mix(_TWELVE_FROM_EIGHT, x)


def _mix(matrix: np.ndarray, x: Signal) -> Signal:
    if isinstance(x, Tensor):
        return torch.as_tensor(matrix, dtype=x.dtype, device=x.device) @ x
    return matrix.astype(x.dtype) @ x
