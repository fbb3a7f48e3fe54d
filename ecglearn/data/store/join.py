"""Join companions to the records of a store by name: films, clinical values, parts of yours."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.clinical.own_columns import OwnColumns, read_columns
from ecglearn.data.clinical.schema import Column
from ecglearn.data.datasets.base import SPLITS
from ecglearn.data.store.companions import COMPANIONS, NOT_JOINED, TABLE, VALUE, table_schema
from ecglearn.data.store.format import ABOUT, StoreError, about_digest, facts, inert
from ecglearn.data.store.join_films import film_columns
from ecglearn.data.store.join_values import value_columns
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.record_lines import Fault, lines_by_record
from ecglearn.data.store.store import Store
from ecglearn.files import holding, whole


@dataclass(frozen=True)
class Joined:
    """What `join` has done.

    Attributes:
        out: folder of the store.
        records: in the store.
        films: how many of them have a film; None where none were given.
        phases: of each film.
        values: column to the number of records that have a value.
        faults: entries that could not be used; `not_joined.csv` says why.
        splits: part to its number of records; None where the published parts stay.

    Book: your-own-data#data-companions
    """

    out: Path
    records: int
    films: int | None = None
    phases: int = 0
    values: dict[str, int] = field(default_factory=dict)
    faults: int = 0
    splits: dict[str, int] | None = None

    def __str__(self) -> str:
        told = [f"{self.records:,} records in {self.out}"]
        if self.films is not None:
            without = self.records - self.films
            told.append(f"{self.films:,} with a film of {self.phases} phases, {without:,} without")
        told += [
            f"{name}: {known:,} known, {self.records - known:,} missing"
            for name, known in self.values.items()
        ]
        if self.splits is not None:
            parts = ", ".join(f"{name} {count:,}" for name, count in self.splits.items())
            none = self.records - sum(self.splits.values())
            told.append(f"parts: {parts}, {none:,} in none")
        why = f"; why: {self.out / NOT_JOINED}" if self.faults else ""
        entries = "entry" if self.faults == 1 else "entries"
        return "; ".join([*told, f"{self.faults:,} {entries} not joined{why}"])


def join(
    store: str | os.PathLike[str],
    *,
    films: str | os.PathLike[str] | None = None,
    values: str | os.PathLike[str] | None = None,
    schema: str | os.PathLike[str] | None = None,
    splits: str | os.PathLike[str] | None = None,
    phases: int | None = None,
    size: int | None = None,
    overwrite: bool = False,
    workers: int = -1,
) -> Joined:
    """Join films, a table of laboratory values and vital signs, or parts to the records of a store.

    All by the name of the record. What is missing stays missing and is counted; what cannot be
    used is left out and listed in `not_joined.csv`, a sentence for each. Films stay where they are.

    Args:
        store: folder made by `prepare`.
        films: table `.csv` with the columns record and path, within the folder of the table, of a
            film (`.npy`, `.nii`, `.nii.gz`; see `read_film`); and, where known, rate in frames per
            second and slice.
        values: table `.csv` with the column record and those that the schema names; empty where
            unmeasured.
        schema: `.toml` or `.json`, see `SchemaFile`.
        splits: table `.csv` with the columns record and split (train, validation or test), in place
            of the parts that the store has; a record that is not in it is in no part.
        phases: of each film, evenly over the beat; None: as the films have it, all alike.
        size: pixels along each side, of the square in the middle; None: as the films have it.
        overwrite: in place of companions that were joined before.
        workers: processes that look at films; -1 takes one for each core.

    Raises:
        StoreError: no store on this disk, or one that has companions; nothing to join, or no film
            and no value of any record; films that are not alike.
        TableError: a table cannot be read.
        ClinicalError: the schema cannot be read.

    Book: your-own-data#data-companions
    """
    folder = Path(store)
    if not (folder / ABOUT).is_file():
        raise StoreError(f"{folder} is no store on this disk: companions are joined before copying")
    if films is None and values is None and splits is None:
        raise StoreError(
            "nothing to join: give a table of films, one of values with its schema, or one of parts"
        )
    if (values is None) != (schema is None):
        raise StoreError("a table of values and its schema belong together: give both")
    with holding(folder):
        if (folder / COMPANIONS).exists() and not overwrite:
            raise StoreError(
                f"{folder} has companions already: {COMPANIONS} is kept; see overwrite"
            )
        known = open_store(folder, companions=False)
        rows = {name: k for k, name in enumerate(known.names)}
        columns = None if schema is None else read_columns(schema)
        if columns is not None and columns.label_set not in ("", *known.label_sets):
            raise StoreError(
                f"{schema}: the store has no label set {columns.label_set!r}; it has "
                f"{', '.join(known.label_sets) or 'none'}"
            )
        faults: list[Fault] = []
        table: dict[str, Any] = {"record": known.names}
        form = None
        if films is not None:
            form = film_columns(Path(films), rows, table, faults, phases, size, workers)
        if values is not None and columns is not None:
            value_columns(Path(values), rows, columns, table, faults)
        parts = None
        if splits is not None:
            parts = _parts(Path(splits), known, rows, table, faults)
        return _write(folder, known, columns, form, parts, table, faults)


def _parts(
    path: Path, known: Store, rows: dict[str, int], table: dict[str, Any], faults: list[Fault]
) -> dict[str, int]:
    """The part of each record; how many are in each."""
    found: dict[str, str] = {}
    for name, row in lines_by_record(path, ("record", "split"), rows, "split", faults):
        if row["split"] in SPLITS:
            found[name] = row["split"]
        elif row["split"]:
            faults.append((name, "split", f"{row['split']!r:.40} is none of {', '.join(SPLITS)}"))
    if not found:
        raise StoreError(f"{path} names no part of a record of this store")
    known.with_splits(found)  # refuses a patient in two of them
    table["split"] = [found.get(name) for name in rows]
    return {part: sum(p == part for p in found.values()) for part in SPLITS}


def _write(
    folder: Path,
    known: Store,
    columns: OwnColumns | None,
    films: dict[str, Any] | None,
    parts: dict[str, int] | None,
    table: dict[str, Any],
    faults: list[Fault],
) -> Joined:
    """The three files; `companions.json` comes last."""
    import pyarrow as pa
    from pyarrow import parquet

    (folder / COMPANIONS).unlink(missing_ok=True)
    wanted = table_schema(columns)
    nothing = [None] * len(known)
    arrays = {
        f.name: pa.array(table.get(f.name, nothing), f.type, from_pandas=False) for f in wanted
    }
    with whole(folder / TABLE) as part:
        parquet.write_table(pa.table(arrays, schema=wanted), part)
    with whole(folder / NOT_JOINED) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "companion", "reason"])
        writer.writerows([*map(inert, one)] for one in faults)
    about = {
        "format": "ecglearn companions",
        "version": 1,
        "store": known.about["digest"],
        "films": films,
        "splits": parts,
        "schema": None if columns is None else columns.described(),
        "files": {name: facts(folder / name) for name in (TABLE, NOT_JOINED)},
    }
    about["digest"] = about_digest(json.loads(json.dumps(about)))
    with whole(folder / COMPANIONS) as part:
        part.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    every: tuple[Column, ...] = () if columns is None else columns.every
    counts: dict[str, int] = {c.name: _known(table[VALUE + c.name]) for c in every}
    return Joined(
        folder,
        len(known),
        None if films is None else films["records"],
        0 if films is None else films["phases"],
        counts,
        len(faults),
        parts,
    )


def _known(column: NDArray[np.float32]) -> int:
    return int(np.isfinite(column).sum())
