"""Methods by the names that the command line uses, and their weights in files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from ecglearn.checkpoint import CheckpointError, load, load_weights, save
from ecglearn.train import schedules

#: Name to method and configuration.
METHODS: dict[str, tuple[type, Any]] = {
    name.lower().replace(" ", "-"): pair for name, pair in schedules.METHODS.items()
}


def known(name: str) -> tuple[type, Any]:
    """Method and configuration of a name.

    Args:
        name: one of `METHODS`.

    Raises:
        ValueError: another name.

    Book: many-machines#commands
    """
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]


def save_model(path: Path, name: str, method: Any, **about: Any) -> None:
    """Write weights with all that is needed to use them.

    Args:
        path: file to write.
        name: of the method.
        method: with a `config`.
        **about: anything else worth knowing, as JSON can hold it.

    Book: many-machines#commands
    """
    config = {field.name: getattr(method.config, field.name) for field in fields(method.config)}
    save(path, method.state_dict(), about={"method": name, "config": config, **about})


def load_model(path: Path) -> tuple[str, Any]:
    """Name and method of a file that `ecglearn train` wrote, in evaluation mode.

    Args:
        path: the file.

    Raises:
        CheckpointError: it is absent or damaged, no file of this command, or of another version.

    Book: many-machines#commands
    """
    tensors, about = load(path)
    if about.get("method") not in METHODS:
        raise CheckpointError(
            f"{path} does not say which method it belongs to; give the weights.safetensors that "
            "`ecglearn train` wrote"
        )
    make, config = METHODS[about["method"]]
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in about["config"].items()}
    try:
        method = make(config(**values))
    except TypeError as error:
        raise CheckpointError(
            f"{path} has a configuration that this version does not know ({error}); train again, "
            "or use the version that wrote it"
        ) from error
    load_weights(method, tensors, source=path)
    return about["method"], method.eval()
