"""How things are timed: variants take turns, the median of the process's own CPU time counts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch


def seconds(*variants: Callable[[], object], repeats: int = 5) -> list[float]:
    """Median CPU seconds of each variant; they are interleaved, so that a busy machine hits all."""
    for variant in variants:
        variant()
    taken: list[list[float]] = [[] for _ in variants]
    for _ in range(repeats):
        for times, variant in zip(taken, variants, strict=True):
            start = time.process_time()
            variant()
            times.append(time.process_time() - start)
    return [statistics.median(times) for times in taken]


def matrix_rate(side: int = 1024) -> float:
    """Floating-point operations per second of this machine's own matrix product."""
    a, b = torch.randn(2, side, side)
    return 2 * side**3 / seconds(lambda: a @ b)[0]


def peak_megabytes(code: str) -> float:
    """Peak resident memory of a fresh process that runs `code` (Linux).

    Read from /proc: getrusage would count the memory of the process that started this one.
    """
    tail = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def numbers(code: str) -> list[float]:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [float(x) for x in done.stdout.split()]


def report(what: str, value: str, target: str, ok: bool) -> bool:
    """One line of the table."""
    print(f"{'ok  ' if ok else 'MISS'}  {what:<62} {value:>22}   target {target}", flush=True)
    return ok
