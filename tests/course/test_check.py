"""What is right is called right, and each kind of wrong by its name; nothing can be read."""

import numpy as np
import pytest

from ecglearn.course import check, verdict
from ecglearn.course.check import ANSWERS
from ecglearn.course.check import seals as known
from ecglearn.course.seals import complaint, sealed
from ecglearn.errors import InputError

VALUES = np.array([1.618, 0.25])
SEAL = sealed("two", [VALUES], within=0.005)
ONE = sealed("one", [np.log(5)], within=0.002)


@pytest.mark.parametrize("shift", [-0.005, -0.0049, 0.0, 0.0049, 0.005])
def test_what_lies_within_is_right(shift):
    assert complaint("two", SEAL, VALUES + shift) == ""
    assert complaint("two", SEAL, list(VALUES + shift)) == ""


@pytest.mark.parametrize("shift", [-0.0101, 0.0101, 0.02])
def test_what_lies_twice_as_far_is_wrong(shift):
    assert complaint("two", SEAL, VALUES + shift) != ""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-np.log(5), "sign"),
        (np.log2(5), "binary and natural"),
        (np.log10(5), "decimal and natural"),
        (100 * np.log(5), "percent"),
        (np.log(5) / 100, "share"),
        (2 * np.log(5), "twice"),
        (np.log(5) / 2, "half"),
        (1 / np.log(5), "reciprocal"),
        (1 - np.log(5), "left of 1"),
        (np.log(5) + 1, "too many"),
        (np.log(5) - 1, "too few"),
        (np.log(5) ** 2, "square"),
        (np.sqrt(np.log(5)), "square root"),
        (0.123, "another"),
        (np.nan, "no number"),
        ("two", "numbers are asked for"),
        ([np.log(5)], "shape"),
    ],
)
def test_kinds_of_wrong(value, says):
    assert says in complaint("one", ONE, value)


def test_order_and_single_numbers():
    assert "order" in complaint("two", SEAL, VALUES[::-1])
    assert complaint("two", SEAL, [1.618, 0.9]) == "1 of 2 are right; not number 2"


def test_words_in_any_order_and_writing():
    seal = sealed("words", [{"cine", "phenotypes"}], within=None)
    assert complaint("words", seal, ["Phenotypes", " cine "]) == ""
    assert complaint("words", seal, "cine") == "1 are right, 0 do not belong, 1 are missing"
    assert "2 do not belong" in complaint("words", seal, {"a", "b"})
    assert "words are asked for" in complaint("words", seal, 3)


def test_several_answers_may_be_right():
    seal = sealed("n", [12, 40], within=0.4)
    assert [complaint("n", seal, v) == "" for v in (12, 40, 13, 39)] == [True, True, False, False]


def test_what_cannot_be_sealed():
    for values in ([], [np.nan], [[1.0], [1.0, 2.0]]):
        with pytest.raises(InputError):
            sealed("x", values, within=0.1)


def test_an_answer_cannot_be_read():
    text = SEAL.model_dump_json()
    assert "1.6" not in text.replace(str(SEAL.marks), "")
    assert "0.25" not in text
    assert len({mark for marks in SEAL.marks for mark in marks}) == 2


def test_the_name_is_part_of_the_mark():
    other = sealed("other", [VALUES], within=0.005)
    assert set(other.marks[0]).isdisjoint(SEAL.marks[0])


def test_unknown_exercise():
    with pytest.raises(InputError, match="no exercise 'nothing' can be checked; there are: "):
        verdict("nothing", 1)


def test_check_prints(capsys, monkeypatch):
    monkeypatch.delenv(ANSWERS, raising=False)
    name = next(iter(known()))
    check(name, "nonsense of a student")
    assert capsys.readouterr().out.startswith(f"{name}: not yet; ")
