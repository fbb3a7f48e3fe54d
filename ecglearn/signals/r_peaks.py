"""From a signal to its beats: R peaks by a vote of the leads."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ecglearn.errors import InputError, MissingGroupError
from ecglearn.signals.leads import LEADS, Signal, canonical

# whose marks give places after lead II; aVR is turned over, since its R wave points down
_FALLBACK: tuple[str, ...] = ("I", "V5", "V6", "V4", "aVF", "aVR", "III", "aVL", "V3", "V2", "V1")
_PANEL = ("II", "V5", "V2")  # three views far apart: where these agree, the others are not asked
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
    then it is that middle. With one or two leads there is no vote: the first decides. Where II, V5
    and V2 were observed throughout and mark the same beats, the other leads are not asked.

    Args:
        signal: leads by samples (lead, time), or a single lead (time), any unit.
        fs: samples per second, at least 61.
        leads: names of the rows of `signal`, any spelling that `ecglearn.signals.leads.canonical`
            knows. Rows of other channels are allowed and not looked at. Not used for a single lead.
            Places come from the first of II, I, V5, V6, V4, aVF, -aVR, III, aVL, V3, V2, V1.
        observed: which samples were measured; None means all of them.

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
    if not all(np.isfinite(row[there]).all() for row, there in rows.values()):
        raise InputError("a lead used for R peaks has NaN or infinite samples: fill or cut them")
    ordered = _in_order(rows)
    if set(ordered) > set(_PANEL) and all(ordered[name][1].all() for name in _PANEL):
        marks, asked = _asked({name: ordered[name] for name in _PANEL}, float(fs))
        beats = _voted(marks, asked, float(fs)) if asked.all() and len(marks) == 3 else None
        if beats and (beats.agreement == 1).all() and {len(m) for m in marks} == {len(beats[0])}:
            return beats
    marks, asked = _asked(ordered, float(fs))
    if not marks:
        return Beats(np.empty(0, np.int64), np.empty(0), np.zeros(x.shape[1], bool))
    return _voted(marks, asked, float(fs))


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


def _asked(
    rows: dict[str, tuple[np.ndarray, np.ndarray]], fs: float
) -> tuple[list[np.ndarray], np.ndarray]:
    """Marks of each lead that could be asked, and where (lead, time)."""
    turned = {n: (-row if n == "aVR" else row, there) for n, (row, there) in rows.items()}
    waves: Any = dict.fromkeys(turned)
    if all(there.all() and _start(row) == 0 for row, there in turned.values()):
        block = np.array([row for row, _ in turned.values()], np.float64)
        waves = dict(zip(turned, scipy.signal.sosfiltfilt(_beat_filter(fs), block), strict=True))
    answers = [_marks(row, there, fs, waves[n]) for n, (row, there) in turned.items()]
    able = [(marks, could) for marks, could in answers if could.any()]
    return [marks for marks, _ in able], np.array([could for _, could in able], bool)


def _marks(
    row: np.ndarray, there: np.ndarray, fs: float, filtered: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Beats of one lead, and where it could be asked: in long stretches that are not flat."""
    found, could = [], np.zeros(len(row), bool)
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        piece = row[begin:end]
        if len(piece) - (_start(piece) if len(piece) > 1 else 0) < _SHORTEST * fs or _flat(piece):
            continue
        values = piece.astype(np.float64)
        waves = filtered
        if waves is None:
            waves = scipy.signal.sosfiltfilt(_beat_filter(fs), values[_start(values) :])
        found.append(begin + _detected(values, fs, waves))
        could[begin:end] = True
    return np.concatenate(found) if found else np.empty(0, np.int64), could


def _detected(values: np.ndarray, fs: float, filtered: np.ndarray) -> np.ndarray:
    try:
        from sleepecg.heartbeats import detect_heartbeats
    except ModuleNotFoundError as error:
        raise MissingGroupError("R peaks need sleepecg: pip install 'ecglearn[data]'") from error
    if not _crowded(filtered, fs):
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
    begins = np.flatnonzero(np.diff(places, prepend=-np.inf) > _TOGETHER * fs)
    if not len(begins):
        return Beats(np.empty(0, np.int64), np.empty(0), known)
    ends = np.append(begins[1:], len(places))
    group = np.repeat(np.arange(len(begins)), ends - begins)
    middle = (places[(begins + ends - 1) // 2] + places[(begins + ends) // 2]) // 2
    off = np.abs(places - middle[group])
    # of each group, the mark of the first lead that has one, and of these the most central
    first = np.lexsort((off, whose, group))[begins]
    pairs = np.unique(group * len(marks) + whose)
    voters = np.bincount(pairs // len(marks), minlength=len(begins))
    could = asked[:, middle].sum(0)
    beats = 2 * voters >= could
    peaks = np.where(off[first] <= _APART * fs, places[first], middle)
    return Beats(peaks[beats], (voters / np.maximum(could, 1))[beats], known)


def _crowded(x: np.ndarray, fs: float) -> bool:
    """Whether there may be more beats than sleepecg's compiled code reserves memory for.

    It keeps one number for each refractory period of 0.2 s and does not check: a beat in every one
    of them writes outside. Found with sleepecg 0.6.0.
    """
    peaks = np.flatnonzero((x[1:-1] > x[:-2]) & (x[1:-1] > x[2:])) + 1
    refractory = int(0.2 * fs)
    after = np.searchsorted(peaks, peaks + refractory).tolist()
    most, at = 0, 0
    while at < len(after):  # as many peaks as can be a refractory period apart
        most, at = most + 1, after[at]
    return most >= len(x) // refractory


@lru_cache(maxsize=16)
def _beat_filter(fs: float) -> Any:
    return scipy.signal.butter(2, (5, 30), "bandpass", fs=fs, output="sos")


def _start(row: np.ndarray) -> int:
    """Where sleepecg begins: after a flat stretch."""
    return int(np.argmax(row != row[0])) if row[1] == row[0] else 0


def _flat(row: np.ndarray) -> bool:
    """Nothing to see."""
    return len(row) == 0 or bool((row == row[0]).all())
