"""A data set prepared once: signals memory-mapped, everything refused with its reason."""

from ecglearn.data.store.format import StoreError
from ecglearn.data.store.join import Joined, join
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import Prepared, prepare
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.data.store.together import open_stores, open_together
from ecglearn.data.store.verify import check_store

__all__ = [
    "Joined",
    "Prepared",
    "Store",
    "StoreError",
    "Stores",
    "check_store",
    "join",
    "open_store",
    "open_stores",
    "open_together",
    "prepare",
]
