"""A store in an object store: its small files are fetched once, signals are read by ranges."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.store.companions import COMPANIONS, TABLE
from ecglearn.data.store.format import ABOUT, INDEX, SIGNALS, StoreError
from ecglearn.errors import MissingGroupError


class RemoteSignals:
    """What a memory map is to a store on disk: the signals of some records, asked for together.

    Args:
        system: of fsspec.
        path: of the file, as the system names it.

    Attributes:
        size: samples in the file.

    Book: your-own-data#data-store
    """

    def __init__(self, system: Any, path: str) -> None:
        self.system, self.path = system, path
        self.size = int(system.size(path)) // 2

    def __getitem__(self, samples: slice) -> NDArray[np.int16]:
        """Some samples, one after the other."""
        return self.fetch([samples.start], [samples.stop])[0]

    def fetch(self, starts: Iterable[Any], ends: Iterable[Any]) -> list[NDArray[np.int16]]:
        """Stretches of samples, all in one request where the system can.

        Args:
            starts: first sample of each stretch.
            ends: sample after the last of each.

        Raises:
            StoreError: they cannot be read.
        """
        first, last = ([2 * int(edge) for edge in edges] for edges in (starts, ends))
        try:
            found = self.system.cat_ranges([self.path] * len(first), first, last, on_error="raise")
        except Exception as error:  # what stands for a lost connection depends on the system
            raise StoreError(
                f"{self.path} cannot be read ({type(error).__name__}: {error}): look at the "
                "network and at your rights there"
            ) from error
        wrong = [x for x, a, b in zip(found, first, last, strict=True) if len(x) != b - a]
        if wrong:
            raise StoreError(f"{self.path} is shorter than its index says: copy the store again")
        return [np.frombuffer(content, "<i2") for content in found]


def fetch_store(url: str) -> tuple[Path, RemoteSignals]:
    """The small files of a store in a temporary folder, and its signals where they lie.

    Args:
        url: such as s3://bucket/store, of any system that fsspec knows.

    Raises:
        StoreError: there is no store, or the place cannot be reached.
        MissingGroupError: the package for this kind of place is not installed.

    Book: your-own-data#data-store
    """
    from fsspec.core import url_to_fs

    place = Path(tempfile.mkdtemp(prefix="ecglearn-"))
    try:
        system, path = url_to_fs(url)
        joined = (COMPANIONS, TABLE) if system.exists(f"{path}/{COMPANIONS}") else ()
        for name in (ABOUT, INDEX, *joined):
            system.get_file(f"{path}/{name}", str(place / name))
        signals = RemoteSignals(system, f"{path}/{SIGNALS}")
    except ImportError as error:
        shutil.rmtree(place)
        raise MissingGroupError(f"{url} needs another package: {error}") from error
    except Exception as error:
        shutil.rmtree(place)
        raise StoreError(
            f"there is no store {url} that can be read ({type(error).__name__}: {error}): copy the "
            "whole folder of a store there, and look at your rights"
        ) from error
    weakref.finalize(signals, shutil.rmtree, place, ignore_errors=True)
    return place, signals
