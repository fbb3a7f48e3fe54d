"""`ecglearn lab`: notebooks of a folder in JupyterLab, with a kernel of the right name."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ecglearn.errors import InputError, MissingGroupError

KERNEL = "ecglearn"


def lab(folder: Path, /, *, browser: bool = True, allow_root: bool = False) -> None:
    """Open a folder of notebooks in JupyterLab, with this environment as the kernel `ecglearn`.

    Args:
        folder: with the notebooks, such as the students' copies of the course.
        browser: open a browser; a hub has its own.
        allow_root: run as root, as in many containers; JupyterLab refuses otherwise.

    Raises:
        InputError: the folder is not there.
        MissingGroupError: the optional group `lab` is not installed.
        SystemExit: JupyterLab failed; with its exit code.

    Book: for-instructors#instructors-lab
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; the course makes one by `make course`")
    if find_spec("jupyterlab") is None or find_spec("ipykernel") is None:
        raise MissingGroupError('JupyterLab is missing: pip install "ecglearn[lab]"')
    register()
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder.resolve()}"]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if allow_root else []
    server = subprocess.Popen(command)
    # Ctrl-C is JupyterLab's: it asks, ends its kernels, and then this program ends with it
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = server.wait()
    finally:
        signal.signal(signal.SIGINT, former)
    if code:
        raise SystemExit(code)


def register(prefix: Path | None = None) -> None:
    """Make this environment known to Jupyter under the name that the copies ask for.

    Args:
        prefix: of the environment in which Jupyter looks; None is this one.

    Book: for-instructors#instructors-lab
    """
    command = [sys.executable, "-m", "ipykernel", "install", "--prefix", str(prefix or sys.prefix)]
    subprocess.run(
        [*command, "--name", KERNEL, "--display-name", KERNEL], check=True, capture_output=True
    )
