"""Damaged stores, shards, weights, resumable states, prompts and tables, and what comes of them."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ecglearn.checkpoint import _digest, load, save  # pyright: ignore[reportPrivateUsage]
from ecglearn.data.store.format import about_digest
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.verify import check_store
from ecglearn.errors import EcglearnError
from ecglearn.evaluate.prompts import load_prompts
from ecglearn.method import Objective
from ecglearn.registry import create
from ecglearn.registry import load as load_method
from ecglearn.train.logging import History
from ecglearn.train.optim import optimiser, schedule
from ecglearn.train.resume import load_state, save_state
from tests.data import layouts
from tests.fuzz.companions import companion_case
from tests.fuzz.file_damage import VALUES, damaged_bytes, damaged_json
from tests.fuzz.outcome import Tally, outcome_of
from tests.fuzz.tables import table_case

preparing: Any = import_module("ecglearn.data.store.prepare")
SETTINGS = {"patients": 8, "batch_size": 4, "epochs": 3, "lr": 0.1}


class _Stopped(Exception):
    """In the place of a kill."""


class Case(NamedTuple):
    """One damaged file.

    Attributes:
        what: in words.
        work: reads it.
        judge: class of what that gave or raised, and what is to be said about it.
    """

    what: str
    work: Callable[[], object]
    judge: Callable[[object], tuple[str, str]]


def cases(seed: int, number: int, folder: Path) -> Iterator[Case]:
    """Damaged files, one after the other in `folder`; each is read before the next is made."""
    whole = Originals(folder / "whole")
    kinds: list[tuple[Any, int]] = [
        (_store, 6),
        (_shard, 1),
        (_weights, 5),
        (_state, 4),
        (_prompts, 3),
        (table_case, 6),
    ]
    kinds += [(companion_case, 6)]
    for k in range(number):
        rng = random.Random(seed * 1_000_003 + k)
        make: Any = rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        place = folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        what, work, judge = make(whole, place, rng)
        yield Case(f"#{k} {make.__name__.strip('_')}: {what}", work, judge)


def tally_files(number: int, seed: int = 0) -> Tally:
    """Read so many damaged files and count what came of them."""
    tally = Tally("stores, weights, tables")
    with tempfile.TemporaryDirectory() as name:
        for case in cases(seed, number, Path(name)):
            outcome, told = outcome_of(case.work, case.judge)
            tally.add(outcome, case.what, told)
    return tally


class Originals:
    """Whole files of every kind, and what they hold."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.data = layouts.ptbxl(folder / "ptbxl", 6)
        other = layouts.ptbxl(
            folder / "other", 6, [layouts.ptbxl_row(k + 1) for k in range(6)][::-1]
        )
        self.store, self.other = folder / "store", folder / "store 2"
        for source, out in ((self.data, self.store), (other, self.other)):
            prepare("ptbxl-100", source, out, workers=1, progress=False)
        self.held = held(self.store)
        self.shards = folder / "interrupted"
        usual = preparing.join_shards, preparing.SHARD
        preparing.join_shards, preparing.SHARD = _stop, 2
        try:
            prepare("ptbxl-100", self.data, self.shards, workers=1, progress=False)
        except _Stopped:
            pass
        finally:
            preparing.join_shards, preparing.SHARD = usual
        torch.manual_seed(0)
        self.method = create("merl", "smoke")
        self.weights, self.state = folder / "weights", folder / "state"
        self.method.save(self.weights)
        layer, optimisers, _ = run()
        layer(torch.ones(1, 3)).sum().backward()
        optimisers[0].step()
        epochs = [{"epoch": 1, "total": 0.5}, {"epoch": 2, "total": 0.25}]
        save_state(self.state, layer, optimisers, History(epochs, 4), SETTINGS)


