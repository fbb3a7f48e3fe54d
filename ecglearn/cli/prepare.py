"""`ecglearn prepare`: from a folder of records to a store."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

from ecglearn.cli.terminal import say
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.preprocess import Preprocess
from ecglearn.data.store.format import REFUSED
from ecglearn.data.store.prepare import prepare as run

_SHOWN = 5  # refused records that are printed


def prepare(
    source: str,
    folder: Path,
    out: Path,
    /,
    *,
    fs: float = 100,
    seconds: float | None = 10,
    validation: float = 0.08,
    test: float = 0.2,
    seed: int = 0,
    workers: int = -1,
    preprocess: Preprocess = "standard",
    columns: Columns = Columns(),  # noqa: B008
) -> None:
    """Read, check and clean the records of a data set, and write them to a store.

    What cannot be read safely is left out and listed with its reason in refused.csv. When it was
    stopped, call it again: it goes on where it was.

    Args:
        source: ptbxl, ptbxl-100, ludb, challenge, cpsc2018, csn, mimic-iv-ecg, or folder.
        folder: where the data set was unpacked.
        out: folder of the store.
        fs: samples per second wanted.
        seconds: how much of each record to keep, from its start; None keeps all.
        validation: share of patients, where the data set has no official split.
        test: share of patients, likewise.
        seed: of that split.
        workers: processes; -1 takes one for each core.
        preprocess: standard, or minmax: unfiltered and scaled to [0, 1], for the presets `released`
            of MERL and DERI.
        columns: for the source `folder`: which column of your table says what.

    Book: your-own-data#data-prepare
    """
    done = run(
        folder_dataset(columns) if source == "folder" else source,
        folder,
        out,
        fs=fs,
        seconds=seconds,
        validation=validation,
        test=test,
        seed=seed,
        workers=workers,
        preprocess=preprocess,
    )
    say(done)
    with (out / REFUSED).open(newline="", encoding="utf-8") as file:
        for row in islice(csv.DictReader(file), _SHOWN):
            say(f"  {row['record']}: {row['reason']}")
    if done.refused > _SHOWN:
        say(f"  and {done.refused - _SHOWN:,} more")
