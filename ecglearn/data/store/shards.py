"""Some records of a data set read, checked and cleaned into one file; the work of one process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.datasets.base import RecordMeta, SkippedRecord, path_inside
from ecglearn.data.preprocess import (
    COUNTS_PER_MV,
    TOGETHER,
    Preprocess,
    check_length,
    clean_ecg,
    finish_record,
)
from ecglearn.data.store.refusal import refusal
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.files import whole

_DIGEST = 64  # letters at the end of a shard
LONGEST = 1800.0  # seconds, as the longest records of the Challenge


@dataclass(frozen=True)
class Settings:
    """What `prepare` does to every record.

    Attributes:
        fs: samples per second of the store.
        seconds: how much of each record to keep, from its start; None keeps all.
        validation: share of patients, where the data set has no official split.
        test: share of patients, likewise.
        seed: of that split.
        label_sets: names of the label sets to keep.
        preprocess: "standard", or "minmax" for records that are not filtered.

    Book: your-own-data#data-prepare
    """

    fs: float
    seconds: float | None
    validation: float
    test: float
    seed: int
    label_sets: tuple[str, ...]
    preprocess: Preprocess = "standard"


Read = tuple[dict[str, Any], ECGRecord]


def write_shard(
    items: Sequence[RecordMeta | SkippedRecord],
    folder: Path,
    path: Path,
    settings: Settings,
    add_header: Callable[[RecordMeta, ECGRecord], RecordMeta],
) -> tuple[int, int]:
    """Read, check and clean some records, and write them to one file: whole or not at all.

    Args:
        items: in the order in which they will stand in the store.
        folder: of the data set.
        path: file to write; rows in the order of `items`, refused ones without a signal.
        settings: what to do to each record.
        add_header: adds what a header says to an entry.

    Returns:
        How many records are in the file, and how many were refused.

    Book: your-own-data#data-prepare
    """
    import pyarrow as pa
    from pyarrow import feather

    rows: list[dict[str, Any]] = []
    waiting: dict[tuple[float, int], list[Read]] = {}  # rate and length to records alike
    for item in items:
        row: dict[str, Any] = {"record": item.record}
        rows.append(row)
        try:
            if isinstance(item, SkippedRecord):
                raise RecordError(item.reason)
            record = _read(folder, item, settings)
            row |= _described(add_header(item, record), record, settings)
            samples = record.signal.shape[1]
            alike = waiting.setdefault((record.fs, samples), [])
            alike.append((row, record))
            if len(alike) * samples >= TOGETHER:
                _clean(alike, folder, settings)
                alike.clear()
        except Exception as error:
            row["reason"] = refusal(error, folder)
    for alike in waiting.values():
        _clean(alike, folder, settings)
    table = pa.Table.from_pylist(rows, schema(settings.label_sets))
    with whole(path) as part:
        feather.write_feather(table, part, compression="uncompressed")
        digest = _shard_digest(part, path.name)
        with part.open("ab") as file:
            file.write(digest.encode())
    refused = sum("reason" in row for row in rows)
    return len(rows) - refused, refused


def is_whole(path: Path) -> bool:
    """Whether a shard holds what was written under this name.

    Args:
        path: written by `write_shard`.

    Book: your-own-data#data-prepare
    """
    size = path.stat().st_size
    if size <= _DIGEST:
        return False
    with path.open("rb") as file:
        file.seek(size - _DIGEST)
        written = file.read()
    return _shard_digest(path, path.name, size - _DIGEST) == written.decode("latin-1")


def open_shard(path: Path) -> Any:
    """The table of a shard that is whole.

    Args:
        path: written by `write_shard`.

    Book: your-own-data#data-prepare
    """
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file, footer_offset=file.size() - _DIGEST).read_all()


def _shard_digest(path: Path, name: str, size: int | None = None) -> str:
    """Of the name and the first bytes of a file."""
    made = hashlib.sha256(name.encode() + b"\0")
    left = path.stat().st_size if size is None else size
    with path.open("rb") as file:
        while piece := file.read(min(left, 1 << 20)):
            made.update(piece)
            left -= len(piece)
    return made.hexdigest()


def schema(label_sets: Sequence[str]) -> Any:
    """Columns of a shard: those of the index, then the signal and why there is none.

    Args:
        label_sets: names of the label sets, one column each.

    Book: your-own-data#data-store
    """
    import pyarrow as pa

    words, numbers = pa.list_(pa.string()), pa.list_(pa.int32())
    text = ("record", "path", "patient", "split", "sex", "report", "statements", "notes")
    return pa.schema(
        [(name, pa.string()) for name in text]
        + [("age", pa.float32()), ("source_fs", pa.float32()), ("samples", pa.int32())]
        + [("mean", pa.float32()), ("std", pa.float32())]
        + [("r_peaks", numbers), ("gaps", numbers)]
        + [(f"labels {name}", words) for name in label_sets]
        + [("signal", pa.large_binary()), ("reason", pa.string())]
    )


def _read(folder: Path, entry: RecordMeta, settings: Settings) -> ECGRecord:
    record = read_record(path_inside(folder, entry.path), root=folder, longest=LONGEST)
    check_length(record, fs=settings.fs)
    return record


def _described(entry: RecordMeta, record: ECGRecord, settings: Settings) -> dict[str, Any]:
    """What the index says about a record besides its signal."""
    return {
        "path": entry.path,
        "patient": entry.patient,
        "split": entry.split,
        "sex": entry.sex,
        "age": entry.age,
        "report": entry.report,
        "statements": entry.statements,
        "notes": "; ".join((*entry.notes, *record.notes)),
        "source_fs": record.fs,
        **{f"labels {name}": entry.labels.get(name, ()) for name in settings.label_sets},
    }


def _clean(alike: list[Read], folder: Path, settings: Settings) -> None:
    """Filter records of one rate and length together, and complete their rows."""
    if not alike:
        return
    try:
        signals = np.stack([record.signal for _, record in alike])
        clean = clean_ecg(signals, alike[0][1].fs, fs=settings.fs, preprocess=settings.preprocess)
    except Exception as error:
        if len(alike) == 1:
            alike[0][0]["reason"] = refusal(error, folder)
        else:  # one of them: each alone
            for one in alike:
                _clean([one], folder, settings)
        return
    for (row, record), signal in zip(alike, clean, strict=True):
        try:
            row |= _stored(signal, record, row["notes"], settings)
        except Exception as error:
            row["reason"] = refusal(error, folder)


def _stored(
    clean: NDArray[np.float32], record: ECGRecord, notes: str, settings: Settings
) -> dict[str, Any]:
    """Counts, what was observed, what is taken off and divided by, and R peaks of one record."""
    done = finish_record(
        clean, record.observed, record.fs, fs=settings.fs, seconds=settings.seconds
    )
    counts = np.rint(done.signal * COUNTS_PER_MV)
    there = counts[done.observed]
    if settings.preprocess == "minmax":
        low, size = there.min(), np.ptp(there)
    else:
        low, size = there.mean(), there.std()
    return {
        "notes": "; ".join(filter(None, (notes, done.note))),
        "samples": counts.shape[1],
        "mean": float(low),
        "std": float(size),
        "r_peaks": done.r_peaks,
        "gaps": gaps(done.observed),
        "signal": counts.astype("<i2").tobytes(),
    }


def gaps(seen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Stretches without a measurement: lead, first sample, first sample after it, and so on.

    Args:
        seen: which samples were observed (lead, time).

    Returns:
        Three numbers for each stretch; empty when all was observed.

    Book: your-own-data#data-store
    """
    edges = np.diff(~seen, axis=1, prepend=False, append=False)
    lead, at = np.nonzero(edges)
    return np.stack([lead[::2], at[::2], at[1::2]], 1).astype(np.int32).ravel()
