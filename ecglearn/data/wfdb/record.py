"""From a WFDB record to a 12-lead ECG in millivolt, with a note on everything unusual."""

import math
import os
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from ecglearn.data.wfdb.checks import RecordError, check_samples
from ecglearn.data.wfdb.comments import read_comments
from ecglearn.data.wfdb.millivolt import to_millivolt
from ecglearn.data.wfdb.reader import RawRecord, open_record
from ecglearn.errors import InputError
from ecglearn.signals.filters import resample
from ecglearn.signals.leads import (
    EIGHT,
    LEADS,
    canonical,
    lead_positions,
    twelve_from_eight,
)
from ecglearn.signals.rates import small_rates

__all__ = ["ECGRecord", "read_record"]

_TOGETHER = 2**20  # samples that are resampled in one call


@dataclass(frozen=True, eq=False)
class ECGRecord:
    """One resting electrocardiogram and what its file says about the patient.

    Attributes:
        signal: (12, time), float32, millivolt, always finite; see `observed`.
        fs: samples per second.
        leads: names of the rows, always `ecglearn.signals.leads.LEADS`.
        age: years, or None.
        sex: "female", "male" or None.
        text: report or diagnosis, one statement per line; empty when the header has none.
        source: path of the header file.
        observed: (12, time), True where the file holds a measurement. NaN samples are False (their
            value in `signal` is drawn as a straight line between their neighbours) and so is every
            sample of a missing lead.
        missing: leads without any information: flat, or without one finite sample.
        calibrated: False when the file's gains could not be believed, so that the size in millivolt
            is an estimate or wrong; `notes` say why.
        notes: one sentence for everything above that was not as it should be.
        comments: the comment lines of the header, untouched.

    Book: the-12-lead-ecg#ecg-own-record
    """

    signal: Float[np.ndarray, "12 time"]
    fs: float | int
    leads: tuple[str, ...]
    age: float | None
    sex: str | None
    text: str
    source: str
    observed: Bool[np.ndarray, "12 time"]
    missing: tuple[str, ...] = ()
    calibrated: bool = True
    notes: tuple[str, ...] = ()
    comments: tuple[str, ...] = field(default=(), repr=False)


def read_record(
    path: str | os.PathLike[str],
    *,
    fs: float | int | None = None,
    verify: bool = True,
    root: str | os.PathLike[str] | None = None,
    longest: float = math.inf,
) -> ECGRecord:
    """Read one 12-lead electrocardiogram from a WFDB record.

    Leads are found by name in any order and spelling; other channels are left out. III, aVR, aVL
    and aVF are computed from I and II where they are not there. Millivolt come from the gains in
    the header, unless these break the rules of the limb leads that are there while the stored
    integers keep them (as in LUDB, where each lead was scaled to a span of one): then the integers
    are used, 1,000 to the millivolt, and `calibrated` is False. So it is where a lead has a size
    that no heart, chest and electrode can make.

    A header must be written as header(5) says wherever it decides about samples; what is damaged
    there is refused with the field and its value, and nothing is guessed. Memory holds the stored
    integers and the result, hardly more.

    Args:
        path: the record, with or without `.hea`.
        fs: samples per second wanted; the file's own rate when left out.
        verify: refuse a record whose samples do not match the checksums in its header.
        root: folder that the record's files must not leave, not even by links; None trusts them.
        longest: seconds; a longer record is refused before memory is asked for.

    Returns:
        The record; everything unusual is in its `notes`.

    Raises:
        RecordError: the record is absent, damaged, not a 12-lead ECG, or not in a unit of voltage.
        ModuleNotFoundError: the package wfdb is not installed.

    Book: the-12-lead-ecg#ecg-own-record
    """
    raw = open_record(path, verify=verify, root=root, longest=longest)
    leads, at = _find_leads(raw)
    signal, observed, calibrated, notes = to_millivolt(raw, leads, at)
    notes += _bridge(signal, observed, leads)
    rate = raw.fs
    if fs is not None and fs != rate:
        signal, observed = _at_rate(raw, signal, observed, fs)
        rate = float(fs)
    absent = [lead for lead in LEADS if lead not in leads]
    if absent:
        signal, observed = _completed(signal, observed, leads)
        notes.append(_computed(raw, absent))
    patient = read_comments(raw.comments)
    return ECGRecord(
        signal=signal,
        fs=rate,
        leads=LEADS,
        age=patient.age,
        sex=patient.sex,
        text=patient.text,
        source=str(raw.header),
        observed=observed,
        missing=tuple(lead for lead, row in zip(LEADS, observed, strict=True) if not row.any()),
        calibrated=calibrated,
        notes=(*raw.notes, *notes, *patient.notes),
        comments=raw.comments,
    )


