"""Open several stores as one, when they fit together and nothing leaks from one to another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ecglearn.data.store.format import StoreError
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store

_WEIGHT = re.compile(r"(.+)=(\d{1,3})")


def open_together(stores: Mapping[str, Store]) -> Stores:
    """Several stores as one.

    Args:
        stores: a name to each.

    Raises:
        StoreError: fewer than two; they differ in rate, preprocessing or length; one is there
            twice, or a record of one is in another part of a second one.

    Book: your-own-data#data-several
    """
    if len(stores) < 2:
        raise StoreError("several stores are two or more")
    first, *others = stores
    for other in others:
        for what in ("fs", "preprocess", "seconds"):
            a, b = (stores[name].about[what] for name in (first, other))
            if a != b:
                raise StoreError(
                    f"{first} has {what} {a!r} and {other} {b!r}: prepare all stores alike"
                )
    digests = [store.digest() for store in stores.values()]
    if len(set(digests)) < len(digests):
        raise StoreError(f"a store is there twice among {', '.join(stores)}: give it a weight")
    sizes = [len(store) for store in stores.values()]
    whole = Stores(
        dict(stores),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
    )
    _check_copies(whole)
    return whole


def _check_copies(whole: Stores) -> None:
    """A record in two stores must be in one part, or the one would judge what the other taught."""
    parts: dict[tuple[float, ...], str] = {}
    crossing = []
    splits = whole.index["split"].tolist()
    for name, sums, part in zip(whole.names, whole.checksums.tolist(), splits, strict=True):
        if parts.setdefault(tuple(sums), part) != part:
            crossing.append(name)
    if crossing:
        raise StoreError(
            f"{len(crossing):,} records are in one part of a store and in another part of another, "
            f"{crossing[0]!r} the first: leave them out of one store, or give both one split"
        )


def open_named(data: str | Path, *, labels: str | None = None) -> Store | Stores:
    """The store of a folder, or several as one, to judge by: none counts twice.

    Args:
        data: a folder, or several with commas between them.
        labels: name of a label set that all have; None takes the first of each.

    Raises:
        StoreError: a place is no store, has a weight, or they do not fit together.

    Book: your-own-data#data-several
    """
    if "," in str(data) and not Path(data).is_dir():
        return open_stores(str(data), labels=labels, weighted=False)[0]
    return open_store(data, labels=labels)


def open_stores(
    text: str, *, labels: str | None = None, weighted: bool = True
) -> tuple[Stores, dict[str, int]]:
    """Several stores as one, and how often each counts in training.

    Args:
        text: places with commas between them, such as "a=2,b": an epoch sees the records of `a`
            twice.
        labels: name of a label set that all have; None takes the first of each.
        weighted: False refuses a weight: nobody is judged twice.

    Raises:
        StoreError: a place is no store, or they do not fit together.

    Book: your-own-data#data-several
    """
    stores: dict[str, Store] = {}
    weights: dict[str, int] = {}
    for place in text.split(","):
        found = _WEIGHT.fullmatch(place.strip())
        path = found[1] if found else place.strip()
        name = Path(path).name
        if not name or name in stores:
            raise StoreError(
                f"{text[:200]} names a store twice, or none: give folders of different names"
            )
        stores[name] = open_store(path, labels=labels)
        weights[name] = int(found[2]) if found else 1
        if found and not weighted:
            raise StoreError(f"weights are for training: leave out the ={found[2]} of {name}")
    whole = open_together(stores)
    whole.repeated(weights)  # refuses what is no weight
    return whole, weights
