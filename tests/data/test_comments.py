"""Age, sex and text out of header comments."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglearn.data.wfdb.comments import CLINICAL, parse_age, read_comments


@pytest.mark.parametrize(
    ("lines", "age", "sex"),
    [
        (["# Age: 55", "# Sex: Female"], 55, "female"),
        (["#Age: 72", "#Sex: Male"], 72, "male"),
        (["#<age>: 51", "#<sex>: F"], 51, "female"),
        (["# age: 81", "# sex: female"], 81, "female"),
        (["# Age: 0.5", "# Gender: m"], 0.5, "male"),
        (["# Age: NaN", "# Sex: Unknown"], None, None),
        (["# Age: 300"], 90, None),
        ([], None, None),
    ],
)
def test_age_and_sex_in_the_styles_of_the_data_sets(lines, age, sex):
    patient = read_comments(lines)
    assert (patient.age, patient.sex) == (age, sex)


def test_ages_that_cannot_be_taken_as_written_are_noted():
    assert "over 89" in read_comments(["# Age: 300"]).notes[0]
    assert read_comments(["# Age: 120"]).notes == ()
    for strange in ("-1", "121", "999", "old"):
        patient = read_comments([f"# Age: {strange}"])
        assert patient.age is None
        assert strange in patient.notes[0]


def test_only_clinical_fields_become_text():
    lines = ["# Age: 55", "# Dx: 426783006,55827005", "# Rx: Unknown", "#Hx: n/a", "# Sx:", "#"]
    assert read_comments(lines).text == "Dx: 426783006,55827005"
    ludb = ["#<age>: 51", "#<diagnoses>:", "#Rhythm: Sinus rhythm.", "#Left atrial hypertrophy. "]
    assert read_comments(ludb).text == "Rhythm: Sinus rhythm.\nLeft atrial hypertrophy."
    odd = read_comments(["# Sex: intersex"])
    assert (odd.sex, odd.text) == (None, "")
    assert "'intersex'" in odd.notes[0]


# rule: only fields known to be findings, diagnoses or reports become text; identifiers never do;
# what was left out is a note


@pytest.mark.parametrize(
    "line",
    [
        "# <subject_id>: 10000032",
        "# technician: N. N.",
        "# ECG date: 01/10/1990",
        "# Rx: aspirin",
        "# Hx: diabetes of Mr. N.",
        "# 69 M 1085 1629 x1",
        "# MRN=123",
        "# Smoker: no",
    ],
)
def test_administration_never_becomes_text(line):
    for lines in ([line], ["# Dx: 426783006", line], ["#<diagnoses>:", "#Sinus rhythm.", line]):
        patient = read_comments(lines)
        said = line.lstrip("# ")
        assert said not in patient.text or (said == "69 M 1085 1629 x1" and len(lines) == 3)
        if said not in patient.text:
            assert any("not used as text" in note for note in patient.notes)
            assert all(
                value not in note for note in patient.notes for value in ("10000032", "N. N.")
            )


@given(
    key=st.from_regex(r"[A-Za-z][A-Za-z _]{0,20}", fullmatch=True),
    value=st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True),
)
def test_no_other_field_becomes_text(key, value):
    if key.strip().lower() not in (*CLINICAL, "age", "sex", "gender"):
        assert read_comments([f"# {key}: {value}"]).text == ""


# rule: an age has the unit that is written behind it; several fields may share a line


@pytest.mark.parametrize(
    ("text", "years"),
    [
        *(("90d", 90 / 365.25), ("006M", 0.5), ("6 months", 0.5), ("012W", 12 * 7 / 365.25)),
        *(
            ("045Y", 45),
            ("45 years", 45),
            ("18 mo", 1.5),
            ("45 yrs.", 45),
            ("0", 0),
            ("3 days", 3 / 365.25),
        ),
        *(
            ("5 parsec", None),
            ("-3", None),
            ("1e400", None),
            ("121 years", None),
            ("1500 months", None),
        ),
    ],
)
def test_units_of_age(text, years):
    for found, notes in (parse_age(text), (read_comments([f"# Age: {text}"]).age, "noted")):
        assert found == (None if years is None else pytest.approx(years))
        assert (found is None) <= bool(notes)


@given(number=st.integers(1, 119), unit=st.sampled_from(["y", "years", "yr", "Y", " Years", ""]))
def test_any_spelling_of_years(number, unit):
    assert parse_age(f"{number}{unit}") == (number, "")


@pytest.mark.parametrize(
    "line",
    [
        "# Age: 71, Sex: F",
        "#Age: 71 Sex: F",
        "# age=71; gender=Female",
        "# Sex: F | Age: 71 years",
        "#<age>: 71 <sex>: F",
    ],
)
def test_several_fields_on_a_line(line):
    patient = read_comments([line])
    assert (patient.age, patient.sex, patient.text, patient.notes) == (71, "female", "", ())


def test_what_is_said_twice_must_agree():
    assert read_comments(["# Age: 55", "# Age: 55"]).age == 55
    two = read_comments(["# Age: 55", "# Age: 65", "# Sex: M", "# Sex: F"])
    assert (two.age, two.sex) == (None, None)
    assert len([note for note in two.notes if "more than once" in note]) == 2


def test_long_lines_take_no_time():
    start = time.process_time()
    for line in (
        "# a" + " " * 100_000 + "b",
        "#<" + " " * 100_000,
        "# Age" + " " * 100_000 + ": 5",
    ):
        read_comments([line])
    assert time.process_time() - start < 2
