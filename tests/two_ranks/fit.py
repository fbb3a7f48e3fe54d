"""Run by test_train alone and under torchrun: loss, gradient and trained weights of one batch."""

import sys
from dataclasses import replace

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ecglearn.checkpoint import save
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import rank, size, start
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.train import fit

torch.set_num_threads(1)
start()

# without a generator nothing is drawn, so both runs see the same windows
patients = ECGBatch.from_cohort(simulate(24, seed=3))
first = slice(0, 500)
patients = replace(patients, ecg=patients.ecg[:, :, first])
assert patients.r_peaks is not None
peaks = patients.r_peaks.clone()
peaks[:5] = -1  # some without a beat, all on one rank's share
patients = replace(patients, r_peaks=peaks)

torch.manual_seed(0)
method = PTACL(PTACLConfig.preset("smoke")).double()
# in double precision, since Adam blows rounding up where a gradient is exactly zero
batch = replace(patients, ecg=patients.ecg.double())
wrapped = DistributedDataParallel(method, broadcast_buffers=False) if size() > 1 else method
share = torch.arange(24)[rank() * 24 // size() : (rank() + 1) * 24 // size()]
terms = wrapped(batch[share])
torch.stack(list(terms.values())).sum().backward()
found = {f"loss/{name}": value.detach().reshape(1) for name, value in terms.items()}
found |= {f"gradient/{n}": p.grad for n, p in method.named_parameters() if p.grad is not None}

torch.manual_seed(0)
trained = PTACL(PTACLConfig.preset("smoke")).double()
fit(trained, batch, epochs=2, batch_size=12, progress=False)
found |= {f"trained/{n}": p.detach() for n, p in trained.named_parameters()}
if rank() == 0:
    save(sys.argv[1], found, about={})
if size() > 1:
    distributed.destroy_process_group()
