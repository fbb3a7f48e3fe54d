"""A threshold to drag over scores, and the ROC curve that it walks along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from ecglearn.errors import InputError
from ecglearn.evaluate.metrics.auroc import macro_auroc
from ecglearn.plots.views.contract import View


class ThresholdView(View):
    """Scores of patients with and without a finding, a threshold, and the ROC curve.

    Book: asking-a-model#auroc
    """

    kind: ClassVar[str] = "threshold"

    @classmethod
    def from_scores(
        cls,
        scores: Mapping[str, tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]],
        *,
        label: str = "Scores, a threshold, and the ROC curve",
    ) -> ThresholdView:
        """The view of some findings.

        Args:
            scores: name of a finding to the patients' scores and whether each has it.
            label: of the whole view, read aloud.

        Raises:
            InputError: nobody has a finding, or everybody; or a score is not finite.
        """
        findings = []
        for name, (values, has) in scores.items():
            if not (has.any() and (~has).any()):
                raise InputError(f"{name}: a curve needs patients with it and without it")
            if not np.isfinite(values).all():
                raise InputError(f"{name}: a score is not finite")
            rounded = np.round(values.astype(float), 4)
            findings.append(
                {
                    "name": name,
                    "positive": rounded[has].tolist(),
                    "negative": rounded[~has].tolist(),
                    "low": float(rounded.min()),
                    "high": float(rounded.max()) + 1e-6,
                    "auroc": float(macro_auroc(rounded[:, None], has[:, None]).value),
                }
            )
        return cls({"label": label, "findings": findings})
