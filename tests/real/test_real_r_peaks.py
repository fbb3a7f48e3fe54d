"""R peaks against the marks of cardiologists."""

import importlib
from typing import Any

import numpy as np
import pytest

from ecglearn.data.wfdb.find import find_records
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.r_peaks import detect_r_peaks

pytestmark = [
    pytest.mark.real,
    # wfdb 4.3 uses what pandas 3.1 deprecates, at import and when it reads annotations
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
]

BEATS = set("NLRBAaJSVrFejnE/fQ?")


@pytest.fixture
def wfdb() -> Any:
    return importlib.import_module("wfdb")


def _matched(found: np.ndarray, true: np.ndarray, tolerance: float) -> tuple[int, int]:
    """How many true beats have a mark, and how many marks have a true beat, in `tolerance`."""
    if len(found) == 0 or len(true) == 0:
        return 0, 0
    apart = np.abs(found[:, None] - true)
    return int((apart.min(0) <= tolerance).sum()), int((apart.min(1) <= tolerance).sum())


def _as_it_is(x: np.ndarray, fs: float) -> np.ndarray:
    return x


def _wander(x: np.ndarray, fs: float) -> np.ndarray:
    """Breathing and movement: 1.5 mV of slow drift, its own in each lead."""
    t, k = np.arange(x.shape[1]) / fs, np.arange(12)[:, None]
    return x + np.sin(2 * np.pi * 0.3 * t + k) + 0.5 * np.sin(2 * np.pi * 0.7 * t + 2 * k)


def _noisy_lead(x: np.ndarray, fs: float) -> np.ndarray:
    """Muscle noise as large as the beats in lead II alone."""
    noise = np.random.default_rng(0).normal(size=x.shape[1])
    return np.concatenate([x[:1], x[1:2] + 0.5 * noise, x[2:]])


def _electrode_off(x: np.ndarray, fs: float) -> np.ndarray:
    """The left leg: five of the six limb leads are flat."""
    return np.where(np.isin(np.arange(12), [1, 2, 3, 4, 5])[:, None], 0, x)


def _turned(x: np.ndarray, fs: float) -> np.ndarray:
    return np.where(np.arange(12)[:, None] == 1, -x, x)


@pytest.mark.parametrize("change", [_as_it_is, _wander, _noisy_lead, _electrode_off, _turned])
def test_ludb_inside_the_annotated_span(real_data, wfdb, change):
    true_beats = true_found = close = marks = marks_true = 0
    for header in find_records(real_data / "ludb" / "data"):
        record = read_record(header)
        notes = wfdb.rdann(str(header.with_suffix("")), "ii")
        true = notes.sample[np.array(notes.symbol) == "N"]
        found = detect_r_peaks(change(record.signal, record.fs), record.fs)
        inside = found[(found >= true[0] - 75) & (found <= true[-1] + 75)]
        hit, right = _matched(inside, true, 0.150 * record.fs)
        true_beats, true_found = true_beats + len(true), true_found + hit
        marks, marks_true = marks + len(inside), marks_true + right
        close += _matched(inside, true, 0.050 * record.fs)[0]
    assert true_beats > 1000
    print(
        f"\nludb, {change.__name__}: {true_beats} beats, sensitivity "
        f"{true_found / true_beats:.4f}, PPV {marks_true / marks:.4f}, "
        f"within 50 ms {close / true_beats:.4f}"
    )
    assert true_found / true_beats >= 0.998
    assert marks_true / marks >= 0.998
    assert close / true_beats >= (0.98 if change is _as_it_is else 0.92)


@pytest.mark.parametrize("name", ["105", "200", "213"])
def test_half_hour_recordings_first_lead(real_data, wfdb, name):
    path = str(real_data / "mitdb-mini" / name)
    signal, fields = wfdb.rdsamp(path)
    notes = wfdb.rdann(path, "atr")
    true = notes.sample[[symbol in BEATS for symbol in notes.symbol]]
    found = detect_r_peaks(signal[:, 0], fields["fs"])
    by_name = detect_r_peaks(signal.T, fields["fs"], leads=fields["sig_name"])
    np.testing.assert_array_equal(found, by_name)
    hit, right = _matched(found, true, 0.150 * fields["fs"])
    print(
        f"\n{name}: {len(true)} beats, sensitivity {hit / len(true):.4f}, "
        f"PPV {right / len(found):.4f}"
    )
    assert hit / len(true) >= 0.99
    assert right / len(found) >= 0.98
