"""`ecglearn train`: a method on a store, on one process or, under torchrun, on many."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, make_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from ecglearn.cli.data import Data, open_data
from ecglearn.distributed import rank, start
from ecglearn.encoders.text_tower import TextTower
from ecglearn.errors import InputError
from ecglearn.method import Method
from ecglearn.registry import list_methods, method_class
from ecglearn.train import fit
from ecglearn.train.step import Precision

_AT_ONCE = 1024  # reports
FIELDS = {
    "cine": "cines of the heart",
    "labs": "laboratory values",
    "table": "demographics and vital signs",
    "diagnoses": "diagnoses",
    "phenotypes": "phenotypes of the heart",
    "reports": "reports",
}


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        data: folder of a store made by `ecglearn prepare`, or cohort:N or cohort:N:seed for N
            simulated patients.
        out: folder for weights.safetensors, history.jsonl and what a resumed run needs.
        model: sizes and weights of the method.
        preset: sizes that the other flags start from: class, paper or smoke.
        epochs: passes over the training part, in each stage.
        batch_size: records of a step, over all processes and micro-batches.
        seed: of weights, order, masks and augmentations.
        lr: peak learning rate.
        resume: go on from what an earlier run left in `out`.
        precision: fp32, or bf16 for matrix products in bfloat16.
        compile: compile the encoders by torch.compile.
        accumulate: micro-batches of a step; loss and gradient stay those of the whole batch.
        log: folder for TensorBoard.

    Book: many-machines#commands
    """

    data: str
    out: Path
    model: Any
    preset: str = "class"
    epochs: int = 20
    batch_size: int = 64
    seed: int = 0
    lr: float = 3e-3
    resume: bool = False
    precision: Precision = "fp32"
    compile: bool = False
    accumulate: int = 1
    log: Path | None = None


def train(words: Sequence[str]) -> None:
    """Train a method; `ecglearn train METHOD --help` lists the flags of its configuration.

    Args:
        words: name of the method, then flags.

    Raises:
        InputError: an unknown method or preset, or data that the method cannot learn from.

    Book: many-machines#commands
    """
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: ecglearn train METHOD ...\n\nmethods: {', '.join(list_methods())}")
        return
    name, *flags = words
    run = parse(name, flags)
    start()
    try:
        _train(name, run)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def parse(name: str, flags: Sequence[str]) -> Run:
    """The run that the flags describe: a preset, changed where a flag says so.

    Args:
        name: of the method.
        flags: after the name.

    Raises:
        InputError: an unknown method or preset.

    Book: many-machines#commands
    """
    import tyro

    config = method_class(name).config_class
    preset = _preset(flags)
    # the same class, with the preset as its defaults
    start_from = [("model", config, config.preset(preset)), ("preset", str, preset)]
    run = make_dataclass(
        "Run", start_from, bases=(Run,), frozen=True, namespace={"__doc__": Run.__doc__}
    )
    return tyro.cli(
        run,
        prog=f"ecglearn train {name}",
        args=list(flags),
        description=f"Train {name}; the defaults shown are those of the preset {preset!r}.",
    )


def _preset(flags: Sequence[str]) -> str:
    """Looked for before all other flags, whose defaults depend on it."""
    for flag, after in zip(flags, [*flags[1:], ""], strict=True):
        if flag == "--preset":
            return after
        if flag.startswith("--preset="):
            return flag.removeprefix("--preset=")
    return "class"


def _train(name: str, run: Run) -> None:
    data = open_data(run.data, fs=run.model.fs)
    kind = method_class(name)
    records = _learnable(kind, data)
    torch.manual_seed(run.seed)
    device = f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
    method = kind(run.model).to(device)
    lines = []
    for part, stage in method.stages():
        _read_reports(stage, records)
        _say(f"{name}, {part}: {len(records):,} records, {run.epochs} epochs on {device}")
        history = fit(
            stage.to(device),
            records,
            epochs=run.epochs,
            batch_size=run.batch_size,
            seed=run.seed,
            lr=run.lr,
            out=run.out / part,
            resume=run.resume,
            accumulate=run.accumulate,
            precision=run.precision,
            compile=run.compile,
            log=None if run.log is None else run.log / part,
        )
        lines += [{"stage": part, **epoch} for epoch in history.epochs]
    if rank() == 0:
        method.save(run.out / "weights.safetensors", run=asdict(replace(run, model=None)))
        (run.out / "history.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    _say(f"weights: {run.out / 'weights.safetensors'}")


def _read_reports(method: nn.Module, records: Any) -> None:
    """Let text models read everything beforehand, in one order.

    Their rounding depends on which reports are read together, and a resumed run would meet them in
    other company than an undisturbed one.
    """
    for tower in method.modules():
        if isinstance(tower, TextTower):
            reports = sorted(set(records.reports))
            for first in range(0, len(reports), _AT_ONCE):
                tower.encode(reports[first : first + _AT_ONCE])


def _learnable(kind: type[Method], data: Data) -> Any:
    """The training part, when it has what the method learns from."""
    rows = data.rows("train")
    if lacks := data.lacks(kind.needs):
        raise InputError(
            f"{kind.name} learns from {', '.join(FIELDS.get(name, name) for name in lacks)}, which "
            "these data do not hold; give --data cohort:N, or call ecglearn.fit with batches that "
            f"carry {', '.join(lacks)}"
        )
    if "reports" not in kind.needs:
        return data.part(rows)
    written = np.array([bool(text.strip()) for text in data.records.reports])
    if not written[rows].any():
        raise InputError(
            f"{kind.name} learns from reports, and no record of the training part has one"
        )
    if not written[rows].all():
        _say(f"left out: {int((~written[rows]).sum()):,} records without a report")
    return data.part(rows[written[rows]])


def _say(text: str) -> None:
    if rank() == 0 and not os.environ.get("TQDM_DISABLE"):
        print(text, file=sys.stderr)
