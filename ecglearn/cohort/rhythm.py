"""When the heart beats: R times, beat types, and the phase of every sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort.physiology import Latents
from ecglearn.cohort.streams import normal, uniform

BEATS = 40  # enough for 12 s at 150 beats per minute with the pauses around ectopic beats
SECONDS = 10.0


@dataclass(frozen=True)
class Rhythm:
    """Beats of n patients.

    Attributes:
        r_times: R times in seconds from the start of the record (n, BEATS), the first one before 0.
        rr: interval from beat k to beat k + 1 in seconds (n, BEATS).
        ectopic: ventricular ectopic beats (n, BEATS).
        breathing: frequency (Hz) and phase (radians) of breathing (n, 2).
        atrial: uniform draws behind fibrillatory and flutter waves (n, 4).

    Book: simulated-cohort#rhythm
    """

    r_times: NDArray[np.float64]
    rr: NDArray[np.float64]
    ectopic: NDArray[np.bool_]
    breathing: NDArray[np.float64]
    atrial: NDArray[np.float64]


def draw_rhythm(p: Latents, *, seed: int, start: int = 0, prefix: str = "") -> Rhythm:
    """R times of each patient: sinus variability, fibrillation, flutter, ectopic beats.

    Args:
        p: derived physiology, arrays (n,).
        seed: seed of the cohort.
        start: index of the first patient.
        prefix: put before each stream name.

    Source: bimodal heart-rate variability as in McSharry et al. 2003 (ECGSYN).

    Book: simulated-cohort#rhythm
    """
    n = len(p["age"])
    base = 60 / p["heart_rate"]
    beat = np.arange(BEATS)
    single = normal(seed, f"{prefix}rhythm/patient", start, n, 6)
    phases = uniform(seed, f"{prefix}rhythm/phases", start, n, 4)
    scatter = normal(seed, f"{prefix}rhythm/beats", start, n, BEATS)
    breath = (14 + 2 * single[:, 0]) / 60
    variability = 0.045 * np.exp(-0.025 * (p["age"] - 60) + 0.35 * single[:, 1])
    variability = np.clip(variability, 0.008, 0.12)[:, None]
    clock = beat * base[:, None]
    sinus = 0.8 * np.sin(2 * np.pi * (breath[:, None] * clock + phases[:, :1]))
    sinus += 0.7 * np.sin(2 * np.pi * (0.1 * clock + phases[:, 1:2])) + 0.35 * scatter
    factor = 1 + variability * sinus
    factor = np.where(p["atrial_fibrillation"][:, None] > 0, np.exp(0.24 * scatter - 0.03), factor)
    factor = np.where(p["atrial_flutter"][:, None] > 0, 1.0, factor)
    rr = np.clip(base[:, None] * factor, 0.33, 2.0)

    rate = np.where(p["ventricular_ectopy"] > 0, 0.06 + 0.14 * p["ventricular_ectopy"], 0.0)
    early = uniform(seed, f"{prefix}rhythm/ectopy", start, n, BEATS) < rate[:, None]
    early[:, 1:] &= ~early[:, :-1]
    early[:, 0] = False
    before = np.roll(early, -1, axis=1)  # rr[k] leads to beat k + 1
    before[:, -1] = False
    rr = rr * np.where(before, 0.62, 1.0) * np.where(early, 1.42, 1.0)
    first = -base * (0.5 + phases[:, 2])
    r_times = first[:, None] + np.concatenate([np.zeros((n, 1)), np.cumsum(rr, 1)[:, :-1]], 1)
    breathing = np.stack([breath, 2 * np.pi * phases[:, 3]], 1)
    atrial = uniform(seed, f"{prefix}atrial waves", start, n, 4)
    return Rhythm(r_times, rr, early, breathing, atrial)


def last_event(times: NDArray, fs: float, samples: int) -> NDArray[np.int64]:
    """Index of the latest event at or before each sample, (n, samples).

    Args:
        times: increasing event times in seconds (n, events); the first lies before 0.
        fs: sampling rate in hertz.
        samples: number of samples.

    Book: simulated-cohort#rhythm
    """
    n = len(times)
    arrival = np.clip(np.ceil(times * fs), 0, samples).astype(np.int64)
    flat = arrival + np.arange(n)[:, None] * (samples + 1)
    counts = np.bincount(flat.ravel(), minlength=n * (samples + 1)).reshape(n, samples + 1)
    return np.cumsum(counts[:, :-1], axis=1) - 1


def cardiac_phase(rhythm: Rhythm, fs: float, samples: int) -> NDArray[np.float32]:
    """Phase of each sample: 0 at an R wave, rising linearly to 1 at the next one (n, samples).

    Args:
        rhythm: beats of n patients.
        fs: sampling rate in hertz.
        samples: number of samples.

    Book: simulated-cohort#rhythm
    """
    index = last_event(rhythm.r_times, fs, samples)
    since = np.arange(samples) / fs - np.take_along_axis(rhythm.r_times, index, 1)
    phase = since / np.take_along_axis(rhythm.rr, index, 1)
    return np.clip(phase, 0, np.nextafter(np.float32(1), np.float32(0))).astype(np.float32)
