"""Whether a store is what `prepare` has written: by sizes in seconds, by all bytes on request."""

from __future__ import annotations

import os
from pathlib import Path

from ecglearn.data.store.companions import AGAIN, NOT_JOINED
from ecglearn.data.store.format import ABOUT, REFUSED, SIGNALS, About, StoreError, facts
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.store import Store
from ecglearn.metadata import described

_SHOWN = 5  # damaged records that the message names


def check_store(path: str | os.PathLike[str], *, full: bool = False) -> Store:
    """Open a store and compare its files with what `store.json` says of them.

    Args:
        path: its folder.
        full: read all signals and films; without, the size of the signals is compared, and the
            content of all other files.

    Returns:
        The store.

    Raises:
        StoreError: something is not what was written; names the file, and with `full` the records.

    Book: your-own-data#data-store
    """
    folder = Path(path)
    store = open_store(folder)
    about = described(About, store.about, folder / ABOUT, StoreError)
    try:
        refused = facts(folder / REFUSED)
    except OSError as error:
        raise StoreError(f"{folder / REFUSED} cannot be read ({error.strerror})") from error
    if refused != about.files[REFUSED].model_dump():
        raise StoreError(f"{folder / REFUSED} is not what was written: prepare the store again")
    if full and facts(folder / SIGNALS) != about.files[SIGNALS].model_dump():
        names = store.damaged()
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        raise StoreError(
            f"{folder / SIGNALS} is not what was written, in {len(names):,} of {len(store):,} "
            f"records ({', '.join(names[:_SHOWN])}{more}): prepare the store again"
        )
    _check_companions(folder, store, full=full)
    return store


def _check_companions(folder: Path, store: Store, *, full: bool) -> None:
    joined = store.companions
    if joined is None:
        return
    if facts(folder / NOT_JOINED) != joined.about.files[NOT_JOINED].model_dump():
        raise StoreError(f"{folder / NOT_JOINED} is not what was written: {AGAIN}")
    if full and (names := joined.damaged()):
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        raise StoreError(
            f"{len(names):,} films are not those that were joined ({', '.join(names[:_SHOWN])}"
            f"{more}): put them back, or {AGAIN}"
        )
