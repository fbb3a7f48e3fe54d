"""The same kind of patients at another hospital: other prevalence, another device, more noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy  # its parts are imported when they are first used

from ecglearn.cohort.electrocardiogram import add_electrodes, electrode_noise, twelve_leads
from ecglearn.cohort.findings import FINDINGS
from ecglearn.cohort.simulate import Cohort
from ecglearn.cohort.streams import uniform

STREAM = "second site "
EIGHT = (0, 1, 6, 7, 8, 9, 10, 11)  # I, II, V1 to V6


def second_site(
    cohort: Cohort,
    *,
    seed: int = 0,
    healthy: float = 0.35,
    noise: float = 2.0,
    cutoff: float = 35.0,
    step: float = 0.005,
) -> Cohort:
    """Part of a cohort as another hospital would see and record it.

    Most of those with a normal ECG never come; a second set of electrode noise is added; the device
    has a muscle filter and coarse steps. Lead identities hold up to the steps.

    Args:
        cohort: simulated patients, none of whom a model was trained on.
        seed: of who comes and of the added noise.
        healthy: share of patients with a normal ECG who come; 1 keeps the prevalence.
        noise: size of the added noise, as a multiple of the first site's; 0 adds none.
        cutoff: of the causal second-order low-pass of the device, in hertz; 0 or half the sampling
            rate and above leaves it out.
        step: of the stored values in millivolt; 0 leaves them as they are.

    Returns:
        The patients who come, in their order.

    Source: our choice; muscle filters of 25 to 40 Hz and steps of up to 5 microvolts are usual in
        clinical devices.

    Book: simulated-cohort#second-site
    """
    normal = cohort.findings[:, FINDINGS.index("normal ECG")]
    comes = ~normal | (uniform(seed, f"{STREAM}comes", 0, len(cohort)) < healthy)
    here = cohort[np.flatnonzero(comes)]
    eight = here.ecg[:, EIGHT].astype(np.float32)
    if noise:
        drawn = electrode_noise(len(here), here.fs, eight.shape[-1], seed, 0, STREAM)
        add_electrodes(eight, np.float32(noise) * drawn)
    if 0 < cutoff < here.fs / 2:
        low_pass = scipy.signal.butter(2, cutoff, fs=here.fs, output="sos")
        eight = np.asarray(scipy.signal.sosfilt(low_pass, eight), np.float32)
    if step:
        eight = (np.round(eight / step) * step).astype(np.float32)
    return replace(here, ecg=twelve_leads(eight))
