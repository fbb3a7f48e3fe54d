"""Alone and under torchrun: every method takes three steps; losses, gradients, weights are kept."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, distributed
from torch.nn.parallel import DistributedDataParallel

from ecglearn.checkpoint import save
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather, rank, size, start
from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.methods.tamer import MERL, TAMER, MERLConfig, TAMERConfig

PATIENTS = 28  # no number of leads, by which a draw of rows would be mistaken


def own(rows: Any) -> Any:
    """This rank's share."""
    share = PATIENTS // size()
    return rows[slice(rank() * share, (rank() + 1) * share)]


def of_whole_batch(draw: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A draw with one row for each record of this rank becomes this rank's part of a whole draw."""

    def drawn(*args: Any, **more: Any) -> torch.Tensor:
        share = PATIENTS // size()
        *bounds, shape = args if isinstance(args[-1], tuple) else (args,)
        if shape[0] != share:
            return draw(*bounds, shape, **more)
        whole = draw(*bounds, (PATIENTS, *shape[1:]), **more)
        return own(whole)

    return drawn


def patients() -> ECGBatch:
    """In double precision; one report, and all records without a beat, meet across ranks."""
    batch = ECGBatch.from_cohort(simulate(PATIENTS, seed=3))
    assert batch.r_peaks is not None
    assert batch.reports is not None
    assert batch.table is not None
    assert batch.labs is not None
    batch.r_peaks[:5] = -1
    batch.reports[-1] = batch.reports[0]
    return replace(
        batch, ecg=batch.ecg.double(), table=batch.table.double(), labs=batch.labs.double()
    )


# layers with dropout draw inside PyTorch, where no share can be taken
CLINICAL = replace(
    ClinicalTransferConfig.preset("smoke"), dropout=0.0, table_dropout=(0.0, 0.0), hide=0.0
)
DECODERS = replace(DERIConfig.preset("smoke"), dropout=0.0)
CASES: dict[str, Callable[[], Any]] = {
    "PTACL": lambda: PTACL(replace(PTACLConfig.preset("smoke"), augmented=True)),
    "MERL": lambda: MERL(MERLConfig.preset("smoke")),
    "TAMER": lambda: TAMER(TAMERConfig.preset("smoke")),
    "DERI": lambda: DERI(DECODERS),
    "DERI vit": lambda: DERI(replace(DECODERS, encoder="vit", views="dropout")),
    "SCAR": lambda: SCAR(replace(SCARConfig.preset("smoke"), curriculum=False)),
    "ClinicalTransfer": lambda: ClinicalTransfer(CLINICAL),
    "JointEmbedding": lambda: JointEmbedding(ClinicalTransfer(CLINICAL)),
    "LabStage": lambda: LabStage(ClinicalTransfer(CLINICAL)),
    "Reference": lambda: Reference(CLINICAL, ecg=True),
}


class Step(torch.nn.Module):
    """One entry of `steps()`."""

    def __init__(self, method: Any, index: int) -> None:
        super().__init__()
        self.method, self.index = method, index

    def forward(self, batch: ECGBatch, generator: Generator) -> dict[str, torch.Tensor]:
        return self.method.steps()[self.index][1](batch, generator)


def three_steps(method: Any, batch: ECGBatch) -> dict[str, torch.Tensor]:
    """Plain descent: Adam blows rounding up where a gradient is exactly zero."""
    steps = []
    for index, (groups, _) in enumerate(method.steps()):
        step = Step(method, index)
        if size() > 1:
            step = DistributedDataParallel(
                step, broadcast_buffers=False, find_unused_parameters=True
            )
        steps.append((step, torch.optim.SGD([p for g in groups for p in g["params"]], lr=0.05)))
    found = {}
    for number in range(3):
        for step, optimiser in steps:
            torch.manual_seed(number)
            terms = step(batch, Generator().manual_seed(number))
            optimiser.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            for name, p in method.named_parameters():
                if p.grad is not None:
                    found[f"{number}/gradient/{name}"] = p.grad.clone()
            optimiser.step()
            for name, value in terms.items():
                mean = value.detach().reshape(1).clone()
                if size() > 1:
                    distributed.all_reduce(mean)
                found[f"{number}/loss/{name}"] = mean / size()
    return found | {f"trained/{name}": value for name, value in method.state_dict().items()}


def normalised(norm: BatchNorm1d | BatchNorm2d, axes: int) -> dict[str, torch.Tensor]:
    """Values, gradients and running statistics of a batch norm, rows of all ranks."""
    x = torch.randn(PATIENTS, 3, *(5, 4)[:axes], dtype=torch.float64)
    mine = own(x).clone().requires_grad_()
    y = norm.double()(mine)
    (y * torch.arange(y[0].numel()).view(y[0].shape)).square().sum().backward()
    assert mine.grad is not None
    assert norm.weight.grad is not None
    parts = {"weight": norm.weight.grad}
    if size() > 1:
        distributed.all_reduce(norm.weight.grad)
    rows = {"y": gather(y.detach()), "dx": gather(mine.grad), "eval": gather(norm.eval()(mine))}
    return {key: value.detach() for key, value in (parts | rows | norm.state_dict()).items()}


def main() -> None:
    torch.set_num_threads(1)
    start()
    for name in ("rand", "randn", "randint"):
        setattr(torch, name, of_whole_batch(getattr(torch, name)))
    whole = patients()
    found = {}
    for name, make in CASES.items():
        torch.manual_seed(0)
        method = make().double().train()
        if hasattr(method, "table"):
            method.table.scaler.fit(whole.table[:, : CLINICAL.columns])  # pyright: ignore
        steps = three_steps(method, own(whole))
        found |= {f"{name}/{key}": value for key, value in steps.items()}
    for axes, norm in ((1, BatchNorm1d(3)), (2, BatchNorm2d(3))):
        torch.manual_seed(0)
        found |= {f"norm {axes}/{key}": value for key, value in normalised(norm, axes).items()}
    if rank() == 0:
        save(sys.argv[1], found, about={})
    if size() > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
