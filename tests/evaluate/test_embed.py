"""Vectors piece by piece: how many records are read at a time, and what is refused."""

import pytest
import torch

import ecglearn
from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.evaluate import embed


@pytest.fixture(scope="module")
def method():
    torch.manual_seed(0)
    return ecglearn.create("merl", "smoke")


@pytest.fixture(scope="module")
def batch():
    return ECGBatch.from_cohort(ecglearn.simulate(5, seed=0))


@pytest.mark.parametrize(("asked", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (None, [5])])
def test_so_many_records_are_read_at_a_time(method, batch, asked, sizes):
    seen: list[int] = []
    watch = method.ecg_encoder.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    found = embed(method, batch, batch_size=asked)
    watch.remove()
    assert seen == sizes
    torch.testing.assert_close(found, method.embed(batch))


def test_nothing_to_read_is_refused(method, batch):
    with pytest.raises(InputError, match="a batch of 0 has no record; give 1 or more"):
        embed(method, batch, batch_size=0)
    with pytest.raises(InputError, match="there is no record to embed"):
        embed(method, batch[slice(0, 0)])
