"""`ecglearn join`: films, a table of clinical values, and parts, to the records of a store."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

from ecglearn.cli.terminal import say
from ecglearn.data.store.companions import NOT_JOINED
from ecglearn.data.store.join import join as run

_SHOWN = 5  # entries not joined that are printed


def join(
    store: Path,
    /,
    *,
    films: Path | None = None,
    values: Path | None = None,
    schema: Path | None = None,
    splits: Path | None = None,
    phases: int | None = None,
    size: int | None = None,
    overwrite: bool = False,
    workers: int = -1,
) -> None:
    """Join films, a table of laboratory values and vital signs, or parts to the records of a store.

    All by the name of the record. What is missing stays missing and is counted; what cannot be
    used is listed in not_joined.csv. Then `ecglearn train ptacl` and `train clinical-transfer`
    learn from the store.

    Args:
        store: its folder.
        films: table with the columns record and path, of a film (.npy, .nii, .nii.gz) in the folder
            of the table; and, where known, rate in frames per second and slice.
        values: table with the column record and those that the schema names.
        schema: .toml or .json: for each column unit, limits and reference range.
        splits: table with the columns record and split (train, validation or test), in place of the
            parts that the store has.
        phases: of each film; by default as the films have it, all alike.
        size: pixels along each side; likewise.
        overwrite: in place of what was joined before.
        workers: processes that look at films; -1 takes one for each core.

    Raises:
        StoreError: no store, nothing to join, or films that are not alike.

    Book: your-own-data#data-companions
    """
    done = run(
        store,
        films=films,
        values=values,
        schema=schema,
        splits=splits,
        phases=phases,
        size=size,
        overwrite=overwrite,
        workers=workers,
    )
    say(done)
    with (store / NOT_JOINED).open(newline="", encoding="utf-8") as file:
        for row in islice(csv.DictReader(file), _SHOWN):
            say(f"  {row['record']}, {row['companion']}: {row['reason']}")
    if done.faults > _SHOWN:
        say(f"  and {done.faults - _SHOWN:,} more")
