"""A state dict out of a file that somebody else wrote; nothing in it is ever run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ecglearn.checkpoint import CheckpointError

_WRAPPINGS = ("model_state_dict", "state_dict", "model")  # names under which training scripts save


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """All tensors by name, without wrapping and without the prefix of several processes.

    Args:
        path: a state dict, by itself or beside an optimiser, written by `torch.save` or as
            safetensors.

    Raises:
        CheckpointError: it cannot be read without running what is in it, or holds no state dict.

    Book: five-methods#released-weights
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: not a checkpoint that can be read without running what is in it "
            f"({str(error).splitlines()[0]}); give a state dict of tensors"
        ) from error
    for wrapping in _WRAPPINGS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapping), Mapping):
            content = content[wrapping]
    tensors = content if isinstance(content, Mapping) else {}
    if not tensors or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointError(f"{path} holds no state dict: give a file of names and tensors")
    return {str(key).removeprefix("module."): value for key, value in tensors.items()}
