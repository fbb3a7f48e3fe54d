"""Units, possible values, reference ranges, flags."""

import numpy as np
import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import (
    LAB_COLUMNS,
    TABLE_COLUMNS,
    ClinicalError,
    Column,
    clinical_table,
    enough_cases,
    flag_names,
    lab_flags,
)

NAN = float("nan")
POTASSIUM = LAB_COLUMNS[0]


def test_flags_of_each_side_of_the_range():
    low, high = POTASSIUM.reference or (0, 0)
    values = torch.tensor([[low - 0.1], [low], [(low + high) / 2], [high], [high + 0.1], [NAN]])
    flags = lab_flags(values.double(), [POTASSIUM])
    assert flags[:5].tolist() == [[1, 0], [0, 0], [0, 0], [0, 0], [0, 1]]
    assert bool(flags[5].isnan().all())
    assert flag_names([POTASSIUM]) == ["potassium low", "potassium high"]
    assert len(flag_names()) == 2 * len(LAB_COLUMNS)


def test_flags_stand_test_by_test():
    values = torch.full((1, len(LAB_COLUMNS)), NAN)
    values[0, 4] = 5.0  # haemoglobin
    flags = dict(zip(flag_names(), lab_flags(values)[0].tolist(), strict=True))
    assert (flags["haemoglobin low"], flags["haemoglobin high"]) == (1, 0)
    assert sum(np.isnan(v) for v in flags.values()) == 2 * len(LAB_COLUMNS) - 2


def test_units():
    calcium = next(c for c in LAB_COLUMNS if c.name == "calcium")
    np.testing.assert_allclose(calcium.convert([9.6], "mg/dL"), [2.395], atol=1e-3)
    np.testing.assert_allclose(calcium.convert([2.4, NAN], " mmol/l"), [2.4, NAN])
    creatinine = next(c for c in LAB_COLUMNS if c.name == "creatinine")
    np.testing.assert_allclose(creatinine.convert([1.0], "mg/dL"), [88.42])
    with pytest.raises(ClinicalError, match="potassium in 'stone' is not understood; known units"):
        POTASSIUM.convert([1.0], "stone")


PAIRS = [
    ("potassium", 4.0, "mEq/L", 4.0),
    ("calcium", 10.0, "mg/dL", 2.5),
    ("sodium", 140.0, "mEq/L", 140.0),
    ("creatinine", 1.0, "mg/dL", 88.4),
    ("haemoglobin", 140.0, "g/L", 14.0),
    ("troponin_t", 0.014, "ng/mL", 14.0),
    ("nt_probnp", 125.0, "ng/L", 125.0),
    ("glucose", 100.0, "mg/dL", 5.55),
    ("magnesium", 2.43, "mg/dL", 1.0),
    ("height", 70.0, "in", 177.8),
    ("height", 1.75, "m", 175.0),
    ("weight", 154.3, "lb", 70.0),
]


@pytest.mark.parametrize(("name", "value", "unit", "wanted"), PAIRS)
def test_pairs_of_the_textbook(name, value, unit, wanted):
    """Each value in another unit, and the same in the unit of its column.

    Laboratory values: the table of conventional and SI units of the AMA Manual of Style, chapter
    "Units of measure"; 1 pg/mL = 1 ng/L by its prefixes. Inch and pound: NIST SP 811, appendix B.
    """
    column = next(c for c in (*LAB_COLUMNS, *TABLE_COLUMNS) if c.name == name)
    np.testing.assert_allclose(column.convert([value], unit), [wanted], rtol=2e-3)


