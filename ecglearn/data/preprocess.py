"""The cleaning of an ECG: one chain for stores, batches and the book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from ecglearn.data.wfdb.checks import RecordError, check_samples
from ecglearn.data.wfdb.record import ECGRecord
from ecglearn.errors import InputError
from ecglearn.signals.filters import FLAT, denoise_wavelet, resample
from ecglearn.signals.leads import LEADS
from ecglearn.signals.r_peaks import detect_beats
from ecglearn.signals.rates import small_rates

SLOWEST_KEPT = 0.98  # hertz: upper edge of the band that the default filter removes
FASTEST_KEPT = 62.0  # hertz: bands that begin above this are removed
COUNTS_PER_MV = 1000  # a cleaned sample is a whole number of microvolts
LARGEST = 32.767  # millivolt: what 16 bits of microvolts hold
LOWEST_RATE = 61.0  # hertz that R peaks need
SHORTEST = 2.0  # seconds that R peaks need
#: How an ECG is made ready: filtered and z-scored, or unfiltered and scaled to [0, 1].
Preprocess = Literal["standard", "minmax"]
TOGETHER = 80_000  # samples of a lead that are filtered in one call: 16 usual records


class CleanRecord(NamedTuple):
    """One record at the end of the chain, before it is standardised.

    Attributes:
        signal: millivolt (lead, time), rounded to whole microvolts.
        observed: which samples were measured (lead, time).
        r_peaks: samples of the R peaks (beat).
        note: one sentence about leads that were lost on the way, or empty.

    Book: preprocessing#prep-chain
    """

    signal: Float[np.ndarray, "lead time"]
    observed: Bool[np.ndarray, "lead time"]
    r_peaks: Int[np.ndarray, " beat"]
    note: str


def clean_ecg(
    ecg: Float[np.ndarray, "B lead time"],
    fs_in: float,
    *,
    fs: float,
    preprocess: Preprocess = "standard",
) -> Float[np.ndarray, "B lead resampled"]:
    """Resample and filter: the bands below 1 Hz and above 62.5 Hz go, at any sampling rate.

    At 500 Hz these are the eight levels of the default chain; at 100 Hz six levels reach 0.78 Hz
    and nothing lies above 50 Hz.

    Args:
        ecg: millivolt (B, lead, time).
        fs_in: its sampling rate in hertz.
        fs: sampling rate wanted.
        preprocess: "minmax" leaves the filter out.

    Raises:
        InputError: another preprocessing, or the rates do not stand to each other as small whole
            numbers do.

    Book: preprocessing#prep-chain
    """
    if preprocess not in get_args(Preprocess):
        raise InputError(f"preprocess is 'standard' or 'minmax', not {preprocess!r}")
    level = _levels(fs)
    fast = tuple(j for j in range(1, level + 1) if fs / 2 ** (j + 1) >= FASTEST_KEPT)
    resampled = resample(ecg, fs_in, fs)
    if preprocess == "minmax":
        return resampled
    return denoise_wavelet(resampled, level=level, drop_details=fast)


def shortest_ecg(fs: float) -> int:
    """Samples that `clean_ecg` needs at least.

    Args:
        fs: sampling rate wanted, in hertz.

    Book: preprocessing#prep-chain
    """
    return 11 * 2 ** _levels(fs)  # db6 has 12 taps


def check_length(record: ECGRecord, *, fs: float) -> None:
    """Refuse a record that is too short for the filter, or whose rate cannot be changed so.

    Args:
        record: as read.
        fs: sampling rate wanted, in hertz.

    Raises:
        RecordError: it is; says why.

    Book: preprocessing#prep-chain
    """
    samples = record.signal.shape[1]
    if samples * fs / record.fs < shortest_ecg(fs):
        raise RecordError(
            f"{samples / record.fs:.1f} s are too short for the filter, which needs "
            f"{shortest_ecg(fs) / fs:.1f} s at {fs:g} Hz"
        )
    try:
        small_rates(record.fs, fs)
    except InputError as error:
        raise RecordError(str(error)) from error
    check_samples(samples, record.fs, fs)


def observed_at(
    observed: Bool[np.ndarray, "lead time"], fs_in: float, *, fs: float, samples: int
) -> Bool[np.ndarray, "lead {samples}"]:
    """What was observed, at another sampling rate: as at the last measurement before each instant.

    Args:
        observed: which samples were measured (lead, time).
        fs_in: their sampling rate in hertz.
        fs: sampling rate wanted.
        samples: of the resampled signal.

    Book: preprocessing#prep-chain
    """
    if observed.all():
        return np.ones((len(observed), samples), bool)
    last_seen = (np.arange(samples) * (fs_in / fs)).astype(np.int64)
    return observed[:, np.minimum(last_seen, observed.shape[1] - 1)]


def flat_leads(
    signal: Float[np.ndarray, "lead time"], observed: Bool[np.ndarray, "lead time"]
) -> Bool[np.ndarray, " lead"]:
    """Which leads hold nothing but a flat line where they were observed, as `zscore` sees it.

    Args:
        signal: millivolt (lead, time).
        observed: which samples count; a lead without any is not named.

    Book: preprocessing#prep-chain
    """
    number = np.maximum(observed.sum(1), 1)
    mean = (signal * observed).sum(1) / number
    spread = np.sqrt((np.square(signal - mean[:, None]) * observed).sum(1) / number)
    return observed.any(1) & (spread <= FLAT * (1 + np.abs(mean)))


def finish_record(
    clean: Float[np.ndarray, "lead time"],
    observed: Bool[np.ndarray, "lead raw"],
    fs_in: float,
    *,
    fs: float,
    seconds: float | None,
) -> CleanRecord:
    """After the filter: cut, rounded, what was observed, and R peaks.

    Leads of which the filter left nothing count as not observed.

    Args:
        clean: one record of `clean_ecg` (lead, time).
        observed: which samples of the record were measured, at its own rate (lead, raw).
        fs_in: this rate in hertz.
        fs: sampling rate of `clean`.
        seconds: how much to keep, from the start; None keeps all.

    Raises:
        RecordError: the voltage cannot be, no lead holds a signal, or R peaks cannot be found.

    Book: preprocessing#prep-chain
    """
    length = clean.shape[1]
    if seconds is not None:
        length = min(length, round(seconds * fs))
    signal = np.rint(clean[:, :length].astype(np.float64) * COUNTS_PER_MV) / COUNTS_PER_MV
    if np.abs(signal).max() > LARGEST:
        raise RecordError(
            f"samples beyond {LARGEST:g} mV after filtering cannot come from a "
            "body surface; correct gain or unit in the header"
        )
    seen = observed_at(observed, fs_in, fs=fs, samples=clean.shape[1])[:, :length].copy()
    empty = np.flatnonzero(flat_leads(signal, seen))
    seen[empty] = False
    if not seen.any():
        raise RecordError("no lead holds a signal; check the electrodes, or get the record again")
    notes = []
    if empty.size:
        notes.append(f"nothing is left of {', '.join(LEADS[k] for k in empty)} after filtering")
    try:
        beats = detect_beats(signal, fs, observed=seen)
    except ValueError as error:
        raise RecordError(str(error)) from error
    if not beats.known.all():
        dark = np.count_nonzero(~beats.known) / fs
        notes.append(f"beats are not known in {dark:.1f} s, where no lead was observed for 2 s")
    return CleanRecord(signal, seen, beats.r_peaks, "; ".join(notes))


def clean_records(
    records: Sequence[ECGRecord],
    *,
    fs: float,
    seconds: float | None,
    preprocess: Preprocess = "standard",
) -> list[CleanRecord]:
    """The whole chain for records of any rate and length, those of one kind together.

    Args:
        records: as read.
        fs: sampling rate wanted, in hertz.
        seconds: how much of each to keep, from its start; shorter ones stay whole. None keeps all.
        preprocess: "minmax" leaves the filter out.

    Raises:
        RecordError: a record cannot be used; names it.
        InputError: this rate or length leaves no R peaks to be found.

    Book: preprocessing#prep-chain
    """
    if fs < LOWEST_RATE or (seconds is not None and seconds < SHORTEST):
        raise InputError(
            f"R peaks need {LOWEST_RATE:g} samples per second and {SHORTEST:g} s or more, not "
            f"fs={fs:g} and seconds={seconds}"
        )
    alike: dict[tuple[float, int], list[int]] = {}
    done: dict[int, CleanRecord] = {}
    now = 0
    try:
        for now, record in enumerate(records):
            check_length(record, fs=fs)
            alike.setdefault((record.fs, record.signal.shape[1]), []).append(now)
        for (rate, samples), numbers in alike.items():
            size = max(1, TOGETHER // samples)
            for start in range(0, len(numbers), size):
                some = numbers[start : start + size]
                signals = np.stack([records[k].signal for k in some])
                clean = clean_ecg(signals, rate, fs=fs, preprocess=preprocess)
                for now, signal in zip(some, clean, strict=True):
                    seen = records[now].observed
                    done[now] = finish_record(signal, seen, rate, fs=fs, seconds=seconds)
    except RecordError as error:
        raise RecordError(f"{records[now].source}: {error}") from error
    return [done[k] for k in range(len(records))]


def _levels(fs: float) -> int:
    return round(np.log2(fs / 2 / SLOWEST_KEPT))
