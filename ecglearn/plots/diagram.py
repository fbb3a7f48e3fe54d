"""Boxes and arrows: the picture of a method, drawn from the names of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecglearn.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Pale grounds on which black text is read on light and dark pages; any other colour works as well.
COLOURS = {
    "blue": "#d9e8f5",
    "orange": "#f7e3d0",
    "green": "#dcefdc",
    "purple": "#e6dff0",
    "red": "#f5d5d5",
    "grey": "#ececec",
}
INK, LINE, STRESS = "black", "#555555", "#c62828"


class Box(NamedTuple):
    """One part of a diagram.

    Attributes:
        x: of its middle.
        y: of its middle, upwards.
        colour: one of `COLOURS`, or any that matplotlib knows.
        text: what stands in it; empty takes its name.
        picture: drawn above the text. An array `(time,)` is a curve with gaps where it is NaN, a
            list of such arrays curves one below the other; `(row, column)` is an image,
            `(frame, row, column)` its frames side by side; a pair of an image and the name of a
            colour map shows it in these colours instead of greys.

    Book: ptacl#ptacl
    """

    x: float
    y: float
    colour: str = "grey"
    text: str = ""
    picture: Any = None


class Arrow(NamedTuple):
    """From one box to another, edge to edge.

    Attributes:
        start: name of a box.
        end: name of a box.
        text: beside it, on its middle.
        both: with heads on both ends, dashed and red: the two are compared.
        bend: 0 is straight; 0.3 bows clearly to the right of its way, -0.3 to the left.

    Book: ptacl#ptacl
    """

    start: str
    end: str
    text: str = ""
    both: bool = False
    bend: float = 0.0


def diagram(
    boxes: Mapping[str, tuple[Any, ...]],
    arrows: Sequence[tuple[Any, ...]],
    *,
    notes: Mapping[str, tuple[float, float]] | None = None,
    lines: Sequence[float] = (),
    size: tuple[float, float] = (8.5, 4.0),
    fontsize: float = 9,
) -> Figure:
    """Draw boxes with text and arrows between their edges.

    The ground is white and the text black in both themes of the page, so that it can be read in
    both; see `COLOURS` for the boxes.

    Args:
        boxes: name to a `Box`, or to its fields: `(x, y)`, `(x, y, "blue")`. The name is the text,
            unless the box has one of its own. Units are yours; only their proportions matter.
        arrows: each an `Arrow`, or its fields: `("ECG", "encoder")`.
        notes: grey text without a box to where it stands, for instance "training".
        lines: heights of dotted lines across the whole figure.
        size: width and height in inches.
        fontsize: of all text, in points.

    Returns:
        The figure.

    Raises:
        InputError: no box, an arrow to a box that is not there, or from a box to itself.

    Book: ptacl#ptacl
    """
    import matplotlib.pyplot as plt

    parts = {name: Box(*box) for name, box in boxes.items()}
    ways = [Arrow(*arrow) for arrow in arrows]
    if not parts:
        raise InputError("a diagram needs one box or more")
    for way in ways:
        unknown = [name for name in (way.start, way.end) if name not in parts]
        if unknown:
            raise InputError(
                f"the arrow from {way.start!r} to {way.end!r} needs a box {unknown[0]!r}; "
                f"there are {', '.join(map(repr, parts))}"
            )
        if way.start == way.end:
            raise InputError(f"an arrow from {way.start!r} to itself has no length; leave it out")
    fig, ax = plt.subplots(figsize=size, layout="constrained", facecolor="white")
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": fontsize}
    drawn: dict[str, Any] = {}
    for name, box in parts.items():
        ground = COLOURS.get(box.colour, box.colour)
        style: Any = {"boxstyle": "round,pad=0.35", "fc": ground, "ec": LINE}
        text = box.text or name
        if box.picture is None:
            plain = ax.text(box.x, box.y, text, color=INK, bbox=style, **middle)
            drawn[name] = plain.get_bbox_patch()
        else:
            drawn[name] = _framed(ax, box, text, style, fontsize).patch
    for way in ways:  # after the boxes: an arrow ends at edges that are known when it is drawn
        start, end = parts[way.start], parts[way.end]
        look: Any = {
            "arrowstyle": "<->" if way.both else "->",
            "color": STRESS if way.both else LINE,
            "linestyle": "--" if way.both else "-",
            "connectionstyle": f"arc3,rad={way.bend:g}",
            "patchA": drawn[way.start],
            "patchB": drawn[way.end],
            "shrinkA": 2,
            "shrinkB": 2,
        }
        ax.annotate("", (end.x, end.y), (start.x, start.y), arrowprops=look)
        if way.text:
            # the middle of a quadratic curve whose control point lies `bend` lengths aside
            x = (start.x + end.x) / 2 + way.bend / 2 * (end.y - start.y)
            y = (start.y + end.y) / 2 - way.bend / 2 * (end.x - start.x)
            plate: Any = {"fc": "white", "ec": "none", "pad": 1}
            ax.text(x, y, way.text, color=look["color"], bbox=plate, **middle)
    for text, (x, y) in (notes or {}).items():
        ax.text(x, y, text, color="#666666", **middle)
    for height in lines:
        ax.axhline(height, color="#999999", ls=":", lw=1)
    places = [(box.x, box.y) for box in parts.values()] + list((notes or {}).values())
    (left, right), (low, high) = ((min(v), max(v)) for v in zip(*places, strict=True))
    ax.set(xlim=_around(left, right), ylim=_around(low, high))
    ax.axis("off")
    return fig


def _framed(ax: Any, box: Box, text: str, style: Any, fontsize: float) -> Any:
    """A picture with text below it, in a frame that arrows can end at."""
    from matplotlib.offsetbox import AnnotationBbox, TextArea, VPacker

    words: Any = {"color": INK, "fontsize": fontsize, "ha": "center", "multialignment": "center"}
    packed = VPacker(
        children=[_art(box.picture), TextArea(text, textprops=words)], align="center", pad=0, sep=3
    )
    framed = AnnotationBbox(packed, (box.x, box.y), pad=0.35, bboxprops=style)
    ax.add_artist(framed)
    return framed


def _art(picture: Any) -> Any:
    """What a box shows, in points: curves 78 wide, images 44 high."""
    from matplotlib import colormaps
    from matplotlib.lines import Line2D
    from matplotlib.offsetbox import DrawingArea, OffsetImage

    picture, colours = picture if _coloured(picture) else (picture, "gray")
    curves = list(picture) if isinstance(picture, list) else [picture]
    curves = [np.asarray(curve, float) for curve in curves]
    if all(curve.ndim == 1 for curve in curves):
        high = 30.0 if len(curves) == 1 else 13.0 * len(curves)
        area = DrawingArea(78, high)
        each = high / len(curves)
        for k, curve in enumerate(curves):
            if len(curve) < 2 or not np.isfinite(curve).any():
                raise InputError(
                    "a curve in a box needs two samples or more, and one that is finite"
                )
            low, top = np.nanmin(curve), np.nanmax(curve)
            y = high - (k + 1) * each + each * (0.05 + 0.9 * (curve - low) / ((top - low) or 1.0))
            area.add_artist(Line2D(np.linspace(0, 78, len(curve)), y, color=INK, lw=0.8))
        return area
    if len(curves) != 1 or curves[0].ndim not in (2, 3):
        raise InputError(
            "a picture is a curve (time,), a list of them, an image (row, column) or frames "
            f"(frame, row, column); got {' and '.join(str(curve.shape) for curve in curves)}"
        )
    image = curves[0] if curves[0].ndim == 2 else np.hstack(list(curves[0]))
    low, top = np.nanmin(image), np.nanmax(image)
    painted = colormaps[colours]((image - low) / ((top - low) or 1.0))
    fine = max(1, round(400 / max(image.shape)))  # few cells: sharp edges on every screen
    painted = painted.repeat(fine, 0).repeat(fine, 1)
    return OffsetImage(painted, zoom=min(44 / painted.shape[0], 96 / painted.shape[1]))


def _coloured(picture: Any) -> bool:
    return isinstance(picture, tuple) and len(picture) == 2 and isinstance(picture[1], str)


def _around(low: float, high: float) -> tuple[float, float]:
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin
