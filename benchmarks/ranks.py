"""What it costs to share a batch: between two processes, and between micro-batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.measure import report, seconds
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train.step import StepRunner

STEPS = """
import json, sys, time
from dataclasses import replace
import torch
from torch import distributed
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import rank, size, start
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train.step import StepRunner

torch.set_num_threads(1)
start()
batch = replace(ECGBatch.from_cohort(simulate(64, seed=0)), cine=None)
mine = batch[slice(rank(), None, size())]
torch.manual_seed(0)
# without the dropout of the two views, of which each process draws its own
method = MERL(MERLConfig.preset("class", dropout=0.0))
gradient = StepRunner(method, method.losses)
taken = []
for step in range(9):
    gradient.method.zero_grad()
    wall, own = time.perf_counter(), time.process_time()
    terms = gradient([mine], [0], step)
    taken.append((time.perf_counter() - wall, time.process_time() - own))
if rank() == 0:
    with open(sys.argv[1], "w") as file:
        json.dump({"loss": sum(terms.values()), "taken": taken[2:]}, file)
if size() > 1:
    distributed.destroy_process_group()
"""


def two_processes() -> bool:
    """MERL in class size, a batch of 64: processor time of each process, and time on the clock."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "steps.py"
        script.write_text(STEPS)
        for ranks in (1, 2):
            start = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}")
            out = script.with_name(f"{ranks}.json")
            subprocess.run(
                [sys.executable, *start, str(script), str(out)],
                check=True,
                capture_output=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            found[ranks] = json.loads(out.read_text())
    assert abs(found[1]["loss"] - found[2]["loss"]) < 1e-4 * found[1]["loss"]
    (wall_1, own_1), (wall_2, own_2) = (
        torch.tensor(found[ranks]["taken"]).median(0).values.tolist() for ranks in (1, 2)
    )
    print(f"      on the clock {1000 * wall_1:.0f} -> {1000 * wall_2:.0f} ms a step")
    share = own_2 / own_1
    return report(
        "MERL step of 64 records on 2 processes, each of them",
        f"{share:.2f} of one",
        "<= 0.75 of one",
        share <= 0.75,
    )


def accumulation() -> bool:
    """SCAR in class size, a batch of 64 in 8 micro-batches against the whole; gradients first."""
    batch = replace(ECGBatch.from_cohort(simulate(64, seed=0)), cine=None)
    parts = [batch[slice(part, None, 8)] for part in range(8)]
    torch.manual_seed(0)
    method = SCAR(replace(SCARConfig.preset("class"), mask="none"))
    gradient = StepRunner(method, method.losses)

    def step(pieces: list[ECGBatch]) -> torch.Tensor:
        method.zero_grad()
        gradient(pieces, range(len(pieces)), 0)
        return torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])

    torch.testing.assert_close(step(parts), step([batch]), atol=1e-4, rtol=1e-3)
    whole, many = seconds(lambda: step([batch]), lambda: step(parts))
    return report(
        "SCAR step of 64 records in 8 micro-batches over the whole batch",
        f"{many / whole:.2f} times",
        "<= 1.7 times",
        many <= 1.7 * whole,
    )
