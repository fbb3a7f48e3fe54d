"""Reports are read back by the vocabulary they were written with."""

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.cohort.parse_reports import read_reports, statements
from ecglearn.cohort.reports import OMISSION, WORDINGS


@pytest.fixture(scope="module")
def cohort():
    return simulate(256, seed=11, frames=2, size=8)


def test_true_reports_state_nothing_that_is_not_there(cohort):
    reading = read_reports(cohort.reports)
    assert not (reading.findings & ~cohort.findings).any()
    assert reading.unread.sum() == 0
    missed = (~reading.findings & cohort.findings).sum() / cohort.findings.sum()
    assert 0 < missed < 1.5 * OMISSION, "only what the reader forgot"


def test_every_wording_states_its_finding():
    numbers = dict.fromkeys(("rate", "pr", "qrs", "qtc"), 130) | {"axis": -45}
    words = {"severity": "marked", "certainty": "definite", "frequency": "rare"}
    for name, texts in WORDINGS.items():
        for text in texts:
            line = text.format(**numbers, **words)
            report = f"Sinus rhythm. {line[0].upper()}{line[1:]}. Abnormal ECG."
            reading = read_reports([report])
            assert [FINDINGS[k] for k in np.flatnonzero(reading.findings[0])] == [name], report
            assert (reading.statements[0], reading.unread[0]) == (3, 0)


def test_denied_garbled_and_empty():
    reports = ["No acute ST elevation. No bundle branch block.", "Left branch of sinus.", ""]
    reading = read_reports(reports)
    assert not reading.findings.any()
    assert reading.statements.tolist() == [2, 1, 0]
    assert reading.unread.tolist() == [0, 1, 0]


def test_statements_by_name():
    found = statements("Sinus rhythm.  LEFT  bundle branch block. Bundle rhythm.")
    assert found == [
        ("Sinus rhythm", ""),
        ("LEFT bundle branch block", "left bundle branch block"),
        ("Bundle rhythm", None),
    ]
