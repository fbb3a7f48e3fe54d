"""From waves and beat times to a twelve-lead ECG with noise at the nine electrodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.heart import Beat
from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.rhythm import SECONDS, Rhythm, last_event
from ecglearn.cohort.streams import noise, normal, uniform

T_WIDTH = 0.044  # seconds
MAINS = 50.0  # hertz


def render_ecg(
    p: Latents,
    beat: Beat,
    rhythm: Rhythm,
    *,
    fs: float,
    seed: int,
    start: int = 0,
    prefix: str = "",
    noisy: bool = True,
) -> NDArray[np.float32]:
    """Twelve leads of 10 seconds in millivolt, (n, 12, samples).

    Waves are placed in milliseconds from each R wave; only the QT interval follows the rate.
    Leads III, aVR, aVL and aVF are formed from I and II, after the noise of the electrodes.

    Args:
        p: derived physiology, arrays (n,).
        beat: waves of each patient.
        rhythm: beat times of each patient.
        fs: sampling rate in hertz.
        seed: seed of the cohort, used for noise only.
        start: index of the first patient, used for noise only.
        prefix: put before each stream name.
        noisy: add wander, muscle noise and mains.

    Source: Sameni et al. 2007 (dipole), Fridericia 1920 (QT), Dower 1980 (leads).

    Book: simulated-cohort#dipole
    """
    samples = round(SECONDS * fs)
    waves, leads = _waves(p, beat, rhythm, fs, samples)
    eight = leads.transpose(0, 2, 1).astype(np.float32) @ waves
    time = np.arange(samples, dtype=np.float32) / np.float32(fs)
    hertz, phase = rhythm.breathing.astype(np.float32).T[..., None]
    eight *= 1 + np.float32(0.035) * np.sin(np.float32(2 * np.pi) * hertz * time + phase)[:, None]
    if noisy:
        add_electrodes(eight, electrode_noise(len(eight), fs, samples, seed, start, prefix))
    return twelve_leads(np.asarray(eight, np.float32))


def twelve_leads(eight: NDArray[np.float32]) -> NDArray[np.float32]:
    """I, II, V1 to V6 (n, 8, time) to the twelve standard leads (n, 12, time).

    Source: Einthoven's and Goldberger's identities.

    Book: simulated-cohort#dipole
    """
    one, two = eight[:, 0], eight[:, 1]
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2], 1)
    return np.concatenate([limb, eight[:, 2:]], 1, dtype=np.float32)


def _waves(
    p: Latents, beat: Beat, rhythm: Rhythm, fs: float, samples: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Time courses (n, waves, samples) and their lead amplitudes (n, waves, 8)."""
    time = np.arange(samples) / fs
    n = len(p["age"])

    def of_beat(index: NDArray, values: NDArray) -> NDArray[np.float32]:
        return np.take_along_axis(values, index, 1).astype(np.float32)

    def since(index: NDArray) -> NDArray[np.float32]:
        return (time - np.take_along_axis(rhythm.r_times, index, 1)).astype(np.float32)

    previous = np.concatenate([rhythm.rr[:, :1], rhythm.rr[:, :-1]], 1)
    resting = (60 / p["heart_rate"])[:, None]
    qt = p["qtc"][:, None] / 1000 * (0.6 * np.cbrt(previous) + 0.4 * np.cbrt(resting))
    onset = 0.00047 * p["qrs"][:, None]
    t_width = T_WIDTH * p["t_width"][:, None] * np.sqrt(np.clip(resting, 0.5, 1.1))
    t_end = np.minimum(qt - onset, 0.92 * rhythm.rr)
    t_peak = np.maximum(t_end - 1.5 * t_width, 0.12)

    around = last_event(rhythm.r_times - np.minimum(0.35 * previous, 0.18), fs, samples)
    after = last_event(rhythm.r_times - 0.02, fs, samples)
    before = np.minimum(last_event(rhythm.r_times + 0.06, fs, samples) + 1, rhythm.rr.shape[1] - 1)
    qrs_time, t_time, p_time = since(around), since(after), since(before)
    plain = 1 - of_beat(around, rhythm.ectopic.astype(float))
    waves = np.empty((n, 13, samples), np.float32)

    smooth = 0.3 / fs  # Gaussian low-pass in place of an anti-alias filter
    for i in range(5):
        gaussian(waves[:, i], qrs_time, beat.mu[:, i] / 1e3, beat.sigma[:, i] / 1e3, smooth)
    waves[:, :5] *= plain[:, None]
    wide = np.sqrt(p["qrs"] / 92)
    for i, (mu, sigma) in enumerate(((-0.014, 0.022), (0.038, 0.026))):
        gaussian(waves[:, 5 + i], qrs_time, mu * wide, sigma * wide, smooth)
    waves[:, 5:7] *= 1 - plain[:, None]
    centre = -p["pr"] / 1e3 - onset[:, 0] + 0.045
    gaussian(waves[:, 7], p_time, centre - 0.018, np.full(n, 0.017), smooth)
    gaussian(waves[:, 8], p_time, centre + 0.020, np.full(n, 0.018), smooth)
    waves[:, 7:9] *= 1 - of_beat(before, rhythm.ectopic.astype(float))[:, None]

    peak = of_beat(after, t_peak)
    offset = t_time - peak
    width = np.where(offset < 0, 1.45, 0.78) * t_width
    t_wave = np.exp(-0.5 * (offset / width.astype(np.float32)) ** 2)
    normal_t = 1 - of_beat(after, rhythm.ectopic.astype(float))
    waves[:, 9] = t_wave * normal_t
    waves[:, 10] = -0.55 * t_wave * (1 - normal_t)
    j_time = 0.53 * p["qrs"][:, None] / 1e3
    rise = (t_time - j_time.astype(np.float32)) / np.float32(0.005)
    fall = offset / np.float32(0.026)
    with np.errstate(over="ignore"):  # seconds after its beat, in a long pause, ST is 0
        waves[:, 11] = normal_t / ((1 + np.exp(-np.clip(rise, -30, 30))) * (1 + np.exp(fall)))
    waves[:, 12] = _atrial_waves(p, rhythm.atrial, time)
    atrial = np.where(p["atrial_flutter"][:, None] > 0, beat.atrial[:, 1], beat.atrial[:, 0])
    leads = np.concatenate(
        [
            beat.qrs,
            beat.ectopic,
            beat.p,
            beat.t[:, None],
            beat.ectopic[:, :1],
            beat.st[:, None],
            atrial[:, None],
        ],
        1,
    )
    return waves, leads


