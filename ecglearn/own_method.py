"""A method of anybody's: found by "module:Class", its contract checked before it runs."""

from __future__ import annotations

import sys
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.method import Config, Method


def own_object(text: str) -> Any:
    """What "module:Class" names, in a module on the path or in this folder.

    Args:
        text: the name.

    Raises:
        InputError: there is no such module, or nothing of this name in it; or it cannot be
            imported.

    Book: your-own-method#own-command
    """
    module, _, name = text.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise InputError(
            f"there is no module {module!r} on the path or in {here}: name a file {module}.py of "
            "this folder, or an installed module"
        ) from error
    except ValueError as error:
        raise InputError(f"{text!r} is no MODULE:CLASS ({error})") from error
    made = getattr(found, name, None)
    if made is None:
        raise InputError(f"{found.__file__} has no {name!r}; name a class that it defines")
    return made


def own_method(found: Any, text: str) -> type[Method]:
    """A class, when it keeps what the contract says of classes.

    Args:
        found: of `own_object`.
        text: its name.

    Raises:
        InputError: it does not; says in what.

    Book: your-own-method#own-command
    """
    if not isinstance(found, type) or not issubclass(found, Method):
        raise InputError(f"{text} is no subclass of ecglearn.method.Method (or ReportMethod)")
    if absent := sorted(found.__abstractmethods__):
        raise InputError(f"{text} does not define {', '.join(absent)}, which every method has")
    kind = getattr(found, "config_class", Config)
    if not (isinstance(kind, type) and issubclass(kind, Config) and is_dataclass(kind)):
        raise InputError(
            f"the config_class of {text} is no dataclass that inherits from ecglearn.method.Config"
        )
    return found


def check_contract(method: Method, data: Any) -> None:
    """Refuse a method that would stumble later: in `fit`, `save`, `embed` or a comparison.

    Args:
        method: new; set up on the data, as `fit` does it again.
        data: training records, two or more, with all that it needs.

    Raises:
        InputError: its losses, vectors, encoder or objectives are not what the contract says.

    Book: your-own-method#own-command
    """
    who, some = type(method).__name__, data[slice(0, 2)].to(next(method.parameters()).device)
    method.setup(data, 1)
    if not any(part is getattr(method, "ecg_encoder", None) for part in method.children()):
        raise InputError(f"{who} has no module `ecg_encoder`, which is what a user keeps of it")
    for stage, part in method.stages():
        if not any(one.parameters for one in part.objectives()):
            raise InputError(f"the stage {stage!r} of {who} has no objective with parameters")
    was_training = method.training
    with torch.no_grad():
        vectors: Any = method.eval().features(some)
    shape = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
    if not isinstance(vectors, Tensor) or vectors.ndim != 2 or len(vectors) != len(some):
        raise InputError(
            f"{who}.features gives {shape} for {len(some)} records, not a tensor ({len(some)}, D)"
        )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        terms: Any = method.losses(some)
    method.train(was_training)
    if not isinstance(terms, dict) or not terms:
        raise InputError(f"{who}.losses gives {type(terms).__name__}, not named terms in a dict")
    for name, term in terms.items():
        if not isinstance(name, str) or not isinstance(term, Tensor) or term.ndim:
            said = tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__
            raise InputError(
                f"the term {name!r} of {who}.losses is {said}, not a tensor of one number"
            )
