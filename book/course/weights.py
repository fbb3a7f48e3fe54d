"""The weights that the chapters of the class preset trained, as one folder with a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat

from ecglearn.checkpoint import load

MANIFEST = "manifest.json"


def used(executed: list[nbformat.NotebookNode]) -> list[str]:
    """Names of the weight files that executed chapters trained or loaded, in their order."""
    names: dict[str, None] = {}
    for notebook in executed:
        for name in notebook.metadata.get("ecglearn_weights", ()):
            names[name] = None
    return list(names)


def write_pack(names: list[str], cache: Path, folder: Path) -> list[dict[str, Any]]:
    """Copy weights and say of each what it is, so that nobody takes another's.

    Args:
        names: files of the cache.
        cache: where the build keeps them.
        folder: of the pack, made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for name in names:
        source = cache / name
        content = source.read_bytes()
        _, about = load(source)
        (folder / name).write_bytes(content)
        rows.append(
            {
                "file": name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "steps": about["steps"],
                "key": about["key"],
            }
        )
    text = json.dumps(rows, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return rows
