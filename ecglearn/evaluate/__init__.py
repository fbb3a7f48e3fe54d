"""Frozen models in, numbers with intervals out."""

from ecglearn.evaluate.alignment import (
    Alignment,
    alignment_maps,
    alignment_numbers,
    diagonal_contrast,
)
from ecglearn.evaluate.regression import linear_probe, linear_probe_r2, r2
from ecglearn.evaluate.retrieval import cosine, patient_rank, retrieval_table
from ecglearn.evaluate.stored import StoredResults, stored_results
from ecglearn.evaluate.uncertainty import Interval, over_patients, over_seeds

__all__ = [
    "Alignment", "Interval", "StoredResults", "alignment_maps", "alignment_numbers", "cosine",
    "diagonal_contrast",
    "linear_probe", "linear_probe_r2", "over_patients", "over_seeds", "patient_rank", "r2",
    "retrieval_table", "stored_results",
]  # fmt: skip
