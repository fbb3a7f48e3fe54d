"""Score findings by their written description, without any labelled example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch.nn.functional import normalize

from ecglearn.data.label_sets import label_set
from ecglearn.evaluate.intervals import Interval
from ecglearn.evaluate.metrics.auroc import auroc_intervals
from ecglearn.evaluate.prompts import class_overlap

if TYPE_CHECKING:
    import pandas as pd


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


def cross_domain(
    scores: pd.DataFrame, labels: pd.DataFrame, source: str, target: str, *, n_resamples: int = 200
) -> Interval:
    """Mean AUROC over the classes of the target that the source also knows, over test patients.

    For a zero-shot model the source only selects classes; nothing is trained on it.

    Args:
        scores: of the classes of the target, one named column each.
        labels: of the same records and classes.
        source: label set.
        target: label set; the same as the source takes all its classes.
        n_resamples: resampled test cohorts.

    Raises:
        ValueError: no map between the two is known, or no class is shared and labelled.

    Source: cross-domain protocol of Liu et al. 2024 (MERL).

    Book: tamer#label-sets
    """
    known = (
        list(label_set(target))
        if source == target
        else [c for found in class_overlap(source, target).values() for c in found]
    )
    shared = [c for c in dict.fromkeys(known) if c in labels.columns]
    if not shared:
        raise ValueError(f"no labelled class of '{target}' is known to '{source}'")
    row = auroc_intervals(scores[shared], labels[shared], n_resamples=n_resamples).loc["macro"]
    return Interval(*map(float, row[["value", "low", "high"]]))
