"""What is left of any model when leads and moments go missing, by chance or for the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.nn.functional import normalize

from ecglearn.abilities import Embeds, Scores
from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import interval_of, resampled_rows
from ecglearn.evaluate.metrics.auroc import mean_auroc
from ecglearn.evaluate.metrics.cmrs import cmrs, cmrs_draws
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC
from ecglearn.evaluate.zero_shot import zero_shot
from ecglearn.signals.filters import zscore
from ecglearn.signals.missing import LEVELS, draw_missing, keep_samples, missing_share

if TYPE_CHECKING:
    import pandas as pd

Prompts = Mapping[str, str | Sequence[str]]


def apply_missing(batch: ECGBatch, keep: Bool[Tensor, "B 12 segment"]) -> ECGBatch:
    """The batch as it would be had this much been missing from the start.

    What is missing becomes 0, the mean of a standardised signal, and is marked in `keep`; a model
    that cannot read `keep` sees the zeros only. Mean and spread are taken anew from what is left,
    and R peaks, found in the whole record, are dropped: nothing of what is hidden shows.

    Args:
        batch: records, standardised per record.
        keep: True = observed, by segment.

    Raises:
        InputError: the map is for another number of records.

    Book: scar#missingness-evaluation
    """
    if keep.shape[:2] != batch.ecg.shape[:2]:
        raise InputError(
            f"a keep map for {tuple(keep.shape[:2])} records and leads does not fit signals of "
            f"{tuple(batch.ecg.shape[:2])}"
        )
    seen = keep_samples(keep.to(batch.ecg.device), batch.ecg.shape[-1])
    if batch.keep is not None:
        seen = seen & batch.keep
    ecg = zscore(batch.ecg, per="record", keep=seen)
    return replace(batch, ecg=ecg, keep=seen, r_peaks=None)


def random_keep_masks(
    batch: int, *, segments: int, seed: int = 0
) -> dict[str, Bool[Tensor, "B 12 segment"]]:
    """Keep maps of the three severities; the same seed gives every model the same.

    Args:
        batch: number of records.
        segments: number of segments; a multiple of four, so that the shares are exact.
        seed: of the draw.

    Book: scar#missingness-evaluation
    """
    generator = Generator().manual_seed(seed)
    return {
        name: draw_missing(batch, **level, segments=segments, generator=generator)
        for name, level in LEVELS.items()
    }


@torch.no_grad()
def token_drops(
    method: Any, batch: ECGBatch, prompts: Prompts, labels: ArrayLike, *, segments: int
) -> Float[Tensor, "B 12 {segments}"]:
    """By how much the cosine with a record's true findings falls when one cell alone is removed.

    Args:
        method: the model that judges; has `embed(batch)` and `embed_text(texts)`.
        batch: records.
        prompts: class to its wording or wordings.
        labels: who has which finding (records, classes), columns in the order of `prompts`.
        segments: cells of each lead; each costs one pass over the records.

    Returns:
        Mean drop (B, 12, segments); 0 for records without any finding.

    Source: leave-one-out ranking is our choice for a SCAR-style protocol (Liu et al. 2026).

    Book: scar#critical
    """
    y = torch.as_tensor(np.asarray(labels, dtype=np.float32))
    if y.shape != (len(batch), len(prompts)):
        raise InputError(
            f"labels are {tuple(y.shape)} for {len(batch)} records and {len(prompts)} classes"
        )
    direction = torch.stack(
        [
            normalize(
                method.embed_text([w] if isinstance(w, str) else list(w)).float(), dim=1
            ).mean(0)
            for w in prompts.values()
        ]
    ).cpu()
    wanted = y @ direction / y.sum(1, keepdim=True).clamp_min(1)

    def agreement(view: ECGBatch) -> Tensor:
        return (normalize(method.embed(view).float().cpu(), dim=1) * wanted).sum(1)

    return cell_drops(agreement, batch, segments)


def cell_drops(
    score: Callable[[ECGBatch], Tensor], batch: ECGBatch, segments: int
) -> Float[Tensor, "B 12 {segments}"]:
    """By how much a score of each record falls when one cell alone is removed.

    Args:
        score: from records to one number each.
        batch: records.
        segments: cells of each lead; each costs one pass over the records.

    Source: leave-one-out (occlusion), our choice for a SCAR-style protocol.

    Book: scar#critical
    """
    whole = score(batch)
    drops = torch.zeros(len(batch), 12, segments)
    for lead in range(12):
        for segment in range(segments):
            keep = torch.ones(len(batch), 12, segments, dtype=torch.bool)
            keep[:, lead, segment] = False
            drops[:, lead, segment] = whole - score(apply_missing(batch, keep))
    return drops


def critical(drops: Float[Tensor, "B 12 segment"], share: float) -> Bool[Tensor, "B 12 segment"]:
    """Keep maps without the round(share * cells) most needed cells of each record.

    Args:
        drops: of `token_drops`, or any other score that is high where evidence lies.
        share: of the cells to take, 0 to 1.

    Raises:
        InputError: a share outside 0 to 1.

    Book: scar#critical
    """
    if not 0 <= share <= 1:
        raise InputError(f"share must be from 0 to 1, got {share:g}")
    flat = drops.flatten(1)
    rank = flat.argsort(dim=1, descending=True, stable=True).argsort(1)
    return (rank >= round(share * flat.shape[1])).view(drops.shape)


def critical_views(
    drops: Float[Tensor, "B 12 segment"],
    *,
    seed: int = 0,
    shares: Sequence[float] = (0.1, 0.25, 0.5),
) -> dict[str, Bool[Tensor, "B 12 segment"]]:
    """Keep maps that go for the evidence: the top shares, and "hard".

    Hard is the top quarter and, of the rest, what moderate chance hides. The least needed cell
    always stays.

    Args:
        drops: of `token_drops`.
        seed: of the random part.
        shares: of the cells to take.

    Book: scar#critical
    """
    views = {f"critical {share:.0%}": critical(drops, share) for share in shares}
    generator = Generator().manual_seed(seed)
    chance = draw_missing(
        len(drops), **LEVELS["moderate"], segments=drops.shape[2], generator=generator
    )
    last = ~critical(-drops, 1 / drops[0].numel())
    return views | {"hard": (critical(drops, 0.25) & chance) | last}


def evidence_removed(
    keep: Bool[Tensor, "B 12 segment"], evidence: Float[NDArray, "B K 12 segment"]
) -> tuple[float, float]:
    """Share of the findings' evidence that lies in removed cells, and what chance would remove.

    Args:
        keep: True = still there.
        evidence: where each finding is written, see `cohort.truth.evidence`; maps that are empty or
            NaN do not count.

    Returns:
        Mean over all findings of all records, and the mean share of cells that is removed.

    Book: scar#masker-look
    """
    gone = ~keep.numpy()
    counted = np.nan_to_num(evidence).sum((2, 3)) > 0
    hit = (np.nan_to_num(evidence) * gone[:, None]).sum((2, 3))
    share = np.broadcast_to(gone.mean((1, 2))[:, None], counted.shape)
    return float(hit[counted].mean()), float(share[counted].mean())


def missingness_table(
    methods: Mapping[str, Embeds | Scores],
    batch: ECGBatch,
    prompts: Prompts,
    labels: ArrayLike,
    views: Mapping[str, Bool[Tensor, "B 12 segment"]],
    *,
    n_resamples: int = 200,
    seed: int = 0,
    patients: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """AUROC, CMRS and its companion of each model on each view, with 95% intervals over patients.

    Args:
        methods: name to a model with `embed(batch)` and `embed_text(texts)`, asked by prompts, or
            with `score(batch)`, such as a `Probed` one.
        batch: records, standardised per record, nothing missing.
        prompts: class to its wording or wordings.
        labels: who has which finding (records, classes), columns in the order of `prompts`.
        views: name to a keep map, the same for every model. "full" is always the first row.
        n_resamples: resampled cohorts, the same for every row.
        seed: of the resampling.
        patients: whose record each row is; None: every record is another patient.

    Returns:
        One row for each model and view: `model`, `view`, `missing` (share of cells), and for
        `auroc`, `cmrs` and `cmrs_mag` the value, `_low` and `_high`.

    Source: our choice for a SCAR-style protocol (Liu et al. 2026).

    Book: scar#missingness-evaluation
    """
    import pandas as pd

    y = np.asarray(labels, float)
    rows = list(resampled_rows(len(y), n_resamples, seed, patients))
    lines = []
    for name, method in methods.items():
        full = _scores(method, batch, prompts)
        for view in ("full", *views):
            scores, gone = full, 0.0
            if view != "full":
                scores = _scores(method, apply_missing(batch, views[view]), prompts)
                gone = float(missing_share(views[view]).mean())
            values = np.array([mean_auroc(y, scores), *cmrs(scores, full, y)])
            resampled = ResampledAUROC(y, scores)
            drawn = np.column_stack(
                [[resampled.mean(r) for r in rows], cmrs_draws(scores, full, y, rows)]
            )
            line: dict[str, Any] = {"model": name, "view": view, "missing": gone}
            for k, measure in enumerate(("auroc", "cmrs", "cmrs_mag")):
                _, low, high = interval_of(values[k], drawn[:, k])
                line |= {measure: values[k], f"{measure}_low": low, f"{measure}_high": high}
            lines.append(line)
    return pd.DataFrame(lines)


def _scores(method: Embeds | Scores, batch: ECGBatch, prompts: Prompts) -> NDArray:
    if isinstance(method, Scores):
        return method.score(batch)
    return zero_shot(method, batch, prompts).to_numpy()
