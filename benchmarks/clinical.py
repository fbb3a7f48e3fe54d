"""State space layers against a loop and against attention; the table join against file size."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.measure import peak_megabytes, report, seconds
from ecglearn.encoders.state_space import S4D
from ecglearn.encoders.transformer import Attention

JOIN = """
import tempfile
from pathlib import Path
import numpy as np
import pandas as pd
from ecglearn.data.clinical.mimic_iv import nearest_labs
from ecglearn.data.clinical.schema import LAB_COLUMNS

items = [column.item for column in LAB_COLUMNS]
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "hosp").mkdir()
    words = {{"label": "x", "fluid": "Blood", "category": "Chemistry"}}
    pd.DataFrame({{"itemid": items, **words}}).to_csv(folder / "hosp/d_labitems.csv", index=False)
    start = pd.Timestamp("2130-01-01")
    ecgs = pd.DataFrame({{"patient": np.arange(200), "time": start}})
    path = folder / "hosp/labevents.csv"
    for piece in range({n}):
        rng = np.random.default_rng(piece)
        minutes = rng.integers(-10000, 10000, 20000)
        pd.DataFrame({{
            "labevent_id": np.arange(20000) + 20000 * piece,
            "subject_id": rng.integers(0, 200, 20000),
            "itemid": rng.choice(items, 20000),
            "charttime": start + pd.to_timedelta(minutes, "min"),
            "valuenum": 4.0, "valueuom": "mmol/L",
        }}).to_csv(path, mode="a", header=piece == 0, index=False)
    nearest_labs(ecgs, folder, chunk=20000)
"""


def loop(layer: S4D, u: Tensor) -> Tensor:
    """One state after the other, both directions, all records and channels at once."""
    factor, weight = layer.system()

    def read(x: Tensor, weights: Tensor) -> Tensor:
        state = torch.zeros(len(x), *factor.shape, dtype=factor.dtype)
        out = []
        for t in range(x.shape[-1]):
            state = factor * state + x[:, :, t, None]
            out.append(2 * (weights * state).sum(-1).real)
        return torch.stack(out, -1)

    return read(u, weight[0]) + read(u.flip(-1), weight[1]).flip(-1) + layer.skip[:, None] * u


def recurrence() -> bool:
    """A layer over 1,000 samples, forward and backward; the answers must agree first."""
    torch.manual_seed(0)
    layer = S4D(64, 4)
    u = torch.randn(8, 64, 1000)
    assert torch.allclose(layer(u), loop(layer, u), atol=1e-3)
    slow, fast = seconds(
        lambda: loop(layer, u).sum().backward(), lambda: layer(u).sum().backward(), repeats=3
    )
    return report(
        "state space layer, FFT over a loop, 8 x 64 x 1,000",
        f"{slow / fast:.0f} times",
        ">= 5 times",
        slow / fast >= 5,
    )


@torch.no_grad()
def growth() -> bool:
    """From 1,000 to 10,000 samples: how much longer the layer takes, and attention."""
    layer, attention = S4D(64, 4), Attention(64, 4)
    short, long = torch.randn(1, 64, 1000), torch.randn(1, 64, 10_000)
    a, b, c, d = seconds(
        lambda: layer(short),
        lambda: layer(long),
        lambda: attention(short.mT),
        lambda: attention(long.mT),
        repeats=3,
    )
    times, quadratic = b / a, d / c
    return report(
        "ten times the samples: state space layer, attention",
        f"{times:.0f} and {quadratic:.0f} times",
        "layer <= half",
        times <= quadratic / 2,
    )


def join_memory() -> bool:
    """`nearest_labs` on a file of 60,000 and of 600,000 events."""
    a, b = (peak_megabytes(JOIN.format(n=n)) for n in (3, 30))
    return report(
        "memory of the laboratory join, 60,000 -> 600,000 events",
        f"{a:.0f} -> {b:.0f} MB",
        "growth <= 10%",
        b <= 1.1 * a,
    )
