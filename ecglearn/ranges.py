"""What the numbers of a configuration may be: types as annotated, and a range for some names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ecglearn.errors import InputError
from ecglearn.metadata import faults

# what a name ends in, what such a number may be, and how that is said
_RANGES = (
    (r"dropout|drop_path|mask|ratio", lambda x: 0 <= x < 1, "0 or more and below 1"),
    (r"temperature|fs|samples|patch|width", lambda x: x > 0, "above 0"),
)


def check_fields(kind: type, values: Mapping[str, Any]) -> None:
    """Refuse values that fields of a dataclass cannot have.

    Every value has the type that is annotated, and lies in the range that is annotated with it
    (`Annotated[int, Field(ge=1)]`); every number is finite, no whole number is negative, a dropout
    or a masked share is below 1, a temperature or a size above 0.

    Args:
        kind: the dataclass.
        values: field to value.

    Raises:
        InputError: one of them cannot be; names it, its value and what it may be.

    Book: five-methods#contract
    """
    try:
        _types(kind).validate_python(dict(values))
    except ValidationError as error:
        raise InputError(f"{kind.__name__}: {faults(error)}") from error
    for name, value in values.items():
        for number in _numbers(value):
            if said := _wrong(name, number):
                raise InputError(f"{kind.__name__}: {name} is {number!r}: it should be {said}")


@cache
def _types(kind: type) -> TypeAdapter:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.name: hints[field.name] for field in fields(kind)}
    shape: Any = TypedDict(kind.__name__, known, total=False)  # pyright: ignore
    loose = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    return TypeAdapter(with_config(loose)(shape))


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _wrong(name: str, number: int | float) -> str:
    """What a number of this name should be, where it is not."""
    if not math.isfinite(number):
        return "a finite number"
    if isinstance(number, int) and number < 0:
        return "0 or more"
    for ending, fits, said in _RANGES:
        if re.search(rf"(?:^|_)(?:{ending})$", name) and not fits(number):
            return said
    return ""
