"""Score findings by their written description, without any labelled example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import normalize

from ecglearn.abilities import Embeds, EmbedsText
from ecglearn.data.label_sets import label_set
from ecglearn.errors import InputError
from ecglearn.evaluate.embed import embed
from ecglearn.evaluate.intervals import Interval
from ecglearn.evaluate.metrics.auroc import auroc_intervals
from ecglearn.evaluate.prompts import class_overlap

if TYPE_CHECKING:
    import pandas as pd


def zero_shot(
    model: Embeds, batch: Any, prompts: Mapping[str, str | Sequence[str]]
) -> pd.DataFrame:
    """Cosine of each record with the description of each class, without any labelled example.

    A class with several wordings gets the mean of their cosines.

    Args:
        model: a method that reads reports, or anything with `embed(batch)` and `embed_text(texts)`
            in one space.
        batch: records, as `embed` takes them.
        prompts: class to its wording or wordings.

    Returns:
        Scores, one row for each record and one named column for each class.

    Raises:
        InputError: there is no class, or the model reads no text.

    Source: Liu et al. 2024 (MERL), zero-shot protocol, with our own prompts.

    Book: tamer#zero-shot-diagnosis
    """
    if not isinstance(model, EmbedsText):
        raise InputError(
            f"{type(model).__name__} reads no text, so it cannot be asked in words; take a method "
            "that learned from reports, or fit a probe (ecglearn.evaluate.fit_probe)"
        )
    return prompt_scores(embed(model, batch), model.embed_text, prompts)


def prompt_scores(
    vectors: ArrayLike | Tensor,
    embed_text: Callable[[Sequence[str]], Any],
    prompts: Mapping[str, str | Sequence[str]],
) -> pd.DataFrame:
    """The same for vectors that are there already.

    Args:
        vectors: of records (B, D).
        embed_text: from texts to vectors of the same space.
        prompts: as for `zero_shot`.

    Raises:
        InputError: there is no class.

    Book: tamer#zero-shot-diagnosis
    """
    import pandas as pd

    wordings = {c: [w] if isinstance(w, str) else list(w) for c, w in prompts.items()}
    if not wordings:
        raise InputError("zero-shot scoring needs at least one class with a prompt")
    texts = list(dict.fromkeys(text for lines in wordings.values() for text in lines))
    ecg = normalize(torch.as_tensor(vectors).float(), dim=1)
    words = normalize(torch.as_tensor(embed_text(texts)).float(), dim=1)
    cosine = (ecg @ words.to(ecg.device).T).cpu()
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
        InputError: no map between the two is known, or no class is shared and labelled.

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
        raise InputError(f"no labelled class of '{target}' is known to '{source}'")
    row = auroc_intervals(scores[shared], labels[shared], n_resamples=n_resamples).loc["macro"]
    return Interval(*map(float, row[["value", "low", "high"]]))
