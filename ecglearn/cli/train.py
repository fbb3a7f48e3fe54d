"""`ecglearn train`: a method on a store, on one process or, under torchrun, on many."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from ecglearn.cli.data import Data, open_data
from ecglearn.cli.run_folder import HISTORY, WEIGHTS, Started, begin, goes_on
from ecglearn.cli.terminal import say
from ecglearn.data.store.learnable import learnable, missing
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.distributed import rank, start
from ecglearn.encoders.shelf import Shelf
from ecglearn.encoders.text_tower import TextTower
from ecglearn.errors import InputError
from ecglearn.files import holding, whole
from ecglearn.method import Method
from ecglearn.own_method import check_contract, own_object
from ecglearn.recipe import Recipe
from ecglearn.registry import list_methods, made, method_class
from ecglearn.train import fit
from ecglearn.train.logging import redrawn
from ecglearn.train.settings import check_run
from ecglearn.train.step import Precision

_NOT_THE_RESULT = ("model", "out", "resume", "overwrite", "extend", "workers", "shelf", "log")
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
        data: folder of a store made by `ecglearn prepare`, several with commas between them (a=2,b:
            an epoch sees the records of a twice), or cohort:N or cohort:N:seed for N simulated
            patients.
        out: folder for weights.safetensors, history.jsonl and what a resumed run needs.
        model: sizes and weights of the method.
        preset: sizes and recipe that the other flags start from: class, paper, released or smoke.
        encoder: MODULE:CLASS of an ECG encoder of yours instead of the method's own.
        epochs: passes over the training part, in each stage; None: as the preset has it for each
            stage, as for all flags down to decay-all.
        batch_size: records of a step, over all processes and micro-batches.
        lr: peak learning rate.
        betas: of AdamW.
        weight_decay: of the matrices that multiply features.
        warmup: share of the steps with a rising rate.
        restarts: steps after which the rate starts anew at its peak.
        decay_all: let the decay reach every parameter.
        seed: of weights, order, masks and augmentations.
        resume: go on from what an earlier run left in `out`; without, only what the same command
            began is continued.
        overwrite: train anew where `out` holds an earlier run.
        extend: go on with a finished run, or one with fewer epochs, to the epochs given now.
        best: judge the validation part after each epoch, and keep the weights of the best one.
        clip: greatest norm of the gradient.
        workers: processes that read ahead; 0 reads in this one.
        by_length: batches of reports of like length: less padding, faster where words are read.
        shelf: folder for what the text model said of reports that memory (2 GB) has no room for;
            without, they are read again.
        precision: fp32, tf32 for its matrix products on a card that has it, or bf16 for matrix
            products in bfloat16.
        compile: compile the encoders by torch.compile.
        accumulate: micro-batches of a step; loss and gradient stay those of the whole batch.
        log: folder for TensorBoard.

    Book: many-machines#commands
    """

    data: str
    out: Path
    model: Any
    preset: str = "class"
    encoder: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    betas: tuple[float, float] | None = None
    weight_decay: float | None = None
    warmup: float | None = None
    restarts: int | None = None
    decay_all: bool | None = None
    seed: int = 0
    resume: bool = False
    overwrite: bool = False
    extend: bool = False
    best: bool = False
    clip: float | None = None
    workers: int = 0
    by_length: bool = False
    shelf: Path | None = None
    precision: Precision = "fp32"
    compile: bool = False
    accumulate: int = 1
    log: Path | None = None


def train(words: Sequence[str]) -> None:
    """Train a method; `ecglearn train METHOD --help` lists the flags of its configuration.

    Args:
        words: name of the method, or MODULE:CLASS of one of yours, then flags.

    Raises:
        InputError: an unknown method or preset, or data that the method cannot learn from.

    Book: many-machines#commands
    """
    if not words or words[0] in ("-h", "--help"):
        known = ", ".join(list_methods())
        print(f"usage: ecglearn train METHOD ...\n\nmethods: {known}, or MODULE:CLASS")
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
    start_from += [
        (field.name, f"{field.type} | None", _shared(method_class(name), preset)[field.name])
        for field in fields(Recipe)
        if field.name != "known"
    ]
    run = make_dataclass(
        "Run", start_from, bases=(Run,), frozen=True, namespace={"__doc__": Run.__doc__}
    )
    found = tyro.cli(
        run,
        prog=f"ecglearn train {name}",
        args=list(flags),
        description=f"Train {name}; the defaults shown are those of the preset {preset!r}.",
    )
    config.from_dict(found.model.to_dict())
    for recipe in recipes(method_class(name), found):
        more = {n: getattr(found, n) for n in ("seed", "accumulate", "clip", "workers")}
        check_run(recipe.arguments() | more)
    return found


def recipes(kind: type[Method], run: Run) -> list[Recipe]:
    """How each stage is trained: the recipe of the preset, changed where a flag says so.

    Args:
        kind: of method.
        run: the flags.

    Book: many-machines#recipes
    """
    given = {
        name: value
        for name, before in _shared(kind, run.preset).items()
        if (value := getattr(run, name)) != before
    }
    return [
        replace(one, **given, known=tuple(name for name in one.known if name not in given))
        for one in kind.recipe(run.preset)
    ]


def _shared(kind: type[Method], preset: str) -> dict[str, Any]:
    """What the recipes of all stages of a preset agree on; None where they do not."""
    rows = [asdict(recipe) for recipe in kind.recipe(preset)]
    return {
        name: value if all(row[name] == value for row in rows) else None
        for name, value in rows[0].items()
        if name != "known"
    }