# unit, what is possible, what is normal, number of the test in MIMIC-IV (`d_labitems.csv`)
COLUMNS = {
    "potassium": ("mmol/L", (0.5, 15), (3.5, 5.1), 50971),
    "calcium": ("mmol/L", (0.5, 6), (2.15, 2.6), 50893),
    "sodium": ("mmol/L", (70, 220), (135, 145), 50983),
    "creatinine": ("umol/L", (5, 3500), (45, 105), 50912),
    "haemoglobin": ("g/dL", (1, 27), (12.0, 17.0), 51222),
    "troponin_t": ("ng/L", (0, 200_000), (0, 14), 51003),
    "nt_probnp": ("pg/mL", (0, 500_000), (0, 300), 50963),
    "glucose": ("mmol/L", (0.3, 120), (3.9, 7.8), 50931),
    "magnesium": ("mmol/L", (0.1, 6), (0.7, 1.05), 50960),
    "age": ("years", (0, 125), None, None),
    "height": ("cm", (90, 250), None, None),
    "weight": ("kg", (20, 400), None, None),
    "bmi": ("kg/m2", (8, 120), None, None),
    "heart_rate": ("1/min", (10, 350), (60, 100), None),
    "systolic_pressure": ("mmHg", (30, 320), (90, 140), None),
    "diastolic_pressure": ("mmHg", (10, 220), (60, 90), None),
    "oxygen_saturation": ("%", (30, 100), (95, 100), None),
    "respiratory_rate": ("1/min", (2, 90), (12, 20), None),
    "temperature": ("degC", (25, 45), (36.0, 37.8), None),
}


def test_columns_are_those_of_the_table():
    made = {
        c.name: (c.unit, c.possible, c.reference, c.item) for c in (*LAB_COLUMNS, *TABLE_COLUMNS)
    }
    assert list(made.items()) == list(COLUMNS.items())


def test_every_other_unit_has_its_pair():
    known = {(c.name, unit) for c in (*LAB_COLUMNS, *TABLE_COLUMNS) for unit in c.units}
    assert known == {(name, unit) for name, _, unit, _ in PAIRS}


def test_impossible_values_are_named():
    assert POTASSIUM.check([4.0, NAN])[0] == 4
    with pytest.raises(ClinicalError, match="potassium of 42 mmol/L in row 1 is impossible"):
        POTASSIUM.check([4.0, 42.0])


def test_ranges_are_inside_what_is_possible():
    for column in (*LAB_COLUMNS, *TABLE_COLUMNS):
        assert column.possible[0] < column.possible[1]
        if column.reference:
            assert column.possible[0] <= column.reference[0] < column.reference[1]
            assert column.reference[1] <= column.possible[1]


def test_bad_flags():
    with pytest.raises(ValueError, match="2 laboratory values, and 9 columns"):
        lab_flags(torch.zeros(1, 2))
    with pytest.raises(ClinicalError, match="no reference range for age"):
        lab_flags(torch.zeros(1, 1), [Column("age", "years", (0, 125))])


def test_labels_that_can_be_judged():
    y = np.zeros((30, 3))
    y[:10, 0] = 1
    y[:9, 1] = 1
    y[:10, 2] = 1
    y[20:, 2] = NAN
    assert enough_cases(y).tolist() == [True, False, True]
    y[19:, 2] = NAN
    assert enough_cases(y).tolist() == [True, False, False]
    assert enough_cases(y, y[:15]).tolist() == [False, False, False]


def test_table_of_the_cohort():
    cohort = simulate(20, seed=4)
    table = clinical_table(cohort.demographics, cohort.vitals)
    names = [column.name for column in TABLE_COLUMNS]
    assert table.shape == (20, len(names) + 1)
    np.testing.assert_array_equal(table[:, names.index("age")], cohort.demographics[:, 0])
    np.testing.assert_array_equal(table[:, -1], cohort.demographics[:, 1])
    height, weight = cohort.demographics[:, 2] / 100, cohort.demographics[:, 3]
    np.testing.assert_allclose(table[:, names.index("bmi")], weight / height**2)
    batch = ECGBatch.from_cohort(cohort)
    assert batch.table is not None
    assert batch.diagnoses is not None
    np.testing.assert_allclose(batch.table, table, rtol=1e-6)
    assert batch.diagnoses.tolist() == cohort.diagnoses.tolist()
    assert batch[np.array([3, 1])].table.tolist() == batch.table[[3, 1]].tolist()  # pyright: ignore
