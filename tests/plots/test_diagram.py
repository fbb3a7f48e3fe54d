"""Boxes and arrows: everything asked for is there, readable, and joined at the edges."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.text import Annotation

from ecglearn.errors import InputError
from ecglearn.plots.diagram import COLOURS, Arrow, Box, diagram

BOXES = {
    "ECG": (0, 1, "blue"),
    "report": (0, 0, "orange"),
    "encoder": Box(2, 1, "blue", "ResNet\nor ViT"),
    "loss": (4, 0.5),
}
ARROWS = [("ECG", "encoder"), Arrow("encoder", "loss"), ("report", "loss", "words", True, 0.2)]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(fig) -> dict:
    return {text.get_text(): text for text in fig.axes[0].texts if text.get_text()}


def arrows(fig) -> list[Annotation]:
    return [text for text in fig.axes[0].texts if isinstance(text, Annotation)]


def test_texts_and_arrows_are_there():
    fig = diagram(BOXES, ARROWS, notes={"training": (3, 1.3)}, lines=[0.7, 0.2])
    found = texts(fig)
    assert set(found) == {"ECG", "report", "ResNet\nor ViT", "loss", "words", "training"}
    assert found["loss"].get_position() == (4, 0.5)
    assert len(arrows(fig)) == 3
    assert [np.asarray(line.get_ydata())[0] for line in fig.axes[0].lines] == [0.7, 0.2]
    assert not fig.axes[0].axison


def test_arrows_go_from_edge_to_edge_in_the_right_direction():
    fig = diagram(BOXES, ARROWS)
    fig.canvas.draw()
    found = texts(fig)
    pairs = (("ECG", "ResNet\nor ViT"), ("ResNet\nor ViT", "loss"))
    for arrow, (start, end) in zip(arrows(fig), pairs, strict=False):
        patch: Any = arrow.arrow_patch
        x = patch.get_transform().transform(patch.get_path().vertices)[:, 0]
        left, right = (found[name].get_bbox_patch().get_window_extent() for name in (start, end))
        assert left.x1 - 1 <= x.min() <= left.x1 + 10
        assert right.x0 - 10 <= x.max() <= right.x0 + 1
        assert x[0] < x[2]


def test_compared_parts_are_marked():
    fig = diagram(BOXES, ARROWS)
    one, _, both = arrows(fig)
    assert one.arrow_patch is not None
    assert both.arrow_patch is not None
    assert one.arrow_patch.get_linestyle() in ("-", "solid")
    assert both.arrow_patch.get_linestyle() in ("--", "dashed")
    assert texts(fig)["words"].get_color() == "#c62828"


def contrast(a, b) -> float:
    """Of two colours, as the Web Content Accessibility Guidelines define it."""

    def light(colour):
        c = np.asarray(to_rgb(colour))
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (
            0.2126,
            0.7152,
            0.0722,
        )

    high, low = sorted((light(a) + 0.05, light(b) + 0.05), reverse=True)
    return float(high / low)


def test_text_is_readable_on_light_and_dark_pages():
    fig = diagram(BOXES, ARROWS, notes={"training": (3, 1.3)})
    assert fig.get_facecolor() == (1, 1, 1, 1)
    for text in texts(fig).values():
        patch = text.get_bbox_patch()
        ground = "white" if patch is None else patch.get_facecolor()[:3]
        assert contrast(text.get_color(), ground) >= 4.5
    assert all(contrast("black", colour) >= 12 for colour in COLOURS.values())
    assert texts(diagram({"a": (0, 0, "#ffff00")}, []))["a"].get_bbox_patch() is not None


def test_every_text_lies_inside_the_figure():
    fig = diagram({"a long text at the very edge": (0, 0), "another one, also long": (1, 0)}, [])
    fig.canvas.draw()
    for text in texts(fig).values():
        box = text.get_bbox_patch().get_window_extent()
        assert fig.bbox.contains(box.x0, box.y0)
        assert fig.bbox.contains(box.x1, box.y1)


def test_real_arrays_stand_in_boxes_and_arrows_end_at_their_frames():
    t = np.linspace(0, 20, 200)
    gaps = np.where((t > 5) & (t < 9), np.nan, np.sin(t))
    fig = diagram(
        {
            "ECG": (0, 2, "blue", "ECG, 2 s", np.sin(t)),
            "leads": (0, 1, "blue", "three leads", [np.sin(t), gaps, np.zeros(200)]),
            "cine": (1, 2, "orange", "", np.random.default_rng(0).random((3, 8, 8))),
            "map": (1, 1, "grey", "", (np.eye(5), "Blues")),
            "plain": (0.5, 0),
        },
        [("ECG", "leads"), ("cine", "map"), ("map", "plain")],
        size=(4.5, 4.5),
    )
    fig.canvas.draw()
    framed = [a for a in fig.axes[0].artists if isinstance(a, AnnotationBbox)]
    assert len(framed) == 4
    for one in framed:
        box = one.get_window_extent()
        assert fig.bbox.contains(box.x0, box.y0)
        assert fig.bbox.contains(box.x1, box.y1)
        assert not any(box.overlaps(o.get_window_extent()) for o in framed if o is not one)
    patch: Any = arrows(fig)[0].arrow_patch
    y = patch.get_transform().transform(patch.get_path().vertices)[:, 1]
    top, below = (framed[k].patch.get_window_extent() for k in (0, 1))
    assert below.y1 - 1 <= y.min()
    assert y.max() <= top.y0 + 1


@pytest.mark.parametrize(
    "picture", [np.zeros(1), np.full(5, np.nan), np.zeros((2, 2, 2, 2)), [np.zeros((2, 2))] * 2]
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(InputError):
        diagram({"a": (0, 0, "grey", "", picture)}, [])


def test_what_is_not_there_is_refused():
    with pytest.raises(
        ValueError, match=r"from 'ECG' to 'lost' needs a box 'lost'; there are 'ECG'"
    ):
        diagram(BOXES, [("ECG", "lost")])
    with pytest.raises(ValueError, match="needs a box 'EGC'"):
        diagram(BOXES, [("EGC", "loss")])
    with pytest.raises(ValueError, match="'ECG' to itself"):
        diagram(BOXES, [("ECG", "ECG")])
    with pytest.raises(ValueError, match="one box or more"):
        diagram({}, [])
