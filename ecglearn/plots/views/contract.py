"""What every view hands to the page: a kind, words, and arrays small enough for a page.

The script beside this file only draws. Everything that a model says is computed here beforehand.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglearn.errors import InputError
from ecglearn.plots.views.script import widget_module, widget_style

MIME = "application/vnd.ecglearn.view+json"


@dataclass(frozen=True)
class View:
    """A drawn answer that a reader can move about in; the last line of a cell shows it.

    In a rendered page a script draws it, in a running kernel anywidget does, from the same text.

    Attributes:
        data: what the script gets; plain JSON, arrays as made by `pack`.

    Book: alignment-matrices#one-contract
    """

    kind: ClassVar[str] = ""
    data: dict[str, Any]

    def to_json(self) -> str:
        """The contract as text; `from_json` gives the view back."""
        return json.dumps({"kind": self.kind, **self.data}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> View:
        """The view that `to_json` wrote.

        Raises:
            InputError: the text is of another kind of view.
        """
        data = json.loads(text)
        kind = data.pop("kind", None)
        if kind != cls.kind:
            raise InputError(f"this is a view of kind {kind!r}, not {cls.kind!r}")
        return cls(data)

    def array(self, name: str) -> NDArray[np.float64]:
        """One of the packed arrays as numbers."""
        return unpack(self.data[name])

    def widget(self) -> Any:
        """The same view as an anywidget, for a running kernel."""
        import anywidget
        import traitlets

        class ViewWidget(anywidget.AnyWidget):
            _esm = widget_module()
            _css = widget_style()
            text = traitlets.Unicode().tag(sync=True)

        return ViewWidget(text=self.to_json())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget where a kernel runs, and what the book's page is drawn from."""
        shown = self.widget()._repr_mimebundle_() or {}
        bundle = shown[0] if isinstance(shown, tuple) else shown
        return {**bundle, "text/plain": self.data["label"], MIME: json.loads(self.to_json())}


def pack(values: ArrayLike, *, reach: float | None = None) -> dict[str, Any]:
    """Numbers as int8 with one scale: an eighth of the size, at most half a step away.

    Args:
        values: of any shape.
        reach: the value that becomes 127; None takes the largest absolute value.

    Raises:
        InputError: a value is not finite, or beyond `reach`.

    Book: alignment-matrices#one-contract
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError("a view shows finite numbers only")
    largest = float(np.abs(array).max(initial=0))
    top = largest if reach is None else reach
    if largest > top * (1 + 1e-6):
        raise InputError(f"a value of {largest:g} does not fit into a reach of {top:g}")
    scale = top / 127 or 1.0
    whole = np.round(array / scale).clip(-127, 127).astype(np.int8)
    content = base64.b64encode(whole.tobytes()).decode()
    return {"shape": list(array.shape), "scale": scale, "bytes": content}


def whole_numbers(values: ArrayLike) -> dict[str, Any]:
    """Whole numbers from -127 to 127, kept exactly.

    Args:
        values: of any shape.

    Raises:
        InputError: a value is not whole, or beyond 127.

    Book: alignment-matrices#one-contract
    """
    array = np.asarray(values)
    if (array != np.round(array)).any():
        raise InputError("these are no whole numbers")
    return pack(array, reach=127)


def unpack(packed: dict[str, Any]) -> NDArray[np.float64]:
    """Numbers again.

    Args:
        packed: made by `pack`.

    Book: alignment-matrices#one-contract
    """
    raw = np.frombuffer(base64.b64decode(packed["bytes"]), np.int8)
    return raw.reshape(packed["shape"]).astype(np.float64) * packed["scale"]


def picture(grey: NDArray[np.uint8]) -> str:
    """A grey image as an address that holds the image itself.

    Args:
        grey: grey values (rows, columns).

    Book: alignment-matrices#one-contract
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(grey).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
