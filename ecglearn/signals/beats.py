"""From beats to heartbeat phases: the matrix that averages time tokens over beats."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.signals.leads import Signal


def pad_peaks(r_peaks: Sequence[Int[np.ndarray, " _"]]) -> Int[Tensor, "patient peak"]:
    """Put the R peaks of many records into one rectangle, filled up with -1.

    Args:
        r_peaks: one array of sample indices for each record, of any length.

    Returns:
        One row for each record (patient, most peaks of any record), int64. Subtracting the first
        sample of a crop keeps the meaning: indices below zero lie outside.

    Book: preprocessing#prep-beat-matrix
    """
    counts = np.fromiter(map(len, r_peaks), dtype=np.int64, count=len(r_peaks))
    padded = np.full((len(counts), int(counts.max(initial=0))), -1, dtype=np.int64)
    if padded.size:
        padded[np.arange(padded.shape[1]) < counts[:, None]] = np.concatenate(r_peaks)
    return torch.from_numpy(padded)


def beat_matrices(
    r_peaks: Int[Tensor, "patient peak"],
    *,
    tokens: int,
    samples_per_token: int,
    segments: int,
    phase_exact: bool = False,
) -> tuple[Float[Tensor, "patient {segments} {tokens}"], Bool[Tensor, " patient"]]:
    """Build the matrix that averages time tokens over beats, phase by phase, for many records.

    `matrix @ tokens` gives `segments` vectors: the mean heartbeat from one R peak to the next. For
    a beat from r to r', s = floor(r / samples_per_token), e = floor(r' / samples_per_token), n = e
    - s tokens are stretched or squeezed to `segments` by linear interpolation, at u = clip((t +
    1/2) n/segments - 1/2, 0, n - 1) counted from token s. Beats of fewer than two tokens are left
    out. With `phase_exact` the interpolation is done over the times of the token centres at r + (t
    + 1/2)/segments (r' - r), so that rounding an R peak to a whole token costs nothing.

    Args:
        r_peaks: R peaks in samples, rising, one row for each record (patient, peak); indices
            outside [0, tokens * samples_per_token) are ignored, so pad with -1 (`pad_peaks`) and
            subtract the start of a crop.
        tokens: number of time tokens N of the record.
        samples_per_token: length of one token in samples.
        segments: number of phases T of one beat.
        phase_exact: place the phases between token centres instead of between whole tokens.

    Returns:
        The matrices (patient, segments, tokens), float32: rows are non-negative and sum to 1; all
        zeros for a record without a usable beat. And, for each record, whether it has one
        (patient).

    Raises:
        InputError: `tokens`, `samples_per_token` or `segments` is not positive.

    Source: Selivanov et al. 2025 (PTACL), section "local alignment"; where it is silent, our own
        choice.

    Book: preprocessing#prep-beat-matrix
    """
    if min(tokens, samples_per_token, segments) < 1:
        raise InputError("tokens, samples_per_token and segments must be positive")
    inside = (r_peaks >= 0) & (r_peaks < tokens * samples_per_token)
    whole = r_peaks.div(samples_per_token, rounding_mode="floor")
    start, count = whole[:, :-1], whole[:, 1:] - whole[:, :-1]
    usable = inside[:, :-1] & inside[:, 1:] & (count >= 2)  # (patient, beat)

    phase = (torch.arange(segments, device=r_peaks.device, dtype=torch.float64) + 0.5) / segments
    if phase_exact:
        r, rr = r_peaks[:, :-1, None], (r_peaks[:, 1:] - r_peaks[:, :-1])[..., None]
        at = ((r + phase * rr) - (samples_per_token - 1) / 2) / samples_per_token
        at = at.clamp(0, tokens - 1)
    else:
        inner = (phase * count[..., None] - 0.5).clamp(min=0)
        at = start[..., None] + torch.minimum(
            inner, count[..., None] - 1.0
        )  # (patient, beat, segment)

    # linear interpolation between whole tokens is a hat of half-width one around each token
    patients, beats = usable.nonzero(as_tuple=True)
    at = at[patients, beats]
    hats = (1 - (at[..., None] - torch.arange(tokens, device=at.device)).abs()).clamp(min=0)
    matrix = hats.new_zeros(len(r_peaks), segments, tokens).index_add_(0, patients, hats)
    beats_used = usable.sum(1)
    return (matrix / beats_used.clamp(min=1)[:, None, None]).float(), beats_used > 0


def beat_matrix(
    r_peaks: Int[Signal, " peak"],
    *,
    tokens: int,
    samples_per_token: int,
    segments: int,
    phase_exact: bool = False,
) -> tuple[Float[Signal, "{segments} {tokens}"], bool]:
    """Build the matrix that averages the tokens of one record over its beats, phase by phase.

    The same as `beat_matrices` for a single record; see there for the recipe.

    Args:
        r_peaks: R peaks in samples, rising (peak).
        tokens: number of time tokens N of the record.
        samples_per_token: length of one token in samples.
        segments: number of phases T of one beat.
        phase_exact: place the phases between token centres instead of between whole tokens.

    Returns:
        The matrix (segments, tokens), float32, of the kind of `r_peaks`; and whether the record has
        a usable beat (if not, the matrix is all zeros).

    Raises:
        InputError: `tokens`, `samples_per_token` or `segments` is not positive.

    Source: Selivanov et al. 2025 (PTACL), section "local alignment"; where it is silent, our own
        choice.

    Book: preprocessing#prep-beat-matrix
    """
    matrix, ok = beat_matrices(
        (r_peaks if isinstance(r_peaks, Tensor) else torch.tensor(r_peaks))[None],
        tokens=tokens,
        samples_per_token=samples_per_token,
        segments=segments,
        phase_exact=phase_exact,
    )
    if isinstance(r_peaks, Tensor):
        return matrix[0], bool(ok)
    return matrix[0].numpy(), bool(ok)
