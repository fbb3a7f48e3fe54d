"""Alone with four micro-batches, under torchrun with two for each process: weights after `fit`."""

import sys
from dataclasses import replace

import torch
from methods import patients
from torch import distributed

from ecglearn.checkpoint import save
from ecglearn.distributed import rank, size, start
from ecglearn.methods.clinical_transfer import ClinicalTransfer, ClinicalTransferConfig
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.train import fit

torch.set_num_threads(1)
start()
data = patients()
found = {}
for make in (
    lambda: PTACL(replace(PTACLConfig.preset("smoke"), augmented=True)),
    lambda: SCAR(replace(SCARConfig.preset("smoke"), horizon=2)),
    lambda: ClinicalTransfer(ClinicalTransferConfig.preset("smoke")),
):
    torch.manual_seed(0)
    method = make().double()
    fit(method, data, epochs=2, batch_size=8, accumulate=4 // size(), progress=False)
    name = type(method).__name__
    found |= {f"{name}/{key}": value for key, value in method.state_dict().items()}
if rank() == 0:
    save(sys.argv[1], found, about={})
if size() > 1:
    distributed.destroy_process_group()
