"""Runs chapters with papermill, two at a time, and measures what each took."""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import nbformat

from book.build_chapters import Chapter, code_cells
from book.build_inputs import chapter_inputs
from book.build_watch import end_with

BESIDE = ("book.build_render", "book.build_stage", "book.course.downloads")  # of `book.build`
CELL_SECONDS = 600  # a cell that takes longer hangs
TELL_SECONDS = 20  # between two lines that say what is running
START_SECONDS = 60  # on a busy machine a kernel needs ten
NOT_STARTED = ("Kernel didn't respond", "Kernel died before replying")
KERNEL_ARGUMENTS = [
    # errors of cells are in the notebook; the kernel's own log says only that it was ended
    "--log-level=50",
    # Widgets talk to nobody here: their messages race with the cell's own and now and then a
    # cell never ends. Live cells still run, once, with their first values.
    "--IPKernelApp.exec_lines=import comm; comm.create_comm = comm.DummyComm; del comm",
]


@dataclass(frozen=True)
class Run:
    """One chapter's execution: what went in, what it took, what went wrong."""

    name: str
    inputs: dict[str, str]
    seconds: float = 0.0
    peak_gb: float = 0.0
    error: str = ""
    why: str = ""
    """What made it run; empty where an earlier run still holds."""


@dataclass(frozen=True)
class Workshop:
    """Where chapters are run, and with what."""

    root: Path
    out: Path
    preset: str
    data: str | None = None
    package: str = "ecglearn"
    workers: int = 2

    @property
    def parameters(self) -> dict[str, Any]:
        """What papermill injects; the seed stays the chapter's own."""
        return {"preset": self.preset, "data": self.data}

    def executed(self, name: str) -> Path:
        """The notebook with its outputs; the record of its run lies beside it."""
        return self.out / "executed" / f"{name}.ipynb"

    def answers(self, name: str) -> Path:
        """What the chapter's solutions gave, one file for each checked exercise."""
        return self.out / "answers" / name

    def run(
        self, chapters: list[Chapter], *, tell: Callable[[str], None] | None = None
    ) -> Iterator[Run]:
        """Runs what must run, never before what it names in ``after``; yields as each finishes.

        What others wait for goes first, then what waits for most, then what has most cells, so that
        no worker is idle at the end. ``tell`` is called every now and then with one line that says
        what is running.
        """
        wanted = Counter(name for chapter in chapters for name in chapter.after)
        rank = {
            c.name: (wanted[c.name], len(c.after), len(code_cells(c.notebook))) for c in chapters
        }
        chapters = sorted(chapters, key=lambda c: rank[c.name], reverse=True)
        waiting = {chapter.name: chapter for chapter in chapters}
        running: dict[Future[Run], str] = {}
        pool = ProcessPoolExecutor(
            self.workers,
            mp_context=prepared_processes(),
            initializer=begin,
            initargs=(os.getpid(), dict(os.environ)),
            max_tasks_per_child=1,
        )
        try:
            while waiting or running:
                unfinished = waiting.keys() | set(running.values())
                ready = [c for c in waiting.values() if not unfinished & set(c.after)]
                if not ready and not running:
                    raise ValueError(f"these chapters wait for each other: {', '.join(waiting)}")
                for chapter in ready:
                    if len(running) == self.workers:
                        break
                    del waiting[chapter.name]
                    run = self.plan(chapter)
                    if run.why:
                        running[pool.submit(execute, self, chapter, run)] = chapter.name
                    else:
                        yield run
                pause = TELL_SECONDS if tell else None
                ended = wait(running, pause, FIRST_COMPLETED).done if running else ()
                for future in ended:
                    del running[future]
                    yield future.result()
                if tell and running and not ended:
                    tell("; ".join(filter(None, map(self.place, running.values()))))
        finally:
            pool.shutdown(cancel_futures=True)

    def place(self, name: str) -> str:
        """Where a running chapter is, as its notebook says, which is written after each cell.

        Nothing for one that has not begun: its record is removed when it does.
        """
        if self.executed(name).with_suffix(".json").exists():
            return ""
        try:
            cells = code_cells(nbformat.read(self.executed(name), as_version=4))
        except FileNotFoundError:
            return ""
        except ValueError:  # just being written
            return name
        status = [cell.metadata.get("papermill", {}).get("status") for cell in cells]
        return f"{name}, cell {min(status.count('completed') + 1, len(cells))} of {len(cells)}"

    def earlier(self, chapter: Chapter) -> Run | None:
        """The last run that went through, with whatever inputs it had."""
        notebook = self.executed(chapter.name)
        record = notebook.with_suffix(".json")
        if not (notebook.exists() and record.exists()):
            return None
        return Run(**json.loads(record.read_text()))

    def plan(self, chapter: Chapter) -> Run:
        """The earlier run where its inputs are today's, else one that says why it is needed."""
        inputs = chapter_inputs(chapter, self.parameters, root=self.root, package=self.package)
        earlier = self.earlier(chapter)
        if earlier is None:
            return Run(chapter.name, inputs, why="first run")
        both = inputs | earlier.inputs
        changed = [name for name in both if inputs.get(name) != earlier.inputs.get(name)]
        return replace(earlier, inputs=inputs, why=", ".join(changed))


