"""What a view hands over: arrays and views come back, whatever cannot be shown is refused."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from ecglearn.errors import InputError
from ecglearn.plots.views import MIME, AlignmentView, View
from ecglearn.plots.views.contract import pack, picture, unpack, whole_numbers
from ecglearn.plots.views.script import page_script, view_script, widget_module


def test_arrays_come_back_within_half_a_step():
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    packed = json.loads(json.dumps(pack(values)))
    assert packed["shape"] == [3, 4, 5]
    assert np.abs(unpack(packed) - values).max() <= packed["scale"] / 2 + 1e-12
    assert unpack(packed).flat[np.abs(values).argmax()] == pytest.approx(
        values.flat[np.abs(values).argmax()]
    )


def test_a_value_may_be_as_large_as_the_reach():
    packed = pack([-2.0, 1.0], reach=2.0)
    assert unpack(packed).tolist() == [-2.0, 64 * 2 / 127]


def test_zeros_and_nothing_are_arrays_too():
    assert (unpack(pack(np.zeros((2, 2)))) == 0).all()
    assert unpack(pack(np.zeros((0, 3)))).shape == (0, 3)


def test_whole_numbers_are_exact():
    values = np.arange(-127, 128)
    assert (unpack(whole_numbers(values)) == values).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pack([1.0, np.nan]), "finite"),
        (lambda: pack([2.0], reach=1.0), "does not fit"),
        (lambda: whole_numbers([0.5]), "no whole numbers"),
        (lambda: whole_numbers([128]), "does not fit"),
        (lambda: AlignmentView.from_json('{"kind": "words"}'), "of kind 'words'"),
    ],
)
def test_what_cannot_be_shown_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_a_view_comes_back_from_its_text():
    view = AlignmentView({"label": "a </script> in words", "maps": pack(np.eye(2))})
    again = AlignmentView.from_json(view.to_json())
    assert again == view
    assert (again.array("maps") == np.eye(2)).all()


def test_a_view_stays_what_it_is():
    view = AlignmentView({"label": "a map"})
    with pytest.raises(FrozenInstanceError):
        view.data = {}  # pyright: ignore[reportAttributeAccessIssue]


def test_the_page_gets_the_contract_and_a_kernel_the_widget():
    view = AlignmentView({"label": "a map"})
    bundle = view._repr_mimebundle_()
    assert bundle[MIME] == {"kind": "alignment", "label": "a map"}
    assert bundle["text/plain"] == "a map"
    assert json.loads(view.widget().text) == bundle[MIME]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_page_and_widget_hold_the_same_text():
    assert page_script().startswith(view_script())
    assert widget_module().startswith(view_script())
    # a classic script may not hold these, and a page from a file may not import
    assert "import " not in view_script().replace("important", "")
    assert "export " not in page_script()


def test_a_picture_is_the_picture():
    from base64 import b64decode
    from io import BytesIO

    from PIL import Image

    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    content = b64decode(picture(grey).removeprefix("data:image/png;base64,"))
    assert (np.asarray(Image.open(BytesIO(content))) == grey).all()


def test_every_kind_has_its_drawing():
    kinds = [cls.kind for cls in View.__subclasses__()]
    assert len(kinds) == len(set(kinds))
    for kind in kinds:
        assert f"EcgViews.kinds.{kind} =" in view_script()
