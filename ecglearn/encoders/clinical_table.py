"""Demographics and vital signs to one vector: scaling learned on training patients, then an MLP."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecglearn.errors import InputError


class TableScaler(nn.Module):
    """Gaps filled with the median, a flag for each gap, everything standardised.

    What it knows of the training patients are buffers: saved with the weights, never trained.

    Args:
        columns: numbers C in a row.

    Source: Alcaraz et al. 2024 (MDS-ED, CardioLab): median, indicator columns.

    Book: clinical-transfer#clinical-table
    """

    median: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns
        self.register_buffer("median", torch.full((columns,), torch.nan))
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))

    def fit(self, table: Float[Tensor, "B C"]) -> TableScaler:
        """Learn median, mean and spread of the measured values.

        Args:
            table: training patients only; NaN where unmeasured.

        Raises:
            InputError: another number of columns, or a column without any value.
        """
        if table.shape[1] != self.columns:
            raise InputError(
                f"a table of {self.columns} columns is expected, not {table.shape[1]}; "
                "`config.for_data(batch)` gives the configuration the sizes of the data"
            )
        empty = table.isnan().all(0)
        if bool(empty.any()):
            raise InputError(
                f"column {int(empty.nonzero()[0])} has no value among the {len(table)} training "
                "patients: leave it out"
            )
        self.median.copy_(table.nanquantile(0.5, 0))  # nanmedian takes the lower of two middles
        filled = table.where(~table.isnan(), self.median)
        self.mean.copy_(filled.mean(0))
        spread = filled.std(0, correction=0)
        self.scale.copy_(spread.where(spread > 0, torch.ones_like(spread)))
        return self

    def forward(self, table: Float[Tensor, "B C"]) -> Float[Tensor, "B D"]:
        """Standardised values, then one flag for each gap (B, 2 C).

        Args:
            table: NaN where unmeasured.

        Raises:
            InputError: it was not fitted.
        """
        if bool(self.median.isnan().any()):
            raise InputError("fit the table scaler on training patients first")
        gaps = table.isnan()
        values = (table.where(~gaps, self.median.to(table)) - self.mean) / self.scale
        return torch.cat([values, gaps.to(values)], 1)


class TableEncoder(nn.Module):
    """Scaled numbers and embedded categories through three blocks of norm, dropout, linear, ReLU.

    Args:
        columns: numbers C in a row.
        categories: how many levels each categorical column has; unknown is one more level.
        width: features M of the result.
        embedding: features of each category.
        rates: dropout of each block.

    Source: Alcaraz et al. 2024 (MDS-ED), sizes of its network; that the paper uses them is our
        choice.

    Book: clinical-transfer#clinical-table
    """

    def __init__(
        self,
        columns: int,
        categories: Sequence[int] = (),
        *,
        width: int = 128,
        embedding: int = 16,
        rates: Sequence[float] = (0.25, 0.25, 0.5),
    ) -> None:
        super().__init__()
        self.columns, self.width = columns, width
        self.scaler = TableScaler(columns)
        self.embeddings = nn.ModuleList(nn.Embedding(n + 1, embedding) for n in categories)
        sizes = [2 * columns + embedding * len(categories), *(width for _ in rates)]
        blocks = [
            nn.Sequential(nn.BatchNorm1d(a), nn.Dropout(rate), nn.Linear(a, b), nn.ReLU())
            for a, b, rate in zip(sizes, sizes[1:], rates, strict=False)
        ]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, table: Float[Tensor, "B columns_and_categories"]) -> Float[Tensor, "B M"]:
        """Features of each row.

        Args:
            table: C numbers, then one column for each category with levels 0, 1, ...; NaN where
                unmeasured.

        Raises:
            InputError: another number of columns, or a level that does not exist.
        """
        wanted = self.columns + len(self.embeddings)
        if table.shape[1] != wanted:
            raise InputError(f"a table of {wanted} columns is expected, not {table.shape[1]}")
        parts = [self.scaler(table[:, : self.columns])]
        for k, embedding in enumerate(self.embeddings):
            assert isinstance(embedding, nn.Embedding)
            column = table[:, self.columns + k]
            levels = embedding.num_embeddings - 1
            known = column[~column.isnan()]
            if bool(((known < 0) | (known >= levels) | (known % 1 != 0)).any()):
                raise InputError(
                    f"categorical column {k} has levels 0 to {levels - 1}, and a row has another"
                )
            parts.append(embedding(column.nan_to_num(nan=levels).long()))
        return self.blocks(torch.cat(parts, 1))