def gaussian(
    out: NDArray[np.float32], time: NDArray[np.float32], mu: NDArray, sigma: NDArray, smooth: float
) -> None:
    """Write Gaussian waves into `out` (n, samples), low-passed by a Gaussian of width `smooth`.

    Args:
        out: where the waves go.
        time: seconds from the R wave (n, samples).
        mu: centres in seconds (n,).
        sigma: widths in seconds (n,).
        smooth: width of the low-pass kernel in seconds.

    Book: simulated-cohort#dipole
    """
    wide = np.sqrt(sigma**2 + smooth**2)
    scaled = (time - mu[:, None].astype(np.float32)) * (np.sqrt(0.5) / wide)[:, None].astype(
        np.float32
    )
    np.exp(-(scaled * scaled), out=out)
    out *= (sigma / wide)[:, None].astype(np.float32)


def _atrial_waves(p: Latents, draw: NDArray, time: NDArray) -> NDArray[np.float32]:
    """Fibrillatory waves (5 to 7.5 Hz, wandering phase) and the flutter saw-tooth (5 Hz)."""
    n = len(p["age"])
    out = np.zeros((n, len(time)), np.float32)
    af, flutter = p["atrial_fibrillation"] > 0, p["atrial_flutter"] > 0
    if af.any():
        a, b, c, d = (draw[af, i, None] for i in range(4))
        clock = 2 * np.pi * (5 + 2.5 * a) * time + 1.2 * np.sin(2 * np.pi * (0.3 + 0.4 * b) * time)
        wave = np.sin(clock + 6.28 * c) + 0.35 * np.sin(2 * clock + 6.28 * d)
        out[af] = (0.03 + 0.05 * p["atrial_fibrillation"][af, None]) * wave
    if flutter.any():
        clock = 2 * np.pi * 5 * (time + draw[flutter, :1])
        wave = sum(np.sin(k * clock) / k for k in (1, 2, 3))
        out[flutter] = (0.06 + 0.10 * p["atrial_flutter"][flutter, None]) * wave
    return out


def add_electrodes(eight: NDArray[np.float32], electrodes: NDArray[np.float32]) -> None:
    """Add what nine electrodes see to I, II, V1 to V6, so that the lead identities stay true.

    Args:
        eight: leads, changed in place (n, 8, time).
        electrodes: potentials of RA, LA, LL, V1 to V6 (n, 9, time).

    Book: simulated-cohort#dipole
    """
    right, left, foot = electrodes[:, 0], electrodes[:, 1], electrodes[:, 2]
    eight[:, 0] += left - right
    eight[:, 1] += foot - right
    eight[:, 2:] += electrodes[:, 3:] - ((right + left + foot) / 3)[:, None]


def electrode_noise(
    n: int, fs: float, samples: int, seed: int, start: int, prefix: str
) -> NDArray[np.float32]:
    """Noise of RA, LA, LL, V1 to V6 in millivolt (n, 9, samples).

    Args:
        n: number of patients.
        fs: sampling rate in hertz.
        samples: length.
        seed: seed of the cohort.
        start: index of the first patient.
        prefix: put before each stream name.

    Book: simulated-cohort#dipole
    """
    time = np.arange(samples) / fs
    hertz = 0.05 + 0.40 * uniform(seed, f"{prefix}wander frequency", start, n, 3)
    clock = 2 * np.pi * hertz[..., None] * time
    basis = np.concatenate([np.sin(clock), np.cos(clock)], 1).astype(np.float32)
    size = 0.045 * normal(seed, f"{prefix}wander size", start, n, 54).reshape(n, 9, 6)
    out = size.astype(np.float32) @ basis
    level = normal(seed, f"{prefix}noise level", start, n, 18).reshape(n, 9, 2)
    white = noise(seed, f"{prefix}muscle {fs:g}", start, n, 9 * (samples + 1))
    white = white.reshape(n, 9, samples + 1)
    muscle = (0.010 / np.sqrt(2) * np.exp(0.6 * level[..., :1])).astype(np.float32)
    out += muscle * (white[..., 1:] - white[..., :-1])
    if fs > 2 * MAINS:  # at 100 Hz a 50 Hz hum cannot be sampled
        phase = 2 * np.pi * uniform(seed, f"{prefix}mains", start, n, 1)[:, None]
        hum = np.sin(2 * np.pi * MAINS * time + phase).astype(np.float32)
        out += (0.004 * np.exp(0.7 * level[..., 1:])).astype(np.float32) * hum[:, None]
    return out
