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
from ecglearn.method import Objective, Stage
from ecglearn.methods.clinical_transfer import ClinicalTransferConfig, Reference
from ecglearn.registry import create, list_methods
from ecglearn.train.step import only, turns

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
QUIET: dict[str, dict[str, Any]] = {
    "ptacl": {"augmented": True},
    "deri": {"dropout": 0.0},
    "scar": {"curriculum": False},
    "clinical-transfer": {"dropout": 0.0, "table_dropout": (0.0, 0.0), "hide": 0.0},
}
CLINICAL = ClinicalTransferConfig.preset("smoke", **QUIET["clinical-transfer"])


def stage_of(name: str, index: int) -> Callable[[], Stage]:
    """A new method, and one of its stages."""
    return lambda: create(name, "smoke", **QUIET.get(name, {})).stages()[index][1]


def cases() -> dict[str, Callable[[], Stage]]:
    """Every stage of every registered method, and some variants."""
    found = {
        f"{name}, {part}": stage_of(name, index)
        for name in list_methods()
        for index, (part, _) in enumerate(create(name, "smoke").stages())
    }
    vit = QUIET["deri"] | {"encoder": "vit", "views": "dropout"}
    return found | {
        "deri vit": lambda: create("deri", "smoke", **vit),
        "reference": lambda: Reference(CLINICAL, ecg=True),
    }


class Step(torch.nn.Module):
    """The losses of a turn, as a module that holds the method."""

    def __init__(self, method: Stage, turn: list[Objective]) -> None:
        super().__init__()
        self.method, self.losses = method, turn[0].losses

    def forward(self, batch: ECGBatch, generator: Generator) -> dict[str, torch.Tensor]:
        return self.losses(batch, generator, None)


def three_steps(method: Stage, batch: ECGBatch) -> dict[str, torch.Tensor]:
    """Plain descent: Adam blows rounding up where a gradient is exactly zero."""
    steps = []
    for turn in turns(method):
        step = Step(method, turn)
        if size() > 1:
            step = DistributedDataParallel(
                step, broadcast_buffers=False, find_unused_parameters=True
            )
        trained = [p for one in turn for p in one.parameters]
        steps.append((step, torch.optim.SGD(trained, lr=0.05)))
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
    wanted = sys.argv[2:]
    for name, make in cases().items():
        if wanted and name not in wanted:
            continue
        torch.manual_seed(0)
        method = make().double().train()
        method.setup(whole, 3)
        with only(method.objectives(), method):
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
