"""Students' copies in `lesson`, each in an empty folder beside the pack of weights.

python -m benchmarks.lesson                               every chapter, seconds beside the limit
python -m benchmarks.lesson contrastive-learning --seeds 30    one chapter with many seeds
python -m benchmarks.lesson ptacl --copies instructor     solutions too, and what `check` says

`make course` makes the copies and the weights. `--site FOLDER` takes the library from a folder
into which a wheel was installed (`pip install --no-deps --target FOLDER ecglearn.whl`). Exit code
1 where a chapter takes too long or fails, or where a solution's answer is not called right.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from book.build import ROOT
from book.build_chapters import chapters
from book.build_watch import end_with_make

COURSE = ROOT / "_build" / "course"
LIMIT = 60.0  # seconds on two cores


def run(name: str, seed: int, copies: str = "student") -> tuple[float, float, str]:
    """Run one copy; returns seconds, CPU seconds and what was loaded, trained or went wrong."""
    notebook = nbformat.read(COURSE / copies / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("seed = 0", f"seed = {seed}")
    with tempfile.TemporaryDirectory() as place:
        os.environ["ECGLEARN_CACHE"] = str(Path(place) / "cache")
        (Path(place) / "weights").symlink_to(COURSE / "weights")
        (Path(place) / "empty").mkdir()
        before, start = _cpu(), time.perf_counter()
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(Path(place) / "empty")}},
        )
        try:
            client.execute()
            said = _origins(notebook)
        except CellExecutionError as error:
            said = f"FAILED: {error.ename}: {error.evalue}"
        seconds = time.perf_counter() - start
    return seconds, _cpu() - before, said


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _origins(notebook: nbformat.NotebookNode) -> str:
    told = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", ()))
    loaded, trained = told.count("loaded from weights/"), told.count("trained now, in")
    checked = re.findall(r"^([\w-]+): (right$|not yet; .*$)", told, re.MULTILINE)
    wrong = [f"{exercise}: {verdict}" for exercise, verdict in checked if verdict != "right"]
    right = f", {len(checked) - len(wrong)} of {len(checked)} answers right" if checked else ""
    return "; ".join([f"{loaded} loaded, {trained} trained{right}", *wrong])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lesson", description=__doc__)
    parser.add_argument("names", nargs="*", help="chapters; all where none is named")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--copies", choices=["student", "instructor"], default="student")
    parser.add_argument("--site", type=Path, help="with an installed wheel, for the kernels")
    options = parser.parse_args()
    end_with_make()
    if options.site:
        os.environ["PYTHONPATH"] = str(options.site.resolve())
    if not (COURSE / options.copies).is_dir():
        sys.exit("there are no copies: `make book`, then `make course`")
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", TQDM_DISABLE="1")
    missed = 0
    for name in options.names or [chapter.name for chapter in chapters(ROOT / "book")]:
        spent = []
        for seed in range(options.seeds):
            seconds, cpu, said = run(name, seed, options.copies)
            spent.append(seconds)
            bad = seconds > LIMIT or said.startswith("FAILED") or ": not yet" in said
            missed += bad
            mark = "MISSED" if bad else "ok"
            print(
                f"{name:24} seed {seed:2}  {seconds:5.0f} s of {LIMIT:.0f}, {cpu:4.0f} s of CPU  "
                f"{mark:6} {said}",
                flush=True,
            )
        if len(spent) > 1:
            print(
                f"{name}: {len(spent)} seeds, {min(spent):.0f} s at least, "
                f"{statistics.median(spent):.0f} s in the middle, {max(spent):.0f} s at most"
            )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
