"""The simulated cohort: one latent physiology, five views of it."""

from ecglearn.cohort.clinical import DEMOGRAPHICS, LAB_UNITS, LABS, REFERENCE_RANGES, VITALS
from ecglearn.cohort.findings import FINDINGS, RHYTHM_FINDINGS
from ecglearn.cohort.physiology import CONDITIONS, DIAGNOSES, PHENOTYPE_UNITS, PHENOTYPES
from ecglearn.cohort.simulate import Cohort, simulate, stream
from ecglearn.cohort.truth import Truth, evidence

__all__ = [
    "CONDITIONS",
    "DEMOGRAPHICS",
    "DIAGNOSES",
    "FINDINGS",
    "LABS",
    "LAB_UNITS",
    "PHENOTYPES",
    "PHENOTYPE_UNITS",
    "REFERENCE_RANGES",
    "RHYTHM_FINDINGS",
    "VITALS",
    "Cohort",
    "Truth",
    "evidence",
    "simulate",
    "stream",
]
