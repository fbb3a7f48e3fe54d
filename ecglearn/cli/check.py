"""`ecglearn check`: whether a store is still what `ecglearn prepare` has written."""

from __future__ import annotations

from pathlib import Path

from ecglearn.cli.terminal import say
from ecglearn.data.store.verify import check_store


def check(store: Path, /, *, full: bool = False) -> None:
    """Compare the files of a store with what its store.json says of them.

    Args:
        store: its folder.
        full: read all signals and films, and list damaged ones; without, seconds whatever the size,
            by the size of the signals and the content of all other files.

    Raises:
        StoreError: something is not what was written.

    Book: your-own-data#data-store
    """
    found = check_store(store, full=full)
    what = "every byte is" if full else "sizes and descriptions are"
    say(f"{len(found):,} records in {store}: {what} as written")
