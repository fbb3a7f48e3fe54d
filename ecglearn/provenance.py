"""What a result was made by: a digest of the code that its modules import, and of its data.

Comments, docstrings and formatting are not part of it: editing them makes nothing stale.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

FACE = "_FACE"  # name to module, where a package imports lazily


def code_digest(*modules: str) -> str:
    """A short hash of some modules and of all that they import, inside their packages.

    Args:
        *modules: dotted names.

    Book: five-methods#trained-weights
    """
    return _short(json.dumps(sources(modules)).encode())


def sources(modules: Iterable[str], *packages: str) -> dict[str, str]:
    """Module to digest, for some modules and all that they import inside some packages.

    A name taken from a package is followed to the module that defines it, not to all that the
    package offers; of the package itself counts what its `__init__` does besides importing.

    Args:
        modules: dotted names; those that are no modules of Python source are ignored.
        *packages: inside which imports are followed; none: those of the modules, and ecglearn.

    Book: five-methods#trained-weights
    """
    waiting, found = [(name, True) for name in modules], dict[str, str]()
    tops = {name.partition(".")[0] for name, _ in waiting}
    inside = frozenset(packages or tops | {"ecglearn"})
    followed = set[str]()
    while waiting:
        name, follow = waiting.pop()
        if name.partition(".")[0] not in inside or _path(name) is None:
            continue
        found[name], imported = _read(name, inside)
        if follow and name not in followed:
            followed.add(name)
            waiting += [(other, True) for other in imported]
        if (parent := name.rpartition(".")[0]) and parent not in found:
            waiting.append((parent, False))
    return dict(sorted(found.items()))


def imported_modules(code: str, *packages: str) -> list[str]:
    """Modules that hold what some code imports, wherever the import statement stands.

    Args:
        code: Python source.
        *packages: whose faces are looked through, down to the modules that define the names.

    Book: five-methods#trained-weights
    """
    return list(dict.fromkeys(_imports(ast.parse(code), frozenset(packages))))


def data_digest(value: Any, *, only: Iterable[str] | None = None) -> str:
    """A short hash of tensors, arrays, texts, numbers, and of dataclasses and containers of them.

    Args:
        value: what is to be hashed; an object with a method `digest()` answers for itself.
        only: fields of a dataclass that count; None takes all.

    Raises:
        TypeError: the value is of another kind.

    Book: five-methods#trained-weights
    """
    digest = hashlib.sha256()
    for part in _bytes(value, None if only is None else set(only)):
        digest.update(part)
    return digest.hexdigest()[:16]


def _bytes(value: Any, only: set[str] | None = None) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value) and not isinstance(value, type):
        own = getattr(value, "digest", None)
        if own is not None:
            yield own().encode()
            return
        yield type(value).__name__.encode()
        for field in fields(value):
            if only is None or field.name in only:
                yield field.name.encode()
                yield from _bytes(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _bytes(key)
            yield from _bytes(item)
    elif isinstance(value, list | tuple | np.ndarray):
        yield f"{len(value)}".encode()
        for item in value:
            yield from _bytes(item)
    elif value is None or isinstance(value, str | int | float | bool | np.generic):
        yield repr(value).encode() + b"\0"
    else:
        raise TypeError(f"no digest of a {type(value).__name__}; give it a method `digest()`")


@cache
def _read(name: str, inside: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Digest of one module without docstrings (of a package also without imports); its imports."""
    path = _path(name)
    assert path is not None
    tree = ast.parse(path.read_text("utf-8"))
    imported = tuple(dict.fromkeys(_imports(tree, inside)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    if path.name == "__init__.py":
        tree.body = [node for node in tree.body if not _only_offers(node)]
    return _short(ast.dump(tree).encode()), imported


def _only_offers(node: ast.stmt) -> bool:
    """Whether a statement of a package only says where names come from."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return isinstance(target, ast.Name) and target.id in ("__all__", FACE)
    return isinstance(node, ast.Import | ast.ImportFrom)


def _imports(tree: ast.AST, inside: frozenset[str]) -> Iterator[str]:
    """Modules behind every import statement, and behind what is taken from an imported package."""
    rooms = dict[str, str]()  # local name of a package to its dotted name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                home = _home(node.module, alias.name, inside)
                path = _path(home) if home.partition(".")[0] in inside else None
                if path is not None and path.name == "__init__.py" and home != node.module:
                    rooms[alias.asname or alias.name] = home
                else:
                    yield home
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "import_module"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)
    if rooms:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                room = rooms.get(node.value.id)
                yield from () if room is None else (_home(room, node.attr, inside),)


@cache
def _home(module: str, name: str, inside: frozenset[str]) -> str:
    """The module that defines a name which is imported from another."""
    path = _path(module) if module.partition(".")[0] in inside else None
    if path is None or path.name != "__init__.py":
        return module
    if _path(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _home(node.module, alias.name, inside)
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == FACE:
            lazy = ast.literal_eval(node.value)  # pyright: ignore
            if name in lazy:
                return _home(lazy[name], name, inside)
    return module


@cache
def _path(module: str) -> Path | None:
    """The source of a module; None where there is none."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    if not rest:
        return Path(spec.origin)
    if not spec.submodule_search_locations:
        return None
    place = Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
