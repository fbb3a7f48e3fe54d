"""The table of couplings, one at a time: a typical woman of 60, and what one change does to her.

A change of one standard deviation, or a condition of middle severity, moves a quantity by what the
book's table says: by a sum ("+") or by a factor ("*").
"""

import numpy as np
import pytest

from ecglearn.cohort.physiology import CONDITIONS, NORMAL_LATENTS, derive

S = 0.05 + 0.95 / 2  # Beta(2, 2) has its middle at a half
BSA = np.sqrt(163 * 26.5 * 1.63**2 / 3600)
STROKE = 70 * BSA * 0.605
TYPICAL = {
    "age": 60,
    "height": 163,
    "bmi": 26.5,
    "bsa": BSA,
    "male": 0,
    "LVEDV": 70 * BSA,
    "LVEF": 60.5,
    "LVSV": STROKE,
    "LVM": 42 * BSA,
    "RVEDV": 1.08 * 70 * BSA,
    "RVSV": STROKE,
    "heart_rate": 67 - 0.14 * (STROKE - 86),
    "potassium": 4.2,
    "calcium": 2.36,
    "axis": 45,
    "gain": (42 * BSA / 88) ** 0.62,
    "qrs": 86 + 20 * np.log(BSA / 2) + 8 * np.log(42 * BSA / 88),
    "rotation": 34 * np.log(1.08 * 70 * BSA / 155),
    "strain": 0,
    "qrs_t_angle": 25,
    "t_amplitude": 1 + 0.015 * 2.5,
    "t_width": 1,
    "qtc": 412,
    "pr": 158,
    "p_amplitude": 0.095,
    "left_atrium": 0,
    "j_point": 0.015,
    "filling": 0,
}
LEAN, LARGE, WIDE = np.exp(0.15), np.exp(0.15), np.exp(0.1)
LATENTS = {
    "male": {
        "height": ("+", 13),
        "LVEF": ("+", -2.4),
        "qtc": ("+", -11),
        "t_amplitude": ("*", np.exp(0.26) * (1 + 0.015 * 0.1) / 1.0375),
        "j_point": ("+", 0.045),
    },
    "age": {
        "age": ("+", 11),
        "LVEDV": ("*", np.exp(-0.033)),
        "LVEF": ("+", 0),
        "axis": ("+", -8.8),
        "t_amplitude": ("*", np.exp(-0.077)),
        "qtc": ("+", 2.2),
        "pr": ("+", 6.6),
    },
    "height": {"height": ("+", 6.5), "bmi": ("+", 0)},
    "bmi": {
        "bmi": ("*", LEAN),
        "axis": ("+", -1.1 * 26.5 * (LEAN - 1)),
        "LVEDV": ("*", LEAN**0.5),
        "gain": ("*", LEAN**0.31 * np.exp(-0.02 * 26.5 * (LEAN - 1))),
    },
    "size": {
        "LVEDV": ("*", LARGE),
        "LVM": ("*", np.exp(0.0675)),
        "RVEDV": ("*", WIDE),
        "qrs": ("+", 20 * 0.15 + 8 * 0.0675),
        "rotation": ("+", 3.4),
        "LVEF": ("+", 0),
        "gain": ("*", np.exp(0.62 * 0.0675)),
        "LVSV": ("*", LARGE),
        "heart_rate": ("+", -0.14 * STROKE * (LARGE - 1)),
    },
    "contractility": {"LVEF": ("+", 4.8), "LVEDV": ("*", 1), "qrs": ("+", 0), "qtc": ("+", 0)},
    "mass": {"LVM": ("*", np.exp(0.13)), "qrs": ("+", 8 * 0.13)},
    "right_size": {"RVEDV": ("*", np.exp(0.09)), "rotation": ("+", 34 * 0.09)},
    "heart_rate": {"heart_rate": ("+", 8.5)},
    "gain": {"gain": ("*", np.exp(0.16))},
    "qrs": {"qrs": ("+", 6)},
    "rotation": {"rotation": ("+", 9)},
    "axis": {"axis": ("+", 18)},
    "pr": {"pr": ("+", 18)},
    "p_wave": {"p_amplitude": ("*", np.exp(0.2))},
    "qtc": {"qtc": ("+", 14)},
    "t_amplitude": {"t_amplitude": ("*", np.exp(0.22))},
    "t_width": {"t_width": ("*", np.exp(0.08))},
    "qrs_t_angle": {"qrs_t_angle": ("+", 14)},
    "j_point": {"j_point": ("+", 0.012)},
    "potassium": {
        "potassium": ("+", 0.32),
        "t_amplitude": ("*", 1 + 0.42 * 0.32),
        "pr": ("+", 0),
        "t_width": ("*", 1 - 0.16 * 0.32),
    },
    "calcium": {"calcium": ("+", 0.07), "qtc": ("+", -75 * 0.07)},
    "filling": {"filling": ("+", 1)},
}
ILL = 60.5 - 30 * S  # of a dilated heart
ACHE = 60.5 - 14 * S  # after an infarction
DISEASES = {
    "hypertension": {
        "LVEF": ("+", -2.5 * S),
        "LVM": ("*", np.exp(0.36 * S)),
        "axis": ("+", -14 * S),
        "left_atrium": ("+", 0.5 * S),
        "strain": ("+", (np.exp(0.36 * S) - 1.1) / 0.5),
        "qrs_t_angle": ("+", 1.5 * (60 - 60.5 + 2.5 * S)),
    },
    "dilated_cardiomyopathy": {
        "LVEDV": ("*", np.exp(0.38 * S)),
        "LVEF": ("+", -30 * S),
        "left_atrium": ("+", 0.6 * S),
        "LVM": ("*", np.exp(0.25 * S)),
        "qtc": ("+", 0.25 * (58 - ILL)),
        "qrs": ("+", (20 * 0.38 + 8 * 0.25) * S + 0.3 * (58 - ILL)),
        "t_amplitude": ("*", (1 + 0.015 * (ILL - 58)) / 1.0375),
        "qrs_t_angle": ("+", 1.5 * (60 - ILL)),
    },
    "anterior_infarction": {
        "LVEDV": ("*", np.exp(0.06 * S)),
        "LVEF": ("+", -14 * S),
        "heart_rate": ("+", 8 * S - 0.14 * (np.exp(0.06 * S) * 70 * BSA * ACHE / 100 - STROKE)),
    },
    "inferior_infarction": {"LVEDV": ("*", np.exp(0.06 * S)), "LVEF": ("+", -14 * S)},
    "right_overload": {
        "RVEDV": ("*", np.exp(0.5 * S)),
        "RVSV": ("*", 1 - 0.12 * S),
        "axis": ("+", 75 * S),
        "rotation": ("+", 34 * 0.5 * S),
    },
    "kidney_disease": {"potassium": ("+", 0.4 * S), "calcium": ("+", -0.08 * S)},
    "anaemia": {"heart_rate": ("+", 8 * S)},
    "hyperkalaemia": {
        "potassium": ("+", 0.9 + 2.4 * S),
        "pr": ("+", 18 * (4.2 + 0.9 + 2.4 * S - 5.8)),
        "qrs": ("+", 22 * (4.2 + 0.9 + 2.4 * S - 6.2)),
    },
    "hypokalaemia": {"potassium": ("+", -0.6 - 0.9 * S)},
    "hypocalcaemia": {"calcium": ("+", -0.12 - 0.45 * S), "qtc": ("+", 75 * (0.12 + 0.45 * S))},
    "atrial_fibrillation": {
        "LVEF": ("+", -3),
        "p_amplitude": ("*", 0),
        "heart_rate": ("+", 11 + 0.14 * 70 * BSA * 0.03),
    },
    "atrial_flutter": {"p_amplitude": ("*", 0)},
    "left_bundle_branch_block": {"axis": ("+", 0)},
    "right_bundle_branch_block": {"axis": ("+", 0)},
    "left_anterior_fascicular_block": {"axis": ("+", -87 - 30 * S)},
    "conduction_delay": {"qrs": ("+", 14 + 16 * S)},
    "first_degree_block": {"pr": ("+", 40 + 70 * S)},
    "ventricular_ectopy": {"heart_rate": ("+", 0)},
    "tachycardia": {"heart_rate": ("+", 25 + 35 * S)},
    "bradycardia": {"heart_rate": ("+", -14 - 14 * S)},
    "low_voltage": {"gain": ("*", 0.55 - 0.25 * S)},
    "long_qt": {"qtc": ("+", 25 + 60 * S)},
    "flat_t_waves": {"t_amplitude": ("*", 0.55 - 0.5 * S)},
    "atrial_enlargement": {"left_atrium": ("+", 0.4 + 0.6 * S)},
}


