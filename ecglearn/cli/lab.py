"""`ecglearn lab`: notebooks of a folder in JupyterLab, with a kernel of the right name."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ecglearn.errors import InputError, MissingGroupError

KERNEL = "ecglearn"


def lab(folder: Path, /, *, browser: bool = True) -> None:
    """Open a folder of notebooks in JupyterLab, with this environment as the kernel `ecglearn`.

    Args:
        folder: with the notebooks, such as the students' copies of the course.
        browser: open a browser; a hub has its own.

    Raises:
        InputError: the folder is not there.
        MissingGroupError: the optional group `lab` is not installed.

    Book: for-instructors#instructors-lab
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; the course makes one by `make course`")
    if find_spec("jupyterlab") is None or find_spec("ipykernel") is None:
        raise MissingGroupError('JupyterLab is missing: pip install "ecglearn[lab]"')
    register()
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder.resolve()}"]
    subprocess.run([*command, *([] if browser else ["--no-browser"])], check=False)


def register() -> None:
    """Make this environment known to Jupyter under the name that the copies ask for.

    Book: for-instructors#instructors-lab
    """
    command = [sys.executable, "-m", "ipykernel", "install", "--sys-prefix"]
    subprocess.run(
        [*command, "--name", KERNEL, "--display-name", KERNEL], check=True, capture_output=True
    )
