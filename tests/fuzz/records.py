"""Damaged records, one after the other, judged by the tiny reader in `judge`."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.signals.leads import EIGHT, LEADS
from tests.data.wfdb_writer import counts
from tests.fuzz.damage import damaged_bytes, damaged_field, damaged_lines
from tests.fuzz.judge import judge
from tests.fuzz.judge_samples import Files, Verdict, broken
from tests.fuzz.outcome import Tally, outcome_of

SAMPLES = 300
RATES = (61.0, 100.0, 123.4567, 250.0, 999.999)
PLACES = {  # what stands beside the record, and the words for it
    "folder": "is a folder",
    "pipe": "is a pipe",
    "loop": "is a link that leads to itself",
    "nowhere": "is a link that leads nowhere",
}


@dataclass(frozen=True)
class Case:
    """One damaged record.

    Attributes:
        what: in words.
        header: content of `rec.hea`, or a key of `PLACES`.
        data: content of `rec.dat`, or a key of `PLACES`.
        fs: samples per second to ask for; mostly none.
    """

    what: str
    header: bytes | str
    data: bytes | str
    fs: float | None


def cases(seed: int, number: int) -> Iterator[Case]:
    """Damaged records; the same seed gives the same, however many are taken."""
    whole = originals()
    for k in range(number):
        rng = random.Random(seed * 1_000_003 + k)
        name, header, data = rng.choice(whole)
        kind = rng.choices(["field", "two fields", "lines", "data", "place"], [70, 10, 12, 6, 2])[0]
        if kind in ("field", "two fields"):
            header, what = damaged_field(header, rng)
            if kind == "two fields":
                header, more = damaged_field(header, rng)
                what = f"{what}; {more}"
        elif kind == "lines":
            header, what = damaged_lines(header, rng)
        elif kind == "data":
            data, what = damaged_bytes(data, rng)
        else:
            place, of = rng.choice(list(PLACES)), rng.choice(["header", "data"])
            what = f"{of} {PLACES[place]}"
            header, data = (place, data) if of == "header" else (header, place)
        fs = rng.choice(RATES) if rng.random() < 0.1 else None
        yield Case(f"#{k} {name}: {what}{f' at {fs} Hz' if fs else ''}", header, data, fs)


def originals() -> list[tuple[str, bytes, bytes]]:
    """Good records of several kinds: name, header, samples."""
    digital = counts(SAMPLES)
    spans = [int(np.ptp(row)) for row in digital.T]
    resp = np.arange(SAMPLES)[:, None] % 100
    eight = [LEADS.index(lead) for lead in EIGHT]
    shifted, wide = digital + 20, np.hstack([digital, resp])
    few = digital[:, eight]
    whole, dated = "500 300", "500/1000(3) 300 12:00:00 1/1/1999"

    def lines(middle: str | list[str], rows: np.ndarray = digital, **options: int) -> list[str]:
        return _lines(rows, LEADS, middle, **options)

    usual = lines("16 1000(0)/mV")
    return [
        ("plain", _header(whole, usual), _bytes(digital)),
        ("dated", _header(dated, usual), _bytes(digital)),
        ("crlf", _header(whole, usual).replace(b"\n", b"\r\n"), _bytes(digital)),
        ("baselines", _header(whole, lines("16 1000(20)/mV", shifted)), _bytes(shifted)),
        ("zeros", _header(whole, lines("16 1000/mV", shifted, zero=20)), _bytes(shifted)),
        ("no sums", _header(whole, lines("16 1000(0)/mV", sums=False)), _bytes(digital)),
        ("offset", _header(whole, lines("16+24 1000/mV")), bytes(24) + _bytes(digital)),
        ("microvolt", _header(whole, lines("16 1/uV")), _bytes(digital)),
        ("spans", _header(whole, lines([f"16 {n}(0)/mV" for n in spans])), _bytes(digital)),
        ("eight", _header(whole, _lines(few, EIGHT, "16 1000/mV")), _bytes(few)),
        ("resp", _header(whole, _lines(wide, (*LEADS, "RESP"), "16 1000/mV")), _bytes(wide)),
        ("212", _header(whole, lines("212 125(0)/mV", digital // 8)), _packed(digital // 8)),
    ]


def _lines(
    digital: np.ndarray,
    leads: tuple[str, ...],
    middle: str | list[str],
    *,
    zero: int = 0,
    sums: int = True,
) -> list[str]:
    each = [middle] * len(leads) if isinstance(middle, str) else middle
    return [
        f"rec.dat {part} 16 {zero} {row[0]} {int(row.sum()) % 65536 if sums else 0} 0 {lead}"
        for lead, row, part in zip(leads, digital.T, each, strict=True)
    ]


def _header(rest: str, lines: list[str]) -> bytes:
    comments = ["# Age: 61", "# Sex: Male", "# Dx: 426783006"]
    return "\n".join([f"rec {len(lines)} {rest}", *lines, *comments, ""]).encode()


def _bytes(digital: np.ndarray) -> bytes:
    return digital.astype("<i2").tobytes()


def _packed(digital: np.ndarray) -> bytes:
    """Format 212: two samples in three bytes."""
    first, second = digital.reshape(-1, 2).T & 4095
    middle = first >> 8 | (second >> 8) << 4
    return np.stack([first & 255, middle, second & 255], 1).astype(np.uint8).tobytes()


def tally_records(number: int, seed: int = 0) -> Tally:
    """Read so many damaged records and count what came of them."""
    tally = Tally("records")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "folder").mkdir()
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        (folder / "nowhere").symlink_to("absent")
        for case in cases(seed, number):
            _put(folder, "rec.hea", case.header)
            _put(folder, "rec.dat", case.data)
            right = _right(case)

            def judged(found: object, right=right, fs=case.fs) -> tuple[str, str]:
                return _judged(found, right, fs)

            def read(fs=case.fs) -> ECGRecord:
                return read_record(folder / "rec", root=folder, fs=fs)

            outcome, told = outcome_of(read, judged)
            tally.add(outcome, case.what, f"{told} | {right.faults} {right.allowed} {right.notes}")
    return tally


def _put(folder: Path, name: str, content: bytes | str) -> None:
    place = folder / name
    if place.is_symlink() or not isinstance(content, bytes):
        place.unlink(missing_ok=True)
    if isinstance(content, bytes):
        place.write_bytes(content)
    else:
        place.symlink_to(content)


def _right(case: Case) -> Verdict:
    if isinstance(case.header, str):
        return Verdict(faults=[PLACES[case.header]])
    data = PLACES[case.data] if isinstance(case.data, str) else case.data
    files: Files = {**PLACES, "rec.dat": data, "rec.hea": case.header, "a" * 300: "letters"}
    if len(case.header) > 1_000_000:
        return Verdict(faults=["1,000,000 bytes"])
    return judge(case.header, files)


def _judged(found: object, right: Verdict, fs: float | None) -> tuple[str, str]:
    if isinstance(found, RecordError):
        told = str(found)
        if "\n" in told or len(told) > 2000:
            return "false reason", f"no sentence: {told}"
        reasons = [*right.faults, *right.allowed]
        reasons += ["do not go to", "too many to hold"] if fs else []
        return ("refused rightly" if any(why in told for why in reasons) else "false reason"), told
    if not isinstance(found, ECGRecord):
        return "crash", repr(found)
    if right.faults:
        return "silent", f"read in spite of {right.faults}"
    wrong = _wrong(found, right) if fs is None else _wrong_rate(found, right, fs)
    if wrong:
        return "silent", wrong
    return ("noted" if found.notes else "right"), "; ".join(found.notes)


def _wrong_rate(found: ECGRecord, right: Verdict, fs: float) -> str:
    """What is wrong with a record at another rate; its values are judged at its own."""
    assert right.signal is not None
    if found.fs != fs or not np.isfinite(found.signal).all():
        return f"{found.fs} Hz, or samples that are no numbers"
    length = right.signal.shape[1] * fs / right.fs
    if not length - 1 <= found.signal.shape[1] <= length + 1 + length * 1e-6:
        return f"{found.signal.shape[1]} samples instead of {length:g}"
    return ""


def _wrong(found: ECGRecord, right: Verdict) -> str:
    """What a record that was read says and should not."""
    assert right.signal is not None
    assert right.counts is not None
    signal = right.signal
    said = "; ".join(found.notes)
    if found.fs != right.fs:
        return f"{found.fs} Hz instead of {right.fs}"
    unsaid = [note for note in right.notes if note not in said]
    if unsaid:
        return f"not a word about {unsaid}: {said}"
    bent, kept = broken(signal), broken(right.counts)
    if "integers used" in said:
        if found.calibrated or bent < 0.01 or kept > bent / 2:
            return f"integers used where gains break {bent:.3f}, integers {kept:.3f}"
        signal = right.counts / 1000
    elif bent > 0.3 and kept < 0.02:
        return f"gains that break the limb rules by {bent:.2f} are used"
    elif found.calibrated and (right.uncalibrated or _absurd(signal, right.counts, right.fs)):
        return f"calibrated, with {np.nanmax(np.abs(signal), initial=0):g} mV: {said}"
    if signal.shape != found.signal.shape:
        return f"shape {found.signal.shape} instead of {signal.shape}"
    there = np.isfinite(signal)
    if not np.isfinite(found.signal).all() or (found.observed & ~there).any():
        return "samples that are not there are said to be observed"
    apart = np.abs(found.signal - signal)[there] > 1e-3 + 1e-4 * np.abs(signal[there])
    return f"{apart.sum()} samples differ" if apart.any() else ""


def _absurd(signal: np.ndarray, counts: np.ndarray, fs: float) -> bool:
    """Whether a lead cannot be a human's, with room for doubt."""
    width = min(signal.shape[1], max(2, round(fs)))
    for row, whole in zip(signal, counts, strict=True):
        seen = row[np.isfinite(row)]
        if not seen.size or np.ptp(seen) == 0:
            continue
        second = row[: len(row) // width * width].reshape(-1, width)
        second = second[np.isfinite(second).all(1)]
        usual = float(np.median(np.ptp(second, axis=1))) if len(second) else 0.0
        few = np.ptp(seen) < 0.003 and np.nanmax(whole) - np.nanmin(whole) > 20
        if np.abs(seen).max() > 1500 or usual > 30 or few:
            return True
    return False
