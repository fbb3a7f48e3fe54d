"""One training loop for every method: batches, named terms, save, resume exactly, progress."""

from ecglearn.train.cache import fit_cached
from ecglearn.train.grad_cache import MicroBatches
from ecglearn.train.logging import History
from ecglearn.train.loop import fit
from ecglearn.train.resume import TrainingError
from ecglearn.train.schedules import PATIENTS, Trained, titles, trained
from ecglearn.train.step import StepRunner

__all__ = [
    "PATIENTS",
    "History",
    "MicroBatches",
    "StepRunner",
    "Trained",
    "TrainingError",
    "fit",
    "fit_cached",
    "titles",
    "trained",
]
