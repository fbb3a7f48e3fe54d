"""From a WFDB record to a 12-lead ECG in millivolt, with a note on everything unusual."""

import math
import os
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.comments import read_comments
from ecglearn.data.wfdb.reader import RawRecord, open_record
from ecglearn.signals.filters import resample
from ecglearn.signals.leads import (
    EIGHT,
    LEADS,
    canonical,
    lead_positions,
    limb_residuals,
    twelve_from_eight,
)

__all__ = ["ECGRecord", "read_record"]

_MILLIVOLT = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6, "v": 1e3}
_LARGEST = 10_000.0  # millivolt
_BROKEN = 0.05  # share of the limb leads' strength by which their rules may fail unnoted
_COUNTS_PER_MV = 1000.0  # where the gains cannot be believed: one count, one microvolt


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
            is an estimate (the leads' sizes relative to each other are right).
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

    Leads are found by name in any order and spelling; other channels are left out. A record with
    only I, II and V1 to V6 gets the other four limb leads computed. Millivolt come from the gains
    in the header, unless these break the limb-lead rules while the stored integers keep them (as in
    LUDB, where each lead was scaled to a span of one): then the integers are used, 1,000 to the
    millivolt, and `calibrated` is False.

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
    known = [canonical(name) for name in raw.names]
    wanted = LEADS if set(LEADS) <= set(known) else EIGHT
    try:
        at = lead_positions(raw.names, wanted=wanted)
    except ValueError as error:
        raise RecordError(
            f"{raw.header}: not a 12-lead record, {error}; choose one with at least I, II and "
            "V1 to V6, each once, or read its single channels with wfdb.rdrecord"
        ) from error

    notes = list(raw.notes)
    millivolt = _millivolt(raw, at)  # (lead, time), NaN where the file says invalid
    calibrated = not raw.gain_absent
    if wanted is LEADS:
        millivolt, believed, remarks = _check_limb_leads(millivolt, raw.counts[at])
        calibrated, notes = calibrated and believed, notes + remarks
    signal, observed, flat, remarks = _fill(millivolt, wanted)
    notes += remarks
    rate = raw.fs
    if fs is not None and fs != rate:
        signal = resample(signal, rate, fs)
        last_seen = (np.arange(signal.shape[1]) * (rate / fs)).astype(np.int64)
        observed, rate = observed[:, last_seen], float(fs)
    if wanted is EIGHT:
        signal = twelve_from_eight(signal)
        both = observed[0] & observed[1]
        observed = np.vstack([observed[:2], np.tile(both, (4, 1)), observed[2:]])
        notes.append("III, aVR, aVL and aVF are not in the file: computed from I and II")
        strange = [name for name in raw.names if canonical(name) is None]
        if strange:
            notes.append(f"channels whose names are no leads: {', '.join(strange)[:200]}")
        flat = [lead for lead, row in zip(LEADS, observed, strict=True) if not row.any()]
    patient = read_comments(raw.comments)
    return ECGRecord(
        signal=signal.astype(np.float32),
        fs=rate,
        leads=LEADS,
        age=patient.age,
        sex=patient.sex,
        text=patient.text,
        source=str(raw.header),
        observed=observed,
        missing=tuple(flat),
        calibrated=calibrated,
        notes=(*notes, *patient.notes),
        comments=raw.comments,
    )


def _millivolt(raw: RawRecord, at: list[int]) -> np.ndarray:
    units = [raw.units[k] for k in at]
    odd = {unit for unit in units if unit.lower() not in _MILLIVOLT}
    if odd:
        raise RecordError(
            f"{raw.header}: the unit {', '.join(sorted(odd))} is not a voltage; "
            "write mV or uV into the header if that is what it is"
        )
    scale = np.array([_MILLIVOLT[unit.lower()] for unit in units])
    millivolt = raw.physical[at] * scale[:, None]
    if (np.abs(millivolt) > _LARGEST).any():
        raise RecordError(
            f"{raw.header}: samples beyond {_LARGEST:,.0f} mV cannot come from a body surface; "
            "correct gain or unit in the header"
        )
    return millivolt


def _check_limb_leads(
    millivolt: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, bool, list[str]]:
    measured = _rule_error(millivolt)
    if measured <= _BROKEN:
        return millivolt, True, []
    integers = np.where(np.isnan(millivolt), np.nan, counts)  # the mark "no sample" is no integer
    stored = _rule_error(integers)
    if stored < measured / 3:
        told = (
            f"the gains in the header break I + III = II ({measured:.0%} of the limb leads' "
            f"strength) while the stored integers keep it ({stored:.1%}): integers used, taken as "
            "1 microvolt each, so leads compare with each other but the size in mV is an estimate"
        )
        return integers / _COUNTS_PER_MV, False, [told]
    told = (
        f"the limb leads break their rules by {measured:.0%} of their strength: "
        "electrodes may be swapped, or leads filtered differently"
    )
    return millivolt, True, [told]


def _rule_error(x: np.ndarray) -> float:
    """Worst of the four limb-lead rules, as a share of the six leads' strength, means removed."""
    limb = x[:6]
    finite = np.isfinite(limb).all(0)
    if not finite.all():
        limb = limb[:, finite]
    if limb.size == 0:
        return 0.0
    # variances of residuals follow from the covariances of the leads: the rules are linear
    covariance = np.cov(limb, bias=True)
    strength = np.sqrt(np.trace(covariance) / 6)
    half = limb_residuals(covariance)
    broken = np.diagonal(limb_residuals(np.ascontiguousarray(half.T))).max()
    return float(np.sqrt(max(broken, 0.0)) / strength) if strength > 0 else 0.0


def _fill(
    millivolt: np.ndarray, leads: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Draw lines over gaps; find leads without information; say so."""
    observed = np.isfinite(millivolt)
    filled = millivolt.copy()
    time = np.arange(millivolt.shape[1])
    flat: list[str] = []
    notes: list[str] = []
    for lead, row, seen in zip(leads, filled, observed, strict=True):
        if not seen.any() or np.ptp(row[seen]) == 0:
            flat.append(lead)
            notes.append(f"lead {lead} is flat" if seen.all() else f"lead {lead} holds no signal")
            row[~seen] = 0.0 if not seen.any() else row[seen][0]
            seen[:] = False
        elif not seen.all():
            notes.append(f"lead {lead}: {np.count_nonzero(~seen)} samples are not finite, bridged")
            row[~seen] = np.interp(time[~seen], time[seen], row[seen])
    return filled, observed, flat, notes
