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
from ecglearn.hub.shared import fetch
from ecglearn.method import REGISTERED, Method, register
from ecglearn.own_method import own_method, own_object

GROUP = "ecglearn.methods"  # entry points of other packages


def list_methods() -> list[str]:
    """Names of all methods: the library's, then those of other packages and of this session.

    Book: five-methods#contract
    """
    return list(_all())


def method_class(name: str) -> type[Method]:
    """The class of a method.

    Args:
        name: as `list_methods` has it; its title and the name of its class are understood too. Or
            "module:Class", a class of your own in a module on the path or in this folder, which is
            then a method like any other.

    Raises:
        InputError: there is no such method, or the class does not keep the contract.

    Book: five-methods#contract
    """
    if ":" in name:
        return register(own_method(own_object(name), name))
    known = _all()
    plain = name.lower().replace(" ", "-")
    if plain in known:
        return known[plain]
    for cls in known.values():
        if name in (cls.title, cls.__name__):
            return cls
    raise InputError(
        f"no method {name!r}; there are {', '.join(known)}, and MODULE:CLASS names one of yours"
    )


def create(name: str, preset: str = "class", *, encoder: Any = None, **changes: Any) -> Method:
    """A new method with random weights.

    Args:
        name: one of `list_methods()`, or "module:Class".
        preset: `class` (minutes on a laptop), `smoke` (seconds), or `paper`.
        encoder: an ECG encoder of yours instead of the method's own, see
            `ecglearn.abilities.ECGEncoder`, or a class or function that makes it; a text is a field
            of the configuration, where there is one.
        **changes: fields of its configuration that differ from the preset.

    Raises:
        InputError: no such method, preset or field, or the encoder does not keep its promises.

    Book: five-methods#contract
    """
    cls = method_class(name)
    if isinstance(encoder, str):
        changes["encoder"], encoder = encoder, None
    return made(cls, cls.config_class.preset(preset, **changes), encoder)


def made(cls: type[Method], config: Any, encoder: Any = None) -> Method:
    """A new method; sizes that do not go together are one sentence.

    Args:
        cls: of the method.
        config: its sizes and weights.
        encoder: as for `create`; None leaves it to the method.

    Raises:
        InputError: no such network can be made.

    Book: five-methods#contract
    """
    try:
        return cls(config) if encoder is None else cls(config, encoder=encoder)
    except InputError:
        raise
    except (ValueError, AssertionError, RuntimeError, TypeError, ArithmeticError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"no {cls.title} can be made of these sizes ({said}): change the fields of its "
            "configuration that meet there"
        ) from error


def load(path: str | Path, *, method: str | None = None, encoder: Any = None) -> Method:
    """A trained method, whichever it is, in evaluation mode.

    Args:
        path: file that `method.save` or `ecglearn train` wrote, folder that
            `method.save_pretrained` wrote, or "hf://owner/name" on the hub of Hugging Face.
        method: "module:Class" of a method of yours; a file holds no code, and names none to run.
        encoder: that was given to the method, or what makes it.

    Raises:
        CheckpointError: absent, damaged, without a method, of another method or version, or with an
            encoder that is not given.

    Book: five-methods#contract
    """
    if str(path).startswith("hf:/"):  # a Path has one slash left
        path = fetch(path)
    if method is not None:
        return method_class(method).load(path, encoder=encoder)
    _, about = load_tensors(path)
    name = about.get("method")
    if not isinstance(name, str) or name not in _all():
        raise CheckpointError(
            f"{path} does not say which method it belongs to; give the weights.safetensors that "
            "`ecglearn train` or `method.save` wrote"
            if name is None
            else f"{path} holds the method {name!r}, which is not installed here; a class of yours "
            "is named as MODULE:CLASS (method=..., --own.method)"
        )
    return method_class(name).load(path, encoder=encoder)


def load_released(path: str | Path, name: str, **changes: Any) -> Method:
    """Read weights that the public code of a method wrote; nothing in the file is ever run.

    The file is a state dict of the whole model, by itself or beside an optimiser, with or without
    the prefix `module.` of several processes, as `.pth` or as safetensors. Sizes are read from its
    shapes; the rest is the preset `released`, which scales ECGs to [0, 1] as that code does, so
    give batches with `preprocess="minmax"`. Tensors of the frozen text model in the file are left:
    they are those of the published text model, which `text` names.

    Args:
        path: the file.
        name: "merl" (ResNet-18 or 34, or a ViT) or "deri" (ResNet-18 or 34).
        **changes: fields of the configuration that a file cannot tell, such as `text`.

    Returns:
        The method in evaluation mode; `method.save` or `ecglearn convert` keeps it as safetensors.

    Raises:
        CheckpointError: unreadable, or tensors are missing, left over or of another shape; lists
            them.
        InputError: a method whose public weights are not known, or a network that is not in this
            library.

    Source: names and shapes as in the public code of Liu et al. 2024 (MERL) and Chen et al. 2025
        (DERI).

    Book: five-methods#released-weights
    """
    return method_class(name).load_released(path, **changes)


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
