"""Make the tables of longer runs: `python results/make.py [TABLE ...]`.

Each finished run is written at once, so that an interrupted command goes on where it stopped.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import ecglearn
from ecglearn.checkpoint import library_hash
from results import clinical, deri, five_methods, planted, scar, tamer
from results.ptacl import ABLATION, ALIGNMENT, ablation_run, alignment_run, settings

SEEDS = (0, 1, 2)
HERE = Path(__file__).resolve().parent
# table -> variant -> what it changes in the class preset
CHANGED = {
    "ptacl-alignment": {name: settings(config) for name, config in ALIGNMENT.items()},
    "ptacl-ablation": {name: settings(config) for name, (config, _) in ABLATION.items()},
    "tamer-ablation": {name: tamer.settings(c) for name, c in tamer.ABLATION.items()},
    "deri-ablation": {name: deri.settings(c) for name, c in deri.ABLATION.items()},
    "scar-missingness": {name: scar.settings(c) for name, c in scar.MISSINGNESS.items()},
    "scar-planted": {name: scar.settings(c) for name, (c, _) in planted.PLANTED.items()},
}
ABLATION_ROWS = (*ABLATION, "PTACL, fine-tuned", "supervised", "random init")
TABLES: dict[str, tuple[tuple[str, ...], Callable[[str, int], dict], str]] = {
    "ptacl-alignment": (
        tuple(ALIGNMENT), alignment_run,
        "2048 training and 512 test patients of cohort seed 0, 20 epochs, batch 128, no stage 1",
    ),
    "ptacl-ablation": (
        ABLATION_ROWS, ablation_run,
        "1024 training and 512 test patients of cohort seed 0, 20 epochs for each stage, batch 64",
    ),
    "tamer-ablation": (
        tuple(tamer.ABLATION), tamer.ablation_run,
        "512 training and 512 test patients of cohort seed 0, 8 epochs, batch 64, embedded text",
    ),
    "deri-ablation": (
        tuple(deri.ABLATION), deri.ablation_run,
        "512 training and 512 test patients of cohort seed 0, 12 epochs, batch 32, embedded text; "
        "embedded writer, 12 epochs on the frozen vectors",
    ),
    "clinical-transfer": (
        tuple(clinical.VARIANTS), clinical.run,
        "1024 training and 1024 test patients of cohort seed 0; 12 epochs on pairs, 8 on flags, "
        "10 on all diagnoses or 100 steps on fewer",
    ),
    "scar-missingness": (
        tuple(scar.MISSINGNESS), scar.missingness_run,
        "1024 training and 512 test patients of cohort seed 0 (white-box: 128 of them), 10 epochs, "
        "batch 64, embedded text",
    ),
    "five-methods": (
        five_methods.VARIANTS, five_methods.run,
        "2048 training and 1024 test patients of cohort seed 0, second site of cohort seed 1, 12 "
        "passes over all stages, batch 64, encoders of 275,000 parameters, embedded text",
    ),
    "scar-planted": (
        tuple(planted.PLANTED), planted.planted_run,
        "512 training and 512 test records of planted waves in noise, drawn anew for each seed, 19 "
        "epochs, batch 64, embedded text",
    ),
}  # fmt: skip


def make(table: str) -> None:
    """Every variant with every seed; runs of an unchanged library are kept."""
    variants, run, setting = TABLES[table]
    path = HERE / f"{table}.json"
    about = {
        "command": f"python results/make.py {table}", "setting": setting, "seeds": list(SEEDS),
        "version": ecglearn.__version__, "source": library_hash(), "torch": torch.__version__,
        "machine": f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)",
        "simulated": True, "preset": "class",
        "changed": {v: CHANGED.get(table, {}).get(v, {}) for v in variants},
    }  # fmt: skip
    runs: list[dict] = []
    if path.exists():
        before = json.loads(path.read_text())
        if before["about"]["source"] == about["source"]:
            runs = before["runs"]
    done = {(r["variant"], r["seed"]) for r in runs}
    todo = [(v, s) for s in SEEDS for v in variants if (v, s) not in done]
    for variant, seed in tqdm(todo, desc=table):
        start = time.perf_counter()
        measured = {name: round(value, 5) for name, value in run(variant, seed).items()}
        seconds = round(time.perf_counter() - start, 1)
        runs.append({"variant": variant, "seed": seed, **measured, "seconds": seconds})
        runs.sort(key=lambda r: (variants.index(r["variant"]), r["seed"]))
        about["seconds"] = round(sum(r["seconds"] for r in runs), 1)
        path.write_text(json.dumps({"about": about, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        make(name)
