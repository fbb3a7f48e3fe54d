"""Make the tables of longer runs: `python results/make.py [TABLE ...] [--only VARIANT ...]`.

Each finished run is written at once, so that an interrupted command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import ecglearn
from book.build_watch import end_with_make
from ecglearn.provenance import code_digest
from results.runs import clinical, deri, five_methods, planted, real, scar, tamer
from results.runs.ptacl import ABLATION, ALIGNMENT, ablation_run, alignment_run

SEEDS = (0, 1, 2)
HERE = Path(__file__).resolve().parent
# table -> variant -> its configuration
CONFIGS: dict[str, dict[str, Any]] = {
    "ptacl-alignment": ALIGNMENT,
    "ptacl-ablation": {name: config for name, (config, _) in ABLATION.items()},
    "tamer-ablation": tamer.ABLATION,
    "deri-ablation": deri.ABLATION,
    "scar-missingness": scar.MISSINGNESS,
    "scar-planted": {name: config for name, (config, _) in planted.PLANTED.items()},
    "five-methods": five_methods.CONFIGS,
}
ABLATION_ROWS = (*ABLATION, "PTACL, fine-tuned", "supervised", "random init")
TABLES: dict[str, tuple[tuple[str, ...], Callable[[str, int], dict], str]] = {
    "ptacl-alignment": (
        tuple(ALIGNMENT),
        alignment_run,
        "2048 training and 512 test patients of cohort seed 0, 20 epochs, batch 128, no stage 1",
    ),
    "ptacl-ablation": (
        ABLATION_ROWS,
        ablation_run,
        "1024 training and 512 test patients of cohort seed 0, 20 epochs for each stage, batch 64",
    ),
    "tamer-ablation": (
        tuple(tamer.ABLATION),
        tamer.ablation_run,
        "512 training and 512 test patients of cohort seed 0, 8 epochs, batch 64, embedded text",
    ),
    "deri-ablation": (
        tuple(deri.ABLATION),
        deri.ablation_run,
        "512 training and 512 test patients of cohort seed 0, 12 epochs, batch 32, embedded text; "
        "embedded writer, 12 epochs on the frozen vectors",
    ),
    "clinical-transfer": (
        tuple(clinical.VARIANTS),
        clinical.run,
        "1024 training and 1024 test patients of cohort seed 0; 12 epochs on pairs, 8 on flags, "
        "10 on all diagnoses or 100 steps on fewer",
    ),
    "scar-missingness": (
        tuple(scar.MISSINGNESS),
        scar.missingness_run,
        "1024 training and 512 test patients of cohort seed 0 (white-box: 128 of them), 10 epochs, "
        "batch 64, embedded text",
    ),
    "five-methods": (
        five_methods.VARIANTS,
        five_methods.run,
        "2048 training and 1024 test patients of cohort seed 0, second site of cohort seed 1, 12 "
        "passes over all stages, batch 64, encoders of 275,000 parameters, embedded text",
    ),
    "real-records": (
        real.VARIANTS,
        real.run,
        "small licensed samples of PTB-XL, LUDB and the CinC Challenges (190, 134 and 43 records); "
        "probes and real reports from the training folds of PTB-XL; class preset, embedded text",
    ),
    "scar-planted": (
        tuple(planted.PLANTED),
        planted.planted_run,
        "512 training and 512 test records of planted waves in noise, drawn anew for each seed, 19 "
        "epochs, batch 64, embedded text",
    ),
}
REAL = ("real-records",)


def machine() -> str:
    """What the runs were made on."""
    if torch.cuda.is_available():
        return f"one {torch.cuda.get_device_name()}"
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def changed(config: Any) -> dict[str, Any]:
    """What a configuration changes in the `class` preset of its method."""
    if config is None:
        return {}
    usual = type(config).preset("class")
    pairs = {f.name: (getattr(config, f.name), getattr(usual, f.name)) for f in fields(config)}
    return {name: value for name, (value, before) in pairs.items() if value != before}


def make(table: str, only: Sequence[str] = ()) -> None:
    """Every variant with every seed; runs that today's code would make again alike are kept.

    With `only`, these variants are made again and all other runs are kept as they are; each run
    says by which code it was made.
    """
    variants, run, setting = TABLES[table]
    if table in REAL and real.folder() is None:
        print(f"{table} left as it is: ECGLEARN_DATA names no folder with the real records")
        return
    path = HERE / f"{table}.json"
    source = code_digest(run.__module__)
    about = {
        "command": f"python results/make.py {table}",
        "setting": setting,
        "seeds": list(SEEDS),
        "version": ecglearn.__version__,
        "source": source,
        "torch": torch.__version__,
        "machine": machine(),
        "simulated": table not in REAL,
        "preset": "full" if table == "five-methods" else "class",
        "changed": {v: changed(CONFIGS.get(table, {}).get(v)) for v in variants},
    }
    runs: list[dict] = []
    if path.exists():
        before = json.loads(path.read_text())
        usual = before["about"]["source"]
        for one in before["runs"]:
            made_by = one.get("source", usual)
            if made_by == source or (only and one["variant"] not in only):
                runs.append({**one, "source": made_by})
    done = {(r["variant"], r["seed"]) for r in runs}
    todo = [(v, s) for s in SEEDS for v in only or variants if (v, s) not in done]
    for variant, seed in tqdm(todo, desc=table):
        start = time.perf_counter()
        measured = {name: round(value, 5) for name, value in run(variant, seed).items()}
        seconds = round(time.perf_counter() - start, 1)
        known = {"variant": variant, "seed": seed, **measured, "seconds": seconds}
        runs.append({**known, "source": source})
        runs.sort(key=lambda r: (variants.index(r["variant"]), r["seed"]))
        about["seconds"] = round(sum(r["seconds"] for r in runs), 1)
        path.write_text(json.dumps({"about": about, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all where none is named")
    words.add_argument("--only", nargs="+", default=[], help="variants to make again; others stay")
    given = words.parse_args()
    end_with_make()
    for name in given.tables or TABLES:
        make(name, given.only)
