"""Who teaches and who judges: by patient, by seed, and what is on both sides is named."""

import numpy as np
import pytest

from ecglearn.data.splits import check_disjoint, check_new_records, split_of, split_patients
from ecglearn.errors import InputError

# nine patients with one to three records each, not side by side
PATIENTS = [f"p{k % 9}" for k in range(18)] + ["p0", "p4"]


def test_every_patient_is_on_one_side():
    train, test = split_patients(PATIENTS)
    sides = [{PATIENTS[k] for k in side} for side in (train, test)]
    assert [len(side) for side in sides] == [6, 3]  # a third of nine
    assert sides[0].isdisjoint(sides[1])
    assert sorted([*train, *test]) == list(range(20))
    assert all((np.diff(side) > 0).all() for side in (train, test))


@pytest.mark.parametrize(("share", "judges"), [(0.1, 1), (0.5, 4), (0.55, 5), (0.9, 8)])
def test_the_share_is_one_of_patients_to_the_nearest(share, judges):
    _, test = split_patients(PATIENTS, test=share)
    assert len({PATIENTS[k] for k in test}) == judges


def test_a_seed_is_a_split():
    found = {tuple(split_patients(PATIENTS, seed=seed)[1]) for seed in (0, 0, 1, 2)}
    assert len(found) == 3
    known = np.random.default_rng(0).permutation(np.unique(PATIENTS))[:3]
    assert {PATIENTS[k] for k in split_patients(PATIENTS)[1]} == set(known)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.95, 1.0])
def test_a_side_without_patients_is_refused(share):
    with pytest.raises(InputError, match=f"9 patients cannot be split with {share:g} of them"):
        split_patients(PATIENTS, test=share)


def test_who_is_on_both_sides_is_named_five_at_most():
    check_disjoint(["a", "b"], ["c"])
    check_disjoint([], [1])
    with pytest.raises(InputError, match=r"^2 patients are on both sides of the split: 3, 4$"):
        check_disjoint([4, 3, 1], [3, 4, 7])
    with pytest.raises(
        InputError, match=r"^7 patients are on both sides of the split: 0, 1, 2, 3, 4$"
    ):
        check_disjoint(range(7), range(7))


def test_a_copy_is_known_by_its_samples():
    train = np.random.default_rng(0).normal(size=(4, 12, 10)).astype(np.float32)
    other = -train
    check_new_records(train, other)
    one_sample = train.copy()
    one_sample[:, 3, 7] += 1e-3
    check_new_records(train, one_sample)
    mixed = np.stack([other[0], other[1], train[3], other[2], train[0]])
    said = "^2 test records are training records under another name, the first at 2; "
    for judges in (mixed, mixed.astype(np.float64)):
        with pytest.raises(InputError, match=said):
            check_new_records(train, judges)


def test_shares_of_none_and_of_all():
    names = [f"patient {k}" for k in range(200)]
    for shares, part in (((0, 0), "train"), ((1, 0), "validation"), ((0, 1), "test")):
        assert {split_of(n, validation=shares[0], test=shares[1]) for n in names} == {part}
    # those who judge stay where they are when others choose
    judges = [split_of(n, validation=0, test=0.3) == "test" for n in names]
    assert judges == [split_of(n, validation=0.5, test=0.3) == "test" for n in names]
    assert 0.2 < np.mean(judges) < 0.4
    both = [split_of(n, validation=0.7, test=0.3) for n in names]
    assert set(both) == {"validation", "test"}
