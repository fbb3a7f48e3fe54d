"""The only list of methods: those of the library, of other packages, and those of this session."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ecglearn.checkpoint import CheckpointError
from ecglearn.checkpoint import load as load_tensors
from ecglearn.errors import InputError
from ecglearn.method import REGISTERED, Method, register

GROUP = "ecglearn.methods"  # entry points of other packages


def list_methods() -> list[str]:
    """Names of all methods: the library's, then those of other packages and of this session.

    Book: five-methods#contract
    """
    return list(_all())


def method_class(name: str) -> type[Method]:
    """The class of a method.

    Args:
        name: as `list_methods` has it; its title and the name of its class are understood too.

    Raises:
        InputError: there is no such method.

    Book: five-methods#contract
    """
    known = _all()
    plain = name.lower().replace(" ", "-")
    if plain in known:
        return known[plain]
    for cls in known.values():
        if name in (cls.title, cls.__name__):
            return cls
    raise InputError(f"no method {name!r}; there are {', '.join(known)}")


def create(name: str, preset: str = "class", **changes: Any) -> Method:
    """A new method with random weights.

    Args:
        name: one of `list_methods()`.
        preset: `class` (minutes on a laptop), `smoke` (seconds), or `paper`.
        **changes: fields of its configuration that differ from the preset.

    Raises:
        InputError: no such method, preset or field.

    Book: five-methods#contract
    """
    cls = method_class(name)
    return cls(cls.config_class.preset(preset, **changes))


def load(path: str | Path) -> Method:
    """A trained method, whichever it is, in evaluation mode.

    Args:
        path: file that `method.save` or `ecglearn train` wrote.

    Raises:
        CheckpointError: absent, damaged, without a method, or of another version.

    Book: five-methods#contract
    """
    _, about = load_tensors(path)
    name = about.get("method")
    if not isinstance(name, str) or name not in _all():
        raise CheckpointError(
            f"{path} does not say which method it belongs to; give the weights.safetensors that "
            "`ecglearn train` or `method.save` wrote"
            if name is None
            else f"{path} holds the method {name!r}, which is not installed here"
        )
    return method_class(name).load(path)


def cite(method: Method | type[Method] | str) -> str:
    """BibTeX of the paper behind a method.

    Args:
        method: a method, its class, or its name.

    Raises:
        InputError: there is no method of this name.

    Book: ptacl#take-it-further
    """
    return (method_class(method) if isinstance(method, str) else method).citation


def _all() -> dict[str, type[Method]]:
    import_module("ecglearn.methods")  # registers the library's own
    for cls in _plugins():
        register(cls)
    return REGISTERED


def _plugins() -> Iterator[type[Method]]:
    for point in entry_points(group=GROUP):
        yield point.load()
