"""Multimodal ECG representation learning: models, losses and evaluation of five papers.

What a person starts with is here, imported when it is first used; every room has a face of its own
(`ecglearn.losses.info_nce`, `ecglearn.evaluate.macro_auroc`).

Book: intro
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecglearn.cohort.simulate import simulate as simulate
    from ecglearn.data.batch import ECGBatch as ECGBatch
    from ecglearn.data.store.opening import open_store as open_store
    from ecglearn.data.store.prepare import prepare as prepare
    from ecglearn.data.wfdb.record import read_record as read_record
    from ecglearn.evaluate.benchmark.compare import compare as compare
    from ecglearn.evaluate.embed import embed as embed
    from ecglearn.evaluate.zero_shot import zero_shot as zero_shot
    from ecglearn.registry import cite as cite
    from ecglearn.registry import create as create
    from ecglearn.registry import list_methods as list_methods
    from ecglearn.registry import load as load
    from ecglearn.registry import load_released as load_released
    from ecglearn.train.loop import fit as fit

__version__ = version("ecglearn")

_FACE: dict[str, str] = {
    # data in
    "simulate": "ecglearn.cohort.simulate",
    "read_record": "ecglearn.data.wfdb.record",
    "ECGBatch": "ecglearn.data.batch",
    "open_store": "ecglearn.data.store.opening",
    "prepare": "ecglearn.data.store.prepare",
    # models
    "list_methods": "ecglearn.registry",
    "create": "ecglearn.registry",
    "load": "ecglearn.registry",
    "load_released": "ecglearn.registry",
    "fit": "ecglearn.train.loop",
    # answers
    "embed": "ecglearn.evaluate.embed",
    "zero_shot": "ecglearn.evaluate.zero_shot",
    "compare": "ecglearn.evaluate.benchmark.compare",
    "cite": "ecglearn.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'ecglearn' has no attribute {name!r}; it has {dir()}")
    return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted(_FACE)
