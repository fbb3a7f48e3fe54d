"""Score findings by their written description, and say how far the scores are to be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn.functional import normalize

from ecglearn.evaluate.label_sets import class_overlap
from ecglearn.evaluate.uncertainty import Interval, over_patients

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


def zero_shot(method: Any, batch: Any, prompts: Mapping[str, str | Sequence[str]]) -> pd.DataFrame:
    """Cosine of each record with the description of each class, without any labelled example.

    A class with several wordings gets the mean of their cosines.

    Args:
        method: has `embed(batch)` and `embed_text(texts)` in one space.
        batch: records.
        prompts: class to its wording or wordings.

    Returns:
        Scores, one row for each record and one named column for each class.

    Raises:
        ValueError: there is no class.

    Source: Liu et al. 2024 (MERL), zero-shot protocol, with our own prompts.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd

    wordings = {c: [w] if isinstance(w, str) else list(w) for c, w in prompts.items()}
    if not wordings:
        raise ValueError("zero-shot scoring needs at least one class with a prompt")
    texts = list(dict.fromkeys(text for lines in wordings.values() for text in lines))
    ecg = normalize(method.embed(batch).float(), dim=1)
    words = normalize(method.embed_text(texts).float(), dim=1)
    cosine = (ecg @ words.T).cpu()
    place = {text: i for i, text in enumerate(texts)}
    columns = {
        name: cosine[:, [place[text] for text in lines]].mean(1).numpy()
        for name, lines in wordings.items()
    }
    return pd.DataFrame(columns)


def macro_auroc(scores: ArrayLike | pd.DataFrame, labels: ArrayLike | pd.DataFrame) -> MacroAUROC:
    """Mean over classes of the area under the ROC curve, each class against the rest.

    Tables are matched by the names of their columns, whatever their order.

    Args:
        scores: higher means more likely (records, classes).
        labels: who has the finding (records, classes).

    Returns:
        `value`, `per_class`, `left_out`. Random scores give about 0.5; `value` is NaN when no class
        can be judged.

    Raises:
        ValueError: shapes or names disagree.

    Source: macro average as in Liu et al. 2024 (MERL); absent classes are left out and named.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd

    scores, labels = _tables(scores, labels)
    found = {c: _auroc(labels[c].to_numpy(), scores[c].to_numpy()) for c in labels.columns}
    judged = [value for value in found.values() if not np.isnan(value)]
    left_out = [c for c, value in found.items() if np.isnan(value)]
    value = float(np.mean(judged)) if judged else float("nan")
    return MacroAUROC(value, pd.Series(found), left_out)


def auroc_intervals(
    scores: ArrayLike | pd.DataFrame,
    labels: ArrayLike | pd.DataFrame,
    *,
    patients: Sequence[Any] | None = None,
    draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC of each class and their mean, with 95% intervals over resampled patients.

    A class that lacks cases in a draw is left out of the mean of that draw.

    Args:
        scores: as for `macro_auroc`.
        labels: as for `macro_auroc`.
        patients: whose record each row is; all records of a patient are drawn together. None: every
            row is another patient.
        draws: resampled cohorts.
        seed: of the resampling.

    Returns:
        Rows: classes that can be judged, then `macro`; columns value, low, high, cases.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd

    scores, labels = _tables(scores, labels)
    whose = np.arange(len(labels)) if patients is None else np.asarray(patients)
    rows_of = [np.flatnonzero(whose == name) for name in dict.fromkeys(whose.tolist())]
    judged = [c for c in labels.columns if len(np.unique(labels[c].to_numpy())) == 2]
    y, s = labels.reindex(columns=judged).to_numpy(), scores.reindex(columns=judged).to_numpy()

    def values(drawn: np.ndarray) -> np.ndarray:
        rows = np.concatenate([rows_of[i] for i in drawn])
        return np.array([_auroc(y[rows, k], s[rows, k]) for k in range(len(judged))])

    kept: dict[bytes, np.ndarray] = {}

    def of(drawn: np.ndarray, column: int | None) -> float:
        key = drawn.tobytes()
        if key not in kept:
            kept[key] = values(drawn)
        found = kept[key] if column is None else kept[key][[column]]
        return float(np.mean(found[~np.isnan(found)])) if not np.isnan(found).all() else np.nan

    table = {}
    for k, name in [*enumerate(judged), (None, "macro")]:
        interval: Interval = over_patients(
            lambda drawn, k=k: of(drawn, k), len(rows_of), draws=draws, seed=seed
        )
        cases = int(y.sum()) if k is None else int(y[:, k].sum())
        table[name] = {**interval._asdict(), "cases": cases}
    return pd.DataFrame(table).T


def cross_domain(result: MacroAUROC, source: str, target: str) -> float:
    """Mean AUROC over the classes of the target that the source also knows.

    For a zero-shot model the source only selects classes; nothing is trained on it.

    Args:
        result: of `macro_auroc` on the target.
        source: label set.
        target: label set.

    Source: cross-domain protocol of Liu et al. 2024 (MERL).

    Book: tamer#label-sets
    """
    shared = dict.fromkeys(c for found in class_overlap(source, target).values() for c in found)
    return float(result.per_class[[c for c in shared if c in result.per_class.index]].mean())


def _auroc(y: np.ndarray, score: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    y = y.astype(bool)
    return float(roc_auc_score(y, score)) if 0 < y.sum() < len(y) else float("nan")


def _tables(scores: Any, labels: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    def table(x: Any) -> pd.DataFrame:
        if isinstance(x, pd.DataFrame):
            return x.reset_index(drop=True)
        return pd.DataFrame(x.cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x))

    named = isinstance(scores, pd.DataFrame), isinstance(labels, pd.DataFrame)
    a, b = table(scores), table(labels)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} records with scores and {len(b)} with labels")
    if named == (False, False) and a.shape != b.shape:
        raise ValueError(f"scores are {a.shape} and labels {b.shape}")
    if named[0] != named[1]:
        if a.shape != b.shape:
            raise ValueError(f"scores are {a.shape} and labels {b.shape}")
        names = a.columns if named[0] else b.columns
        a.columns = b.columns = names
    missing = [str(c) for c in b.columns if c not in a.columns]
    if missing:
        raise ValueError(f"no scores for {', '.join(missing)}")
    return a.reindex(columns=b.columns), b
