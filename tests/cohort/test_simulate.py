"""The cohort as a whole: same bytes for ever, whoever else is simulated; what-if; bad input."""

import subprocess
import sys
import tracemalloc
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, Cohort, simulate, stream
from ecglearn.cohort.render import runs

HASH = """
import hashlib
from ecglearn.cohort import simulate
c = simulate(5, seed=3, frames=6, size=16)
parts = [c.ecg, c.cine, c.phenotypes, c.findings, c.labs, c.vitals, c.truth.r_times]
whole = hashlib.sha256(b"".join(p.tobytes() for p in parts) + "|".join(c.reports).encode())
print(whole.hexdigest())
"""
SMALL: dict[str, Any] = {"seed": 3, "frames": 6, "size": 16}


def same(a: Cohort, b: Cohort, *, but: tuple[str, ...] = ()) -> list[str]:
    """Names of fields that differ."""
    differing = []
    for field in fields(Cohort):
        if field.name in but:
            continue
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            equal = x.tobytes() == y.tobytes()
        elif field.name == "truth":
            names = ("r_times", "phase_ecg", "phase_cine", "grades", "index")
            equal = all(getattr(x, n).tobytes() == getattr(y, n).tobytes() for n in names)
        elif field.name == "latents":
            equal = x.keys() == y.keys() and all(np.array_equal(x[n], y[n]) for n in x)
        else:
            equal = x == y
        if not equal:
            differing.append(field.name)
    return differing


def test_same_seed_same_bytes_in_every_process():
    results = [
        subprocess.run(
            [sys.executable, "-c", HASH],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": str(k), "OMP_NUM_THREADS": "1"},
        ).stdout
        for k in (1, 2)
    ]
    assert results[0] == results[1] != ""


def test_the_same_patients_in_every_version():
    """Written down once: whoever says seed 3 means these patients."""
    cohort = simulate(2, **SMALL)
    assert cohort.reports[1] == (
        "Regular sinus rhythm. Q waves in V1 to V4. Low QRS voltage in the limb leads. "
        "Abnormal ECG."
    )
    wanted = [143.5299, 67.4179, 76.1120, 53.0287, 7.7354, 117.5708, 158.0960, 81.9841]
    np.testing.assert_allclose(cohort.phenotypes[0, :8], wanted, rtol=1e-5)
    np.testing.assert_allclose(cohort.truth.r_times[0, 1:3], [0.243179, 0.856508], atol=1e-5)
    np.testing.assert_allclose(cohort.ecg[0, [0, 1, 6], 100], [-0.1145, -0.1745, 0.1989], atol=1e-4)
    assert cohort.cine[0, 0].mean() == pytest.approx(119.6, abs=0.5)


def test_another_seed_gives_others():
    other: dict[str, Any] = {**SMALL, "seed": 4}
    assert "ecg" in same(simulate(3, **SMALL), simulate(3, **other))


def test_a_patient_stays_when_the_cohort_grows():
    few, many = simulate(7, **SMALL), simulate(40, **SMALL)
    assert same(few, many[:7]) == []


def test_a_patient_stays_when_the_cohort_starts_later():
    many, late = simulate(40, **SMALL), simulate(9, start=31, **SMALL)
    assert same(late, many[31:]) == []


@pytest.mark.parametrize("chunk", [1, 7, 33, 100])
def test_a_patient_stays_when_streamed(chunk):
    many = simulate(40, **SMALL)
    first = 0
    for part in stream(40, chunk=chunk, **SMALL):
        assert same(part, many[first : first + len(part)]) == []
        first += len(part)
    assert first == 40


def test_choosing_patients():
    many = simulate(10, **SMALL)
    chosen = many[np.array([7, 2])]
    assert np.array_equal(chosen.ecg[0], many.ecg[7])
    assert chosen.reports == [many.reports[7], many.reports[2]]
    assert chosen.truth.index.tolist() == [7, 2]
    assert same(many[many.truth.index > 5], many[6:]) == []


def test_noise_changes_nothing_else():
    with_it, without_it = simulate(6, **SMALL), simulate(6, noise=False, **SMALL)
    assert same(with_it, without_it, but=("ecg", "cine")) == []
    assert {"ecg", "cine"} == set(same(with_it, without_it))


