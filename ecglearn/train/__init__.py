"""One training loop for every method: batches, named terms, save, resume exactly, progress."""

from ecglearn.train.cache import fit_cached
from ecglearn.train.logging import History
from ecglearn.train.loop import fit
from ecglearn.train.resume import TrainingError
from ecglearn.train.step import Method

__all__ = ["History", "Method", "TrainingError", "fit", "fit_cached"]
