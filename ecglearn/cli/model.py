"""Which trained method a command reads, and whose code it needs for that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecglearn.method import Method
from ecglearn.own_method import own_object
from ecglearn.registry import load


@dataclass(frozen=True)
class Own:
    """Code of yours that the weights need; a file names none to run.

    Attributes:
        method: MODULE:CLASS of a method of yours.
        encoder: MODULE:CLASS of the encoder that was given to the method.

    Book: your-own-method#own-command
    """

    method: str | None = None
    encoder: str | None = None


def open_method(weights: Path, own: Own) -> Method:
    """A trained method in evaluation mode.

    Args:
        weights: file, folder, or hf://owner/name.
        own: code that they need.

    Raises:
        CheckpointError: no weights of this library, or code is missing.
        InputError: there is no such code.

    Book: your-own-method#own-command
    """
    encoder = None if own.encoder is None else own_object(own.encoder)
    return load(weights, method=own.method, encoder=encoder)