def prepared_processes() -> BaseContext:
    """Where a system can: copies of a process that has read what every run needs."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["papermill", __name__, *BESIDE])
    return context


def begin(build: int, environment: dict[str, str]) -> None:
    """What a copy does first: it may be of a process that started in another environment."""
    os.environ.clear()
    os.environ.update(environment)
    end_with(build)


def execute(workshop: Workshop, chapter: Chapter, run: Run) -> Run:
    """Runs one chapter in a process of its own, so that the peak memory is its kernel's alone."""
    from papermill.exceptions import PapermillExecutionError

    target = workshop.executed(chapter.name)
    record = target.with_suffix(".json")
    target.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    target.unlink(missing_ok=True)
    os.environ.update(
        OMP_NUM_THREADS="1",
        OMP_WAIT_POLICY="passive",
        PYDEVD_DISABLE_FILE_VALIDATION="1",
        TQDM_DISABLE="1",  # bars are for those who wait in front of a kernel
        ECGLEARN_CACHE=str(workshop.root / "_build" / "cache"),
        ECGLEARN_ANSWERS=str(workshop.answers(chapter.name)),
    )
    shutil.rmtree(workshop.answers(chapter.name), ignore_errors=True)
    seconds, error = 0.0, ""
    try:
        seconds = run_notebook(chapter.path, target, workshop.parameters)
    except PapermillExecutionError as failure:
        error = f"cell {failed_cell(target)}: {failure.ename}: {failure.evalue}\n{failure}"
    except Exception as failure:  # a dead kernel, a cell that hangs, a file that is no notebook
        error = f"{type(failure).__name__}: {failure}"
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    run = replace(run, seconds=seconds, peak_gb=peak_gb, error=error)
    if not error:
        record.write_text(json.dumps(asdict(replace(run, why="")), indent=1))
    return run


def run_notebook(
    source: Path, target: Path, parameters: dict[str, Any], *, last_chance: bool = False
) -> float:
    """Runs a notebook and returns the seconds it took.

    Ports are found free before the kernel takes them. When another program was faster, the kernel
    dies or stays silent; it then gets other ports and a second chance.
    """
    import papermill

    start = time.perf_counter()
    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            cwd=source.parent,
            progress_bar=False,
            execution_timeout=CELL_SECONDS,
            start_timeout=START_SECONDS,
            extra_arguments=KERNEL_ARGUMENTS,
        )
    except RuntimeError as failure:
        if last_chance or not str(failure).startswith(NOT_STARTED):
            raise
        return run_notebook(source, target, parameters, last_chance=True)
    return time.perf_counter() - start


def failed_cell(target: Path) -> int:
    """The failing cell's number among all cells that the author wrote, counted from 1."""
    added = {"injected-parameters", "papermill-error-cell-tag"}
    cells = nbformat.read(target, as_version=4).cells
    own = [cell for cell in cells if not added & set(cell.metadata.get("tags", []))]
    for number, cell in enumerate(own, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return number
    return 0
