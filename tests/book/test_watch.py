"""`make` killed alone: its recipe ends, and what the recipe has started."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from book.build import ROOT
from book.build_run import run_notebook

# the programs lie elsewhere and need the folder of `book` on their path
BESIDE = {**os.environ, "PYTHONPATH": str(ROOT)}
MAKEFILE = "all:\n\t@{python} {program} {folder}\n"
PROGRAM = """
import subprocess, sys, time
from pathlib import Path
from book.build_watch import end_with_make

end_with_make()
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path(sys.argv[1], "pids").write_text(f"{below.pid}")
time.sleep(600)
"""


def ended(number: int) -> bool:
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def waited_for(what, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


def test_what_make_started_ends_with_it(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "Makefile").write_text(
        MAKEFILE.format(python=sys.executable, program=tmp_path / "program.py", folder=tmp_path)
    )
    command = ["make", "-C", str(tmp_path)]
    make = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=BESIDE)
    pids = tmp_path / "pids"
    assert waited_for(lambda: pids.exists() and pids.read_text())
    started = psutil.Process(make.pid).children(recursive=True)
    assert int(pids.read_text()) in {process.pid for process in started}
    make.kill()
    make.wait()
    assert waited_for(lambda: all(ended(process.pid) for process in started))


WORKSHOP = """
import sys
from pathlib import Path
from book.build_chapters import Chapter
from book.build_run import Workshop

if __name__ == "__main__":
    root = Path(sys.argv[1])
    list(Workshop(root, root / "_build", "smoke").run([Chapter(root / "slow.ipynb")]))
"""


@pytest.mark.book
def test_kernels_end_with_the_build(tmp_path):
    cell = nbformat.v4.new_code_cell(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()));"
        "time.sleep(600)"
    )
    spec = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    slow = nbformat.v4.new_notebook(cells=[cell], metadata=spec)
    nbformat.write(slow, tmp_path / "slow.ipynb")
    (tmp_path / "program.py").write_text(WORKSHOP)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]
    build = subprocess.Popen(command, env=BESIDE)
    pid = tmp_path / "pid"
    assert waited_for(lambda: pid.exists() and pid.read_text(), 120)
    started = psutil.Process(build.pid).children(recursive=True)
    assert int(pid.read_text()) in {process.pid for process in started}
    build.kill()
    build.wait()
    assert waited_for(lambda: all(ended(process.pid) for process in started))


@pytest.mark.book
def test_a_temporary_folder_of_a_chapter_ends_with_its_kernel(tmp_path):
    cell = nbformat.v4.new_code_cell(
        "import tempfile; scratch = tempfile.TemporaryDirectory(); "
        f"open({str(tmp_path / 'name')!r}, 'w').write(scratch.name)"
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "short.ipynb")
    run_notebook(tmp_path / "short.ipynb", tmp_path / "out.ipynb", {})
    name = Path((tmp_path / "name").read_text())
    assert waited_for(lambda: not name.exists())
