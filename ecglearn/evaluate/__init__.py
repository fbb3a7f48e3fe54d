"""Frozen models in, numbers with intervals out."""

from ecglearn.evaluate.alignment import (
    Alignment,
    alignment_maps,
    alignment_numbers,
    diagonal_contrast,
)
from ecglearn.evaluate.label_sets import (
    LABEL_SETS,
    PromptError,
    class_overlap,
    label_set,
    load_prompts,
)
from ecglearn.evaluate.regression import linear_probe, linear_probe_r2, r2
from ecglearn.evaluate.retrieval import cosine, patient_rank, retrieval_table
from ecglearn.evaluate.stored import StoredResults, stored_results
from ecglearn.evaluate.uncertainty import Interval, over_patients, over_seeds
from ecglearn.evaluate.zero_shot import (
    MacroAUROC,
    auroc_intervals,
    cross_domain,
    macro_auroc,
    zero_shot,
)

__all__ = [
    "LABEL_SETS", "Alignment", "Interval", "MacroAUROC", "PromptError", "StoredResults",
    "alignment_maps", "alignment_numbers", "auroc_intervals", "class_overlap", "cosine",
    "cross_domain", "diagonal_contrast", "label_set", "linear_probe", "linear_probe_r2",
    "load_prompts", "macro_auroc", "over_patients", "over_seeds", "patient_rank", "r2",
    "retrieval_table", "stored_results", "zero_shot",
]  # fmt: skip
