"""From stored integers to millivolt, and whether the gains of the header can be believed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.reader import RawRecord
from ecglearn.signals.leads import LEADS, limb_residuals, twelve_from_eight

_UNITS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6, "v": 1e3}
_LARGEST = 10_000.0  # millivolt: beyond it a record is refused
_OFFSET = 1000.0  # millivolt that electrodes and a chest can reach, three times what devices allow
_HIGH, _LOW = 20.0, 0.005  # millivolt: span of a heartbeat beyond which it is nobody's
_BROKEN = 0.05  # share of the limb leads' strength by which their rules may fail unnoted
_COUNTS_PER_MV = 1000.0  # where the gains cannot be believed: one count, one microvolt
_BLOCK = 2**16  # samples of each lead that are converted at a time


def to_millivolt(
    raw: RawRecord, leads: tuple[str, ...], at: list[int]
) -> tuple[np.ndarray, np.ndarray, bool, list[str]]:
    """Leads of a record in millivolt, in blocks, so that memory holds little besides the result.

    Args:
        raw: as stored.
        leads: which leads to take, in the order of `LEADS`, I and II among them.
        at: their channels.

    Returns:
        Millivolt (lead, time), float32; which samples were measured; whether their size can be
        believed; and remarks.

    Raises:
        RecordError: a unit is no voltage, or a voltage cannot come from a body.

    Book: the-12-lead-ecg#ecg-own-record
    """
    gains, baselines = raw.gains[at][:, None], raw.baselines[at][:, None]
    units = _scale(raw, at)[:, None]
    limb = leads.index("V1")

    signal = np.empty((len(at), raw.counts.shape[1]), np.float32)
    observed = np.empty(signal.shape, bool)
    lowest, highest = np.full(len(at), np.inf), np.full(len(at), -np.inf)
    moments = _Moments(limb)
    for place, counts, seen in _blocks(raw, at):
        with np.errstate(over="ignore"):  # such values are refused two lines below
            values = (counts - baselines) / gains * units
        if not seen.all():
            values[~seen] = np.nan
        lowest = np.fmin(lowest, np.fmin.reduce(values, axis=1))
        highest = np.fmax(highest, np.fmax.reduce(values, axis=1))
        reach = np.maximum(-lowest, highest)
        if (reach > _LARGEST).any():
            raise RecordError(
                f"{raw.header}: samples of {leads[int(np.argmax(reach))]} beyond {_LARGEST:,.0f} "
                "mV cannot come from a body surface; correct gain, baseline or unit in the header"
            )
        signal[:, place], observed[:, place] = values, seen
        moments.add(values[:limb], seen[:limb])
    measured = _rule_error(moments.covariance(), leads[:limb])
    notes: list[str] = []
    if measured > _BROKEN:
        integers = _Moments(limb)
        for _, counts, seen in _blocks(raw, at[:limb]):
            integers.add(counts, seen)
        stored = _rule_error(integers.covariance(), leads[:limb])
        if stored < measured / 3:
            for place, counts, seen in _blocks(raw, at):
                signal[:, place] = np.where(seen, counts / _COUNTS_PER_MV, np.nan)
            told = (
                f"the gains in the header break I + III = II ({measured:.0%} of the limb leads' "
                f"strength) while the stored integers keep it ({stored:.1%}): integers used, taken "
                "as 1 microvolt each, so leads compare with each other but the size in mV is an "
                "estimate"
            )
            return signal, observed, False, [told]
        notes.append(
            f"the limb leads break their rules by {measured:.0%} of their strength: "
            "electrodes may be swapped, or leads filtered differently"
        )
    absurd = _absurd(signal, leads, raw.fs, lowest, highest, (gains / units)[:, 0])
    return signal, observed, not (raw.gain_absent or absurd), notes + absurd


def _scale(raw: RawRecord, at: list[int]) -> np.ndarray:
    units = [raw.units[k] for k in at]
    odd = {unit[:40] for unit in units if unit.lower() not in _UNITS}
    if odd:
        raise RecordError(
            f"{raw.header}: the unit {', '.join(sorted(odd))} is not a voltage; "
            "write mV or uV into the header if that is what it is"
        )
    return np.array([_UNITS[unit.lower()] for unit in units])


def _blocks(raw: RawRecord, at: list[int]) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Stretches of time: where, stored integers as floats, and which are samples (lead, time)."""
    invalid = raw.invalid[at][:, None]
    for start in range(0, raw.counts.shape[1], _BLOCK):
        place = slice(start, start + _BLOCK)
        counts = raw.counts[:, place][at].astype(np.float64)
        yield place, counts, counts != invalid


