"""What `compare` asks of a frozen model: each question gives answers that can be resampled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from ecglearn.abilities import EmbedsCine, EmbedsText
from ecglearn.cohort import FINDINGS, PHENOTYPES
from ecglearn.cohort.parse_reports import read_reports
from ecglearn.data.clinical.schema import enough_cases, flag_names, lab_flags
from ecglearn.evaluate.benchmark.frozen_model import FrozenModel, Measurement, Rows, auroc_of
from ecglearn.evaluate.metrics.calibration import brier, calibration_error
from ecglearn.evaluate.metrics.regression import linear_probe
from ecglearn.evaluate.metrics.retrieval import cosine, matches, patient_rank
from ecglearn.evaluate.metrics.text import (
    clinical_efficacy,
    corpus_bleu,
    retrieved_reports,
    sentence_bleu,
)
from ecglearn.evaluate.probe import Split, fit_probe

LABEL_DRAWS = 3


def probe(model: FrozenModel) -> Iterator[Measurement]:
    """Findings from frozen features, with 1, 10 and 100% of the labels.

    Args:
        model: a frozen model.

    Book: tamer#label-efficiency
    """
    y = model.patients.findings.test
    for share in model.patients.label_fractions:
        runs = (
            [model.probe]
            if share == 1
            else [
                fit_probe(model.features, model.patients.findings, share=share, seed=seed)
                for seed in range(LABEL_DRAWS)
            ]
        )
        names = ("all", *FINDINGS) if share == 1 else ("all",)
        statistic = auroc_of(y, [run.scores for run in runs])
        yield Measurement(f"probe {share:.0%}", "macro AUROC", names, statistic, len(y))


def calibration(model: FrozenModel) -> Iterator[Measurement]:
    """Whether the probe's probabilities keep their word.

    Args:
        model: a frozen model.

    Book: evaluation#calibration
    """
    y, p = model.patients.findings.test, expit(model.probe.scores)
    for measure, of in (("ECE", calibration_error), ("Brier", brier)):
        yield Measurement("calibration", measure, ("all",), lambda r, of=of: of(p[r], y[r]), len(y))


def phenotypes(model: FrozenModel) -> Iterator[Measurement]:
    """Ten phenotypes of the cine, by least squares from the ECG's vector.

    Args:
        model: a frozen model.

    Book: ptacl#linear-probe
    """
    parts = model.patients.parts
    x = np.concatenate([model.features.train, model.features.validation])
    y = torch.cat([parts.train.phenotypes, parts.validation.phenotypes]).double()
    true = parts.test.phenotypes.double().numpy()
    said = linear_probe(torch.from_numpy(x), y, torch.from_numpy(model.features.test)).numpy()

    def statistic(rows: Rows) -> NDArray:
        error = ((true[rows] - said[rows]) ** 2).sum(0)
        found = 1 - error / ((true[rows] - true[rows].mean(0)) ** 2).sum(0)
        return np.append(found.mean(), found)

    yield Measurement("phenotypes", "R2", ("all", *PHENOTYPES), statistic, len(true))


def labs(model: FrozenModel) -> Iterator[Measurement]:
    """Laboratory flags from frozen features; flags with too few cases to judge are left out.

    Args:
        model: a frozen model.

    Book: clinical-transfer#lab-flags
    """
    flags = Split(*(lab_flags(part.labs).numpy() for part in model.patients.parts))
    kept = enough_cases(flags.test)
    if not kept.any():
        return
    labels = Split(*(part[:, kept] for part in flags))
    names = ("all", *np.array(flag_names())[kept])
    scores = fit_probe(model.features, labels).scores
    statistic = auroc_of(labels.test, [scores])
    yield Measurement("lab flags", "macro AUROC", names, statistic, len(scores))


def retrieval(model: FrozenModel) -> Iterator[Measurement]:
    """Is the nearest heart a similar one; is the own companion among the first ten?

    Args:
        model: a frozen model.

    Book: ptacl#retrieval
    """
    test, method = model.patients.parts.test, model.method
    x = torch.from_numpy(model.features.test)
    hit = matches(cosine(x, x), test.phenotypes).mean(1).numpy()
    yield Measurement("similar heart", "P@1", ("all",), lambda r: hit[r].mean(), len(test))
    if isinstance(method, EmbedsText):
        name, pair = "own report", (x.float(), method.embed_text(test.reports))
    elif isinstance(method, EmbedsCine) and test.cine is not None:
        name, pair = "own cine", method.project(test)
    else:
        return
    rank = patient_rank(cosine(*pair)).cpu().numpy()
    yield Measurement(name, "recall@10", ("all",), lambda r: (rank[r] <= 10).mean(), len(test))
    yield Measurement(name, "median rank", ("all",), lambda r: np.median(rank[r]), len(test))


def zero_shot(model: FrozenModel) -> Iterator[Measurement]:
    """Findings by their description alone.

    Args:
        model: a frozen model.

    Book: tamer#zero-shot-diagnosis
    """
    if not model.reads_text:
        return
    y = model.patients.findings.test
    scores = model.described(model.features.test)
    yield Measurement("zero-shot", "macro AUROC", ("all", *FINDINGS), auroc_of(y, [scores]), len(y))


def second_site(model: FrozenModel) -> Iterator[Measurement]:
    """The same probe and the same descriptions where prevalence, noise and device differ.

    Args:
        model: a frozen model.

    Book: simulated-cohort#second-site
    """
    there = model.patients.external
    if there is None:
        return
    y = np.asarray(there.findings, float)
    vectors = model.embed(there)
    scores = {"probe": model.probe.score(vectors)}
    if model.reads_text:
        scores["zero-shot"] = model.described(vectors)
    for name, s in scores.items():
        task = f"{name}, second site"
        yield Measurement(task, "macro AUROC", ("all",), auroc_of(y, [s]), len(y))


def reports(model: FrozenModel) -> Iterator[Measurement]:
    """The report of the nearest training patient, as a report about this one.

    Args:
        model: a frozen model.

    Book: deri#honest-baselines
    """
    parts, truth = model.patients.parts, model.patients.findings.test > 0
    here, there = torch.from_numpy(model.features.test), torch.from_numpy(model.features.train)
    texts = retrieved_reports(here, there, parts.train.reports)
    stated, true = read_reports(texts).findings, parts.test.reports
    n = len(texts)
    yield Measurement(
        "copied report",
        "macro F1",
        ("all",),
        lambda r: clinical_efficacy(truth[r], stated[r])["macro F1"],
        n,
    )
    sentence = np.array(
        [sentence_bleu([a], [b])["sentence BLEU-4"] for a, b in zip(true, texts, strict=True)]
    )
    yield Measurement("copied report", "sentence BLEU-4", ("all",), lambda r: sentence[r].mean(), n)
    yield Measurement(
        "copied report",
        "corpus BLEU-4",
        ("all",),
        lambda _: corpus_bleu(true, texts)["BLEU-4"],
        n,
        resampled=False,
    )
