"""The library's own lines beside the paper's statement: what is shown is what runs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ecglearn.errors import InputError


@dataclass(frozen=True)
class Source:
    """The code of a function as a page shows it: without its docstring and annotations of shape.

    Attributes:
        function: of the library, or a method of one of its classes.

    Book: ptacl#source
    """

    function: Callable[..., Any]

    def text(self) -> str:
        """The lines, dedented; they are read from the source each time.

        Raises:
            InputError: it is no function written in Python.
        """
        try:
            lines = textwrap.dedent(inspect.getsource(self.function)).splitlines()
        except (OSError, TypeError) as error:
            raise InputError(f"{self.function!r} has no source in Python") from error
        node = ast.parse("\n".join(lines)).body[0]
        if not isinstance(node, ast.FunctionDef):
            raise InputError(f"{self.function!r} is no function")
        arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        if node.args.kwonlyargs:
            arguments += ["*", *(a.arg for a in node.args.kwonlyargs)]
        first = node.body[0]
        described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        begin = (first.end_lineno or 0) if described else first.lineno - 1
        return "\n".join([f"def {node.name}({', '.join(arguments)}):", *lines[begin:]])

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text()}\n```"
