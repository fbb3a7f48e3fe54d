"""Memory must not grow with the cohort when patients are streamed."""

from __future__ import annotations

from benchmarks.measure import peak_megabytes, report

STREAM = """
from ecglearn.cohort import stream
for part in stream({n}, chunk=128):
    part.ecg.mean()
"""
# a data set that makes each batch when it is asked for: what a memory-mapped store does
TRAIN = """
import torch
torch.set_num_threads(1)
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.train import fit

class Streamed:
    def __len__(self):
        return {n}
    def __getitem__(self, rows):
        return ECGBatch.from_cohort(simulate(len(rows), start=int(rows[0])))

fit(PTACL(PTACLConfig.preset("smoke")), Streamed(), epochs=1, batch_size=32, progress=False)
"""


def growth(what: str, code: str, small: int, large: int) -> bool:
    """Peak memory of two cohort sizes, each in a process of its own."""
    a, b = (peak_megabytes(code.format(n=n)) for n in (small, large))
    return report(
        f"{what}, {small} -> {large} patients",
        f"{a:.0f} -> {b:.0f} MB",
        "growth <= 10%",
        b <= 1.1 * a,
    )


def streaming() -> bool:
    """`stream` from 256 to 2,048 patients."""
    return growth("memory of simulating in chunks", STREAM, 256, 2048)


def training() -> bool:
    """One epoch on patients made on demand, 128 and 1,024 of them."""
    return growth("memory of training on streamed patients", TRAIN, 128, 1024)
