"""Weights as safetensors with their configuration; nothing unpickled, nothing missing silently."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecglearn.errors import InputError


class CheckpointError(InputError):
    """A checkpoint that is damaged or does not belong to the model.

    Book: ptacl#training
    """


def save(path: str | Path, tensors: Mapping[str, Tensor], *, about: Mapping[str, Any]) -> None:
    """Write tensors and a description to one file, whole or not at all.

    Args:
        path: file to write; its folder is made.
        tensors: names to tensors.
        about: anything JSON can hold; dataclasses become dictionaries.

    Book: ptacl#training
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    text = json.dumps(dict(about), default=_plain)
    separate = {
        name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()
    }
    save_file(separate, part, metadata={"about": text})
    part.replace(path)


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and their description.

    Args:
        path: file written by `save`.

    Raises:
        CheckpointError: the file is missing or damaged, or is no checkpoint of this library.

    Book: ptacl#training
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = (file.metadata() or {}).get("about")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: not a readable checkpoint ({error}); train again or give another file"
        ) from error
    if about is None:
        raise CheckpointError(f"{path}: holds tensors but no description; save it with ecglearn")
    return tensors, json.loads(about)


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str | Path) -> None:
    """Put tensors into a module when every name and shape agrees.

    Args:
        module: receives the weights.
        tensors: names to tensors.
        source: named in the error.

    Raises:
        CheckpointError: names or shapes differ; lists both sides.

    Book: ptacl#training
    """
    want = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    have = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if want != have:
        only_model = sorted(f"{k} {v}" for k, v in want.items() if have.get(k) != v)
        only_file = sorted(f"{k} {v}" for k, v in have.items() if want.get(k) != v)
        raise CheckpointError(
            f"{source} does not fit. Only in the model: {', '.join(only_model) or 'none'}. "
            f"Only in the file: {', '.join(only_file) or 'none'}."
        )
    module.load_state_dict(dict(tensors))


def cache_file(name: str, **key: Any) -> Path:
    """Where weights trained with these settings are kept.

    The folder is `ECGLEARN_CACHE`, or `~/.cache/ecglearn`.

    Args:
        name: readable start of the file's name.
        **key: anything JSON can hold; dataclasses become dictionaries.

    Book: ptacl#training
    """
    folder = Path(os.environ.get("ECGLEARN_CACHE") or Path.home() / ".cache" / "ecglearn")
    text = json.dumps(key, default=_plain, sort_keys=True)
    return folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.safetensors"


def _plain(value: Any) -> Any:
    """What JSON can hold, exactly; a number of NumPy or torch is the number that it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"class": type(value).__name__, **dataclasses.asdict(value)}
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.ndim == 0):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise CheckpointError(
        f"{value!r} is a {type(value).__name__}, which a file cannot hold exactly; give a "
        "number, a text, a list or a dictionary of these"
    )
