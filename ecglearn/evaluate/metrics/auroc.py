"""Macro AUROC, its intervals over patients, and paired differences between two models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import Interval, interval_of, resampled_rows
from ecglearn.evaluate.metrics.door import checked_labels, checked_scores
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC

if TYPE_CHECKING:
    import pandas as pd


class MacroAUROC(NamedTuple):
    """Mean AUROC over classes.

    Attributes:
        value: the mean over the classes that could be judged.
        per_class: AUROC of each class, NaN where it could not be judged.
        left_out: classes that lack cases or non-cases.

    Book: tamer#zero-shot-diagnosis
    """

    value: float
    per_class: pd.Series
    left_out: list[str]


def macro_auroc(scores: ArrayLike | pd.DataFrame, labels: ArrayLike | pd.DataFrame) -> MacroAUROC:
    """Mean over classes of the area under the ROC curve, each class against the rest.

    Tables are matched by the names of their columns, whatever their order, and their rows by the
    index where both name their records. A label that is NaN was
    not measured: this record is left out of this class.

    Args:
        scores: higher means more likely (records, classes).
        labels: who has the finding (records, classes).

    Returns:
        `value`, `per_class`, `left_out`. Random scores give about 0.5; `value` is NaN when no class
        can be judged.

    Raises:
        InputError: shapes or names disagree, a score is NaN, or a label is none.

    Source: macro average as in Liu et al. 2024 (MERL); absent classes are left out and named.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd
    from sklearn.metrics import roc_auc_score

    scores, labels = _tables(scores, labels)

    def one(name: Any) -> float:
        y = labels[name].to_numpy(float)
        seen = ~np.isnan(y)
        if len(np.unique(y[seen])) < 2:
            return float("nan")
        return float(roc_auc_score(y[seen], scores[name].to_numpy(float)[seen]))

    found = {name: one(name) for name in labels.columns}
    judged = [value for value in found.values() if not np.isnan(value)]
    left_out = [name for name, value in found.items() if np.isnan(value)]
    value = float(np.mean(judged)) if judged else float("nan")
    return MacroAUROC(value, pd.Series(found), left_out)


