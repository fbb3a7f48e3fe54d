"""One small file for each finished run, so that runs of many days and machines add up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RUNS = Path(__file__).resolve().parent / "runs"


def run_file(table: str, variant: str, seed: int, *, runs: Path | None = None) -> Path:
    """Where a run is kept.

    Args:
        table: name of its table.
        variant: its variant.
        seed: its seed.
        runs: folder of all tables; None takes that of the repository.
    """
    return (
        (runs or RUNS)
        / table
        / f"{re.sub(r'[^a-z0-9.]+', '-', variant.lower()).strip('-')}-{seed}.json"
    )


def write_run(
    table: str, variant: str, seed: int, values: dict[str, float], about: dict[str, Any]
) -> Path:
    """Keep a run, whole or not at all.

    Args:
        table: name of its table.
        variant: its variant.
        seed: its seed.
        values: what was measured.
        about: command, setting, code, machine, seconds.
    """
    path = run_file(table, variant, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(float(value), 5) for name, value in values.items()}
    content = {"variant": variant, "seed": seed, "values": rounded, "about": about}
    beside = path.with_suffix(".writing")
    beside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    beside.replace(path)
    return path
