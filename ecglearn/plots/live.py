"""Figures with controls in a notebook that somebody looks at; drawn once where nobody does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

# set for kernels of JupyterLab, Notebook and hubs; of VS Code; of Colab
FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")


def live(draw: Callable[..., None], **choices: Sequence[Any]) -> None:
    """Call a function with values that controls choose.

    Without a front end, under papermill or nbclient, nobody would answer the controls and a run
    could wait for ever: the function is then called once, with the first value of each choice.

    Args:
        draw: draws and shows a figure; takes the choices by name.
        **choices: values to choose from, the first one first: words become a list, numbers a
            slider.

    Book: preprocessing#preprocessing
    """
    if not any(os.environ.get(name) for name in FRONT_ENDS):
        draw(**{name: values[0] for name, values in choices.items()})
        return
    from ipywidgets import Dropdown, SelectionSlider, interact

    controls = {}
    for name, values in choices.items():
        kind = Dropdown if isinstance(values[0], str) else SelectionSlider
        ordered = list(values) if kind is Dropdown else sorted(values)
        controls[name] = kind(options=ordered, value=values[0])
    interact(draw, **controls)
