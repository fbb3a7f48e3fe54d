"""One colour for each method, the same in every figure of the book."""

from __future__ import annotations

from collections.abc import Sequence

from ecglearn.registry import list_methods, method_class

# told apart by the colour-blind too; as dark as white paper needs
PALETTE = ("#0072b2", "#b45309", "#00795c", "#a3357d", "#5b4fb0", "#6b7280", "#8a6d00", "#b3261e")
NEUTRAL = "#3f4754"
OTHERS = ("#3f4754", "#7a8391", "#8c564b", "#2f6f7e", "#9a8f3c", "#c0868f", "#556b2f", "#b08d57")


def method_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name: that of the method it begins with, or one that no method has.

    Args:
        names: of models or variants, such as a method's title or "TITLE, untrained".

    Book: five-methods#all-at-once
    """
    titles = {method_class(name).title: PALETTE[k] for k, name in enumerate(list_methods())}
    colours, others = {}, 0
    for name in names:
        exact = [title for title in titles if name == title or name.startswith(f"{title},")]
        if exact:
            colours[name] = titles[exact[0]]
        else:
            colours[name] = OTHERS[others % len(OTHERS)]
            others += 1
    return colours
