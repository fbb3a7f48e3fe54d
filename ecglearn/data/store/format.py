"""The files of a store: shards joined in order, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecglearn.data.datasets.registry import DatasetInfo
from ecglearn.data.label_sets import label_set
from ecglearn.data.store.shards import COUNTS_PER_MV, Settings, schema
from ecglearn.errors import InputError
from ecglearn.signals.leads import LEADS

ABOUT, INDEX, SIGNALS, REFUSED = "store.json", "index.parquet", "signals", "refused.csv"
SHARDS = "shards"  # folder that is there while `prepare` works
VERSION = 1
_GROUP = 4096  # rows that are written to the index at once


class StoreError(InputError):
    """A store that is absent, damaged or cannot be made; the message says which and why.

    Book: your-own-data#data-store
    """


def join_shards(
    shards: Sequence[Path], out: Path, settings: Settings, source: DatasetInfo
) -> tuple[int, int]:
    """Join shards in order to the four files of a store; `store.json` comes last.

    Args:
        shards: all of them.
        out: folder of the store.
        settings: with which they were made.
        source: the data set.

    Returns:
        How many records are in the store, and how many were refused.

    Book: your-own-data#data-store
    """
    import pyarrow as pa
    from pyarrow import feather, parquet

    columns = [f for f in schema(settings.label_sets) if f.name not in ("signal", "reason")]
    wanted = pa.schema([*columns, ("start", pa.int64())])
    names: dict[str, Counter] = {name: Counter() for name in settings.label_sets}
    splits: Counter = Counter()
    kept = refused = start = digest = 0
    place = shards[0].parent
    parts = {name: place / f"{name}.{os.getpid()}" for name in (SIGNALS, INDEX, REFUSED, ABOUT)}
    with (
        parts[SIGNALS].open("wb") as signals,
        parquet.ParquetWriter(parts[INDEX], wanted) as index,
        parts[REFUSED].open("w", newline="", encoding="utf-8") as reasons,
    ):
        writer = csv.writer(reasons)
        writer.writerow(["record", "reason"])
        waiting: list[Any] = []
        for path in shards:
            table = feather.read_table(path, memory_map=False)
            for row in table.select(["record", "reason"]).to_pylist():
                if row["reason"] is not None:
                    writer.writerow([row["record"], row["reason"]])
                    refused += 1
            table = table.filter(table["reason"].is_null())
            starts = []
            for signal in table["signal"]:
                starts.append(start // 2)
                start += signals.write(signal.as_buffer())
            kept += len(table)
            for row in table.select(["record", "split"]).to_pylist():
                splits[row["split"]] += 1
                digest += _number(f"{row['record']}\t{row['split']}")
            for name, counted in names.items():
                counted.update(table[f"labels {name}"].combine_chunks().flatten().to_pylist())
            table = table.append_column("start", pa.array(starts, pa.int64()))
            waiting.append(table.select(wanted.names))
            if sum(map(len, waiting)) >= _GROUP or path == shards[-1]:
                index.write_table(pa.concat_tables(waiting), row_group_size=2 * _GROUP)
                waiting.clear()
    about = {
        "format": "ecglearn store",
        "version": VERSION,
        "data set": source.title,
        "licence": source.licence,
        "citation": source.citation,
        "records": kept,
        "refused": refused,
        "fs": settings.fs,
        "seconds": settings.seconds,
        "leads": LEADS,
        "unit": f"1 count = 1/{COUNTS_PER_MV} mV, int16, little-endian, lead by lead",
        "cleaned": "resampled and filtered by ecglearn.data.preprocess; z-score when loaded",
        "splits": dict(sorted(splits.items())),
        "split digest": f"{digest % 2**64:016x}",
        "label sets": {name: _classes(name, found) for name, found in names.items()},
    }
    parts[ABOUT].write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name, part in parts.items():  # store.json is the last: with it the store is whole
        part.replace(out / name)
    return kept, refused


def _classes(name: str, found: Counter) -> list[str]:
    """Published order where there is one, else by name."""
    try:
        return list(label_set(name))
    except ValueError:
        return sorted(found)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
