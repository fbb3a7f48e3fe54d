"""Patient x patient: whose cine does an ECG find?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ecglearn.cohort import Cohort
from ecglearn.cohort.physiology import PHENOTYPE_UNITS, PHENOTYPES
from ecglearn.errors import InputError
from ecglearn.plots.views.alignment import mean_beat
from ecglearn.plots.views.contract import View, pack, picture, whole_numbers


class RetrievalView(View):
    """ECGs along the left edge, cines along the bottom; a row opens into the films it finds.

    Book: ptacl#retrieval-look
    """

    kind: ClassVar[str] = "patients"

    @classmethod
    def from_vectors(
        cls,
        ecg: Float[Tensor, "B D"],
        cine: Float[Tensor, "B D"],
        cohort: Cohort,
        rows: Sequence[int],
        names: Sequence[str],
        *,
        phenotype: str = "LVEF",
        top: int = 5,
        label: str = "ECGs and the cines they find",
    ) -> RetrievalView:
        """The view of projected vectors, as `PTACL.project` gives them.

        Args:
            ecg: vector of each patient's ECG.
            cine: vector of each patient's cine; all are candidates.
            cohort: the same patients.
            rows: those shown in the grid.
            names: what each of them is called.
            phenotype: written beside a film; alike is within half a standard deviation.
            top: films shown for each ECG.
            label: of the whole view, read aloud.

        Raises:
            InputError: vectors and patients differ in number, or a row is no patient.
        """
        if not len(ecg) == len(cine) == len(cohort) or len(rows) != len(names):
            raise InputError(
                f"{len(ecg)} ECGs, {len(cine)} cines, {len(cohort)} patients; "
                f"{len(rows)} rows, {len(names)} names"
            )
        if not all(0 <= row < len(cohort) for row in rows):
            raise InputError(f"{list(rows)} are not all rows of {len(cohort)} patients")
        cosine = (normalize(ecg, dim=-1) @ normalize(cine, dim=-1).mT).cpu()
        column = PHENOTYPES.index(phenotype)
        values = cohort.phenotypes[:, column]
        order = cosine[list(rows)].argsort(dim=1, descending=True)
        own = torch.tensor(list(rows))[:, None]
        rank = (order == own).nonzero()[:, 1] + 1
        best = order[:, :top].numpy()
        near = np.abs(values[best] - values[list(rows)][:, None]) <= values.std() / 2
        shown = sorted({*rows, *best.ravel().tolist()})
        called = dict(zip(rows, names, strict=True))
        place = {row: k for k, row in enumerate(shown)}
        grid = cosine[list(rows)][:, list(rows)]
        people = [
            {
                "name": called.get(row, ""),
                "value": f"{values[row]:.0f}",
                **_films(cohort, row),
                "signal": np.round(mean_beat(cohort, row), 2).tolist() if row in called else [],
            }
            for row in shown
        ]
        data: dict[str, Any] = {
            "label": label,
            "people": people,
            "rows": [place[row] for row in rows],
            "cosines": pack(grid),
            "reach": round(float(grid.abs().max()), 3),
            "near": whole_numbers(near.astype(int)),
            "found": [
                {"rank": int(rank[k]), "people": [place[int(row)] for row in best[k]]}
                for k in range(len(rows))
            ],
            "candidates": len(cohort),
            "measure": phenotype,
            "unit": PHENOTYPE_UNITS[column],
        }
        return cls(data)


def _films(cohort: Cohort, row: int) -> dict[str, Any]:
    """The fullest and the emptiest frame, side by side."""
    cine = cohort.cine[row]
    edge = cine.shape[-1] // 7
    inner = cine[:, edge:-edge, edge:-edge]
    emptiest = int(inner.reshape(len(inner), -1).mean(1).argmin())
    pair = np.concatenate([inner[0], inner[emptiest]], axis=1)
    return {"frames": picture(pair), "pixels": inner.shape[-1], "count": 2}