def _find_leads(raw: RawRecord) -> tuple[tuple[str, ...], list[int]]:
    """Which of the twelve are there, in their order, and where; limb leads may be computed."""
    known = {canonical(name) for name in raw.names}
    leads = tuple(lead for lead in LEADS if lead in known or lead in EIGHT)
    try:
        return leads, lead_positions(raw.names, wanted=leads)
    except ValueError as error:
        strange = _no_leads(raw)
        told = f" ({strange} are names of no lead)" if strange else ""
        raise RecordError(
            f"{raw.header}: not a 12-lead record, {str(error)[:400]}{told}; choose one with at "
            "least I, II and V1 to V6, each once, or read its single channels with wfdb.rdrecord"
        ) from error


def _no_leads(raw: RawRecord) -> str:
    return ", ".join(name or "''" for name in raw.names if canonical(name) is None)[:200]


def _computed(raw: RawRecord, absent: list[str]) -> str:
    listed = " and ".join(filter(None, (", ".join(absent[:-1]), absent[-1])))
    are, strange = "are" if len(absent) > 1 else "is", _no_leads(raw)
    if not strange:
        return f"{listed} {are} not in the file: computed from I and II"
    return (
        f"no channel is named {listed}: computed from I and II; channels whose names are no leads: "
        f"{strange}"
    )


def _completed(
    signal: np.ndarray, observed: np.ndarray, leads: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """All twelve leads: those of the file as they are, the others out of I and II."""
    rows = [leads.index(lead) for lead in EIGHT]
    twelve = twelve_from_eight(signal[rows])
    seen = np.tile(observed[0] & observed[1], (12, 1))
    for k, lead in enumerate(LEADS):
        if lead in leads:
            twelve[k], seen[k] = signal[leads.index(lead)], observed[leads.index(lead)]
    return twelve, seen


def _at_rate(
    raw: RawRecord, signal: np.ndarray, observed: np.ndarray, fs: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signal and what was observed at another rate, a few leads at a time where they are long."""
    try:
        down, up = small_rates(raw.fs, fs)
        check_samples(signal.shape[1], raw.fs, fs)
    except InputError as error:
        raise RecordError(f"{raw.header}: {error}") from error
    resampled = np.empty((len(signal), -(-signal.shape[1] * up // down)), np.float32)
    some = max(1, _TOGETHER // max(signal.shape[1], resampled.shape[1]))
    for k in range(0, len(signal), some):
        resampled[k : k + some] = resample(signal[k : k + some], down, up)
    last_seen = np.arange(resampled.shape[1]) * down // up
    return resampled, observed[:, last_seen]


def _bridge(signal: np.ndarray, observed: np.ndarray, leads: tuple[str, ...]) -> list[str]:
    """Draw lines over gaps, in place; leads without information are not observed; say so."""
    notes: list[str] = []
    whole = np.all(observed, axis=1)
    flat = np.equal(signal.min(1), signal.max(1))
    for k in np.flatnonzero(flat | ~whole):
        lead, row, seen = leads[k], signal[k], observed[k]
        there = row[seen]
        if not there.size or np.ptp(there) == 0:
            notes.append(f"lead {lead} is flat" if whole[k] else f"lead {lead} holds no signal")
            row[~seen] = there[0] if there.size else 0.0
            seen[:] = False
        elif not whole[k]:
            notes.append(f"lead {lead}: {np.count_nonzero(~seen)} samples are not finite, bridged")
            gaps, points = np.flatnonzero(~seen), np.flatnonzero(seen)
            row[gaps] = np.interp(gaps, points, there)
    return notes
