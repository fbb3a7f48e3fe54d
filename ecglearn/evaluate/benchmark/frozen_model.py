"""A frozen model, the patients it is asked about, and what it said about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.abilities import Embeds, EmbedsText
from ecglearn.cohort.findings import FINDINGS
from ecglearn.cohort.truth import evidence
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate.benchmark.store_part import PIECE, StorePart, joined
from ecglearn.evaluate.metrics.resampled_auroc import ResampledAUROC
from ecglearn.evaluate.missingness import apply_missing, random_keep_masks
from ecglearn.evaluate.probe import Probe, Split, fit_probe
from ecglearn.evaluate.prompts import load_prompts
from ecglearn.evaluate.zero_shot import prompt_scores

SEGMENTS = 4
Rows = NDArray[np.int64]


class Measurement(NamedTuple):
    """One measure of one task.

    Attributes:
        task: what was asked.
        measure: in what unit the answer is.
        names: of the numbers; the first is the summary, others are single findings or phenotypes.
        statistic: from rows of the patients who judge, with repeats, to the numbers.
        patients: how many judge, or how many records do.
        resampled: False where resampling would take too long; there is then no interval.
        whose: patient of each record that judges; None: each of another patient.

    Book: evaluation#compare
    """

    task: str
    measure: str
    names: Sequence[str]
    statistic: Callable[[Rows], Any]
    patients: int
    resampled: bool = True
    whose: NDArray[Any] | None = None


@dataclass(frozen=True)
class Patients:
    """Who teaches a probe, who chooses its strength, who judges, and where else one can judge.

    Book: evaluation#compare
    """

    parts: Split  # of ECGBatch, or of StorePart
    cohorts: Split | None  # the same patients as simulated, with their truth; None of a store
    external: ECGBatch | StorePart | None
    label_fractions: Sequence[float]
    seed: int
    names: Sequence[str] = FINDINGS
    prompts: Mapping[str, Sequence[str]] | None = None  # None: those of the findings
    occluded: int = 64  # patients who judge and whose cells are hidden one by one

    @cached_property
    def findings(self) -> Split:
        """Labels of each part."""
        return Split(*(part.findings.numpy().astype(float) for part in self.parts))

    @property
    def whose(self) -> NDArray[Any] | None:
        """Patient of each record that judges; None where each has one."""
        test = self.parts.test
        return test.store.patients if isinstance(test, StorePart) else None

    @cached_property
    def views(self) -> dict[str, torch.Tensor]:
        """The same keep maps for every model."""
        return random_keep_masks(len(self.parts.test), segments=SEGMENTS, seed=self.seed)

    @cached_property
    def written(self) -> NDArray[np.float32]:
        """Where the findings of the first test patients are written."""
        assert self.cohorts is not None
        return evidence(self.cohorts.test[: self.occluded].truth, segments=SEGMENTS)


class FrozenModel:
    """A frozen model and what it said about the patients, each asked once.

    Book: evaluation#compare
    """

    def __init__(self, method: Embeds, patients: Patients) -> None:
        self.method, self.patients = method, patients

    def embed(self, records: ECGBatch | StorePart) -> NDArray[np.float64]:
        """Vectors of some records."""
        if isinstance(self.method, AgeAndSex):
            known = torch.as_tensor(self.method.embed(records))
        else:
            known = joined(records, self.method.embed)
        return known.double().cpu().numpy()

    def embed_missing(self, keep: Tensor) -> NDArray[np.float64]:
        """Vectors of the records that judge, as they are when only so much was observed.

        Args:
            keep: of each of them, by lead and segment.
        """
        maps = iter(
            keep.split(PIECE) if isinstance(self.patients.parts.test, StorePart) else [keep]
        )
        hidden = joined(
            self.patients.parts.test,
            lambda piece: self.method.embed(apply_missing(piece, next(maps))),
        )
        return hidden.double().cpu().numpy()

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
        method, prompts = self.method, self.patients.prompts
        assert isinstance(method, EmbedsText)
        wordings = load_prompts() if prompts is None else prompts
        return prompt_scores(vectors, method.embed_text, wordings).to_numpy(float)

    @property
    def reads_text(self) -> bool:
        """Whether findings can be put into words for it."""
        return isinstance(self.method, EmbedsText) and self.patients.prompts != {}


class AgeAndSex:
    """What is known without any ECG, as if it were a model.

    Book: evaluation#controls
    """

    def embed(self, batch: ECGBatch | StorePart) -> torch.Tensor:
        """Age and sex, each with its mean where it is not known, or 0 of nobody (B, 2)."""
        if isinstance(batch, ECGBatch):
            batch.need("table")
        table = batch.table
        assert table is not None
        names = batch.table_names or ("age", "male")
        age = table[:, names.index("age")] if "age" in names else table[:, 0] * torch.nan
        known = torch.stack([age, table[:, -1]], 1)
        return known.where(known.isfinite(), known.nanmean(0).nan_to_num())


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
