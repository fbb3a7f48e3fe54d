"""The table encoder: gaps, scaling from training patients only, categories."""

import numpy as np
import pytest
import torch

from ecglearn.encoders.clinical_table import TableEncoder, TableScaler

NAN = float("nan")


@pytest.fixture
def table():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 3, generator=generator) * torch.tensor([1.0, 10.0, 0.1]) + 5
    x[torch.rand(x.shape, generator=generator) < 0.2] = NAN
    return x


def test_scaling_by_hand(table):
    scaler = TableScaler(3).fit(table)
    out = scaler(table)
    assert out.shape == (30, 6)
    for k in range(3):
        column = table[:, k]
        median = np.median(column[~column.isnan()])  # of an even number: between the middle two
        filled = column.where(~column.isnan(), median)
        expected = (filled - filled.mean()) / filled.std(correction=0)
        torch.testing.assert_close(out[:, k], expected)
        assert torch.equal(out[:, 3 + k], column.isnan().float())


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    column = torch.tensor([[1.0], [2.0], [4.0], [9.0], [NAN]])
    assert float(TableScaler(1).fit(column).median) == 3


def test_only_training_patients_are_learned_from(table):
    scaler = TableScaler(3).fit(table[:20])
    before = {name: value.clone() for name, value in scaler.named_buffers()}
    scaler(table[20:] * 100)
    for name, value in scaler.named_buffers():
        assert torch.equal(value, before[name])
    again = TableScaler(3).fit(torch.cat([table[:20], table[20:] * 100])[:20])
    assert torch.equal(again(table), scaler(table))


def test_a_constant_column_is_harmless():
    out = TableScaler(1).fit(torch.full((4, 1), 7.0))(torch.full((2, 1), 7.0))
    assert torch.equal(out, torch.zeros(2, 2))


def test_statistics_travel_with_the_weights(table):
    fitted = TableEncoder(3, width=4, rates=(0.0,))
    fitted.scaler.fit(table)
    other = TableEncoder(3, width=4, rates=(0.0,))
    other.load_state_dict(fitted.state_dict())
    assert torch.equal(other.eval()(table), fitted.eval()(table))
    assert not [name for name, _ in fitted.scaler.named_parameters()]


def test_categories_are_embedded_and_unknown_is_a_level_of_its_own(table):
    encoder = TableEncoder(3, (2, 4), width=8).eval()
    encoder.scaler.fit(table)
    rows = torch.cat([table, torch.zeros(30, 2)], 1)
    out = encoder(rows)
    assert out.shape == (30, 8)
    unknown = rows.clone()
    unknown[:, 4] = NAN
    assert not torch.allclose(encoder(unknown), out)
    assert bool(torch.isfinite(encoder(unknown)).all())


def test_bad_tables(table):
    with pytest.raises(ValueError, match="fit the table scaler on training patients first"):
        TableScaler(3)(table)
    with pytest.raises(ValueError, match="a table of 3 columns is expected, not 2"):
        TableScaler(3).fit(table[:, :2])
    empty = table.clone()
    empty[:, 1] = NAN
    with pytest.raises(ValueError, match="column 1 has no value among the 30 training patients"):
        TableScaler(3).fit(empty)
    encoder = TableEncoder(3, (2,), width=4)
    encoder.scaler.fit(table)
    for level in (2.0, -1.0, 0.5):
        with pytest.raises(ValueError, match="categorical column 0 has levels 0 to 1"):
            encoder(torch.cat([table, torch.full((30, 1), level)], 1))
    with pytest.raises(ValueError, match="a table of 4 columns is expected, not 3"):
        encoder(table)