class _Moments:
    """Covariance of limb leads where all of them are observed, block after block."""

    def __init__(self, leads: int) -> None:
        self.number = 0
        self.shift = np.zeros((leads, 1))
        self.total = np.zeros(leads)
        self.products = np.zeros((leads, leads))

    def add(self, values: np.ndarray, seen: np.ndarray) -> None:
        whole = seen.all(0)
        if not whole.all():
            values = values[:, whole]
        if values.shape[1] == 0:
            return
        if self.number == 0:  # a shift close to the mean: no digits are lost to an offset
            self.shift = values.mean(1, keepdims=True)
        centred = values - self.shift
        self.number += values.shape[1]
        self.total += centred.sum(1)
        self.products += centred @ centred.T

    def covariance(self) -> np.ndarray:
        if self.number == 0:
            return self.products
        mean = self.total / self.number
        return self.products / self.number - np.outer(mean, mean)


def _rule_error(covariance: np.ndarray, leads: tuple[str, ...]) -> float:
    """Worst of the rules that the limb leads at hand allow, as a share of their strength.

    The rules are linear, so variances of what they leave follow from the covariance of the leads.
    """
    strength = np.sqrt(np.trace(covariance) / len(leads))
    if len(leads) == 6:
        half = limb_residuals(covariance)
        broken = limb_residuals(np.ascontiguousarray(half.T))
    else:  # each further lead against I and II, which are always there
        parts = twelve_from_eight(np.eye(8))[[LEADS.index(lead) for lead in leads], :2]
        rules = np.eye(len(leads))[2:] - parts[2:] @ np.eye(len(leads))[:2]
        broken = rules @ covariance @ rules.T
    worst = float(np.diagonal(broken).max(initial=0.0))
    return float(np.sqrt(worst) / strength) if strength > 0 else 0.0


def _absurd(
    signal: np.ndarray,
    leads: tuple[str, ...],
    fs: float,
    lowest: np.ndarray,
    highest: np.ndarray,
    counts_per_mv: np.ndarray,
) -> list[str]:
    """A remark for each lead whose size no human heart, chest and electrode can make."""
    told = []
    span = np.maximum(highest - lowest, 0)  # of a lead without samples, infinity is below
    large = (span > _HIGH) | (np.maximum(-lowest, highest) > _OFFSET)
    small = (span > 0) & (span < _LOW) & (span * counts_per_mv > 10)  # not a few counts of nothing
    for k in np.flatnonzero(large):
        beat = _usual_span(signal[k], fs)
        if beat > _HIGH:
            told.append(f"lead {leads[k]} spans {beat:,.0f} mV a second, which no heart makes")
        elif max(-lowest[k], highest[k]) > _OFFSET:
            reach = max(lowest[k], highest[k], key=abs)
            told.append(f"lead {leads[k]} lies at {reach:,.0f} mV, where no electrode gets")
    told += [
        f"lead {leads[k]} spans {span[k]:.2g} mV in all, less than the noise of any electrode"
        for k in np.flatnonzero(small)
    ]
    return [f"{one}: gain, baseline or unit in the header cannot be right" for one in told]


def _usual_span(row: np.ndarray, fs: float) -> float:
    """Median over seconds of the distance from lowest to highest: no artefact decides it."""
    second = min(len(row), max(2, round(fs)))
    rows = row[: len(row) // second * second].reshape(-1, second)
    seen = rows[np.isfinite(rows).all(1)]
    return float(np.median(np.ptp(seen, axis=1))) if len(seen) else 0.0
