"""Damaged records: right, noted or refused with the true reason, and nothing else; in seconds.

`make fuzz` runs the same for as long as one likes.
"""

import random
from collections import Counter

from ecglearn.data.wfdb.record import read_record
from tests.fuzz.damage import FIELD, RECORD, SIGNAL, damaged_field
from tests.fuzz.judge import judge
from tests.fuzz.outcome import BAD, GOOD, HangError, outcome_of
from tests.fuzz.records import cases, originals, tally_records


def test_no_damage_is_taken_in_silence_or_for_another():
    tally = tally_records(600, seed=21)
    assert not tally.bad, str(tally)
    assert set(tally.counts) == set(GOOD)
    assert min(tally.counts.values()) > 30


def test_every_field_meets_every_kind_of_damage():
    rng, header = random.Random(0), originals()[1][1]
    met = Counter(damaged_field(header, rng)[1].split(", ", 1)[1] for _ in range(10_000))
    assert {f"{name}: {kind}" for name in (*RECORD, *SIGNAL) for kind in FIELD} == set(met)


def test_the_same_seed_gives_the_same_inputs():
    assert list(cases(3, 50)) == list(cases(3, 60))[:50]
    assert list(cases(3, 50)) != list(cases(4, 50))


def test_undamaged_the_judge_finds_no_fault(tmp_path):
    for name, header, data in originals():
        verdict = judge(header, {"rec.dat": data})
        assert not verdict.faults, name
        (tmp_path / "rec.hea").write_bytes(header)
        (tmp_path / "rec.dat").write_bytes(data)
        assert read_record(tmp_path / "rec").fs == verdict.fs == 500


def test_the_classes_that_must_be_empty_are_told_apart():
    def ends(error: type[BaseException]) -> str:
        def work() -> None:
            raise error

        return outcome_of(work, lambda found: ("crash", repr(found)))[0]

    assert ends(KeyError) == "crash"
    assert ends(MemoryError) == "memory"
    assert ends(HangError) == "hang"
    assert set(BAD) >= {"crash", "memory", "hang"}