def _preset(flags: Sequence[str]) -> str:
    """Looked for before all other flags, whose defaults depend on it."""
    pairs = zip(flags, [*flags[1:], ""], strict=True)
    found = [after for flag, after in pairs if flag == "--preset"]
    found += [f.removeprefix("--preset=") for f in flags if f.startswith("--preset=")]
    if len(found) > 1:
        raise InputError(f"--preset is given more than once ({', '.join(found)}): leave one")
    return found[0] if found else "class"


def _train(name: str, run: Run) -> None:
    with holding(run.out) if rank() == 0 else nullcontext():
        _train_alone(name, run)


def _train_alone(name: str, run: Run) -> None:
    flags = {k: v for k, v in asdict(replace(run, model=None)).items() if k not in _NOT_THE_RESULT}
    reads = {"fs": run.model.fs, "preprocess": run.model.preprocess}
    kind = method_class(name)
    data = open_data(run.data, **reads, weighted=True, needs=kind.needs)
    if run.by_length and "reports" not in kind.needs:
        raise InputError(f"{kind.name} reads no reports: leave out --by-length")
    records = _learnable(kind, data)
    run = _fitted(run, records)
    source = data.records.digest() if isinstance(data.records, Store | Stores) else ""
    now = Started(method=kind.name, config=run.model.to_dict(), run=flags, data=source)
    resume = goes_on(run.out, now, resume=run.resume, overwrite=run.overwrite, extend=run.extend)
    judges = None
    if run.best:
        judges = data.part(data.rows("validation"))
    if rank() == 0 and not run.resume:
        begin(run.out, now, anew=not resume)
    torch.manual_seed(run.seed)
    device = f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
    encoder = None if run.encoder is None else own_object(run.encoder)
    method = made(kind, run.model, encoder).to(device)
    if ":" in name:
        check_contract(method, records)
    lines, stages = [], method.stages()
    resolved = recipes(kind, run)[-len(stages) :]  # an own encoder may leave out the first
    for (part, stage), recipe in zip(stages, resolved, strict=True):
        _read_reports(stage, records, run.shelf)
        _say(f"{kind.name}, {part}: {len(records):,} records on {device}; {recipe}")
        history = fit(
            stage.to(device),
            records,
            seed=run.seed,
            out=run.out / part,
            resume=resume,
            accumulate=run.accumulate,
            precision=run.precision,
            compile=run.compile,
            clip=run.clip,
            validation=judges,
            extend=run.extend,
            workers=run.workers,
            by_length=run.by_length,
            progress="lines" if os.environ.get("TQDM_DISABLE") or not redrawn() else "bar",
            log=None if run.log is None else run.log / part,
            **recipe.arguments(),
        )
        lines += [{"stage": part, **epoch} for epoch in history.epochs]
        if history.best_epoch:
            _say(f"{kind.name}, {part}: kept are the weights of epoch {history.best_epoch}")
    if rank() == 0:
        with whole(run.out / HISTORY) as part:
            part.write_text("".join(json.dumps(x) + "\n" for x in lines), "utf-8")
        method.save(
            run.out / WEIGHTS,
            run=asdict(replace(run, model=None)),
            recipes=[asdict(recipe) for recipe in resolved],
        )
    _say(f"weights: {run.out / WEIGHTS}")


def _fitted(run: Run, records: Any) -> Run:
    """With the sizes of the data, where the configuration leaves them to it."""
    fitted = run.model.for_data(records[slice(0, 1)])
    changed = [
        f.name for f in fields(fitted) if getattr(fitted, f.name) != getattr(run.model, f.name)
    ]
    if changed:
        _say(f"as the data have it: {', '.join(f'{n} {getattr(fitted, n)}' for n in changed)}")
    return replace(run, model=fitted)


def _read_reports(method: nn.Module, records: Any, shelf: Path | None) -> None:
    """Let text models read everything beforehand, in one order.

    Their rounding depends on which reports are read together, and a resumed run would meet them in
    other company than an undisturbed one.
    """
    for tower in method.modules():
        if isinstance(tower, TextTower):
            tower.model.to(next(tower.parameters()).device)
            reports = sorted(set(records.reports))
            if shelf is not None:
                tower.model.shelf = Shelf(shelf)
            for first in range(0, len(reports), _AT_ONCE):
                tower.remember(reports[first : first + _AT_ONCE])


def _learnable(kind: type[Method], data: Data) -> Any:
    """The training part, when it has what the method learns from."""
    rows = data.rows("train")
    if lacks := data.lacks(kind.needs):
        raise InputError(
            f"{kind.name} learns from {', '.join(FIELDS.get(name, name) for name in lacks)}, which "
            "these data do not hold; join them to the store by `ecglearn join`, or give --data "
            "cohort:N"
        )
    part = data.part(rows)
    if not isinstance(part, Store | Stores):
        return part
    part, told = learnable(part, kind.needs)
    for line in (*told, *missing(part, kind.needs)):
        _say(line)
    if isinstance(part, Stores):
        for name, store in part.parts().items():
            _say(f"{name}: {len(store):,} records, each {data.weights[name]} times an epoch")
        part = part.repeated(data.weights)
    return part


def _say(text: str) -> None:
    if rank() == 0:
        say(text, error=True)