def test_counterfactual_of_those_who_lack_it_is_the_original(crowd):
    k = FINDINGS.index("left bundle branch block")
    lacking = crowd[np.flatnonzero(~crowd.findings[:, k])[:20]]
    assert same(lacking, lacking.counterfactual("left bundle branch block")) == []


@pytest.mark.parametrize("name", ["left bundle branch block", "peaked T waves", "long QT interval"])
def test_counterfactual_keeps_noise_and_clock(name, crowd, quiet_crowd):
    """What differs is the same with and without noise: noise, torso and beats were not redrawn."""
    rows = np.flatnonzero(crowd.findings[:, FINDINGS.index(name)])[:4]
    noisy, quiet = crowd[rows], quiet_crowd[rows]
    gone = noisy.counterfactual(name)
    change = gone.ecg - noisy.ecg
    assert np.abs(change).max() > 0.02
    assert np.allclose(change, quiet.counterfactual(name).ecg - quiet.ecg, atol=1e-5)
    assert np.array_equal(gone.truth.r_times, noisy.truth.r_times, equal_nan=True)
    assert not gone.findings[:, FINDINGS.index(name)].any()


def test_counterfactuals_add_up(crowd):
    """Two at once, or one after the other."""
    few = crowd[:3]
    twice = few.counterfactual("anaemia").counterfactual("hypertension")
    assert same(twice, few.counterfactual(["anaemia", "hypertension"])) == []


def test_counterfactual_takes_patients_in_any_order(crowd):
    chosen = crowd[np.array([40, 3, 4, 5, 90])].counterfactual("hypertension")
    assert chosen.truth.index.tolist() == [40, 3, 4, 5, 90]
    assert same(chosen[1:2], crowd[3:4].counterfactual("hypertension")) == []


def test_runs_of_neighbours():
    assert list(runs(np.array([4, 5, 6, 2, 9, 8]))) == [(4, 3), (2, 1), (9, 1), (8, 1)]
    assert list(runs(np.arange(70))) == [(0, 32), (32, 32), (64, 6)]


def test_uncoupled_ecg_is_a_strangers():
    own, stranger = simulate(30, **SMALL), simulate(30, coupled=False, **SMALL)
    assert same(own, stranger, but=("ecg", "truth")) == []
    assert not np.array_equal(own.truth.r_times, stranger.truth.r_times, equal_nan=True)
    for ecg, times in zip(stranger.ecg, stranger.truth.r_times, strict=True):
        inside = times[(times > 0.2) & (times < 9.8)]
        step = np.abs(np.diff(ecg[1]))
        fast = np.array([step[round(t * 100) - 7 : round(t * 100) + 8].max() for t in inside])
        assert np.median(fast) > 2 * np.median(step)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "simulate: n must be positive, not 0"),
        ({"n": 3, "fs": -100}, "simulate: fs must be positive"),
        ({"n": 3, "frames": 0}, "simulate: frames must be positive"),
        ({"n": 3, "size": 0}, "simulate: size must be positive"),
        ({"n": 3, "start": -1}, "simulate: start must not be negative"),
    ],
)
def test_bad_sizes_are_refused_in_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        simulate(**settings)
    assert "\n" not in str(caught.value)


def test_stream_refuses_bad_sizes():
    with pytest.raises(ValueError, match="stream: chunk must be positive, not 0"):
        next(stream(10, chunk=0))
    with pytest.raises(ValueError, match="stream: n must be positive, not 0"):
        next(stream(0))


def test_unknown_finding_is_refused(few):
    with pytest.raises(ValueError, match="'hiccups' is not a condition") as caught:
        few.counterfactual("hiccups")
    assert "\n" not in str(caught.value)


def test_stream_needs_no_more_memory_for_more_patients():
    def peak(n):
        tracemalloc.start()
        for part in stream(n, chunk=16, **SMALL):
            del part
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(16)  # tables that are made once
    assert peak(112) < 1.15 * peak(32)


def test_phase_of_frames(few):
    assert few.truth.phase_cine.shape == (12, 26)
    assert (few.truth.phase_cine[:, 0] == 0).all()
    assert np.allclose(np.diff(few.truth.phase_cine, axis=1), 1 / 26)
