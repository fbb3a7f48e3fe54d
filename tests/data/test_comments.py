"""Age, sex and text out of header comments."""

import pytest

from ecglearn.data.wfdb.comments import read_comments


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


def test_everything_else_that_says_something_is_text():
    lines = ["# Age: 55", "# Dx: 426783006,55827005", "# Rx: Unknown", "#Hx: n/a", "# Sx:", "#"]
    assert read_comments(lines).text == "Dx: 426783006,55827005"
    ludb = ["#<age>: 51", "#<diagnoses>:", "#Rhythm: Sinus rhythm.", "#Left atrial hypertrophy. "]
    assert read_comments(ludb).text == "Rhythm: Sinus rhythm.\nLeft atrial hypertrophy."
    assert read_comments(["# Sex: intersex"]).text == "Sex: intersex"  # not understood, not lost
