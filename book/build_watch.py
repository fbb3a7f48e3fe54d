"""Ends a program, and all that it started, when the program that started it has ended."""

from __future__ import annotations

import os
import threading
import time

import psutil

SECONDS = 1.0  # between two looks


def end_with_make() -> None:
    """Under `make`, end when it does: killed alone it would leave its recipes at work."""
    if "MAKELEVEL" in os.environ:
        end_with(os.getppid())


def end_with(pid: int) -> None:
    """Look from now on, in a thread, whether a process is still there, such as the parent."""
    threading.Thread(target=_watch, args=(psutil.Process(pid),), daemon=True).start()


def _watch(other: psutil.Process) -> None:
    while other.is_running() and other.status() != psutil.STATUS_ZOMBIE:
        time.sleep(SECONDS)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
