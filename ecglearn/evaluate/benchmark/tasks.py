"""What `compare` asks of a frozen model: each question gives answers that can be resampled."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from ecglearn.abilities import EmbedsCine, EmbedsText
from ecglearn.cohort import PHENOTYPES
from ecglearn.cohort.parse_reports import read_reports
from ecglearn.data.clinical.schema import enough_cases, flag_names, lab_flags
from ecglearn.evaluate.benchmark.frozen_model import FrozenModel, Measurement, Rows, auroc_of
from ecglearn.evaluate.benchmark.store_part import StorePart, filmed, pieces
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
        names = ("all", *model.patients.names) if share == 1 else ("all",)
        statistic = auroc_of(y, [run.scores for run in runs])
        task, whose = f"probe {share:.0%}", model.patients.whose
        yield Measurement(task, "macro AUROC", names, statistic, len(y), whose=whose)


def calibration(model: FrozenModel) -> Iterator[Measurement]:
    """Whether the probe's probabilities keep their word.

    Args:
        model: a frozen model.

    Book: evaluation#calibration
    """
    y, p = model.patients.findings.test, expit(model.probe.scores)
    whose = model.patients.whose
    for measure, of in (("ECE", calibration_error), ("Brier", brier)):
        said = partial(_of_rows, of, p, y)
        yield Measurement("calibration", measure, ("all",), said, len(y), whose=whose)


def phenotypes(model: FrozenModel) -> Iterator[Measurement]:
    """Ten phenotypes of the cine, by least squares from the ECG's vector.

    Args:
        model: a frozen model.

    Book: ptacl#linear-probe
    """
    parts = model.patients.parts
    if any(part.phenotypes is None for part in parts):
        return
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
    parts = model.patients.parts
    if any(part.labs is None for part in parts):
        return
    flags = Split(*(lab_flags(part.labs, part.lab_columns).numpy() for part in parts))
    kept = enough_cases(flags.test)
    if not kept.any():
        return
    labels = Split(*(part[:, kept] for part in flags))
    names = ("all", *np.array(flag_names(parts.test.lab_columns))[kept])
    scores = fit_probe(model.features, labels).scores
    statistic = auroc_of(labels.test, [scores])
    whose = model.patients.whose
    yield Measurement("lab flags", "macro AUROC", names, statistic, len(scores), whose=whose)


def retrieval(model: FrozenModel) -> Iterator[Measurement]:
    """Is the nearest heart a similar one; is the own companion among the first ten?

    Args:
        model: a frozen model.

    Book: ptacl#retrieval
    """
    test, method = model.patients.parts.test, model.method
    x = torch.from_numpy(model.features.test)
    if test.phenotypes is not None:
        hit = matches(cosine(x, x), test.phenotypes).mean(1).numpy()
        yield Measurement("similar heart", "P@1", ("all",), lambda r: hit[r].mean(), len(test))
    films, rows = filmed(test)
    if isinstance(method, EmbedsText):
        rows = written(test)
        if not len(rows):
            return
        reports = [test.reports[row] for row in rows]
        name, pair = "own report", (x[rows].float(), method.embed_text(reports))
    elif isinstance(method, EmbedsCine) and films is not None:
        both = [method.project(piece) for piece in pieces(films)]
        name, pair = "own cine", tuple(torch.cat(side) for side in zip(*both, strict=True))
    else:
        return
    whose = model.patients.whose
    whose = None if whose is None else whose[rows]
    rank = patient_rank(cosine(*pair)).cpu().numpy()
    found = lambda r: (rank[r] <= 10).mean()  # noqa: E731
    yield Measurement(name, "recall@10", ("all",), found, len(rank), whose=whose)
    middle = lambda r: np.median(rank[r])  # noqa: E731
    yield Measurement(name, "median rank", ("all",), middle, len(rank), whose=whose)


def zero_shot(model: FrozenModel) -> Iterator[Measurement]:
    """Findings by their description alone.

    Args:
        model: a frozen model.

    Book: tamer#zero-shot-diagnosis
    """
    if not model.reads_text:
        return
    y = model.patients.findings.test
    scores, names = model.described(model.features.test), ("all", *model.patients.names)
    statistic, whose = auroc_of(y, [scores]), model.patients.whose
    yield Measurement("zero-shot", "macro AUROC", names, statistic, len(y), whose=whose)


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
    names, whose = list(model.patients.names), None
    if isinstance(there, StorePart):  # it may have fewer classes, in another order
        columns = [names.index(name) for name in there.label_names]
        scores = {name: s[:, columns] for name, s in scores.items()}
        whose = there.store.patients
    for name, s in scores.items():
        task = f"{name}, second site"
        yield Measurement(task, "macro AUROC", ("all",), auroc_of(y, [s]), len(y), whose=whose)


def reports(model: FrozenModel) -> Iterator[Measurement]:
    """The report of the nearest training patient, as a report about this one.

    Args:
        model: a frozen model.

    Book: deri#honest-baselines
    """
    parts = model.patients.parts
    here, there = written(parts.test), written(parts.train)
    if not len(here) or not len(there):
        return
    vectors = (torch.from_numpy(model.features.test[here]), model.features.train[there])
    known = [parts.train.reports[row] for row in there]
    texts = retrieved_reports(vectors[0], torch.from_numpy(vectors[1]), known)
    true = [parts.test.reports[row] for row in here]
    n, whose = len(texts), model.patients.whose
    whose = None if whose is None else whose[here]
    if model.patients.cohorts is not None:  # the reader knows the findings of simulated patients
        truth, stated = model.patients.findings.test > 0, read_reports(texts).findings
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
    task, measure = "copied report", "sentence BLEU-4"
    yield Measurement(task, measure, ("all",), lambda r: sentence[r].mean(), n, whose=whose)
    yield Measurement(
        "copied report",
        "corpus BLEU-4",
        ("all",),
        lambda _: corpus_bleu(true, texts)["BLEU-4"],
        n,
        resampled=False,
    )


def written(part: Any) -> NDArray[np.int64]:
    """Rows that have a report.

    Args:
        part: an `ECGBatch` or a `StorePart`.

    Book: evaluation#compare-store
    """
    return np.flatnonzero([bool(text.strip()) for text in part.reports or ()])


def _of_rows(of: Any, p: NDArray, y: NDArray, rows: Rows) -> Any:
    return of(p[rows], y[rows])
