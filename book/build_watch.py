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
        end_with_parent()


def end_with_parent() -> None:
    """Look from now on, in a thread, whether the parent of this process is still there."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
