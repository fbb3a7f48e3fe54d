"""Preparing and loading against what a plain reader would write; memory against the number."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pywt
import torch
from scipy.signal import resample_poly

from benchmarks.measure import peak_megabytes, report, seconds
from ecglearn.cohort import simulate
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.reading import Buffers
from ecglearn.data.store.store import Store
from ecglearn.signals.filters import zscore
from ecglearn.signals.leads import LEADS
from ecglearn.train.feed import feed

FILES = 64  # different records; the table repeats them
COLUMNS = Columns("records.csv", path="path")
GROWTH = """
import tempfile
from pathlib import Path
from benchmarks.store import COLUMNS, data_set
from ecglearn.data.store.prepare import prepare
from ecglearn.data.datasets.registry import folder_dataset

with tempfile.TemporaryDirectory() as name:
    folder = data_set(Path(name) / "data", {n}, fs=100, samples=800)
    done = prepare(folder_dataset(COLUMNS), folder, Path(name) / "out", seconds=2, workers=1,
                   progress=False)
    assert done.records == {n}, done
"""


def data_set(folder: Path, n: int, *, fs: int, samples: int) -> Path:
    """A table of `n` records that name the same few files again and again."""
    folder.mkdir(parents=True)
    ecg = simulate(FILES, seed=0, fs=fs).ecg[..., :samples]
    for number, signal in enumerate(np.round(1000 * ecg).astype("<i2")):
        lines = [f"r{number} 12 {fs} {samples}"]
        for lead, row in zip(LEADS, signal, strict=True):
            total = int(row.sum(dtype=np.int64)) % 65536
            lines.append(f"r{number}.dat 16 1000.0(0)/mV 16 0 {row[0]} {total} 0 {lead}")
        (folder / f"r{number}.hea").write_text("\n".join(lines) + "\n")
        signal.T.tofile(folder / f"r{number}.dat")
    with (folder / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "path"])
        writer.writerows([k, f"r{k % FILES}"] for k in range(n))
    return folder


def plain(folder: Path, n: int) -> np.ndarray:
    """What one would write first: record by record, lead by lead, with wfdb and pywt."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb
        from sleepecg.heartbeats import detect_heartbeats
    out = np.empty((n, 12, 1000), np.int16)
    for k in range(n):
        record: Any = wfdb.rdrecord(str(folder / f"r{k % FILES}"))
        for lead, row in enumerate(record.p_signal.T):
            x = resample_poly(row, 1, 5, padtype="line")
            parts = pywt.wavedec(x, "db6", mode="symmetric", level=6)
            parts[0] = np.zeros_like(parts[0])
            out[k, lead] = np.round(1000 * pywt.waverec(parts, "db6", mode="symmetric"))
        detect_heartbeats(out[k, 1] / 1000, 100)
    return out


def signals(store: Store) -> np.ndarray:
    """The stored integers (record, lead, time)."""
    return np.asarray(store._signals).reshape(len(store), 12, -1)


