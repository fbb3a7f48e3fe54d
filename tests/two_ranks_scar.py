"""Run by test_scar alone and under torchrun: both players of a SCAR-style method take turns."""

import sys
from dataclasses import replace

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ecglearn.checkpoint import save
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import rank, size, start
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train import _Step

torch.set_num_threads(1)
start()
patients = ECGBatch.from_cohort(simulate(24, seed=3))
batch = replace(patients, cine=None)
share = torch.arange(24)[rank() * 24 // size() : (rank() + 1) * 24 // size()]

torch.manual_seed(0)
method = SCAR(replace(SCARConfig.preset("smoke"), curriculum=False))
steps = []
for index, (groups, _) in enumerate(method.steps()):
    step = _Step(method, index)
    if size() > 1:
        step = DistributedDataParallel(step, find_unused_parameters=True, broadcast_buffers=False)
    # plain descent: Adam blows rounding up where a gradient is exactly zero
    steps.append((step, torch.optim.SGD([p for g in groups for p in g["params"]], lr=0.05)))
found = {}
for number in range(3):
    for index, (step, optimiser) in enumerate(steps):
        # without a generator nothing is drawn, so both runs see the same masks
        terms = step(batch[share], None)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        if index == 1 or "selector" not in terms:
            found |= {f"{number}/{name}": v.detach().reshape(1) for name, v in terms.items()}
found |= {f"trained/{n}": p.detach() for n, p in method.named_parameters()}
if rank() == 0:
    save(sys.argv[1], found, about={})
if size() > 1:
    distributed.destroy_process_group()
