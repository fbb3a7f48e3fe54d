"""A data set prepared once: signals memory-mapped, everything refused with its reason."""

from ecglearn.data.store.format import StoreError
from ecglearn.data.store.prepare import Prepared, prepare
from ecglearn.data.store.store import Store, open_store

__all__ = ["Prepared", "Store", "StoreError", "open_store", "prepare"]