def longest_cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of the busiest of its workers.

    What the clock shows when every process has a core to itself; on a busy machine the clock
    measures the others.
    """
    workers = psutil.Process().children(recursive=True)
    before = [sum(worker.cpu_times()[:2]) for worker in workers]
    start = time.process_time()
    work()
    here = time.process_time() - start
    return here + max(
        sum(worker.cpu_times()[:2]) - was for worker, was in zip(workers, before, strict=True)
    )


def preparing(n: int = 1024) -> bool:
    """`prepare` with one process and with two against the plain loop; integers must agree first."""
    with tempfile.TemporaryDirectory() as name:
        folder = data_set(Path(name) / "data", n, fs=500, samples=5000)
        rounds = iter(range(100))

        def prepared(workers: int) -> Store:
            out = Path(name) / f"out{next(rounds)}"
            prepare(folder_dataset(COLUMNS), folder, out, workers=workers, progress=False)
            return open_store(out)

        store = prepared(2)  # also starts the processes
        assert np.abs(signals(store).astype(int) - plain(folder, n)).max() <= 1
        loop, alone = seconds(lambda: plain(folder, n), lambda: prepared(1), repeats=3)
        pair = statistics.median(longest_cpu(lambda: prepared(2)) for _ in range(3))
    one, two = loop / alone, loop / pair
    first = report(
        f"prepare, 12 x 5,000 to 100 Hz, 1 process ({n / alone:,.0f} records/s)",
        f"{one:.1f} times",
        ">= 2 times",
        one >= 2,
    )
    second = report(
        f"the same with 2 processes ({n / pair:,.0f} records/s on idle cores)",
        f"{two:.1f} times",
        ">= 4 times",
        two >= 4,
    )
    return first and second


def loading(n: int = 1024) -> bool:
    """A batch of 32 random records of 12 x 5,000, z-scored, against their integers as floats."""
    with tempfile.TemporaryDirectory() as name:
        folder = data_set(Path(name) / "data", n, fs=500, samples=5000)
        prepare(
            folder_dataset(COLUMNS), folder, Path(name) / "out", fs=500, workers=2, progress=False
        )
        store = open_store(Path(name) / "out")
        raw = signals(store)
        rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:32]

        def floats() -> torch.Tensor:
            return torch.from_numpy(raw[rows.numpy()]).float()

        assert torch.allclose(store[rows].ecg, zscore(floats() / 1000, per="record"), atol=1e-4)
        read, loaded = seconds(floats, lambda: store[rows], repeats=25)
    ratio = loaded / read
    return report(
        f"batch of 32 from a store ({32 / loaded:,.0f} records/s), over a memory map",
        f"{ratio:.1f} times",
        "<= 5 times",
        ratio <= 5,
    )


def as_before(store: Store, rows: torch.Tensor) -> torch.Tensor:
    """A batch as it was read before: integers into zeros, floats into fresh memory, looked at."""
    whole = store.rows[rows.numpy()]
    counts = np.zeros((len(whole), 12, 5000), np.int16)
    for line, start in zip(counts, store._columns["start"][whole], strict=True):
        line[:] = np.asarray(store._signals[start : start + line.size]).reshape(line.shape)
    mean, std = (
        torch.from_numpy(store._columns[name][whole])[:, None, None] for name in ("mean", "std")
    )
    ecg = torch.from_numpy(counts).float().sub_(mean).mul_(1 / (std + 1e-5))
    assert bool(torch.isfinite(ecg).all())
    return ecg


def reading(n: int = 1024, size: int = 512) -> bool:
    """Batches of 512 records of 12 x 5,000: fresh memory against memory that is used again."""
    with tempfile.TemporaryDirectory() as name:
        folder = data_set(Path(name) / "data", n, fs=500, samples=5000)
        prepare(
            folder_dataset(COLUMNS), folder, Path(name) / "out", fs=500, workers=2, progress=False
        )
        store = open_store(Path(name) / "out")
        rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:size]
        floats, integers = Buffers(2), Buffers(2)
        assert torch.equal(as_before(store, rows), store.read(rows, floats).ecg)
        old, new, raw = seconds(
            lambda: as_before(store, rows),
            lambda: store.read(rows, floats),
            lambda: store.counts(rows, integers),
            repeats=7,
        )
    first = report(
        f"reading in batches of {size} ({size / new:,.0f} records/s), over fresh memory",
        f"{old / new:.1f} times",
        ">= 3 times",
        old / new >= 3,
    )
    second = report(
        f"the same as integers, for a device ({size / raw:,.0f} records/s)",
        f"{old / raw:.1f} times",
        ">= 6 times",
        old / raw >= 6,
    )
    return first and second


def ahead(n: int = 512, size: int = 128) -> bool:
    """CPU time of this process for a step, when a worker reads ahead and when it reads itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = data_set(Path(name) / "data", n, fs=500, samples=5000)
        prepare(
            folder_dataset(COLUMNS), folder, Path(name) / "out", fs=500, workers=2, progress=False
        )
        store = open_store(Path(name) / "out")
        store[:]  # checksums
        steps = [[rows] for rows in torch.arange(n).repeat(4).view(-1, size)]
        layer = torch.nn.Conv1d(12, 4, 25, 25)

        def run(workers: int) -> None:
            for (part,) in feed(store, steps, device=torch.device("cpu"), workers=workers):
                layer(part.to("cpu").ecg).square().mean().backward()

        here, there = seconds(lambda: run(0), lambda: run(1), repeats=3)
    return report(
        "own CPU time of a step, reading itself over a worker that reads ahead",
        f"{here / there:.2f} times",
        "told, no target",
        True,
    )


def growth() -> bool:
    """Peak memory of `prepare` on 1,000 and on 100,000 records."""
    a, b = (peak_megabytes(GROWTH.format(n=n)) for n in (1000, 100_000))
    return report(
        "memory of prepare, 1,000 -> 100,000 records",
        f"{a:.0f} -> {b:.0f} MB",
        "growth <= 10%",
        b <= 1.1 * a,
    )
