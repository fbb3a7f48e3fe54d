"""Gradients of one batch, its vectors gathered in four ways.

python gathering.py OUT WEIGHTS BATCHES COUNT  alone: trains, then the truth
torchrun --nproc-per-node 2 gathering.py ...    four ways, the same weights
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from unittest.mock import patch

import torch
from ecglearn import ECGBatch, fit, simulate
from ecglearn.checkpoint import load, save
from ecglearn.distributed import gather, rank, size, start
from ecglearn.methods import TAMER, TAMERConfig
from torch import distributed


def patients(number, first):
    """Simulated patients without their films."""
    some = simulate(number, start=first)
    return replace(ECGBatch.from_cohort(some, peaks="true"), cine=None)


def as_numbers(x):
    """The rows of all processes, those of the others without gradient."""
    rows = gather(x.detach()).clone()
    rows[rank() * len(x) : (rank() + 1) * len(x)] = x
    return rows


GATHER = "ecglearn.methods.tamer.gather"
WAYS = {
    "with gradient": {},
    "without gradient": {GATHER: as_numbers},
    "not gathered": {GATHER: lambda x: x},
    "norms apart": {"ecglearn.encoders.batch_norm.size": lambda: 1},
}
PARTS = {
    "contrasts": ("rlca", "uecr", "rada"),
    "words": ("rgwr_ecg", "rgwr_report"),
}


def gradients(method, batch, way):
    """The gradient of each part of the loss, one long vector for each."""
    with ExitStack() as stack:
        for name, new in WAYS[way].items():
            stack.enter_context(patch(name, new))
        terms = method.losses(batch)
    trained = [p for p in method.parameters() if p.requires_grad]
    found = {}
    for part, chosen in PARTS.items():
        loss = torch.stack([terms[name] for name in chosen]).sum()
        gradient = torch.autograd.grad(
            loss, trained, retain_graph=True, materialize_grads=True
        )
        flat = torch.cat([g.flatten() for g in gradient])
        if size() > 1:
            distributed.all_reduce(flat)
        found[part] = flat / size()
    return found


def main(out, weights, batches, count):
    """Compute and save them for some batches of `count` patients."""
    torch.set_num_threads(1)
    start()
    torch.manual_seed(0)
    # nothing is drawn, so all ways see the same
    small = TAMERConfig.preset("smoke")
    method = TAMER(replace(small, dropout=0.0, same_report=False))
    if size() == 1:
        more = patients(8 * count, 10_000)
        fit(method, more, epochs=4, batch_size=count, progress=False)
    method.double()  # what is compared differs by little
    if size() == 1:
        save(weights, method.state_dict(), about={})
    before = load(weights)[0]
    found, share = {}, count // size()
    for k in range(batches):
        whole = patients(count, k * count)
        whole = replace(whole, ecg=whole.ecg.double())
        batch = whole[slice(rank() * share, (rank() + 1) * share)]
        for way in WAYS if size() > 1 else ["with gradient"]:
            method.load_state_dict(before)
            for part, gradient in gradients(method, batch, way).items():
                found[f"{way}/{k}/{part}"] = gradient
    if rank() == 0:
        save(out, found, about={})
    if size() > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:5]))
