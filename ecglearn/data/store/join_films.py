"""Look at the films of a table, each once, before they are joined to the records of a store."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ecglearn.data.datasets.base import path_inside
from ecglearn.data.film import FilmError, read_film
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.record_lines import Fault, lines_by_record, number
from ecglearn.data.wfdb.checks import RecordError


class _Entry(NamedTuple):
    """A line of the table of films."""

    row: int
    path: str
    rate: float | None
    slice: int | None


class _Looked(NamedTuple):
    """What a film was found to be, or why it cannot be used."""

    phases: int = 0
    side: int = 0
    reason: str = ""


def film_columns(
    path: Path,
    rows: dict[str, int],
    table: dict[str, Any],
    faults: list[Fault],
    phases: int | None,
    size: int | None,
    workers: int,
) -> dict[str, Any]:
    """Look at every film, and note those that can be used.

    Args:
        path: table of films.
        rows: name of each record to its row in the store.
        table: gets the columns film, rate, slice and crc.
        faults: gets a sentence for each film that cannot be used.
        phases: of each film; None: as they have it, all alike.
        size: pixels along each side; None: as they have it.
        workers: processes that look.

    Returns:
        What all films have in common, see `FilmsAbout`.

    Raises:
        StoreError: no film can be used, or they are not alike.

    Book: your-own-data#data-companions
    """
    import joblib

    folder = path.resolve().parent
    entries = list(_entries(path, rows, faults))
    work = joblib.Parallel(n_jobs=workers)
    looked: list[Any] = list(work(joblib.delayed(_look)(folder, one) for one in entries))
    found = [(e, x) for e, x in zip(entries, looked, strict=True) if not x.reason]
    if not found:
        why = f", the first since {looked[0].reason}" if looked else ""
        raise StoreError(f"{path} has no film of a record of this store that can be used{why}")
    phases = phases or _alike({x.phases for _, x in found}, "phases", path)
    size = size or _alike({x.side for _, x in found}, "pixels along the shorter side", path)
    fit = partial(_fit, folder, phases, size)
    fitted: list[Any] = list(work(joblib.delayed(fit)(one) for one, _ in found))
    names = list(rows)
    faults += [
        (names[e.row], "film", x.reason) for e, x in zip(entries, looked, strict=True) if x.reason
    ]
    for name in ("film", "rate", "slice", "crc"):
        table[name] = [None] * len(rows)
    for (one, _), (crc, reason) in zip(found, fitted, strict=True):
        if reason:
            faults.append((names[one.row], "film", reason))
            continue
        for name, value in zip(
            ("film", "rate", "slice", "crc"), (one.path, one.rate, one.slice, crc), strict=True
        ):
            table[name][one.row] = value
    count = sum(film is not None for film in table["film"])
    if not count:
        raise StoreError(f"{path} has no film of {phases} phases and {size} pixels or more")
    return {"folder": str(folder), "phases": phases, "size": size, "records": count}


def _entries(path: Path, rows: dict[str, int], faults: list[Fault]) -> Iterator[_Entry]:
    """Lines of the table of films that name a record of the store, each record once."""
    for name, row in lines_by_record(path, ("record", "path"), rows, "film", faults):
        rate, slice = row.get("rate", ""), row.get("slice", "")
        try:
            entry = _Entry(
                rows[name],
                row["path"],
                number(rate, float) if rate else None,
                number(slice, int) if slice else None,
            )
        except ValueError:
            faults.append((name, "film", f"rate {rate!r} or slice {slice!r} is no number"))
            continue
        if row["path"]:
            yield entry
        # a record without a path has no film, and that is no fault


def _look(folder: Path, entry: _Entry) -> _Looked:
    try:
        film = read_film(path_inside(folder, entry.path), rate=entry.rate, slice=entry.slice)
    except (FilmError, RecordError) as error:
        return _Looked(reason=str(error))
    return _Looked(film.frames.shape[0], min(film.frames.shape[1:]))


def _fit(folder: Path, phases: int, size: int, entry: _Entry) -> tuple[int, str]:
    try:
        film = read_film(path_inside(folder, entry.path), rate=entry.rate, slice=entry.slice)
        return zlib.crc32(film.fitted(phases, size).data), ""
    except (FilmError, RecordError) as error:
        return 0, str(error)


def _alike(found: set[int], what: str, path: Path) -> int:
    if len(found) > 1:
        flag = "phases" if what == "phases" else "size"
        raise StoreError(
            f"films of {path} differ: {', '.join(map(str, sorted(found)[:5]))} {what}; say with "
            f"`{flag}` what each is to become, {min(found)} or fewer"
        )
    return found.pop()
