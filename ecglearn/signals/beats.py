"""From a signal to its beats: R peaks, and the matrix from time tokens to heartbeat phases."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from ecglearn.errors import InputError, MissingGroupError
from ecglearn.signals.leads import LEADS, Signal, canonical

# whose marks give places after lead II; aVR is turned over, since its R wave points down
_FALLBACK: tuple[str, ...] = ("I", "V5", "V6", "V4", "aVF", "aVR", "III", "aVL", "V3", "V2", "V1")
_LOWEST_RATE = 61.0  # the detector filters at 5 to 30 Hz, and 30 Hz must lie below half the rate
_SHORTEST = 2.0  # seconds over which the detector learns its thresholds
_TOGETHER = 0.08  # seconds between marks of one beat
_APART = 0.04  # seconds by which the first lead may differ from the middle of all


class Beats(NamedTuple):
    """Beats of one record, and how sure they are.

    Attributes:
        r_peaks: sample of each, in rising order.
        agreement: share of the leads that could be asked there and marked the beat too.
        known: at which samples a lead could be asked at all; elsewhere nobody knows of beats.

    Book: preprocessing#prep-r-peaks
    """

    r_peaks: Int[np.ndarray, " beats"]
    agreement: Float[np.ndarray, " beats"]
    known: Bool[np.ndarray, " time"]


def detect_r_peaks(
    signal: Float[Signal, "*lead time"],
    fs: float | int,
    *,
    leads: Sequence[str] = LEADS,
    observed: Bool[np.ndarray, "lead time"] | None = None,
) -> Int[np.ndarray, " beats"]:
    """Find the R peak of every beat; one list serves all leads of the record.

    Args:
        signal: leads by samples (lead, time), or a single lead (time), any unit.
        fs: samples per second, at least 61.
        leads: names of the rows of `signal`, see `detect_beats`.
        observed: which samples were measured, see `detect_beats`.

    Returns:
        Sample indices in rising order, int64; empty when every lead is flat.

    Raises:
        InputError: as `detect_beats`.
        MissingGroupError: the package sleepecg is not installed.

    Book: preprocessing#prep-r-peaks
    """
    return detect_beats(signal, fs, leads=leads, observed=observed).r_peaks


def detect_beats(
    signal: Float[Signal, "*lead time"],
    fs: float | int,
    *,
    leads: Sequence[str] = LEADS,
    observed: Bool[np.ndarray, "lead time"] | None = None,
) -> Beats:
    """Find the beats that half of the leads see, and say how many do.

    A detector (sleepecg: Pan and Tompkins 1985, filtered forwards and backwards so that nothing is
    shifted) marks beats in every lead that is not flat, inside each stretch of 2 s or more that was
    observed. Where lead II is missing and I and III are there, their sum is lead II. Marks of
    different leads within 80 ms are one beat when half of the leads that were observed there have
    one: waves of flutter in lead II, noise in one lead or an electrode that is off do not pass. A
    beat's place is the mark in lead II, or in the first lead of the list below that is not flat,
    unless it lies 40 ms off the middle of all marks, as in leads with a deep S wave or turned over;
    then it is that middle. With one or two leads there is no vote: the first decides.

    Args:
        signal: leads by samples (lead, time), or a single lead (time), any unit.
        fs: samples per second, at least 61.
        leads: names of the rows of `signal`, any spelling that `ecglearn.signals.leads.canonical`
            knows. Rows of other channels are allowed and not looked at. Not used for a single lead.
            Places come from the first of II, I, V5, V6, V4, aVF, -aVR, III, aVL, V3, V2, V1.
        observed: which samples were measured; None means all that are finite.

    Returns:
        The beats; none where no lead was observed for 2 s, which `known` says.

    Raises:
        InputError: the names do not match the rows, none of the twelve leads is there, the rate is
            below 61 Hz, the signal is shorter than 2 s, an observed sample is not finite, or
            observed has another shape.
        MissingGroupError: the package sleepecg is not installed.

    Source: the vote and its numbers are our choice.

    Book: preprocessing#prep-r-peaks
    """
    x = signal.detach().cpu().numpy() if isinstance(signal, Tensor) else signal
    if x.ndim == 1:
        x, leads = x[None], ("II",)
    if len(leads) != x.shape[0]:
        raise InputError(f"{len(leads)} lead names for {x.shape[0]} rows of the signal")
    if fs < _LOWEST_RATE:
        raise InputError(f"R peaks need {_LOWEST_RATE:.0f} samples per second or more, not {fs:g}")
    if x.shape[1] < _SHORTEST * fs:
        raise InputError(f"R peaks need {_SHORTEST:.0f} s of signal, not {x.shape[1] / fs:.2f} s")
    seen = (
        np.ones(x.shape, bool) if observed is None else np.asarray(observed, bool).reshape(x.shape)
    )
    rows = {
        name: (row, there)
        for raw, row, there in zip(leads, x, seen, strict=True)
        if (name := canonical(raw)) is not None
    }
    if not rows:
        raise InputError(f"none of the twelve leads is among {', '.join(leads)}")
    marks, asked = {}, {}
    for name, (row, there) in _in_order(rows).items():
        found, could = _marks(-row if name == "aVR" else row, there, float(fs))
        if could.any():
            marks[name], asked[name] = found, could
    if not marks:
        return Beats(np.empty(0, np.int64), np.empty(0), np.zeros(x.shape[1], bool))
    return _voted(list(marks.values()), np.stack(list(asked.values())), float(fs))


def _in_order(rows: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict:
    """The leads from which places are taken first; lead II completed by I + III."""
    if "I" in rows and "III" in rows:
        (one, a), (three, b) = rows["I"], rows["III"]
        two, there = rows.get("II", (np.zeros_like(one), np.zeros(len(one), bool)))
        live = not (_flat(one[a]) or _flat(three[b]))
        if live and (not there.all() or _flat(two)):
            there = there & (not _flat(two[there]))
            rows = {**rows, "II": (np.where(there, two, one + three), there | (a & b))}
    return {name: rows[name] for name in ("II", *_FALLBACK) if name in rows}


def _marks(row: np.ndarray, there: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
    """Beats of one lead, and where it could be asked: in long stretches that are not flat."""
    found, could = [], np.zeros(len(row), bool)
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        piece = row[begin:end]
        if len(piece) - (_start(piece) if len(piece) > 1 else 0) < _SHORTEST * fs or _flat(piece):
            continue
        if not np.isfinite(piece).all():
            raise InputError(
                "a lead used for R peaks has NaN or infinite samples: fill or cut them"
            )
        found.append(begin + _detected(piece.astype(np.float64), fs))
        could[begin:end] = True
    return np.concatenate(found) if found else np.empty(0, np.int64), could


def _detected(values: np.ndarray, fs: float) -> np.ndarray:
    try:
        from sleepecg.heartbeats import detect_heartbeats
    except ModuleNotFoundError as error:
        raise MissingGroupError("R peaks need sleepecg: pip install 'ecglearn[data]'") from error
    if not _crowded(values, fs):
        return np.asarray(detect_heartbeats(values, fs), dtype=np.int64)
    try:
        return np.asarray(detect_heartbeats(values, fs, backend="python"), dtype=np.int64)
    except (IndexError, ZeroDivisionError) as error:
        raise InputError(
            "no R peaks can be told apart: waves follow each other every 0.2 s, as in no heart"
        ) from error


def _voted(marks: list[np.ndarray], asked: np.ndarray, fs: float) -> Beats:
    """Marks of all leads within 80 ms are one beat, when half of those asked there have one."""
    known = np.asarray(asked.any(0))
    if len(marks) <= 2:
        first = marks[0]
        others = [m for m in marks[1:] if not asked[0].all()]
        more = [m[~asked[0][m]] for m in others]
        peaks = np.sort(np.concatenate([first, *more]))
        return Beats(peaks, np.ones(len(peaks)), known)
    places = np.concatenate(marks)
    whose = np.repeat(np.arange(len(marks)), [len(m) for m in marks])
    order = np.argsort(places, kind="stable")
    places, whose = places[order], whose[order]
    groups = np.split(np.arange(len(places)), np.flatnonzero(np.diff(places) > _TOGETHER * fs) + 1)
    peaks, agreement = [], []
    for group in groups:
        if not len(group):
            continue
        middle = int(np.median(places[group]))
        voters = np.unique(whose[group])
        could = int(asked[:, middle].sum())
        if 2 * len(voters) < could:
            continue
        first = places[group[whose[group] == voters[0]]]
        nearest = int(first[np.abs(first - middle).argmin()])
        peaks.append(nearest if abs(nearest - middle) <= _APART * fs else middle)
        agreement.append(len(voters) / max(could, 1))
    return Beats(np.array(peaks, np.int64), np.array(agreement), known)


def _crowded(ecg: np.ndarray, fs: float) -> bool:
    """Whether there may be more beats than sleepecg's compiled code reserves memory for.

    It keeps one number for each refractory period of 0.2 s and does not check: a beat in every one
    of them writes outside. Found with sleepecg 0.6.0.
    """
    x = sosfiltfilt(_beat_filter(fs), ecg[_start(ecg) :])
    peaks = np.flatnonzero((x[1:-1] > x[:-2]) & (x[1:-1] > x[2:])) + 1
    refractory = int(0.2 * fs)
    most, at = 0, 0
    while at < len(peaks):  # as many peaks as can be a refractory period apart
        most, at = most + 1, int(np.searchsorted(peaks, peaks[at] + refractory))
    return most >= len(x) // refractory


@lru_cache(maxsize=16)
def _beat_filter(fs: float) -> Any:
    return butter(2, (5, 30), "bandpass", fs=fs, output="sos")


def _start(row: np.ndarray) -> int:
    """Where sleepecg begins: after a flat stretch."""
    return int(np.argmax(row != row[0])) if row[1] == row[0] else 0


def _flat(row: np.ndarray) -> bool:
    """Nothing to see."""
    return len(row) == 0 or bool((row == row[0]).all())


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