def run() -> tuple[nn.Linear, list[Any], list[Any]]:
    """A module with its optimiser, as `fit` makes them."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    objective = Objective(list(layer.parameters()), lambda *_: {})
    one = optimiser([objective], layer, 0.1, 0.0, (0.9, 0.95))
    return layer, [one], [schedule(one, 6, 0.1)]


def held(folder: Path) -> list[Any]:
    """Everything that a store gives."""
    store = open_store(folder)
    batch = store[:]
    table = np.nan_to_num(batch.table.numpy(), nan=-1).tolist() if batch.table is not None else None
    parts: list[Any] = [batch.ecg.numpy().tobytes(), batch.fs, batch.reports, batch.names, table]
    return [*parts, store.labels.tolist(), store.label_names, store.index["split"].tolist()]


def refused(error: EcglearnError, *names: str) -> tuple[str, str]:
    """A refusal is one line and names what it is about."""
    told = str(error)
    rightly = "\n" not in told and any(name in told for name in names)
    return ("refused rightly" if rightly else "false reason"), told


def judged(same: Callable[[Any], bool], *names: str) -> Callable[[object], tuple[str, str]]:
    """Refused by name, or read as what stands there."""

    def judge(found: object) -> tuple[str, str]:
        if isinstance(found, EcglearnError):
            return refused(found, *names)
        if isinstance(found, Exception):
            return "crash", repr(found)
        return ("right", "") if same(found) else ("silent", "read as something else")

    return judge


def _stop(*_: object) -> None:
    raise _Stopped


def _store(whole: Originals, place: Path, rng: random.Random) -> tuple:
    out = place / "store"
    shutil.copytree(whole.store, out)
    name = rng.choice(["store.json", "index.parquet", "signals", "refused.csv"])
    kind = rng.choice(["bytes", "bytes", "json", "sealed", "another's", "absent"])
    file, about = out / name, {}
    if kind == "bytes":
        content, what = damaged_bytes(file.read_bytes(), rng)
        file.write_bytes(content)
    elif kind in ("json", "sealed"):
        name, file = "store.json", out / "store.json"
        about, what = damaged_json(json.loads(file.read_text()), rng)
        if kind == "sealed" and "digest" in about:
            about["digest"] = about_digest(about)
        file.write_text(json.dumps(about))
    elif kind == "another's":
        shutil.copy(whole.other / name, file)
        what = kind
    else:
        file.unlink()
        what = kind
    full = name == "refused.csv" or rng.random() < 0.5

    def work() -> list[Any]:
        if full:
            check_store(out, full=True)
        return held(out)

    def same(found: Any) -> bool:
        # what a whole description says differently, under its own digest, is what it says
        longer = kind == "sealed" and about["seconds"] != 10 and found[1:] == whole.held[1:]
        told = kind == "sealed" and found[1:] != whole.held[1:]
        return longer or told or found == whole.held

    return (
        f"{name}, {kind}: {what}{', checked' * full}",
        work,
        judged(same, name, str(out), "record"),
    )


def _shard(whole: Originals, place: Path, rng: random.Random) -> tuple:
    out = place / "store"
    shutil.copytree(whole.shards, out)
    shards = sorted((out / "shards").glob("*.arrow"))
    hurt, other = rng.sample(shards, 2)
    if rng.random() < 0.3:
        content, what = other.read_bytes(), "another's"
    else:
        content, what = damaged_bytes(hurt.read_bytes(), rng)
    changed = content != hurt.read_bytes()
    hurt.write_bytes(content)

    def work() -> tuple[Any, list[Any]]:
        usual, preparing.SHARD = preparing.SHARD, 2
        try:
            done = prepare("ptbxl-100", whole.data, out, workers=1, progress=False)
        finally:
            preparing.SHARD = usual
        return done.remade, held(out)

    def judge(found: Any) -> tuple[str, str]:
        if isinstance(found, Exception):
            return "crash", repr(found)
        remade, now = found
        if now != whole.held or remade != (hurt.name,) * changed:
            return "silent", f"made anew: {remade}"
        return ("noted" if changed else "right"), ""

    return what, work, judge


def _weights(whole: Originals, place: Path, rng: random.Random) -> tuple:
    path = place / "weights.safetensors"
    tensors, about = load(whole.weights)
    kind = rng.choice(["bytes", "about", "about", "tensors", "header"])
    if kind == "bytes":
        content, what = damaged_bytes(whole.weights.read_bytes(), rng)
        path.write_bytes(content)
    elif kind == "about":
        about, what = damaged_json(about, rng)
        save(path, tensors, about=about)
    else:
        tensors, what = _hurt(tensors, rng)
        text = json.dumps(about if kind == "tensors" else rng.choice([[], 1, None, "x", {}]))
        metadata = {"about": text, "digest": _digest(tensors, text)}
        if kind == "header":
            metadata = rng.choice([metadata, {"about": text}, metadata | {"more": ""}, {}])
        save_file(tensors, path, metadata=metadata)

    def same(found: Any) -> bool:
        wanted = whole.method.state_dict()
        told = json.loads(json.dumps(found.config.to_dict()))
        return told == {**told, **about["config"]} and all(
            torch.equal(value, wanted[name]) for name, value in found.state_dict().items()
        )

    return f"{kind}: {what}", lambda: load_method(path), judged(same, path.name)


def _hurt(tensors: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], str]:
    """Tensors of which one is absent, too many, reshaped, of another type or no number."""
    name = rng.choice(
        [key for key, value in tensors.items() if value.ndim and value.is_floating_point()]
    )
    kind = rng.choice(["absent", "more", "reshaped", "type", "nan", "inf", "renamed", "none"])
    changed = dict(tensors)
    if kind in ("absent", "renamed"):
        value = changed.pop(name)
        changed |= {f"{name}s": value} if kind == "renamed" else {}
    elif kind == "more":
        changed["more"] = torch.ones(2)
    elif kind == "reshaped":
        changed[name] = changed[name].flatten()[:-1].clone()
    elif kind == "type":
        changed[name] = changed[name].to(torch.int32)
    elif kind in ("nan", "inf"):
        changed[name] = changed[name].clone()
        changed[name].view(-1)[rng.randrange(changed[name].numel())] = float(kind)
    else:
        kind = "nothing"
    return changed, f"{kind} of {name}"


def _state(whole: Originals, place: Path, rng: random.Random) -> tuple:
    path = place / "last.safetensors"
    tensors, about = load(whole.state)
    kind = rng.choice(["bytes", "about", "about", "tensors"])
    if kind == "bytes":
        content, what = damaged_bytes(whole.state.read_bytes(), rng)
        path.write_bytes(content)
    elif kind == "about":
        about, what = damaged_json(about, rng)
        if rng.random() < 0.3:
            about["steps"] = rng.choice([*VALUES, -5, 5, 6, 8])
            what = f"steps {about['steps']!r:.20}"
        save(path, tensors, about=about)
    else:
        tensors, what = _hurt(tensors, rng)
        text = json.dumps(about)
        save_file(tensors, path, metadata={"about": text, "digest": _digest(tensors, text)})

    def work() -> Any:
        layer, optimisers, schedules = run()
        history = load_state(path, layer, optimisers, schedules, SETTINGS)
        return layer, optimisers[0], history

    def same(found: Any) -> bool:
        layer, one, history = found
        now = dict(layer.state_dict())
        state = one.state_dict()["state"]
        known = {f"weights/{k}": v for k, v in now.items()} | {
            f"optimiser/0/{i}/{k}": v for i, items in state.items() for k, v in items.items()
        }
        return (
            known.keys() == tensors.keys()
            and all(torch.equal(known[k], tensors[k]) for k in known)
            and (history.epochs, history.steps) == (about["epochs"], about["steps"])
            and history.steps == 2 * len(history.epochs)
        )

    return f"{kind}: {what}", work, judged(same, path.name)


def _prompts(whole: Originals, place: Path, rng: random.Random) -> tuple:
    path = place / "mine.json"
    asked = {
        "classes": {"AF": ["atrial fibrillation", "AF"], "normal": "normal ECG"},
        "about": "mine",
    }
    if rng.random() < 0.5:
        asked, what = damaged_json(asked, rng)
        path.write_text(json.dumps(asked))
    else:
        content, what = damaged_bytes(json.dumps(asked).encode(), rng)
        path.write_bytes(content)

    def same(found: Any) -> bool:
        said = json.loads(path.read_text())
        wanted = {k: [v] if isinstance(v, str) else v for k, v in said["classes"].items()}
        words = [text for texts in wanted.values() for text in texts]
        return (
            found == wanted
            and said.keys() <= {"classes", "about"}
            and all(isinstance(text, str) and text.strip() for text in words)
        )

    return what, lambda: load_prompts(path), judged(same, path.name)
