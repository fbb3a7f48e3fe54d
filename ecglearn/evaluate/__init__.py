"""Frozen models in, numbers with intervals out."""

from ecglearn.data.label_sets import LABEL_SETS, label_set, snomed_labels
from ecglearn.evaluate.alignment import (
    Alignment,
    alignment_maps,
    alignment_numbers,
    diagonal_contrast,
)
from ecglearn.evaluate.asked import AgeAndSex
from ecglearn.evaluate.auroc import (
    MacroAUROC,
    auroc_columns,
    auroc_difference,
    auroc_intervals,
    macro_auroc,
    mean_auroc,
    paired,
)
from ecglearn.evaluate.calibration import brier, calibration_error, reliability
from ecglearn.evaluate.cmrs import CMRS, cmrs
from ecglearn.evaluate.compare import compare, untrained
from ecglearn.evaluate.cost import Cost, cost
from ecglearn.evaluate.gap import gap_closed
from ecglearn.evaluate.label_sets import (
    PromptError,
    class_overlap,
    cohort_labels,
    load_prompts,
)
from ecglearn.evaluate.missingness import (
    cell_drops,
    critical,
    critical_views,
    evidence_removed,
    hide,
    missingness_table,
    random_views,
    token_drops,
)
from ecglearn.evaluate.phase import phase_errors
from ecglearn.evaluate.probe import Probe, Probed, Split, fit_probe, probe_table
from ecglearn.evaluate.regression import linear_probe, linear_probe_r2, r2
from ecglearn.evaluate.report_text import (
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
from ecglearn.evaluate.retrieval import cosine, matches, patient_rank, retrieval_table
from ecglearn.evaluate.stored import StoredResults, stored_results
from ecglearn.evaluate.uncertainty import Interval, over_patients, over_seeds
from ecglearn.evaluate.zero_shot import cross_domain, zero_shot

__all__ = [
    "CMRS", "LABEL_SETS", "AgeAndSex", "Alignment", "Cost", "Interval", "MacroAUROC", "Probe",
    "Probed", "PromptError", "Split", "StoredResults", "alignment_maps", "alignment_numbers",
    "auroc_columns", "auroc_difference", "auroc_intervals", "brier", "calibration_error",
    "cell_drops", "class_overlap", "clinical_efficacy", "cmrs", "cohort_labels", "compare",
    "corpus_bleu", "cosine", "cost", "critical", "critical_views", "cross_domain",
    "diagonal_contrast", "efficacy_intervals", "evidence_removed", "fit_probe", "gap_closed",
    "hide", "label_set", "linear_probe", "linear_probe_r2", "load_prompts", "macro_auroc",
    "matches", "mean_auroc", "missingness_table", "over_patients", "over_seeds", "paired",
    "patient_rank", "phase_errors", "probe_table", "r2", "random_views", "reliability",
    "report_metrics", "retrieval_table", "retrieved_reports", "rouge_l",
    "self_referential_efficacy", "sentence_bleu", "snomed_labels", "stored_results",
    "text_metrics", "token_drops", "untrained", "zero_shot",
]  # fmt: skip
