"""Make the tables of longer runs: `python results/make.py [TABLE ...] [--only VARIANT ...]`.

Each finished run is a file of its own in `results/runs/TABLE/`; what is there is kept, so that an
interrupted command goes on where it stopped, and runs of several days and machines add up.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import ecglearn
from book.build_watch import end_with_make
from ecglearn.evaluate.stored_results import read_runs
from ecglearn.provenance import code_digest
from results.run_files import RUNS, run_file, write_run
from results.tables import TABLES, Table


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


def one_run(name: str, variant: str, seed: int) -> None:
    """Make one run and keep it."""
    table = TABLES[name]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    start = time.perf_counter()
    values = table.run(variant, seed)
    about = {
        "command": f"python results/make.py {name}",
        "place": table.variants.index(variant),
        "setting": table.setting,
        "simulated": table.simulated,
        "version": ecglearn.__version__,
        "source": code_digest(table.run.__module__),
        "torch": torch.__version__,
        "machine": machine(),
        "made": str(date.today()),
        "seconds": round(time.perf_counter() - start, 1),
        "preset": table.preset,
        "changed": changed(table.configs.get(variant)),
    }
    write_run(name, variant, seed, values, about)


def waiting(
    name: str, table: Table, only: Sequence[str], seeds: int | None, again: bool
) -> list[tuple[str, int]]:
    """Which runs are to be made, one seed after the other."""
    unknown = set(only) - set(table.variants)
    if unknown:
        raise SystemExit(f"{name} has no variant {sorted(unknown)[0]!r}: {list(table.variants)}")
    todo = []
    for seed in range(seeds or max(table.seeds_of(v) for v in table.variants)):
        for variant in only or table.variants:
            wanted = seed < (seeds or table.seeds_of(variant))
            if wanted and (again or not run_file(name, variant, seed).exists()):
                todo.append((variant, seed))
    return todo


def make(
    name: str,
    only: Sequence[str] = (),
    *,
    seeds: int | None = None,
    again: bool = False,
    jobs: int = 2,
    backend: str = "loky",
) -> None:
    """Make the runs of a table that are not there yet.

    Args:
        name: of the table.
        only: these variants; none: all.
        seeds: so many of each; None: as many as the table asks for.
        again: also those that are there.
        jobs: runs at once.
        backend: of joblib, which may spread them over other machines.
    """
    table = TABLES[name]
    if not table.ready():
        print(f"{name} left as it is: ECGLEARN_DATA names no folder with the real records")
        return
    todo = waiting(name, table, only, seeds, again)
    if (RUNS / name).exists():
        code = code_digest(table.run.__module__)
        old = sum(run["about"]["source"] != code for run in read_runs(RUNS / name))
        if old:
            print(f"{name}: {old} runs are by other code than today's; --again makes them anew")
    with parallel_config(backend=backend, n_jobs=min(jobs, len(todo)) or 1):
        runs = Parallel(return_as="generator_unordered")(
            delayed(one_run)(name, variant, seed) for variant, seed in todo
        )
        for _ in tqdm(runs, desc=name, total=len(todo)):
            pass


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all where none is named")
    words.add_argument("--only", nargs="+", default=[], help="these variants alone")
    words.add_argument("--seeds", type=int, help="so many seeds of each; fewer than the table's")
    words.add_argument("--again", action="store_true", help="also the runs that are there")
    words.add_argument("--jobs", type=int, default=2, help="runs at once")
    words.add_argument("--backend", default="loky", help="of joblib")
    given = words.parse_args()
    end_with_make()
    for name in given.tables or TABLES:
        make(
            name,
            given.only,
            seeds=given.seeds,
            again=given.again,
            jobs=given.jobs,
            backend=given.backend,
        )
