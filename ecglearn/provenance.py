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

PACKAGE = "ecglearn"
FACE = "_FACE"  # name to module, where the package imports lazily


def code_digest(*modules: str) -> str:
    """A short hash of some modules and of all that they import, inside their packages.

    Args:
        *modules: dotted names.

    Book: five-methods#trained-weights
    """
    return _short(json.dumps(sources(modules)).encode())


def sources(modules: Iterable[str]) -> dict[str, str]:
    """Module to digest, for some modules and all that they import inside their packages.

    A name taken from a package is followed to the module that defines it, not to all that the
    package offers.

    Args:
        modules: dotted names; those that are no modules of Python source are ignored.

    Book: five-methods#trained-weights
    """
    waiting, found = list(modules), dict[str, str]()
    inside = {name.partition(".")[0] for name in waiting} | {PACKAGE}
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in inside or _path(name) is None:
            continue
        found[name], imported = _read(name)
        waiting += imported
    return dict(sorted(found.items()))


def imported_modules(code: str) -> list[str]:
    """Modules that hold what some code imports.

    Args:
        code: Python source.

    Book: five-methods#trained-weights
    """
    return list(dict.fromkeys(_imports(ast.parse(code))))


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
def _read(name: str) -> tuple[str, tuple[str, ...]]:
    """Digest of one module without its docstrings, and what it imports."""
    path = _path(name)
    assert path is not None
    tree = ast.parse(path.read_text("utf-8"))
    imported = tuple(dict.fromkeys(_imports(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return _short(ast.dump(tree).encode()), imported


def _imports(tree: ast.AST) -> Iterator[str]:
    """Modules behind every import statement, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield _home(node.module, alias.name)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "import_module"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


@cache
def _home(module: str, name: str) -> str:
    """The module that defines a name which is imported from another."""
    path = _path(module) if module.partition(".")[0] == PACKAGE else None
    if path is None:
        return module
    if path.name == "__init__.py":
        if _path(f"{module}.{name}") is not None:
            return f"{module}.{name}"
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _home(node.module, alias.name)
            target = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(target, ast.Name) and target.id == FACE:
                lazy = ast.literal_eval(node.value)  # pyright: ignore
                if name in lazy:
                    return _home(lazy[name], name)
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
