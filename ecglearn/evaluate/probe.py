"""A linear probe: what few labels and one linear layer make of frozen features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import Interval, interval_of, resampled_rows
from ecglearn.evaluate.metrics.auroc import mean_auroc
from ecglearn.evaluate.metrics.door import checked_labels, checked_vectors
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC

if TYPE_CHECKING:
    import pandas as pd

LABEL_FRACTIONS = (0.01, 0.1, 1.0)
CS = (1e-3, 1e-2, 1e-1, 1.0)
#: Arguments of `fit_probe` for the protocol of ecg-fix (2026).
ECG_FIX: dict[str, Any] = {
    "Cs": (1e-2, 1e-1, 1.0, 10.0),
    "choose_by": "log_loss",
    "scales": (True, False),
    "weights": (None, "balanced"),
}


class Split(NamedTuple):
    """The same thing for training, validation and test records.

    Book: tamer#label-efficiency
    """

    train: Any
    validation: Any
    test: Any


class Probe(NamedTuple):
    """A fitted linear probe.

    Attributes:
        scores: of the test records (records, classes).
        C: of the regularisation that was best on the validation records.
        unseen: positions of classes without a case among the labelled records; they have constant
            scores, so their AUROC is one half.
        score: from features of other records to their scores; the log odds of each class.

    Book: tamer#label-efficiency
    """

    scores: NDArray[np.float64]
    C: float
    unseen: list[int]
    score: Callable[[ArrayLike], NDArray[np.float64]]


class Probed:
    """A frozen model read through a fitted probe: from records to scores of classes.

    Args:
        method: has `embed(batch)`.
        probe: fitted on its features.

    Book: when-leads-go-missing#missing-probes
    """

    def __init__(self, method: Any, probe: Probe) -> None:
        self.method, self.probe = method, probe

    def score(self, batch: Any) -> NDArray[np.float64]:
        """Log odds of each class (B, K).

        Args:
            batch: records.
        """
        return self.probe.score(self.method.embed(batch))


def fit_probe(
    features: Split,
    labels: Split,
    *,
    share: float = 1.0,
    seed: int = 0,
    Cs: Sequence[float] = CS,
    choose_by: Literal["auroc", "log_loss"] = "auroc",
    scales: Sequence[bool] = (True,),
    weights: Sequence[Literal["balanced"] | None] = (None,),
) -> Probe:
    """One logistic regression for each class, on frozen features of a share of the records.

    Strength of the regularisation, scaling and weights are chosen on the validation records; the
    test records are scored once, with the chosen ones. `fit_probe(..., **ECG_FIX)` is the protocol
    of a critique of ECG benchmarks.

    Args:
        features: of a frozen encoder (records, D).
        labels: 1, 0, or NaN where unmeasured (records, classes).
        share: of the training records whose labels are used, at least one record; drawn without
            regard to classes.
        seed: of this draw.
        Cs: values of C that are tried.
        choose_by: macro AUROC, or the mean log loss over labels.
        scales: whether features are standardised by the labelled records; each is tried.
        weights: of the two sides of a class, none or "balanced"; each is tried.

    Raises:
        InputError: the share is not in (0, 1], numbers of records disagree, or there is no such
            choice.

    Source: protocol of Liu et al. 2024 (MERL) with selection on validation instead of on test
        records (our choice); choice by log loss and its grid as in the public code of ecg-fix,
        arXiv 2602.17531.

    Book: tamer#label-efficiency
    """
    from sklearn.preprocessing import StandardScaler

    if not 0 < share <= 1:
        raise InputError(f"a share of the training records is above 0 and at most 1, not {share:g}")
    x = Split(*(_array(checked_vectors(_array(part))) for part in features))
    y = Split(*(checked_labels(_array(part)) for part in labels))
    for name, a, b in zip(Split._fields, x, y, strict=True):
        if len(a) != len(b):
            raise InputError(f"{len(a)} {name} records have features and {len(b)} have labels")
    count = max(1, round(share * len(x.train)))
    rows = np.random.default_rng(seed).permutation(len(x.train))[:count]
    if choose_by not in ("auroc", "log_loss"):
        raise InputError(f"a probe is chosen by auroc or log_loss, not by {choose_by!r}")
    known = y.train[rows]
    best: tuple[float, float, StandardScaler, NDArray[np.float64]] | None = None
    for scaled in scales:
        scale = StandardScaler(with_mean=scaled, with_std=scaled).fit(x.train[rows])
        seen, judged = (np.asarray(scale.transform(part)) for part in (x.train[rows], x.validation))
        for weight in weights:
            for C in Cs:
                fitted = _fit(seen, known, C, weight)
                scores = _score(judged, fitted)
                worth = (
                    np.nan_to_num(mean_auroc(y.validation, scores))
                    if choose_by == "auroc"
                    else -_log_loss(y.validation, scores)
                )
                if best is None or worth > best[0]:
                    best = worth, C, scale, fitted
    assert best is not None
    _, C, scale, fitted = best
    unseen = [k for k in range(known.shape[1]) if not _both(known[:, k])]

    def score(others: ArrayLike) -> NDArray[np.float64]:
        return _score(np.asarray(scale.transform(_array(others))), fitted)

    return Probe(score(x.test), C, unseen, score)


def probe_table(
    encoders: Mapping[str, Split],
    labels: Split,
    *,
    label_fractions: Sequence[float] = LABEL_FRACTIONS,
    seeds: int = 5,
    n_resamples: int = 200,
    Cs: Sequence[float] = CS,
    patients: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """Macro AUROC of probes on several encoders, with every share of the labels.

    Each draw of the bootstrap takes test patients and seeds at random, so the 95% interval covers
    both who was tested and whose labels were used. With all labels one seed is enough.

    Args:
        encoders: name to frozen features; put a random encoder among them, and what is known
            without any ECG (age, sex): they say what the task gives away.
        labels: as for `fit_probe`.
        label_fractions: of the training records.
        seeds: draws of the labelled records.
        n_resamples: resampled test cohorts.
        Cs: values of C that are tried.
        patients: whose record each test record is; all records of a patient are drawn together.
            None: every record is another patient.

    Returns:
        Rows (encoder, share); columns value, low, high, records (labelled), unseen (classes without
        a case among them, mean over seeds).

    Source: random-encoder control after arXiv 2602.17531.

    Book: tamer#label-efficiency
    """
    import pandas as pd

    y = _array(labels.test)
    rows = {}
    for name, features in encoders.items():
        for share in label_fractions:
            runs = [
                fit_probe(features, labels, share=share, seed=seed, Cs=Cs)
                for seed in range(seeds if share < 1 else 1)
            ]
            interval = _over_both(y, [run.scores for run in runs], n_resamples, patients)
            rows[name, share] = {
                **interval._asdict(),
                "records": max(1, round(share * len(_array(labels.train)))),
                "unseen": float(np.mean([len(run.unseen) for run in runs])),
            }
    table = pd.DataFrame(rows).T
    table.index.names = ["encoder", "share"]
    return table


def _fit(
    x: NDArray, y: NDArray, C: float, weight: Literal["balanced"] | None
) -> NDArray[np.float64]:
    """Weights with the intercept in the last row (D + 1, classes); zeros for unseen classes."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = np.zeros((x.shape[1] + 1, y.shape[1]))
    for k in range(y.shape[1]):
        seen = ~np.isnan(y[:, k])
        if not _both(y[:, k]):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=C, class_weight=weight, max_iter=300).fit(
                x[seen], y[seen, k]
            )
        weights[:-1, k], weights[-1, k] = model.coef_[0], model.intercept_[0]
    return weights


def _both(y: NDArray) -> bool:
    return bool((y == 1).any() and (y == 0).any())


def _log_loss(y: NDArray, scores: NDArray) -> float:
    """Mean over labels that were measured; scores are log odds."""
    return float(np.nanmean(np.logaddexp(0, scores) - y * scores))


def _score(x: NDArray, weights: NDArray) -> NDArray[np.float64]:
    return x @ weights[:-1] + weights[-1]


def _over_both(
    y: NDArray, runs: list[NDArray], n_resamples: int, patients: Sequence[Any] | None
) -> Interval:
    whole = float(np.mean([mean_auroc(y, scores) for scores in runs]))
    rng, values = np.random.default_rng(0), []
    resampled = [ResampledAUROC(y, scores) for scores in runs]
    for rows in resampled_rows(len(y), n_resamples, rng, patients):
        chosen = rng.integers(len(runs), size=len(runs))
        means = {k: resampled[k].mean(rows) for k in set(chosen.tolist())}
        values.append(np.mean([means[k] for k in chosen.tolist()]))
    return interval_of(whole, values)


def _array(x: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(x.cpu() if isinstance(x, torch.Tensor) else x, dtype=np.float64)
