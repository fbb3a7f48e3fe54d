"""Frozen models in, numbers with intervals out."""

from ecglearn.data.label_sets import LABEL_SETS, label_set, snomed_labels
from ecglearn.evaluate.benchmark.compare import compare, untrained
from ecglearn.evaluate.benchmark.frozen_model import AgeAndSex
from ecglearn.evaluate.claims import (
    Claim,
    Judged,
    judge,
    judged_claims,
    load_claims,
    seeds_needed,
    verdict_of,
)
from ecglearn.evaluate.cost import Cost, cost, used_by_embed
from ecglearn.evaluate.embed import embed
from ecglearn.evaluate.intervals import (
    Interval,
    bootstrap_interval,
    interval_of,
    resampled_rows,
    t_interval,
)
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
from ecglearn.evaluate.missingness import (
    apply_missing,
    cell_drops,
    critical,
    critical_views,
    evidence_removed,
    missingness_table,
    random_keep_masks,
    token_drops,
)
from ecglearn.evaluate.probe import (
    ECG_FIX,
    LABEL_FRACTIONS,
    Probe,
    Probed,
    Split,
    fit_probe,
    probe_table,
)
from ecglearn.evaluate.prompts import (
    PromptError,
    class_overlap,
    cohort_labels,
    load_prompts,
)
from ecglearn.evaluate.stored_results import StoredResults, stored_results
from ecglearn.evaluate.zero_shot import cross_domain, prompt_scores, zero_shot

__all__ = [
    "CMRS",
    "ECG_FIX",
    "LABEL_FRACTIONS",
    "LABEL_SETS",
    "AgeAndSex",
    "Alignment",
    "Claim",
    "Cost",
    "Interval",
    "Judged",
    "MacroAUROC",
    "Probe",
    "Probed",
    "PromptError",
    "Split",
    "StoredResults",
    "alignment_maps",
    "alignment_numbers",
    "apply_missing",
    "auroc_columns",
    "auroc_difference",
    "auroc_intervals",
    "bootstrap_interval",
    "brier",
    "calibration_error",
    "cell_drops",
    "class_overlap",
    "clinical_efficacy",
    "cmrs",
    "cmrs_draws",
    "cohort_labels",
    "compare",
    "corpus_bleu",
    "cosine",
    "cost",
    "critical",
    "critical_views",
    "cross_domain",
    "diagonal_contrast",
    "efficacy_intervals",
    "embed",
    "evidence_removed",
    "fit_probe",
    "gap_closed",
    "interval_of",
    "judge",
    "judged_claims",
    "label_set",
    "linear_probe",
    "linear_probe_r2",
    "load_claims",
    "load_prompts",
    "macro_auroc",
    "matches",
    "mean_auroc",
    "missingness_table",
    "paired",
    "patient_rank",
    "phase_errors",
    "probe_table",
    "prompt_scores",
    "r2",
    "random_keep_masks",
    "reliability",
    "report_metrics",
    "resampled_rows",
    "retrieval_table",
    "retrieved_reports",
    "rouge_l",
    "seeds_needed",
    "self_referential_efficacy",
    "sentence_bleu",
    "snomed_labels",
    "stored_results",
    "t_interval",
    "text_metrics",
    "token_drops",
    "untrained",
    "used_by_embed",
    "verdict_of",
    "zero_shot",
]