def patient(**changes):
    """Her latents with some changed, all else in the middle and no condition present."""
    z = {name: np.zeros(1) for name in NORMAL_LATENTS} | {"sex.u": np.full(1, 0.6)}
    for name in CONDITIONS:
        z |= {f"{name}.u": np.ones(1), f"{name}.severity": np.full(1, 0.5)}
    return {name: float(value[0]) for name, value in derive(z | changes).items()}


def assert_moved(after, wanted):
    before = patient()
    for name, (how, by) in wanted.items():
        goal = before[name] + by if how == "+" else before[name] * by
        assert after[name] == pytest.approx(goal, rel=1e-9, abs=1e-9), name


def test_a_typical_woman():
    p = patient()
    for name, value in TYPICAL.items():
        assert p[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_every_latent_and_condition_is_asked():
    assert set(LATENTS) == {"male", *NORMAL_LATENTS}
    assert set(DISEASES) == set(CONDITIONS)


@pytest.mark.parametrize("name", LATENTS)
def test_one_latent(name):
    changed = {"sex.u": np.zeros(1)} if name == "male" else {name: np.ones(1)}
    assert_moved(patient(**changed), LATENTS[name])


@pytest.mark.parametrize("name", DISEASES)
def test_one_condition(name):
    p = patient(**{f"{name}.u": np.zeros(1)})
    assert p[name] == pytest.approx(S)
    assert_moved(p, DISEASES[name])


def test_sizes_of_a_man():
    """Of the surface of his body, which is larger."""
    he = patient(**{"sex.u": np.zeros(1)})
    assert he["bsa"] == pytest.approx(np.sqrt(176 * 26.5 * 1.76**2 / 3600))
    assert he["LVEDV"] == pytest.approx(83 * he["bsa"])
    assert he["LVM"] == pytest.approx(52.5 * he["bsa"])
    sizes = 20 * np.log(he["LVEDV"] / 140) + 8 * np.log(he["LVM"] / 88)
    assert he["qrs"] == pytest.approx(86 + 6 + sizes)


@pytest.mark.parametrize(
    ("block", "wide"),
    [("left_bundle_branch_block", 138 + 16 * S), ("right_bundle_branch_block", 124 + 20 * S)],
)
def test_a_blocked_branch_widens_qrs_and_lengthens_qtc(block, wide):
    p = patient(**{f"{block}.u": np.zeros(1)})
    assert p["qrs"] == pytest.approx(wide + 0.6 * (TYPICAL["qrs"] - 92))
    assert p["qtc"] == pytest.approx(412 + 0.5 * (p["qrs"] - 110))


@pytest.mark.parametrize(("severity", "rate"), [(0.3, 75), (0.7, 150)])
def test_flutter_is_conducted_two_or_four_to_one(severity, rate):
    flutter = {"atrial_flutter.u": np.zeros(1), "atrial_flutter.severity": np.full(1, severity)}
    assert patient(**flutter)["heart_rate"] == rate


def test_very_weak_hearts_keep_a_little_and_potassium_ends_the_p_wave():
    weak = patient(contractility=np.full(1, -10.0))
    assert weak["LVEF"] == pytest.approx(12 + 13 * np.exp((60.5 - 48 - 25) / 13))
    assert patient(contractility=np.full(1, 9.0))["LVEF"] == 78
    ending = {"hyperkalaemia.u": np.zeros(1), "hyperkalaemia.severity": np.full(1, 0.9)}
    high = patient(**ending)
    assert high["potassium"] > 7
    assert high["p_amplitude"] == 0


def test_a_dilated_heart_has_a_blocked_left_branch_more_often():
    ill = {"dilated_cardiomyopathy.u": np.zeros(1)}
    for u, wanted in ((0.29, 0.5), (0.31, 0.0)):
        p = patient(**ill, **{"left_bundle_branch_block.u": np.full(1, u)})
        assert p["left_bundle_branch_block"] == wanted
