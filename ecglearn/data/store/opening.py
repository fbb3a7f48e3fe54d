"""Opening a store: nothing is handed out before what lies there has been looked at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ecglearn.data.store.companions import read_companions
from ecglearn.data.store.format import (
    ABOUT,
    INDEX,
    REFUSED,
    SHARDS,
    SIGNALS,
    VERSION,
    About,
    StoreError,
    about_digest,
    facts,
)
from ecglearn.data.store.remote import fetch_store
from ecglearn.data.store.shards import schema
from ecglearn.data.store.store import Ragged, Store
from ecglearn.metadata import described
from ecglearn.signals.leads import LEADS


def open_store(
    path: str | os.PathLike[str], *, labels: str | None = None, companions: bool = True
) -> Store:
    """Open a store that `prepare` has made, with what `join` has joined to it.

    Args:
        path: its folder, or where a copy of it lies: s3://bucket/store, and whatever else fsspec
            knows. Signals are then read by ranges, when they are needed.
        labels: name of a label set; None takes the first of the data set.
        companions: False leaves out what was joined.

    Raises:
        StoreError: it is absent, unfinished or damaged, or has no such label set.

    Book: your-own-data#data-store
    """
    remote = None
    if "://" in os.fspath(path):
        folder, remote = fetch_store(os.fspath(path))
    else:
        folder = Path(path)
    files = (ABOUT, INDEX, SIGNALS) if remote is None else (ABOUT, INDEX)
    absent = [name for name in files if not (folder / name).is_file()]
    if absent:
        unfinished = (folder / SHARDS).is_dir()
        raise StoreError(
            f"{folder} has no {', '.join(absent)}: "
            + ("call prepare again, it goes on where it was" if unfinished else "it is no store")
        )
    about, raw = _read_about(folder)
    table = _read_index(folder, about)
    peaks, gaps = (Ragged.of(table[name].combine_chunks()) for name in ("r_peaks", "gaps"))
    _check_index(folder, about, table, peaks, gaps)
    size = (folder / SIGNALS).stat().st_size if remote is None else 2 * remote.size
    if size != about.files[SIGNALS].bytes or size != 24 * table["samples"].to_numpy().sum(
        dtype=int
    ):
        raise StoreError(f"{folder}: index and signals do not belong together: prepare it again")
    signals: Any = remote
    if remote is None:
        signals = np.memmap(folder / SIGNALS, "<i2", mode="r") if size else np.empty(0, np.int16)
    first, rows = next(iter(about.label_sets), ""), np.arange(len(table))
    joined = read_companions(folder, raw, table["record"].to_pylist()) if companions else None
    seen = np.zeros(len(table), bool)
    own = None if joined is None else joined.splits
    store = Store(raw, first, rows, table, signals, peaks, gaps, seen, joined, False, own)
    return store if labels is None else store.with_labels(labels)


def _read_about(folder: Path) -> tuple[About, dict[str, Any]]:
    place = folder / ABOUT
    try:
        raw = json.loads(place.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise StoreError(f"{folder} is damaged ({error}): prepare it again") from error
    if not isinstance(raw, dict) or raw.get("format") != "ecglearn store":
        raise StoreError(f"{place} is no description of a store: prepare it again")
    if raw.get("version") != VERSION:
        raise StoreError(
            f"{folder} has format {raw.get('version')!r:.40}, this library reads {VERSION}: "
            "prepare it again"
        )
    about = described(About, raw, place, StoreError)
    if about.digest != about_digest(raw):
        raise StoreError(f"{place} is damaged, or was edited: prepare the store again")
    if about.leads != list(LEADS) or about.files.keys() != {SIGNALS, INDEX, REFUSED}:
        raise StoreError(f"{place} names other leads or files than a store has: prepare it again")
    return about, raw


def _read_index(folder: Path, about: About) -> Any:
    """The index, when it is the one that `store.json` knows."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        same = facts(folder / INDEX) == about.files[INDEX].model_dump()
        table = parquet.read_table(folder / INDEX) if same else None
    except (ValueError, OSError, pa.ArrowException) as error:
        raise StoreError(f"{folder / INDEX} is damaged ({error}): prepare it again") from error
    if table is None:
        raise StoreError(
            f"{folder / INDEX} is damaged, or that of another store: prepare the store again"
        )
    own = [
        field for field in schema(tuple(about.label_sets)) if field.name not in ("signal", "reason")
    ]
    wanted = pa.schema([*own, ("start", pa.int64()), ("crc", pa.uint32())])
    if not table.schema.equals(wanted, check_metadata=False):
        raise StoreError(f"{folder / INDEX} has other columns than a store: prepare it again")
    return table


def _check_index(folder: Path, about: About, table: Any, peaks: Ragged, gaps: Ragged) -> None:
    """Refuse numbers that `prepare` never writes."""
    samples, std = table["samples"].to_numpy(), table["std"].to_numpy()
    ends = np.cumsum(12 * samples.astype(np.int64))
    each = np.repeat(samples, np.diff(peaks.edges))
    holes = gaps.values[gaps.edges[0] : gaps.edges[-1]]
    lead, first, last = holes[: len(holes) // 3 * 3].reshape(-1, 3).T
    longest = np.repeat(samples, np.diff(gaps.edges) // 3)
    right = {
        "samples": bool((samples >= 1).all()),
        "start": bool((table["start"].to_numpy() == ends - 12 * samples).all()),
        "mean": bool(np.isfinite(table["mean"].to_numpy()).all()),
        "std": bool((np.isfinite(std) & (std >= 0)).all()),
        "r_peaks": bool(((peaks.values >= 0) & (peaks.values < each)).all()),
        "gaps": not (np.diff(gaps.edges) % 3).any()
        and bool(((lead >= 0) & (lead < 12) & (first >= 0) & (first < last)).all())
        and bool((last <= longest).all()),
        "records": len(table) == about.records,
        "seconds": about.seconds is None
        or int(samples.max(initial=0)) <= round(about.seconds * about.fs),
        **{
            f"labels {name}": set(
                table[f"labels {name}"].combine_chunks().flatten().unique().to_pylist()
            )
            <= set(classes)
            for name, classes in about.label_sets.items()
        },
    }
    if wrong := [name for name, fits in right.items() if not fits]:
        raise StoreError(
            f"{folder / INDEX} has impossible values in {', '.join(wrong)}: prepare the store again"
        )
