"""What was joined to the records of a store: films, a table of values, and parts of yours."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from ecglearn.data.clinical.own_columns import OwnColumns, SchemaFile, own_columns
from ecglearn.data.clinical.schema import SEX
from ecglearn.data.datasets.base import path_inside
from ecglearn.data.film import FilmError, read_film
from ecglearn.data.store.format import FileFacts, StoreError, about_digest, facts
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.metadata import Count, Description, Digest, described

COMPANIONS, TABLE, NOT_JOINED = "companions.json", "companions.parquet", "not_joined.csv"
VALUE = "value "  # how the name of a column of values begins
AGAIN = "join the companions again, with --overwrite"


class FilmsAbout(Description):
    """What all films of a store have in common.

    Attributes:
        folder: in which they lie.
        phases: of each, when it is read.
        size: pixels along each side, when it is read.
        records: how many have one.

    Book: your-own-data#data-companions
    """

    folder: str
    phases: Count
    size: Count
    records: Count


class CompanionsAbout(Description):
    """What `companions.json` says; `digest` is that of everything else in it.

    Book: your-own-data#data-companions
    """

    format: Literal["ecglearn companions"]
    version: Literal[1]
    store: Digest
    films: FilmsAbout | None
    splits: dict[str, Count] | None
    columns: SchemaFile | None = Field(alias="schema")
    files: dict[str, FileFacts]
    digest: Digest


@dataclass(frozen=True, eq=False)
class Companions:
    """Films and values of the records of a whole store, as `join` has found them.

    Attributes:
        about: what `companions.json` says.
        columns: of the values; None where only films were joined.

    Book: your-own-data#data-companions
    """

    about: CompanionsAbout
    columns: OwnColumns | None
    _table: Any
    _seen: NDArray[np.bool_]  # rows whose film was compared with its checksum

    @cached_property
    def has_film(self) -> Bool[np.ndarray, " n"]:
        """Which records of the whole store have a film."""
        return self._table["film"].is_valid().to_numpy()

    @cached_property
    def values(self) -> Float[np.ndarray, "n C"]:
        """Values in the order of the schema, NaN where there is none."""
        names = () if self.columns is None else [c.name for c in self.columns.every]
        found = [self._table[VALUE + name].to_numpy(zero_copy_only=False) for name in names]
        return np.stack(found, 1) if found else np.empty((len(self._table), 0), np.float32)

    @cached_property
    def splits(self) -> NDArray[Any] | None:
        """Part of each record of the whole store, empty where it is in none; None: as published."""
        if self.about.splits is None:
            return None
        return np.array([part or "" for part in self._table["split"].to_pylist()], object)

    def cines(self, rows: NDArray[np.int64]) -> UInt8[Tensor, "B phases size size"] | None:
        """Films of some records, read now; None where one of them has none.

        Args:
            rows: numbers in the whole store.

        Raises:
            StoreError: a film is gone, or is not the one that was joined.
        """
        if self.about.films is None or not len(rows) or not self.has_film[rows].all():
            return None
        return torch.from_numpy(np.stack([self._film(int(row)) for row in rows]))

    def fields(
        self, rows: NDArray[np.int64], demographics: Float[np.ndarray, "B 2"], with_age: bool
    ) -> dict[str, Any]:
        """Fields of a batch that come from the table of values.

        Args:
            rows: numbers in the whole store.
            demographics: age and sex of these records.
            with_age: whether the store knows anybody's age.
        """
        columns = self.columns
        if columns is None:
            return {}
        edges = np.cumsum([len(columns.labs), len(columns.vitals)])
        labs, vitals, diagnoses = np.split(self.values[rows], edges, axis=1)
        first = [demographics[:, :1]] if with_age else []
        found: dict[str, Any] = {
            "table": torch.from_numpy(np.concatenate([*first, vitals, demographics[:, 1:]], 1)),
            "table_names": (
                *(["age"] if with_age else []),
                *(c.name for c in columns.vitals),
                SEX,
            ),
        }
        if columns.labs:
            found |= {"labs": torch.from_numpy(labs), "lab_columns": columns.labs}
        if columns.diagnoses:
            found |= {
                "diagnoses": torch.from_numpy(diagnoses),
                "diagnosis_names": columns.diagnoses,
            }
        return found

    def damaged(self) -> list[str]:
        """Names of the records whose film is not the one that was joined; reads all of them."""
        found = []
        for row in np.flatnonzero(self.has_film).tolist():
            self._seen[row] = False
            try:
                self._film(row)
            except StoreError:
                found.append(self._table["record"][row].as_py())
        return found

    def _film(self, row: int) -> NDArray[np.uint8]:
        films, one = self.about.films, self._table.slice(row, 1).to_pylist()[0]
        assert films is not None
        try:
            place = path_inside(Path(films.folder), one["film"])
            film = read_film(place, rate=one["rate"], slice=one["slice"])
            fitted = film.fitted(films.phases, films.size)
        except (FilmError, RecordError) as error:
            raise StoreError(
                f"the film of record {one['record']!r} cannot be used any more ({error}): put it "
                f"back, or {AGAIN}"
            ) from error
        if not self._seen[row]:
            if zlib.crc32(fitted.data) != one["crc"]:
                raise StoreError(
                    f"the film of record {one['record']!r} is not the one that was joined: put it "
                    f"back, or {AGAIN}"
                )
            self._seen[row] = True
        return fitted


def table_schema(columns: OwnColumns | None) -> Any:
    """Columns of `companions.parquet`.

    Args:
        columns: of the values.

    Book: your-own-data#data-companions
    """
    import pyarrow as pa

    names = () if columns is None else [c.name for c in columns.every]
    return pa.schema(
        [("record", pa.string()), ("split", pa.string()), ("film", pa.string())]
        + [("rate", pa.float64()), ("slice", pa.int32()), ("crc", pa.uint32())]
        + [(VALUE + name, pa.float32()) for name in names]
    )


def read_companions(folder: Path, store: dict[str, Any], records: list[str]) -> Companions | None:
    """The companions that were joined to a store; None where there are none.

    Args:
        folder: of the store.
        store: what `store.json` says.
        records: names of all records.

    Raises:
        StoreError: they are damaged, or those of another store.

    Book: your-own-data#data-companions
    """
    import pyarrow as pa
    from pyarrow import parquet

    place = folder / COMPANIONS
    if not place.is_file():
        return None
    try:
        raw = json.loads(place.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise StoreError(f"{place} is damaged ({error}): {AGAIN}") from error
    if not isinstance(raw, dict):
        raise StoreError(f"{place} is no description of companions: {AGAIN}")
    about = described(CompanionsAbout, raw, place, StoreError)
    if about.digest != about_digest(raw):
        raise StoreError(f"{place} is damaged, or was edited: {AGAIN}")
    if about.store != store["digest"]:
        raise StoreError(f"{place} belongs to another store than {folder}: {AGAIN}")
    columns = None if about.columns is None else own_columns(raw["schema"], place)
    try:
        same = facts(folder / TABLE) == about.files[TABLE].model_dump()
        table: Any = parquet.read_table(folder / TABLE) if same else None
    except (ValueError, OSError, KeyError, pa.ArrowException) as error:
        raise StoreError(f"{folder / TABLE} is damaged ({error}): {AGAIN}") from error
    if (
        table is None
        or not table.schema.equals(table_schema(columns), check_metadata=False)
        or table["record"].to_pylist() != records
    ):
        raise StoreError(f"{folder / TABLE} is damaged, or that of another store: {AGAIN}")
    return Companions(about, columns, table, np.zeros(len(table), bool))
