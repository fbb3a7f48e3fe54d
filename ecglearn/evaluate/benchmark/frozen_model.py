"""A frozen model, the patients it is asked about, and what it said about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ecglearn.abilities import Embeds, EmbedsText
from ecglearn.cohort.truth import evidence
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC
from ecglearn.evaluate.missingness import random_keep_masks
from ecglearn.evaluate.probe import Probe, Split, fit_probe
from ecglearn.evaluate.prompts import load_prompts
from ecglearn.evaluate.zero_shot import prompt_scores

SEGMENTS, LOOKED_AT = 4, 64
Rows = NDArray[np.int64]


class Measurement(NamedTuple):
    """One measure of one task.

    Attributes:
        task: what was asked.
        measure: in what unit the answer is.
        names: of the numbers; the first is the summary, others are single findings or phenotypes.
        statistic: from rows of the patients who judge, with repeats, to the numbers.
        patients: how many judge.
        resampled: False where resampling would take too long; there is then no interval.

    Book: evaluation#compare
    """

    task: str
    measure: str
    names: Sequence[str]
    statistic: Callable[[Rows], Any]
    patients: int
    resampled: bool = True


@dataclass(frozen=True)
class Patients:
    """Who teaches a probe, who chooses its strength, who judges, and where else one can judge.

    Book: evaluation#compare
    """

    parts: Split  # of ECGBatch
    cohorts: Split  # the same patients as simulated, with their truth
    external: ECGBatch | None
    label_fractions: Sequence[float]
    seed: int

    @cached_property
    def findings(self) -> Split:
        """Labels of each part."""
        return Split(*(part.findings.numpy().astype(float) for part in self.parts))

    @cached_property
    def views(self) -> dict[str, torch.Tensor]:
        """The same keep maps for every model."""
        return random_keep_masks(len(self.parts.test), segments=SEGMENTS, seed=self.seed)

    @cached_property
    def written(self) -> NDArray[np.float32]:
        """Where the findings of the first test patients are written."""
        return evidence(self.cohorts.test[:LOOKED_AT].truth, segments=SEGMENTS)


class FrozenModel:
    """A frozen model and what it said about the patients, each asked once.

    Book: evaluation#compare
    """

    def __init__(self, method: Embeds, patients: Patients) -> None:
        self.method, self.patients = method, patients

    def embed(self, batch: ECGBatch) -> NDArray[np.float64]:
        """Vectors of some records."""
        return torch.as_tensor(self.method.embed(batch)).double().cpu().numpy()

    @cached_property
    def features(self) -> Split:
        """Vectors of each part."""
        return Split(*map(self.embed, self.patients.parts))

    @cached_property
    def probe(self) -> Probe:
        """The probe with all labels."""
        return fit_probe(self.features, self.patients.findings)

    def described(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Zero-shot scores of vectors that are there already."""
        method: Any = self.method
        found = prompt_scores(vectors, method.embed_text, load_prompts())
        return found.to_numpy(float)

    @property
    def reads_text(self) -> bool:
        """Whether findings can be put into words for it."""
        return isinstance(self.method, EmbedsText)


class AgeAndSex:
    """What is known without any ECG, as if it were a model.

    Book: evaluation#controls
    """

    def embed(self, batch: ECGBatch) -> torch.Tensor:
        """Age, with its mean where it is not known, and sex (B, 2)."""
        batch.need("table")
        assert batch.table is not None
        known = batch.table[:, [0, -1]]
        return known.where(known.isfinite(), known.nanmean(0))


def auroc_of(y: NDArray, runs: list[NDArray]) -> Callable[[Rows], NDArray]:
    """Mean AUROC over classes, then each class, of resampled records; a mean over several runs.

    Args:
        y: labels (records, classes).
        runs: scores of each run (records, classes).

    Book: evaluation#compare
    """
    resampled = [ResampledAUROC(y, scores) for scores in runs]

    def statistic(rows: Rows) -> NDArray:
        found = np.mean([one(rows) for one in resampled], axis=0)
        seen = found[~np.isnan(found)]
        return np.append(seen.mean() if len(seen) else np.nan, found)

    return statistic
