"""The files of a store: shards joined in order, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ecglearn.data.datasets.registry import DatasetInfo
from ecglearn.data.label_sets import label_set
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.store.shards import COUNTS_PER_MV, Settings, is_whole, open_shard, schema
from ecglearn.errors import InputError
from ecglearn.files import disk, sync
from ecglearn.metadata import Count, Description, Digest
from ecglearn.signals.leads import LEADS

ABOUT, INDEX, SIGNALS, REFUSED = "store.json", "index.parquet", "signals", "refused.csv"
SHARDS = "shards"  # folder that is there while `prepare` works
VERSION = 2
_GROUP = 4096  # rows that are written to the index at once
_RUN = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula begins so
Positive = Annotated[float, Field(gt=0)]


class StoreError(InputError):
    """A store that is absent, damaged or cannot be made; the message says which and why.

    Book: your-own-data#data-store
    """


class FileFacts(Description):
    """Size and content of a file of a store.

    Attributes:
        bytes: how many it has.
        sha256: digest of them.

    Book: your-own-data#data-store
    """

    bytes: Count
    sha256: Digest


#: What was done to records, in words.
CLEANED = {
    "standard": "resampled and filtered by ecglearn.data.preprocess; z-score when loaded",
    "minmax": "resampled, not filtered; scaled to [0, 1] when loaded",
}


class About(Description):
    """What `store.json` says; `digest` is that of everything else in it.

    Book: your-own-data#data-store
    """

    format: Literal["ecglearn store"]
    version: Literal[2]
    data_set: str = Field(alias="data set")
    licence: str
    citation: str
    records: Count
    refused: Count
    fs: Positive
    seconds: Positive | None
    leads: list[str]
    unit: str
    cleaned: str
    preprocess: Preprocess
    splits: dict[str, Count]
    split_digest: str = Field(alias="split digest", pattern="^[0-9a-f]{16}$")
    label_sets: dict[str, list[str]] = Field(alias="label sets")
    files: dict[str, FileFacts]
    digest: Digest


def about_digest(about: dict[str, Any]) -> str:
    """The digest of a description, without the digest that it holds.

    Args:
        about: what `store.json` says.

    Book: your-own-data#data-store
    """
    rest = {name: value for name, value in about.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def facts(path: Path) -> dict[str, Any]:
    """Size and digest of a file.

    Args:
        path: the file.

    Book: your-own-data#data-store
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


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

    Raises:
        StoreError: a shard is damaged; it is removed, so that the next call makes it anew.
        DiskError: the disk does not take the files; nothing half written is left.

    Book: your-own-data#data-store
    """
    place = shards[0].parent
    parts = {
        name: place / f".{name}.{os.getpid()}-0.part" for name in (SIGNALS, INDEX, REFUSED, ABOUT)
    }
    with disk(out):
        try:
            counts = _join(shards, parts, settings, source)
            for part in parts.values():
                sync(part)
            for name, part in parts.items():  # store.json is the last: with it the store is whole
                if name == ABOUT:
                    sync(out)
                part.replace(out / name)
            sync(out)
        except BaseException:
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
    return counts


def _join(
    shards: Sequence[Path], parts: dict[str, Path], settings: Settings, source: DatasetInfo
) -> tuple[int, int]:
    import pyarrow as pa
    from pyarrow import parquet

    columns = [f for f in schema(settings.label_sets) if f.name not in ("signal", "reason")]
    wanted = pa.schema([*columns, ("start", pa.int64()), ("crc", pa.uint32())])
    names: dict[str, Counter] = {name: Counter() for name in settings.label_sets}
    splits: Counter = Counter()
    kept = refused = start = digest = 0
    with (
        parts[SIGNALS].open("wb") as signals,
        parquet.ParquetWriter(parts[INDEX], wanted) as index,
        parts[REFUSED].open("w", newline="", encoding="utf-8") as reasons,
    ):
        writer = csv.writer(reasons)
        writer.writerow(["record", "reason"])
        waiting: list[Any] = []
        for path in shards:
            if not is_whole(path):
                path.unlink()
                raise StoreError(
                    f"{path} was damaged, and is removed: call prepare again, it goes on from there"
                )
            table = open_shard(path)
            for row in table.select(["record", "reason"]).to_pylist():
                if row["reason"] is not None:
                    writer.writerow([inert(row["record"]), inert(row["reason"])])
                    refused += 1
            table = table.filter(table["reason"].is_null())
            starts, sums = [], []
            for signal in table["signal"]:
                counts = signal.as_buffer()
                starts.append(start // 2)
                sums.append(zlib.crc32(counts))
                start += signals.write(counts)
            kept += len(table)
            for row in table.select(["record", "split"]).to_pylist():
                splits[row["split"]] += 1
                digest += _number(f"{row['record']}\t{row['split']}")
            for name, counted in names.items():
                counted.update(table[f"labels {name}"].combine_chunks().flatten().to_pylist())
            table = table.append_column("start", pa.array(starts, pa.int64()))
            table = table.append_column("crc", pa.array(sums, pa.uint32()))
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
        "cleaned": CLEANED[settings.preprocess],
        "preprocess": settings.preprocess,
        "splits": dict(sorted(splits.items())),
        "split digest": f"{digest % 2**64:016x}",
        "label sets": {name: _classes(name, found) for name, found in names.items()},
        "files": {name: facts(parts[name]) for name in (SIGNALS, INDEX, REFUSED)},
    }
    about["digest"] = about_digest(json.loads(json.dumps(about)))
    parts[ABOUT].write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return kept, refused


def inert(text: str) -> str:
    """Text of a cell that no spreadsheet runs.

    Args:
        text: any.

    Book: your-own-data#data-refused
    """
    return f"'{text}" if text.startswith(_RUN) else text


def _classes(name: str, found: Counter) -> list[str]:
    """Published order where there is one, else by name."""
    try:
        return list(label_set(name))
    except ValueError:
        return sorted(found)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
