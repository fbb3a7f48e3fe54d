"""What a layout is: for each of our tensors, where a published file has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

Tensors = Mapping[str, Tensor]


class Rule(NamedTuple):
    """Where one kind of our tensors comes from.

    Attributes:
        ours: pattern of our names, matched whole.
        public: names in the published file, with groups of the pattern; usually one.
        make: our tensor out of the published ones; None takes the only one as it is.

    Book: five-methods#released-weights
    """

    ours: str
    public: tuple[str, ...]
    make: Callable[..., Tensor] | None = None


class Layout(NamedTuple):
    """How the public code of a method names its tensors.

    Attributes:
        configure: fields of our configuration that the file decides, out of its tensors.
        rules: for a configuration, where each of our tensors comes from.
        unused: patterns of names that the public code makes and never reads, or that belong to
            the frozen text model.

    Book: five-methods#released-weights
    """

    configure: Callable[[Tensors], dict]
    rules: Callable[[Tensors], Sequence[Rule]]
    unused: tuple[str, ...]


def translate(
    wanted: Sequence[str], found: Tensors, layout: Layout
) -> tuple[dict[str, Tensor], list[str], list[str]]:
    """Our tensors out of published ones, and what does not fit.

    Args:
        wanted: our names.
        found: the published tensors.
        layout: of the file.

    Returns:
        Our tensors; published names that are missing; published names that are left over.

    Book: five-methods#released-weights
    """
    rules = layout.rules(found)
    ours: dict[str, Tensor] = {}
    missing: list[str] = []
    left = set(found)
    for name in wanted:
        for rule in rules:
            match = re.fullmatch(rule.ours, name)
            if match is None:
                continue
            sources = [match.expand(public) for public in rule.public]
            absent = [source for source in sources if source not in found]
            missing += absent
            left.difference_update(sources)
            if not absent:
                parts = [found[source] for source in sources]
                ours[name] = rule.make(*parts) if rule.make else parts[0]
            break
        else:
            missing.append(f"what becomes {name}")
    left = {name for name in left if not any(re.fullmatch(p, name) for p in layout.unused)}
    return ours, sorted(set(missing)), sorted(left)
