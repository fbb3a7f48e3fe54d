"""What `compare` asks of a frozen model: each question gives answers that can be resampled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from ecglearn.cohort import FINDINGS, PHENOTYPES
from ecglearn.cohort.reading import read_reports
from ecglearn.data.clinical_schema import flag_names, judgeable, lab_flags
from ecglearn.evaluate.asked import Answer, Asked, Rows, auroc_of
from ecglearn.evaluate.calibration import brier, calibration_error
from ecglearn.evaluate.label_sets import load_prompts
from ecglearn.evaluate.probe import Split, fit_probe
from ecglearn.evaluate.regression import linear_probe
from ecglearn.evaluate.report_text import (
    clinical_efficacy,
    corpus_bleu,
    retrieved_reports,
    sentence_bleu,
)
from ecglearn.evaluate.retrieval import cosine, matches, patient_rank
from ecglearn.evaluate.zero_shot import zero_shot

LABEL_DRAWS = 3


def probe(asked: Asked) -> Iterator[Answer]:
    """Findings from frozen features, with 1, 10 and 100% of the labels.

    Args:
        asked: a frozen model.

    Book: tamer#label-efficiency
    """
    y = asked.patients.findings.test
    for share in asked.patients.shares:
        runs = [asked.probe] if share == 1 else [
            fit_probe(asked.features, asked.patients.findings, share=share, seed=seed)
            for seed in range(LABEL_DRAWS)
        ]  # fmt: skip
        names = ("all", *FINDINGS) if share == 1 else ("all",)
        statistic = auroc_of(y, [run.scores for run in runs])
        yield Answer(f"probe {share:.0%}", "macro AUROC", names, statistic, len(y))


def calibration(asked: Asked) -> Iterator[Answer]:
    """Whether the probe's probabilities keep their word.

    Args:
        asked: a frozen model.

    Book: evaluation#calibration
    """
    y, p = asked.patients.findings.test, expit(asked.probe.scores)
    for measure, of in (("ECE", calibration_error), ("Brier", brier)):
        yield Answer("calibration", measure, ("all",), lambda r, of=of: of(p[r], y[r]), len(y))


def phenotypes(asked: Asked) -> Iterator[Answer]:
    """Ten phenotypes of the film, by least squares from the ECG's vector.

    Args:
        asked: a frozen model.

    Book: ptacl#linear-probe
    """
    parts = asked.patients.parts
    x = np.concatenate([asked.features.train, asked.features.validation])
    y = torch.cat([parts.train.phenotypes, parts.validation.phenotypes]).double()
    true = parts.test.phenotypes.double().numpy()
    said = linear_probe(torch.from_numpy(x), y, torch.from_numpy(asked.features.test)).numpy()

    def statistic(rows: Rows) -> NDArray:
        error = ((true[rows] - said[rows]) ** 2).sum(0)
        found = 1 - error / ((true[rows] - true[rows].mean(0)) ** 2).sum(0)
        return np.append(found.mean(), found)

    yield Answer("phenotypes", "R2", ("all", *PHENOTYPES), statistic, len(true))


def labs(asked: Asked) -> Iterator[Answer]:
    """Laboratory flags from frozen features; flags with too few cases to judge are left out.

    Args:
        asked: a frozen model.

    Book: clinical-transfer#lab-flags
    """
    flags = Split(*(lab_flags(part.labs).numpy() for part in asked.patients.parts))
    kept = judgeable(flags.test)
    if not kept.any():
        return
    labels = Split(*(part[:, kept] for part in flags))
    names = ("all", *np.array(flag_names())[kept])
    scores = fit_probe(asked.features, labels).scores
    statistic = auroc_of(labels.test, [scores])
    yield Answer("lab flags", "macro AUROC", names, statistic, len(scores))


def retrieval(asked: Asked) -> Iterator[Answer]:
    """Is the nearest heart a similar one; is the own companion among the first ten?

    Args:
        asked: a frozen model.

    Book: ptacl#retrieval
    """
    test, method = asked.patients.parts.test, asked.method
    x = torch.from_numpy(asked.features.test)
    hit = matches(cosine(x, x), test.phenotypes).mean(1).numpy()
    yield Answer("similar heart", "P@1", ("all",), lambda r: hit[r].mean(), len(test))
    if asked.reads_text:
        name, pair = "own report", (method.embed(test), method.embed_text(test.reports))
    elif hasattr(method, "project") and test.cine is not None:
        name, pair = "own film", method.project(test)
    else:
        return
    rank = patient_rank(cosine(*pair)).cpu().numpy()
    yield Answer(name, "recall@10", ("all",), lambda r: (rank[r] <= 10).mean(), len(test))
    yield Answer(name, "median rank", ("all",), lambda r: np.median(rank[r]), len(test))


def described(asked: Asked) -> Iterator[Answer]:
    """Findings by their description alone.

    Args:
        asked: a frozen model.

    Book: tamer#zero-shot-diagnosis
    """
    if not asked.reads_text:
        return
    y = asked.patients.findings.test
    scores = zero_shot(asked.method, asked.patients.parts.test, load_prompts()).to_numpy()
    yield Answer("zero-shot", "macro AUROC", ("all", *FINDINGS), auroc_of(y, [scores]), len(y))


def second_site(asked: Asked) -> Iterator[Answer]:
    """The same probe and the same descriptions where prevalence, noise and device differ.

    Args:
        asked: a frozen model.

    Book: simulated-cohort#second-site
    """
    there = asked.patients.elsewhere
    if there is None:
        return
    y = np.asarray(there.findings, float)
    scores = {"probe": asked.probe.score(asked.embed(there))}
    if asked.reads_text:
        scores["zero-shot"] = zero_shot(asked.method, there, load_prompts()).to_numpy()
    for name, s in scores.items():
        task = f"{name}, second site"
        yield Answer(task, "macro AUROC", ("all",), auroc_of(y, [s]), len(y))


def reports(asked: Asked) -> Iterator[Answer]:
    """The report of the nearest training patient, as a report about this one.

    Args:
        asked: a frozen model.

    Book: deri#honest-baselines
    """
    parts, truth = asked.patients.parts, asked.patients.findings.test > 0
    here, there = torch.from_numpy(asked.features.test), torch.from_numpy(asked.features.train)
    texts = retrieved_reports(here, there, parts.train.reports)
    stated, true = read_reports(texts).findings, parts.test.reports
    n = len(texts)
    yield Answer("copied report", "macro F1", ("all",),
                 lambda r: clinical_efficacy(truth[r], stated[r])["macro F1"], n)  # fmt: skip
    sentence = np.array([
        sentence_bleu([a], [b])["sentence BLEU-4"] for a, b in zip(true, texts, strict=True)
    ])  # fmt: skip
    yield Answer("copied report", "sentence BLEU-4", ("all",), lambda r: sentence[r].mean(), n)
    yield Answer("copied report", "corpus BLEU-4", ("all",),
                 lambda _: corpus_bleu(true, texts)["BLEU-4"], n, resampled=False)  # fmt: skip
