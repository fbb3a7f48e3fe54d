"""Damaged stores, weights and tables; `python -m tests.fuzz` reads many more."""

from tests.fuzz.files import tally_files


def test_nothing_wrong_in_silence():
    tally = tally_files(80, seed=1)
    assert tally.bad == 0, str(tally)
    assert min(tally.counts[name] for name in ("right", "noted", "refused rightly")) > 0
