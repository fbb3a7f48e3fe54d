"""Arrays in, numbers out."""

from ecglearn.evaluate.metrics.alignment import (
    Alignment,
    alignment_maps,
    alignment_numbers,
    diagonal_contrast,
)
from ecglearn.evaluate.metrics.auroc import (
    MacroAUROC,
    auroc_columns,
    auroc_difference,
    auroc_intervals,
    macro_auroc,
    mean_auroc,
    paired,
)
from ecglearn.evaluate.metrics.calibration import brier, calibration_error, reliability
from ecglearn.evaluate.metrics.cmrs import CMRS, cmrs, cmrs_draws
from ecglearn.evaluate.metrics.gap import gap_closed
from ecglearn.evaluate.metrics.phase import phase_errors
from ecglearn.evaluate.metrics.regression import linear_probe, linear_probe_r2, r2
from ecglearn.evaluate.metrics.retrieval import cosine, matches, patient_rank, retrieval_table
from ecglearn.evaluate.metrics.text import (
    clinical_efficacy,
    corpus_bleu,
    efficacy_intervals,
    report_metrics,
    retrieved_reports,
    rouge_l,
    self_referential_efficacy,
    sentence_bleu,
    text_metrics,
)

__all__ = [
    "CMRS",
    "Alignment",
    "MacroAUROC",
    "alignment_maps",
    "alignment_numbers",
    "auroc_columns",
    "auroc_difference",
    "auroc_intervals",
    "brier",
    "calibration_error",
    "clinical_efficacy",
    "cmrs",
    "cmrs_draws",
    "corpus_bleu",
    "cosine",
    "diagonal_contrast",
    "efficacy_intervals",
    "gap_closed",
    "linear_probe",
    "linear_probe_r2",
    "macro_auroc",
    "matches",
    "mean_auroc",
    "paired",
    "patient_rank",
    "phase_errors",
    "r2",
    "reliability",
    "report_metrics",
    "retrieval_table",
    "retrieved_reports",
    "rouge_l",
    "self_referential_efficacy",
    "sentence_bleu",
    "text_metrics",
]
