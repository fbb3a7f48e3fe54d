"""One wave at a time in lead V1, against its formula, in beats whose places are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ecglearn.cohort import electrocardiogram
from ecglearn.cohort.electrocardiogram import electrode_noise, render_ecg
from ecglearn.cohort.heart import Beat
from ecglearn.cohort.rhythm import Rhythm
from ecglearn.signals.leads import LEADS

FS, RR, ODD = 500, 0.9, 5  # hertz, seconds, the beat that is ectopic where one is
TIME = np.arange(5000) / FS
QRS, PR, QTC = 100.0, 150.0, 420.0
WIDE = np.sqrt(QRS / 92)
ONSET = 0.00047 * QRS
T_WIDTH = 0.044 * 1.1
T_PEAK = QTC / 1000 * (0.6 * np.cbrt(RR) + 0.4) - ONSET - 1.5 * T_WIDTH
BREATH = 1 + 0.035 * np.sin(2 * np.pi * 0.25 * TIME + 0.3)


def beat(wave: str, k: int | None = None) -> Beat:
    """Nothing but one wave, one millivolt high in V1."""
    shapes = {
        "qrs": (5, 8),
        "p": (2, 8),
        "t": (8,),
        "st": (8,),
        "ectopic": (2, 8),
        "atrial": (2, 8),
    }
    waves = {name: np.zeros((1, *shape)) for name, shape in shapes.items()}
    waves[wave][(0, 2) if k is None else (0, k, 2)] = 1
    mu, sigma = np.array([[-20.0, -9, 3, 20, 34]]), np.array([[7.0, 8, 9, 10, 11]])
    return Beat(np.zeros((1, 8, 3)), mu, sigma, **waves)


def shown(of: Beat, ectopic: bool = False, **changed: float) -> np.ndarray:
    """V1 without noise, and without the breath that all waves share."""
    names = {"heart_rate": 60, "qtc": QTC, "qrs": QRS, "pr": PR, "t_width": 1.1, "age": 60}
    p = names | {"atrial_fibrillation": 0, "atrial_flutter": 0} | changed
    odd = np.arange(40)[None] == (ODD if ectopic else -1)
    places: Any = -0.5 + RR * np.arange(40)[None]
    rhythm = Rhythm(
        *(places, np.full((1, 40), RR), odd),
        *(np.array([[0.25, 0.3]]), np.array([[0.1, 0.2, 0.3, 0.4]])),
    )
    arrays = {name: np.array([float(value)]) for name, value in p.items()}
    ecg = render_ecg(arrays, of, rhythm, fs=FS, seed=0, noisy=False)
    return ecg[0, LEADS.index("V1")] / BREATH


def from_each_r(without: int | None = None) -> list[np.ndarray]:
    """Seconds from each R wave."""
    return [TIME - (-0.5 + RR * k) for k in range(13) if k != without]


def bell(time: np.ndarray, centre: float, width: float) -> np.ndarray:
    """A Gaussian of height 1, through the filter that stands for the device's: 0.3 samples."""
    wide = np.hypot(width, 0.3 / FS)
    return width / wide * np.exp(-0.5 * ((time - centre) / wide) ** 2)


