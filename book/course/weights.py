"""The weights that the chapters of the class preset trained, as one folder with a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ecglearn.checkpoint import load

MANIFEST = "manifest.json"
MARGIN = 5.0  # seconds between the end of a chapter and its record


def used(cache: Path, runs: Iterable[tuple[float, float]]) -> list[Path]:
    """The weights that were trained or loaded while chapters ran: their files' dates say so.

    Args:
        cache: where the build keeps weights.
        runs: begin and end of each chapter's last run, in seconds since 1970.
    """
    spans = list(runs)
    return sorted(
        file
        for file in cache.glob("*.safetensors")
        if any(begin - MARGIN <= file.stat().st_mtime <= end + MARGIN for begin, end in spans)
    )


def write_pack(files: list[Path], folder: Path) -> list[dict[str, Any]]:
    """Copy weights, and say of each what it was trained with, so that nobody takes another's.

    Args:
        files: of the cache.
        folder: of the pack, made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for source in files:
        content = source.read_bytes()
        _, about = load(source)
        (folder / source.name).write_bytes(content)
        rows.append(
            {
                "file": source.name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "made": about["made"],
                "steps": about["steps"],
                "trained with": about["key"],
            }
        )
    text = json.dumps(rows, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return rows
