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
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecglearn.errors import InputError
from ecglearn.files import whole
from ecglearn.metadata import Description, Digest, described


class CheckpointError(InputError):
    """A checkpoint that is damaged or does not belong to the model.

    Book: ptacl#training
    """


MODEL = "model.safetensors"  # in a folder of weights, as the hub of Hugging Face names it
_ELSE = "train again or give another file"


class _Header(Description):
    """What stands before the tensors: their description, and a digest of all."""

    about: str
    digest: Digest


def save(path: str | Path, tensors: Mapping[str, Tensor], *, about: Mapping[str, Any]) -> None:
    """Write tensors and a description to one file, whole or not at all.

    Args:
        path: file to write; its folder is made.
        tensors: names to tensors.
        about: anything JSON can hold; dataclasses become dictionaries.

    Raises:
        CheckpointError: a tensor holds NaN or infinity, or `about` what JSON cannot.
        DiskError: the file cannot be written; what stood there before is kept.

    Book: ptacl#training
    """
    text = json.dumps(dict(about), default=_plain)
    separate = {
        name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()
    }
    _check_numbers(separate, path)
    metadata = {"about": text, "digest": _digest(separate, text)}
    with whole(Path(path)) as part:
        try:
            save_file(separate, part, metadata=metadata)
        except SafetensorError as error:  # how it says that the disk is full
            raise OSError(str(error)) from error


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and their description.

    Args:
        path: file written by `save`, or a folder with one named model.safetensors.

    Raises:
        CheckpointError: the file is missing or damaged, or is no checkpoint of this library.

    Book: ptacl#training
    """
    path = Path(path)
    path = path / MODEL if path.is_dir() else path
    if not path.is_file():  # a pipe would be waited for
        raise CheckpointError(f"{path}: not a readable checkpoint (there is no such file); {_ELSE}")
    while True:
        before = _which(path)
        try:
            return _load(path)
        except CheckpointError:
            # safetensors opens a file twice: a run may have put a newer one there in between
            if _which(path) == before:
                raise


def _which(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint ({error}); {_ELSE}") from error
    if "about" not in metadata:
        raise CheckpointError(f"{path}: holds tensors but no description; save it with ecglearn")
    header = described(_Header, metadata, path, CheckpointError)
    if header.digest != _digest(tensors, header.about):
        raise CheckpointError(f"{path}: damaged, its content is not what was written; {_ELSE}")
    try:
        about = json.loads(header.about)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its description is no JSON ({error}); {_ELSE}") from error
    if not isinstance(about, dict):
        raise CheckpointError(f"{path}: its description is no JSON object; {_ELSE}")
    _check_numbers(tensors, path)
    return tensors, about


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str | Path) -> None:
    """Put tensors into a module when every name and shape agrees.

    Args:
        module: receives the weights.
        tensors: names to tensors.
        source: named in the error.

    Raises:
        CheckpointError: names, shapes or types differ, and both sides are listed; or a tensor holds
            NaN or infinity.

    Book: ptacl#training
    """
    want = {name: _form(tensor) for name, tensor in module.state_dict().items()}
    have = {name: _form(tensor) for name, tensor in tensors.items()}
    if want != have:
        only_model = sorted(f"{k} {v}" for k, v in want.items() if have.get(k) != v)
        only_file = sorted(f"{k} {v}" for k, v in have.items() if want.get(k) != v)
        raise CheckpointError(
            f"{source} does not fit. Only in the model: {', '.join(only_model) or 'none'}. "
            f"Only in the file: {', '.join(only_file) or 'none'}."
        )
    _check_numbers(tensors, source)
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


def _form(tensor: Tensor) -> str:
    """Shape, and the type where it is no real number."""
    return f"{tuple(tensor.shape)}{'' if tensor.is_floating_point() else f' {tensor.dtype}'}"


def _check_numbers(tensors: Mapping[str, Tensor], source: str | Path) -> None:
    wrong = [
        name
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"{source}: {', '.join(wrong[:3])}{more} hold NaN or infinity, so nothing can be "
            "computed with them; train again with a lower rate"
        )


def _digest(tensors: Mapping[str, Tensor], about: str) -> str:
    """Changes with every name, form and number, and with the description."""
    made = hashlib.sha256(about.encode())
    for name, tensor in sorted(tensors.items()):
        made.update(f"\0{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode())
        made.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return made.hexdigest()


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