def assert_shown(found: np.ndarray, wanted: list[np.ndarray]) -> None:
    inside = slice(FS // 2, -FS // 2)
    np.testing.assert_allclose(found[inside], np.sum(wanted, 0)[inside], atol=2e-4)


@pytest.mark.parametrize("k", range(5))
def test_waves_of_the_qrs_complex(k):
    centre, width = beat("qrs").mu[0, k] / 1e3, beat("qrs").sigma[0, k] / 1e3
    assert_shown(shown(beat("qrs", k)), [bell(t, centre, width) for t in from_each_r()])
    wanted = [bell(t, centre, width) for t in from_each_r(without=ODD)]
    assert_shown(shown(beat("qrs", k), ectopic=True), wanted)


@pytest.mark.parametrize(("k", "late", "width"), [(0, -0.018, 0.017), (1, 0.020, 0.018)])
def test_the_p_wave_ends_before_the_complex_and_is_missing_before_an_ectopic_one(k, late, width):
    centre = -PR / 1e3 - ONSET + 0.045 + late
    assert_shown(shown(beat("p", k)), [bell(t, centre, width) for t in from_each_r()])
    wanted = [bell(t, centre, width) for t in from_each_r(without=ODD)]
    assert_shown(shown(beat("p", k), ectopic=True), wanted)


def t_wave(time: np.ndarray) -> np.ndarray:
    """Rises slowly and falls fast."""
    width = np.where(time < T_PEAK, 1.45, 0.78) * T_WIDTH
    return np.exp(-0.5 * ((time - T_PEAK) / width) ** 2)


def test_the_t_wave_ends_with_the_qt_interval():
    assert_shown(shown(beat("t")), [t_wave(t) for t in from_each_r()])
    assert_shown(shown(beat("t"), ectopic=True), [t_wave(t) for t in from_each_r(without=ODD)])


def test_at_high_rates_the_t_wave_ends_before_the_next_beat():
    """At 92% of the interval; and it is narrower, by the root of the interval."""
    found = shown(beat("t"), qtc=1100, heart_rate=100)
    peak = 0.92 * RR - 1.5 * T_WIDTH * np.sqrt(0.6)
    after = np.arange(round((4.0 + 0.3) * FS), round((4.0 + 0.88) * FS))  # an R wave lies at 4 s
    assert TIME[after[found[after].argmax()]] - 4.0 == pytest.approx(peak, abs=1 / FS)


def test_the_st_segment_lies_between_the_complex_and_the_t_wave():
    rise, fall = 0.53 * QRS / 1e3, T_PEAK
    level = [
        1 / (1 + np.exp(-np.clip((t - rise) / 0.005, -50, 50)))
        / (1 + np.exp(np.clip((t - fall) / 0.026, -50, 50)))
        for t in from_each_r()
    ]  # fmt: skip
    assert_shown(shown(beat("st")), level)


def test_an_ectopic_beat_is_wide_and_its_t_wave_points_the_other_way():
    at = TIME - (-0.5 + RR * ODD)
    wanted = bell(at, -0.014 * WIDE, 0.022 * WIDE) - 0.55 * t_wave(at)
    assert_shown(shown(beat("ectopic", 0), ectopic=True), [wanted])
    assert_shown(shown(beat("ectopic", 1), ectopic=True), [bell(at, 0.038 * WIDE, 0.026 * WIDE)])


def test_fibrillatory_waves():
    clock = 2 * np.pi * 5.25 * TIME + 1.2 * np.sin(2 * np.pi * 0.38 * TIME)
    wave = np.sin(clock + 6.28 * 0.3) + 0.35 * np.sin(2 * clock + 6.28 * 0.4)
    assert_shown(shown(beat("atrial", 0), atrial_fibrillation=0.4), [0.05 * wave])


def test_flutter_is_a_saw_tooth_of_five_hertz():
    clock = 2 * np.pi * 5 * (TIME + 0.1)
    wave = np.sin(clock) + np.sin(2 * clock) / 2 + np.sin(3 * clock) / 3
    assert_shown(shown(beat("atrial", 1), atrial_flutter=0.4), [0.10 * wave])


def test_breath_moves_all_waves_alike():
    """By 3.5%: a constant of fibrillation and flutter would not do, so that of the ST level."""
    once = beat("st")
    both = replace(once, qrs=beat("qrs", 2).qrs)
    np.testing.assert_allclose(shown(both), shown(once) + shown(beat("qrs", 2)), atol=1e-6)


@pytest.fixture
def told(monkeypatch):
    """Draws of electrode noise that are known: normal ones, muscle, uniform ones."""

    def tell(normal: float, muscle: np.ndarray | float, uniform: float) -> None:
        def of(value):
            return lambda seed, name, start, n, count: np.broadcast_to(
                value, (n, count) if count > 1 else (n,)
            )

        for name, value in (("normal", normal), ("noise", muscle), ("uniform", uniform)):
            monkeypatch.setattr(electrocardiogram, name, of(value))

    return tell


def test_skin_wanders_and_the_mains_hum(told):
    """Three sines and three cosines of 0.25 Hz; 50 Hz with one phase everywhere."""
    told(1.0, 0.0, 0.5)
    found = electrode_noise(1, FS, 5000, 0, 0, "")
    slow = 0.045 * 3 * (np.sin(np.pi / 2 * TIME) + np.cos(np.pi / 2 * TIME))
    hum = 0.004 * np.exp(0.7) * np.sin(100 * np.pi * TIME + np.pi)
    assert found.shape == (1, 9, 5000)
    np.testing.assert_allclose(found[0], np.tile(slow + hum, (9, 1)), atol=1e-5)


def test_muscle_is_a_difference_of_white_noise_and_no_hum_is_seen_at_100_hz(told):
    white = np.random.default_rng(0).normal(size=9 * 101)
    told(0.0, white, 0.25)
    found = electrode_noise(1, 100, 100, 0, 0, "")
    np.testing.assert_allclose(
        found[0], 0.010 / np.sqrt(2) * np.diff(white.reshape(9, 101)), atol=1e-6
    )
    told(1.0, white, 0.25)
    strong = electrode_noise(1, 100, 100, 0, 0, "")
    slow = (
        0.045 * 3 * (np.sin(0.3 * np.pi * TIME[::5][:100]) + np.cos(0.3 * np.pi * TIME[::5][:100]))
    )
    np.testing.assert_allclose(strong - slow, np.exp(0.6) * found, atol=1e-5)
