"""What is right is called right, and each kind of wrong by its name; nothing can be read."""

import json
from sys import modules

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
        (-np.log(5), "the sign is turned over"),
        (np.log2(5), "binary and natural logarithm are mixed up"),
        (np.log(5) * np.log(2), "binary and natural logarithm are mixed up"),
        (np.log10(5), "decimal and natural logarithm are mixed up"),
        (np.log(5) * np.log(10), "decimal and natural logarithm are mixed up"),
        (100 * np.log(5), "this is in percent, a share is asked for"),
        (np.log(5) / 100, "this is a share, percent is asked for"),
        (2 * np.log(5), "it is twice too large"),
        (np.log(5) / 2, "it is half of what it should be"),
        (1 / np.log(5), "this is the reciprocal"),
        (1 - np.log(5), "this is what is left of 1"),
        (np.log(5) + 1, "it is one too many"),
        (np.log(5) - 1, "it is one too few"),
        (np.log(5) ** 2, "this is the square"),
        (np.sqrt(np.log(5)), "this is the square root"),
        (0.123, "the value is another one"),
        (-0.7, "the value is another one"),  # has no square root
        (0.0, "the value is another one"),  # has no reciprocal
        (np.nan, "there is a value that is no number (NaN or infinite)"),
        (np.inf, "there is a value that is no number (NaN or infinite)"),
        ("two", "numbers are asked for, not str"),
        ([np.log(5)], "the shape is (1,), asked for: a single number"),
    ],
)
def test_kinds_of_wrong(value, says):
    assert complaint("one", ONE, value) == says


def test_order_and_single_numbers():
    assert "order" in complaint("two", SEAL, VALUES[::-1])
    assert complaint("two", SEAL, [1.618, 0.9]) == "1 of 2 are right; not number 2"
    said = "the shape is that of a single number, asked for: (2,) numbers"
    assert complaint("two", SEAL, 1.618) == said


def test_words_in_any_order_and_writing():
    seal = sealed("words", [{"cine", "phenotypes"}], within=None)
    assert complaint("words", seal, ["Phenotypes", " cine "]) == ""
    assert complaint("words", seal, "cine") == "1 are right, 0 do not belong, 1 are missing"
    assert "2 do not belong" in complaint("words", seal, {"a", "b"})
    assert "words are asked for" in complaint("words", seal, 3)


def test_several_answers_may_be_right():
    seal = sealed("n", [12, 40], within=0.4)
    assert [complaint("n", seal, v) == "" for v in (12, 40, 13, 39)] == [True, True, False, False]
    pairs = sealed("pairs", [[1, 2, 3], [7, 8, 9]], within=0.1)
    assert complaint("pairs", pairs, [7, 8, 4]) == "2 of 3 are right; not number 3"
    assert complaint("pairs", pairs, [9, 8, 7]).endswith("their order is turned over")
    words = sealed("w", [{"a"}, {"b", "c"}], within=None)
    assert complaint("w", words, {"b", "c"}) == ""
    assert complaint("w", words, {"b"}) == "1 are right, 0 do not belong, 1 are missing"


def test_an_answer_given_twice_is_sealed_once():
    assert len(sealed("n", [12, 12.01], within=0.4).marks) == 1
    assert len(sealed("w", ["a", {"A "}], within=None).marks) == 1


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
    check("write-weak-heart", 0.5)
    says = "a seed is a whole number, not float"
    assert capsys.readouterr().out == f"write-weak-heart: not yet; {says}\n"
    monkeypatch.setattr(modules["ecglearn.course.check"], "seals", lambda: {"two": SEAL})
    check("two", VALUES)
    assert capsys.readouterr().out == "two: right\n"


def test_a_build_keeps_what_solutions_give(capsys, monkeypatch, tmp_path):
    folder = tmp_path / "new" / "answers"
    monkeypatch.setenv(ANSWERS, str(folder))
    monkeypatch.setattr(modules["ecglearn.course.check"], "seals", lambda: {"two": SEAL})
    for value in (VALUES, -VALUES, VALUES):
        check("two", value)
    check("not-sealed-yet", set("hgfedcba"))
    check("write-weak-heart", 0.5)  # a judge tries what was written: there is nothing to seal
    kept = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    names = {name: name.split(".") for name in kept}
    assert all(len(short) == 8 and end == "json" for _, short, end in names.values())
    assert sorted(kept[name] for name in kept if names[name][0] == "two") == [
        [-1.618, -0.25],
        [1.618, 0.25],
    ]
    assert [kept[name] for name in kept if names[name][0] == "not-sealed-yet"] == [list("abcdefgh")]
    assert len(kept) == 3
    said = capsys.readouterr().out.splitlines()
    assert said[0] == said[2] == "two: right"
    assert said[1] == "two: not yet; the sign is turned over"
    assert said[3] == "not-sealed-yet: noted"
    assert said[4].startswith("write-weak-heart: not yet; ")
