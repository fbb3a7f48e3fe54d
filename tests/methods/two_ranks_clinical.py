"""Run by test_clinical_transfer alone and under torchrun: loss and gradient of each stage."""

import sys
from dataclasses import replace

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ecglearn.checkpoint import save
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import rank, size, start
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)

torch.set_num_threads(1)
start()

batch = replace(ECGBatch.from_cohort(simulate(24, seed=3)), cine=None, r_peaks=None)
assert batch.table is not None
assert batch.labs is not None
batch = replace(batch, ecg=batch.ecg.double(), table=batch.table.double(), labs=batch.labs.double())
# without dropout, of which each rank would draw its own
config = replace(
    ClinicalTransferConfig.preset("smoke"), dropout=0.0, table_dropout=(0.0, 0.0), hide=0.0
)
stages = {
    "joint": JointEmbedding,
    "labs": LabStage,
    "diagnosis": lambda method: method,
    "reference": lambda method: Reference(config, ecg=True),
}
found = {}
for name, stage in stages.items():
    torch.manual_seed(0)
    module = stage(ClinicalTransfer(config)).double()
    if hasattr(module, "table"):
        module.table.scaler.fit(batch.table[:, : config.columns])  # pyright: ignore
    module.steps()
    wrapped = module
    if size() > 1:
        wrapped = DistributedDataParallel(
            module, broadcast_buffers=False, find_unused_parameters=True
        )
    terms = wrapped(batch[torch.arange(24)[rank() * 24 // size() : (rank() + 1) * 24 // size()]])
    torch.stack(list(terms.values())).sum().backward()
    found |= {f"{name}/loss/{term}": value.detach().reshape(1) for term, value in terms.items()}
    found |= {
        f"{name}/gradient/{n}": p.grad for n, p in module.named_parameters() if p.grad is not None
    }
if rank() == 0:
    save(sys.argv[1], found, about={})
if size() > 1:
    distributed.destroy_process_group()
