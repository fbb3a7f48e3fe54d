"""From a folder of records to a store: in parallel, resumable, the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from tqdm.auto import tqdm

from ecglearn.data.datasets.base import Listing, RecordMeta, SkippedRecord, without_text
from ecglearn.data.datasets.registry import DATASETS, DatasetInfo
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.splits import split_of
from ecglearn.data.store.format import (
    ABOUT,
    INDEX,
    REFUSED,
    SHARDS,
    SIGNALS,
    StoreError,
    join_shards,
)
from ecglearn.data.store.shards import Settings, is_whole, write_shard
from ecglearn.errors import MissingGroupError
from ecglearn.files import LOCK, DiskError, disk, holding
from ecglearn.provenance import code_digest

SHARD = 64  # records that one process reads before it writes
RATES = (61.0, 1000.0)


@dataclass(frozen=True)
class Prepared:
    """What `prepare` has done.

    Attributes:
        out: folder of the store.
        records: how many are in it.
        refused: how many are not; `refused.csv` says why.
        remade: files of an earlier call that were damaged, and so made anew.

    Book: your-own-data#data-prepare
    """

    out: Path
    records: int
    refused: int
    remade: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"; why: {self.out / REFUSED}" if self.refused else ""
        if self.remade:
            told += f"; damaged by an interruption and made anew: {', '.join(self.remade)}"
        return f"{self.records:,} records in {self.out}, {self.refused:,} refused{told}"


def prepare(
    source: str | DatasetInfo,
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    fs: float = 100,
    seconds: float | None = 10,
    validation: float = 0.08,
    test: float = 0.2,
    seed: int = 0,
    workers: int = -1,
    preprocess: Preprocess = "standard",
    progress: bool | None = None,
) -> Prepared:
    """Read, check and clean the records of a data set, and write them to a store.

    Records are resampled and filtered as in `ECGBatch.from_cohort` and kept as whole microvolts;
    the z-score is taken when they are loaded. What cannot be read safely is left out and listed
    with its reason. Killed and called again with the same arguments, it goes on where it was. The
    store has the same bytes whatever the number of processes.

    The work goes through joblib: within `joblib.parallel_config(backend="dask")` the same call runs
    on a cluster that can read `folder` and write to `out`.

    Args:
        source: name of a data set in `DATASETS`, or one of your own.
        folder: where it was unpacked.
        out: folder of the store; made where it is absent.
        fs: samples per second wanted, 61 to 1,000.
        seconds: how much of each record to keep, from its start; shorter ones are kept whole. None
            keeps all.
        validation: share of patients, where the data set has no official split.
        test: share of patients, likewise.
        seed: of that split.
        workers: processes; -1 takes one for each core.
        preprocess: "minmax" keeps records unfiltered and scales each to [0, 1] when it is loaded,
            as the public code of MERL and DERI does.
        progress: show a bar; None shows it unless the environment sets TQDM_DISABLE.

    Returns:
        How many records are in the store and how many were refused.

    Raises:
        StoreError: `out` already holds a store or other files, or an argument cannot be.
        TableError: a table of the data set is absent or unreadable.
        DiskError: another process prepares into `out`, or the disk is full or read-only.
        MissingGroupError: a package is not installed.

    Book: your-own-data#data-prepare
    """
    origin, folder, out = _known(source), Path(folder), Path(out)
    settings = Settings(fs, seconds, validation, test, seed, origin.label_sets, preprocess)
    if workers == 0:
        raise StoreError("0 workers do nothing: give 1 or more, or -1 for one for each core")
    _check(folder, out, settings)
    hidden = bool(os.environ.get("TQDM_DISABLE")) if progress is None else not progress
    with holding(out), disk(out, "read or written"):
        _check(folder, out, settings)  # again: another call may have ended meanwhile
        try:
            return _prepare(origin, folder, out, settings, workers, hidden)
        except sqlite3.OperationalError as error:
            raise DiskError(
                f"the folder of temporary files cannot be written ({error}): make room there; what "
                "was finished is kept, and the same command goes on"
            ) from error


def _prepare(
    origin: DatasetInfo, folder: Path, out: Path, settings: Settings, workers: int, hidden: bool
) -> Prepared:
    joblib = _joblib()
    total = sum(1 for _ in origin.list_records(folder))
    if not total:
        raise StoreError(f"{folder} holds no record of {origin.title}: check the path")
    shards: list[Path] = []
    remade: list[str] = []
    made_by = code_digest(write_shard.__module__, origin.add_header.__module__)
    with tqdm(total=total, disable=hidden, unit="record", desc=origin.name) as bar:

        def unfinished() -> Iterator[tuple]:
            for items in _pieces(_checked(origin.list_records(folder), settings), SHARD):
                name = f"{len(shards):06d}-{_digest(made_by, settings, items)}.arrow"
                shards.append(out / SHARDS / name)
                there = shards[-1].exists()
                if there and is_whole(shards[-1]):
                    bar.update(len(items))
                    continue
                if there:
                    remade.append(name)
                yield items, shards[-1]

        work = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
        task = joblib.delayed(write_shard)
        done: Any = work(
            task(items, folder, path, settings, origin.add_header) for items, path in unfinished()
        )
        for kept, refused in done:
            bar.update(kept + refused)
    kept, refused = join_shards(shards, out, settings, origin)
    shutil.rmtree(out / SHARDS)
    return Prepared(out, kept, refused, tuple(remade))


def _known(source: str | DatasetInfo) -> DatasetInfo:
    if isinstance(source, DatasetInfo):
        return source
    if source not in DATASETS:
        raise StoreError(f"no data set {source!r}; there are {', '.join(DATASETS)}")
    return DATASETS[source]


def _check(folder: Path, out: Path, settings: Settings) -> None:
    if not folder.is_dir():
        raise StoreError(f"there is no folder {folder}: give the one that holds the data set")
    if (out / ABOUT).exists():
        raise StoreError(f"{out} already holds a store: remove it, or give another folder")
    ours = {LOCK, *({SHARDS, SIGNALS, INDEX, REFUSED} if (out / SHARDS).is_dir() else ())}
    if out.is_dir() and any(place.name not in ours for place in out.iterdir()):
        raise StoreError(f"{out} holds other files: give a folder that is new or empty")
    if settings.preprocess not in get_args(Preprocess):
        raise StoreError(f"preprocess is standard or minmax, not {settings.preprocess!r}")
    if not RATES[0] <= settings.fs <= RATES[1]:
        raise StoreError(f"a store has 61 to 1,000 samples per second, not {settings.fs:g}")
    if settings.seconds is not None and not settings.seconds >= 2:
        raise StoreError(f"R peaks need 2 s of each record or more, not {settings.seconds:g}")
    shares = (settings.validation, settings.test)
    if min(shares) < 0 or not sum(shares) <= 1:
        raise StoreError(f"{shares[0]:g} and {shares[1]:g} are no shares of the patients")


def _joblib() -> Any:
    try:
        import joblib
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            "preparing data needs joblib and pyarrow: pip install 'ecglearn[data]'"
        ) from error
    return joblib


def _checked(entries: Listing, settings: Settings) -> Listing:
    """Every record once, every patient on one side; the others refused.

    What was seen is kept in a temporary file of SQLite, so that memory does not grow.
    """
    seen = sqlite3.connect("", check_same_thread=False)
    seen.execute("CREATE TABLE records (name TEXT PRIMARY KEY) WITHOUT ROWID")
    seen.execute("CREATE TABLE patients (name TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID")
    for entry in entries:
        lost = without_text(entry)
        if lost or isinstance(entry, SkippedRecord):
            yield lost or entry
            continue
        if not seen.execute("INSERT OR IGNORE INTO records VALUES (?)", (entry.record,)).rowcount:
            yield SkippedRecord(
                entry.record, "the name comes twice; only the first such record is kept"
            )
            continue
        part = entry.split or split_of(
            entry.patient, validation=settings.validation, test=settings.test, seed=settings.seed
        )
        seen.execute("INSERT OR IGNORE INTO patients VALUES (?, ?)", (entry.patient, part))
        found = seen.execute("SELECT split FROM patients WHERE name = ?", (entry.patient,))
        (first,) = found.fetchone()
        if first != part:
            yield SkippedRecord(
                entry.record,
                f"patient {entry.patient} is in {first} already, so this record cannot be in "
                f"{part}; correct the split",
            )
        else:
            yield replace(entry, split=part)
    seen.close()


def _pieces(entries: Listing, size: int) -> Iterator[list[RecordMeta | SkippedRecord]]:
    while piece := list(islice(entries, size)):
        yield piece


def _digest(made_by: str, settings: Settings, items: list[RecordMeta | SkippedRecord]) -> str:
    """Changes with the table, the settings and the code, so that no stale shard is taken."""
    return hashlib.sha256(repr((made_by, settings, items)).encode()).hexdigest()[:16]
