"""Names, order and algebra of the twelve leads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglearn.signals.leads import (
    EIGHT,
    LEADS,
    canonical,
    eight_from_twelve,
    lead_positions,
    limb_residuals,
    twelve_from_eight,
)


def _electrodes(seed: int = 0, samples: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=samples) for name in ("RA", "LA", "LL", *LEADS[6:])}


def _leads_by_definition(e: dict[str, np.ndarray]) -> np.ndarray:
    wilson = (e["RA"] + e["LA"] + e["LL"]) / 3
    limb = [
        e["LA"] - e["RA"],
        e["LL"] - e["RA"],
        e["LL"] - e["LA"],
        e["RA"] - (e["LA"] + e["LL"]) / 2,
        e["LA"] - (e["RA"] + e["LL"]) / 2,
        e["LL"] - (e["RA"] + e["LA"]) / 2,
    ]
    return np.stack(limb + [e[v] - wilson for v in LEADS[6:]])


def test_leads_are_the_standard_twelve_in_the_standard_order():
    assert LEADS == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.mark.parametrize(
    ("spelling", "lead"),
    [
        ("AVR", "aVR"),
        ("avl", "aVL"),
        ("aVF ", "aVF"),
        ("v1", "V1"),
        ("V 6", "V6"),
        ("Lead II", "II"),
        ("ECG_III", "III"),
        ("MLII", "II"),
        ("DI", "I"),
        ("d3", "III"),
        ("C4", "V4"),
        ("a.V.R.", "aVR"),
        ("Lead-II", "II"),
        ("ecg-v1", "V1"),
        ("V-1", "V1"),
        ("a-VR", "aVR"),
    ],
)
def test_spellings_found_in_files(spelling, lead):
    assert canonical(spelling) == lead


@pytest.mark.parametrize("name", ["vx", "RESP", "", "V7", "V", "IV", "PLETH", "ECG", "lead", "V10"])
def test_other_channels_have_no_lead_name(name):
    assert canonical(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("-aVR", "- aVR", "\N{MINUS SIGN}aVR", "-I", "lead -aVR", "ECG --I"),
        *("I-II", "I - II", "V1-V2", "II\N{EN DASH}III", "aVL-aVF"),
        *("1", "2", "3", "12", "ECG 1"),
    ],
)
def test_signs_differences_and_numbers_are_never_guessed(name):
    """A name is one of the twelve, or unknown: a minus sign is read, a number counts channels."""
    assert canonical(name) is None


@given(lead=st.sampled_from(LEADS), other=st.sampled_from(LEADS), space=st.sampled_from(["", " "]))
def test_no_sign_and_no_difference_passes_for_a_lead(lead, other, space):
    for minus in "-\N{MINUS SIGN}\N{EN DASH}":
        assert canonical(f"{minus}{space}{lead}") is None
        assert canonical(f"{lead}{space}{minus}{space}{other}") is None


_decoration = st.sampled_from(["{}", " {}", "{} ", "lead {}", "Lead_{}", "ECG {}", "{}."])


@given(order=st.permutations(LEADS), data=st.data())
def test_any_order_and_spelling_gives_the_standard_order(order, data):
    names = []
    for lead in order:
        case = data.draw(st.sampled_from([str.upper, str.lower, str]))
        names.append(case(data.draw(_decoration).format(lead)))
    extra = data.draw(st.lists(st.sampled_from(["vx", "vy", "RESP", "ABP"]), max_size=3))
    names += extra
    picked = [names[k] for k in lead_positions(names)]
    assert [canonical(name) for name in picked] == list(LEADS)


def test_absent_and_doubled_leads_are_named():
    with pytest.raises(ValueError, match=r"V3, V6 not found among"):
        lead_positions([lead for lead in LEADS if lead not in ("V3", "V6")])
    with pytest.raises(ValueError, match="more than one channel is named II"):
        lead_positions([*LEADS, "MLII"])


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_leads_made_from_electrodes_keep_the_rules_and_others_do_not(kind):
    x = _leads_by_definition(_electrodes())
    assert abs(limb_residuals(kind(x))).max() < 1e-12
    swapped = x[[0, 2, 1, *range(3, 12)]]
    assert abs(limb_residuals(kind(swapped))).max() > 1


def test_each_rule_watches_its_own_leads():
    x = _leads_by_definition(_electrodes())
    broken_by = {
        "aVR": {1},
        "aVL": {2},
        "aVF": {3},
        "I": {0, 1, 2},
        "II": {0, 1, 3},
        "III": {0, 2, 3},
    }
    for lead, rules in broken_by.items():
        y = x.copy()
        y[LEADS.index(lead)] += 1
        assert set(np.flatnonzero(abs(limb_residuals(y)).max(-1) > 0.1)) == rules


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_twelve_leads_from_eight_and_back(dtype, shape):
    one = _leads_by_definition(_electrodes())
    x = np.broadcast_to(one, (*shape, *one.shape)).astype(dtype)
    eight = eight_from_twelve(x)
    assert eight.shape[-2] == len(EIGHT)
    twelve = twelve_from_eight(eight)
    assert twelve.dtype == dtype
    np.testing.assert_allclose(twelve, x, atol=1e-6 if dtype == np.float32 else 1e-12)
    np.testing.assert_array_equal(eight_from_twelve(twelve), eight)
    in_torch = twelve_from_eight(torch.tensor(eight))
    assert isinstance(in_torch, torch.Tensor)
    np.testing.assert_allclose(in_torch.numpy(), twelve, atol=1e-6)


def test_too_few_leads_are_refused():
    with pytest.raises(ValueError, match="six leads"):
        limb_residuals(np.zeros((5, 10)))
