"""Leads to take away: the answers of models to every set of leads, computed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float

from ecglearn.abilities import EmbedsText
from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.evaluate.missingness import apply_missing
from ecglearn.evaluate.zero_shot import zero_shot
from ecglearn.plots.views.contract import View, pack
from ecglearn.plots.views.maps import thin
from ecglearn.signals.leads import LEADS

AT_ONCE = 512
SECONDS = 2.5  # of each lead that are drawn


def every_set(count: int = len(LEADS)) -> np.ndarray:
    """All sets of leads, (2 ** count, count): bit k of a set's number says whether lead k is there.

    Args:
        count: leads.

    Book: when-leads-go-missing#every-set
    """
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)


class LeadSetView(View):
    """Leads as buttons, findings as bars that move at once, models side by side.

    Book: when-leads-go-missing#every-set
    """

    kind: ClassVar[str] = "leads"

    @classmethod
    def from_models(
        cls,
        models: Mapping[str, EmbedsText],
        batch: ECGBatch,
        patients: Mapping[str, int],
        prompts: Mapping[str, Sequence[str]],
        findings: Sequence[str],
        has: Sequence[Sequence[str]],
        *,
        signals: Float[np.ndarray, "B 12 time"] | None = None,
        label: str = "Scores of findings when leads are taken away",
    ) -> LeadSetView:
        """Asks each model about each patient with every set of leads.

        A score is in standard deviations over `batch` with all leads. The empty set is not asked;
        its scores are 0.

        Args:
            models: name to model that answers `zero_shot`.
            batch: test patients.
            patients: name to row.
            prompts: descriptions of each finding, as for `zero_shot`.
            findings: those shown.
            has: findings that each patient has.
            signals: what is drawn, in millivolt; None draws the batch.
            label: of the whole view, read aloud.

        Raises:
            InputError: a finding has no description, or patients and their findings differ in
                number.
        """
        if missing := [name for name in findings if name not in prompts]:
            raise InputError(f"no descriptions of {missing}")
        if len(has) != len(patients):
            raise InputError(f"{len(patients)} patients and findings of {len(has)}")
        sets = every_set()
        few = {name: prompts[name] for name in findings}
        scores = np.zeros((len(patients), len(models), len(sets), len(findings)))
        for m, model in enumerate(models.values()):
            usual = zero_shot(model, batch, few)[list(findings)]
            for p, row in enumerate(patients.values()):
                for first in range(0, len(sets), AT_ONCE):
                    part = sets[first : first + AT_ONCE]
                    keep = torch.from_numpy(part)[:, :, None].clone()
                    keep[~keep.any(1)[:, 0]] = True  # no record is empty; overwritten below
                    found = zero_shot(
                        model, apply_missing(batch[np.full(len(part), row)], keep), few
                    )
                    z = (found[list(findings)] - usual.mean()) / usual.std()
                    scores[p, m, first : first + len(part)] = z.to_numpy()
        scores[:, :, 0] = 0
        drawn = batch.ecg.numpy() if signals is None else signals
        reach = float(np.abs(scores).max())
        data = {
            "label": label,
            "leads": list(LEADS),
            "models": list(models),
            "findings": list(findings),
            "low": round(float(scores.min()), 1),
            "high": round(float(scores.max()), 1),
            "patients": [
                {
                    "name": name,
                    "has": list(has[p]),
                    "scores": pack(scores[p], reach=reach),
                    "traces": pack(thin(drawn[row, :, : int(SECONDS * batch.fs)])),
                }
                for p, (name, row) in enumerate(patients.items())
            ],
        }
        return cls(data)
