"""Run by test_deri alone and under torchrun: losses and gradients of one batch of DERI."""

import sys
from dataclasses import replace

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ecglearn.checkpoint import save
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import rank, size, start
from ecglearn.methods.deri import DERI, DERIConfig

torch.set_num_threads(1)
start()

batch = replace(ECGBatch.from_cohort(simulate(24, seed=3)), cine=None, r_peaks=None)
# one report on both ranks: pairs are found across processes
assert batch.reports is not None
batch.reports[1] = batch.reports[0]
torch.manual_seed(0)
# without dropout, noise and statistics of the batch, which each rank would have of its own
method = DERI(replace(DERIConfig.preset("smoke"), views="dropout")).eval()
wrapped = DistributedDataParallel(method) if size() > 1 else method
terms = wrapped(batch[torch.arange(24)[rank() :: size()]])
torch.stack(list(terms.values())).sum().backward()
found = {f"loss/{name}": value.detach().reshape(1) for name, value in terms.items()}
found |= {f"gradient/{n}": p.grad for n, p in method.named_parameters() if p.grad is not None}
if rank() == 0:
    save(sys.argv[1], found, about={})
if size() > 1:
    distributed.destroy_process_group()
