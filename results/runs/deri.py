"""Runs of DERI that take longer than a chapter may: one function gives one row."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import torch

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.cohort.parse_reports import read_reports
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.report_generator import ReportPairs, report_generator
from ecglearn.evaluate import cosine, load_prompts, macro_auroc, patient_rank, zero_shot
from ecglearn.evaluate.metrics.text import clinical_efficacy, corpus_bleu, retrieved_reports
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.train import fit

TRAIN, TEST, EPOCHS, BATCH, WRITER_EPOCHS = 512, 512, 12, 32, 12
LAPTOP = DERIConfig.preset("class")
MERL_TERMS = {"mix": 0.0, "rec_ecg": 0.0, "rec_text": 0.0, "views": "dropout"}

# variant -> configuration; every row has the same data, epochs and learning rate
ABLATION: dict[str, DERIConfig] = {
    "DERI": LAPTOP,
    # all that the public code does otherwise but the scaling of the input, which all rows share
    "released": replace(LAPTOP, **{**DERIConfig.PRESETS["released"], "preprocess": "standard"}),
    "terms of MERL": replace(LAPTOP, **MERL_TERMS),
    "dropout views": replace(LAPTOP, views="dropout"),
    "without RME": replace(LAPTOP, rme=0.0),
    "without mixed alignment": replace(LAPTOP, mix=0.0),
    "without D_et": replace(LAPTOP, ecg_to_text=False),
    "without D_te": replace(LAPTOP, text_to_ecg=False),
    "without rec-text": replace(LAPTOP, rec_text=0.0),
    "reconstruction by MSE": replace(LAPTOP, reconstruction="mse"),
    "same reports are negatives": replace(LAPTOP, duplicates="negative"),
    "same reports are positives": replace(LAPTOP, duplicates="positive"),
    "transformer": replace(LAPTOP, encoder="vit", stride=1),
    "untrained": LAPTOP,
}


@cache
def patients() -> tuple[ECGBatch, ECGBatch]:
    """Training and test patients, without the cines."""
    batch = replace(ECGBatch.from_cohort(simulate(TRAIN + TEST, seed=0)), cine=None)
    return batch[slice(0, TRAIN)], batch[slice(TRAIN, None)]


def ablation_run(variant: str, seed: int) -> dict[str, float]:
    """Zero-shot AUROC by both vectors, rank of the report, and what a writer makes of `embed`."""
    train, test = patients()
    assert test.findings is not None
    assert test.reports is not None
    assert train.reports is not None
    torch.manual_seed(seed)
    method = DERI(ABLATION[variant])
    if variant != "untrained":
        fit(method, train, epochs=EPOCHS, batch_size=BATCH, seed=seed, progress=False)
    truth = test.findings.numpy()
    labels = pd.DataFrame(truth, columns=list(FINDINGS))
    auroc = macro_auroc(zero_shot(method, test, load_prompts()), labels).value
    here, there = method.embed(test), method.embed(train)
    rank = patient_rank(cosine(here, method.embed_text(test.reports))).float()
    torch.manual_seed(seed)
    writer = report_generator(width=method.config.width)
    fit(
        writer,
        ReportPairs(there[:, None], train.reports),
        epochs=WRITER_EPOCHS,
        batch_size=BATCH,
        seed=seed,
        weight_decay=0.01,
        progress=False,
    )
    written = writer.generate(here[:, None])
    method.config = replace(method.config, vector="aligned")
    aligned = macro_auroc(zero_shot(method, test, load_prompts()), labels).value
    return {
        "auroc": auroc,
        "aligned_auroc": aligned,
        "report_median_rank": float(rank.median()),
        "written_f1": _efficacy(truth, written),
        "retrieved_f1": _efficacy(truth, retrieved_reports(here, there, train.reports)),
        "written_bleu4": corpus_bleu(test.reports, written)["BLEU-4"],
    }


def _efficacy(truth: np.ndarray, texts: list[str]) -> float:
    return clinical_efficacy(truth, read_reports(texts).findings)["micro F1"]
