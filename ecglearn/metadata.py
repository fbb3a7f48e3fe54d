"""What the JSON in a file may say: one schema a kind of file, one sentence for everything else."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecglearn.errors import EcglearnError

_SHOWN = 3  # faults that the sentence names

Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Description(BaseModel):
    """A kind of description: fields that must be there, of the types they have, and no others.

    Book: ptacl#training
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )


D = TypeVar("D", bound=Description)


def described(
    kind: type[D], found: str | bytes | dict[str, Any], where: object, error: type[EcglearnError]
) -> D:
    """A description, when it is one.

    Args:
        kind: its schema.
        found: JSON as it stands in the file, or what was read from it.
        where: the file, for the message.
        error: what to raise.

    Book: ptacl#training
    """
    try:
        if isinstance(found, dict):
            return kind.model_validate(found)
        return kind.model_validate_json(found)
    except ValidationError as fault:
        raise error(f"{where} is not as this library writes it: {faults(fault)}") from fault


def faults(found: ValidationError) -> str:
    """What is wrong, in part of a sentence: field, value, what it should be.

    Args:
        found: by pydantic.

    Book: ptacl#training
    """
    wrong = found.errors(include_url=False, include_context=False)
    told = []
    for one in wrong[:_SHOWN]:
        field = ".".join(map(str, one["loc"]))[:80]
        plain = isinstance(one["input"], bool | int | float | str | None) and field
        value = f" is {repr(one['input'])[:40]}" if plain else ""
        message = one["msg"].replace("Input should be", "it should be")
        told.append(": ".join(filter(None, [f"{field}{value}", message])))
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return " ".join(f"{'; '.join(told)}{more}".split())
