"""The simulated cohort: one latent physiology, five views of it."""

from ecglearn.cohort.cine import Timing, emptying, event_times, inner_outlines, render_cine
from ecglearn.cohort.clinical import (
    DEMOGRAPHICS,
    LAB_UNITS,
    LABS,
    REFERENCE_RANGES,
    VITALS,
    laboratory,
    vital_signs,
)
from ecglearn.cohort.electrocardiogram import render_ecg, twelve_leads
from ecglearn.cohort.findings import FINDINGS, RHYTHM_FINDINGS
from ecglearn.cohort.heart import FORWARD_DOWER, Beat, draw_beat
from ecglearn.cohort.parse_reports import Reading, read_reports, statements
from ecglearn.cohort.physiology import (
    CONDITIONS,
    DIAGNOSES,
    PHENOTYPE_UNITS,
    PHENOTYPES,
    Latents,
    derive,
    draw_latents,
)
from ecglearn.cohort.render import CohortSpec, noise_free_ecg
from ecglearn.cohort.reports import write_reports
from ecglearn.cohort.rhythm import Rhythm, cardiac_phase, draw_rhythm
from ecglearn.cohort.simulate import Cohort, simulate, stream
from ecglearn.cohort.site import second_site
from ecglearn.cohort.streams import normal, uniform
from ecglearn.cohort.truth import Truth, evidence

__all__ = [
    "CONDITIONS",
    "DEMOGRAPHICS",
    "DIAGNOSES",
    "FINDINGS",
    "FORWARD_DOWER",
    "LABS",
    "LAB_UNITS",
    "PHENOTYPES",
    "PHENOTYPE_UNITS",
    "REFERENCE_RANGES",
    "RHYTHM_FINDINGS",
    "VITALS",
    "Beat",
    "Cohort",
    "CohortSpec",
    "Latents",
    "Reading",
    "Rhythm",
    "Timing",
    "Truth",
    "cardiac_phase",
    "derive",
    "draw_beat",
    "draw_latents",
    "draw_rhythm",
    "emptying",
    "event_times",
    "evidence",
    "inner_outlines",
    "laboratory",
    "noise_free_ecg",
    "normal",
    "read_reports",
    "render_cine",
    "render_ecg",
    "second_site",
    "simulate",
    "statements",
    "stream",
    "twelve_leads",
    "uniform",
    "vital_signs",
    "write_reports",
]
