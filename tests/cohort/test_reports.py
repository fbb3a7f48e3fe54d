"""Reports say what the ECG shows, in many words, and nothing that it cannot show."""

import re

import numpy as np
import pytest

from ecglearn.cohort.clinical import LABS, VITALS
from ecglearn.cohort.findings import FINDINGS, grade
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import CONDITIONS, PHENOTYPES, derive, draw_latents
from ecglearn.cohort.reports import OMISSION, SINUS, WORDINGS, write_reports

N = 3000


@pytest.fixture(scope="module")
def written():
    p = derive(draw_latents(N, seed=10))
    grades = grade(p, draw_beat(p, seed=10))
    return p, grades, write_reports(p, grades, seed=10)


def pattern(wording):
    """A wording as it appears in a text, whatever is filled in."""
    parts = re.split(r"\{\w+\}", wording)
    return re.compile(r"(?:^|\. )" + r"[\w-]+".join(map(re.escape, parts)) + r"\.", re.IGNORECASE)


def test_wording_exists_for_each_finding():
    assert set(WORDINGS) == set(FINDINGS)
    assert all(len(options) >= 2 for options in WORDINGS.values())


@pytest.mark.parametrize("name", FINDINGS)
def test_words_appear_exactly_with_their_finding(name, written):
    _, grades, texts = written
    options = [pattern(wording) for wording in WORDINGS[name]]
    said = np.array([any(option.search(text) for option in options) for text in texts])
    shows = grades[:, FINDINGS.index(name)] > 0
    assert not (said & ~shows).any()
    assert said[shows].mean() > 1 - OMISSION - 0.08
    if name == "normal ECG":
        assert said[shows].all()


def test_omission_is_as_stated(written):
    _, grades, texts = written
    said = shown = 0
    for name in FINDINGS[1:]:
        options = [pattern(wording) for wording in WORDINGS[name]]
        rows = np.flatnonzero(grades[:, FINDINGS.index(name)] > 0)
        shown += len(rows)
        said += sum(any(option.search(texts[i]) for option in options) for i in rows)
    assert 0.02 < 1 - said / shown < OMISSION + 0.01


def test_nothing_leaks(written):
    """No laboratory value, no phenotype, no diagnosis that an ECG cannot show."""
    _, _, texts = written
    whole = " ".join(texts).lower()
    for name in ("tachycardia", "bradycardia", "flutter", "fibrillation"):
        whole = whole.replace(name, "")
    lab_words = {name.replace("_", " ") for name in LABS} - {"potassium"}
    vital_words = {name.replace("_", " ") for name in VITALS} - {"heart rate"}
    invisible = {"hypertension", "cardiomyopathy", "kidney", "anaemia", "kalaemia", "calcaemia"}
    others = {"ejection", "troponin", "bnp", "creatinine", "mmol", "ml", "output", "failure"}
    for word in lab_words | vital_words | invisible | others | {p.lower() for p in PHENOTYPES}:
        assert not re.search(rf"\b{re.escape(word)}\b", whole), word
    assert {name for name in CONDITIONS if name.replace("_", " ") in whole} <= {
        "left_bundle_branch_block",
        "right_bundle_branch_block",
        "conduction_delay",
        "left_anterior_fascicular_block",
        "low_voltage",
        "long_qt",
        "flat_t_waves",
        "anterior_infarction",
        "inferior_infarction",
        "atrial_enlargement",
    }


def test_potassium_is_named_only_as_a_thought(written):
    mentions = [text for text in written[2] if "potassium" in text]
    assert mentions
    assert all("consider potassium" in text for text in mentions)


def test_a_conclusion_does_not_contradict_the_normal_ecg(written):
    """Half of all other reports end with one, as strong as the strongest finding."""
    _, grades, texts = written
    normal = grades[:, FINDINGS.index("normal ECG")] > 0
    abnormal = np.array([text.endswith("Abnormal ECG.") for text in texts])
    borderline = np.array([text.endswith("Borderline ECG.") for text in texts])
    assert normal.any()
    assert not (normal & (abnormal | borderline)).any()
    assert (abnormal | borderline)[~normal].mean() == pytest.approx(0.5, abs=0.05)
    strongest = grades.max(1)
    assert strongest[borderline].max() <= 0.3 < strongest[abnormal].min()


def test_texts_vary(written):
    assert len(set(written[2][:1000])) > 300
    assert 4 < np.mean([len(text.split()) for text in written[2]]) < 25


def test_numbers_are_the_patients(written):
    p, _, texts = written
    for word, name in (("QTc", "qtc"), ("PR", "pr")):
        said = [
            (i, int(v)) for i, t in enumerate(texts) for v in re.findall(rf"{word} (\d+) ms", t)
        ]
        assert len(said) > 10
        assert [value for _, value in said] == [round(float(p[name][i])) for i, _ in said]


def test_sinus_is_said_only_in_sinus(written):
    _, grades, texts = written
    options = [pattern(wording) for wording in SINUS]
    odd = grades[:, [FINDINGS.index(n) for n in ("atrial fibrillation", "atrial flutter")]] > 0
    for i in np.flatnonzero(odd.any(axis=1)):
        assert not any(option.search(texts[i]) for option in options)


def test_words_follow_the_grade(written):
    """Marked cases are called so."""
    _, grades, texts = written
    k = FINDINGS.index("ventricular premature complexes")
    rare = [grades[i, k] for i in np.flatnonzero(grades[:, k]) if "are ventr" in texts[i].lower()]
    often = [g for g, t in zip(grades[:, k], texts, strict=True) if "requent ventr" in t.lower()]
    assert max(rare) < min(often)


def test_format_is_tidy(written):
    for text in written[2]:
        assert text.endswith(".")
        assert "{" not in text
        assert "  " not in text
        assert text[0].isupper()
