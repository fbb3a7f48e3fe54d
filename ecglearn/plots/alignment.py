"""One alignment matrix as a picture; the one to move about in is `plots.views`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_map(
    axes: Axes, cosine: Float[Tensor, "T T"], *, title: str = "", limit: float | None = None
) -> Any:
    """One alignment map with matplotlib, blue where alike: rows ECG phases, columns cine phases.

    Args:
        axes: where to draw.
        cosine: mean cosine (T, T).
        title: above the map.
        limit: end of the colour scale on both sides; None takes the largest absolute value.

    Returns:
        The image, for a colour bar.

    Source: Selivanov et al. 2025 (PTACL), figure 2.

    Book: alignment-matrices#the-map
    """
    reach = limit or float(cosine.abs().max())
    image = axes.imshow(cosine.numpy(), cmap="RdBu", vmin=-reach, vmax=reach, origin="upper")
    ticks = range(0, len(cosine), 4)
    axes.set(
        title=title, xlabel="cine phase", ylabel="ECG phase", xticks=list(ticks), yticks=list(ticks)
    )
    return image