def auroc_columns(y: NDArray, scores: NDArray) -> NDArray[np.float64]:
    """AUROC of every column at once, from ranks: many times faster than one after the other.

    Args:
        y: 1 has it, 0 has not, NaN unmeasured (records, classes).
        scores: (records, classes).

    Returns:
        (classes,), NaN where a class lacks cases or non-cases.

    Source: the rank form of Mann and Whitney 1947; ties count half.

    Book: tamer#zero-shot-diagnosis
    """
    from scipy.stats import rankdata

    y = checked_labels(y)
    scores = checked_scores(scores, y)
    rank = rankdata(np.where(np.isnan(y), np.nan, scores), axis=0, nan_policy="omit")
    cases, others = (y == 1).sum(0), (y == 0).sum(0)
    above = np.where(y == 1, rank, 0).sum(0) - cases * (cases + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / (cases * others)


def mean_auroc(y: NDArray, scores: NDArray) -> float:
    """Mean of `auroc_columns` over the classes that can be judged, NaN when none can.

    Args:
        y: as for `auroc_columns`.
        scores: as for `auroc_columns`.

    Book: tamer#zero-shot-diagnosis
    """
    return _mean(auroc_columns(y, scores))


def auroc_intervals(
    scores: ArrayLike | pd.DataFrame,
    labels: ArrayLike | pd.DataFrame,
    *,
    patients: Sequence[Any] | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC of each class and their mean, with 95% intervals over resampled patients.

    A class that lacks cases in a draw is left out of the mean of that draw.

    Args:
        scores: as for `macro_auroc`.
        labels: as for `macro_auroc`.
        patients: whose record each row is; all records of a patient are drawn together. None: every
            row is another patient.
        n_resamples: resampled cohorts.
        seed: of the resampling.

    Returns:
        Rows: classes that can be judged, then `macro`; columns value, low, high, cases.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd

    scores, labels = _tables(scores, labels)
    y, s = labels.to_numpy(float), scores.to_numpy(float)
    whole = auroc_columns(y, s)
    judged = ~np.isnan(whole)
    y, s, names = y[:, judged], s[:, judged], [*labels.columns[judged], "macro"]

    resampled = ResampledAUROC(y, s)

    def values(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = resampled(rows)
        return np.append(found, _mean(found))

    draws = resampled_rows(len(y), n_resamples, seed, patients)
    drawn = np.stack([values(rows) for rows in draws])
    value, cases = values(np.arange(len(y))), np.nansum(y, 0)
    table = {
        name: {**interval_of(value[k], drawn[:, k])._asdict(), "cases": int(count)}
        for k, (name, count) in enumerate(zip(names, [*cases, cases.sum()], strict=True))
    }
    return pd.DataFrame(table).T


def auroc_difference(
    scores: ArrayLike | pd.DataFrame,
    others: ArrayLike | pd.DataFrame,
    labels: ArrayLike | pd.DataFrame,
    *,
    patients: Sequence[Any] | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> Interval:
    """How much higher the macro AUROC of one model is than another's, on the same patients.

    Both are judged on the same resampled patients, so what makes a draw easy cancels.

    Args:
        scores: of the one model.
        others: of the other.
        labels: as for `macro_auroc`.
        patients: as for `auroc_intervals`.
        n_resamples: resampled cohorts.
        seed: of the resampling.

    Book: tamer#zero-shot-diagnosis
    """
    return paired(
        lambda a, b: a - b,
        [scores, others],
        labels,
        patients=patients,
        n_resamples=n_resamples,
        seed=seed,
    )


def paired(
    statistic: Callable[..., float],
    models: Sequence[Any],
    labels: Any,
    *,
    patients: Sequence[Any] | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> Interval:
    """A number made of the macro AUROCs of several models, each draw the same for all of them.

    Args:
        statistic: takes one macro AUROC for each model and gives a number; NaN leaves a draw out.
        models: scores of each model.
        labels: as for `macro_auroc`.
        patients: as for `auroc_intervals`.
        n_resamples: resampled cohorts.
        seed: of the resampling.

    Book: tamer#zero-shot-diagnosis
    """
    pairs = [_tables(scores, labels) for scores in models]
    tables = [ResampledAUROC(y.to_numpy(float), s.to_numpy(float)) for s, y in pairs]

    def value(rows: NDArray[np.int64]) -> float:
        return statistic(*(resampled.mean(rows) for resampled in tables))

    n = len(pairs[0][0])
    drawn = [value(rows) for rows in resampled_rows(n, n_resamples, seed, patients)]
    return interval_of(value(np.arange(n)), drawn)


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _tables(scores: Any, labels: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both as tables of the same records and classes: by name where both have names."""
    import pandas as pd

    def table(x: Any) -> pd.DataFrame:
        if isinstance(x, pd.DataFrame):
            return x
        return pd.DataFrame(x.cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x))

    named = isinstance(scores, pd.DataFrame), isinstance(labels, pd.DataFrame)
    a, b = table(scores), table(labels)
    if len(a) != len(b):
        raise InputError(f"{len(a)} records with scores and {len(b)} with labels")
    if named == (False, False) and a.shape != b.shape:
        raise InputError(f"scores are {a.shape} and labels {b.shape}")
    if named[0] != named[1]:
        if a.shape != b.shape:
            raise InputError(f"scores are {a.shape} and labels {b.shape}")
        names = a.columns if named[0] else b.columns
        a, b = a.set_axis(names, axis=1), b.set_axis(names, axis=1)
    for what, x in (("scores", a), ("labels", b)):
        twice = x.columns[x.columns.duplicated()]
        if len(twice):
            raise InputError(
                f"the {what} have more than one column {twice[0]}; leave the right one"
            )
    missing = [str(c) for c in b.columns if c not in a.columns]
    if missing:
        raise InputError(f"no scores for {', '.join(missing)}")
    a, b = _same_rows(a, b).reindex(columns=b.columns), b.reset_index(drop=True)
    y = checked_labels(b, list(b.columns))
    checked_scores(a, y, list(b.columns))
    return a, b


def _same_rows(scores: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The scores in the order of the labels, by their index where both name their records."""
    import pandas as pd

    numbered = pd.RangeIndex(len(scores))
    if any(x.index.equals(numbered) for x in (scores, labels)) or scores.index.equals(labels.index):
        return scores.reset_index(drop=True)
    for what, x in (("scores", scores), ("labels", labels)):
        if x.index.has_duplicates:
            raise InputError(
                f"the index of the {what} names {x.index[x.index.duplicated()][0]} twice, so rows "
                "cannot be matched; make it unique, or reset both indexes if the rows agree"
            )
    strange = labels.index.difference(scores.index)
    if len(strange):
        raise InputError(
            f"no scores for the record {strange[0]} that has labels; give both tables the same "
            "index, or reset both if the rows agree"
        )
    return scores.reindex(labels.index).reset_index(drop=True)
