"""The order of an epoch: everybody once, from the seed; by length, like reports meet."""

from dataclasses import replace

import pytest
import torch
from torch import Generator

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.train import fit
from ecglearn.train.order import POOL, epoch_order, report_lengths


def drawn(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def test_everybody_comes_once_in_an_order_of_the_seed():
    lengths = torch.randint(0, 500, (1003,), generator=drawn(0))
    data = range(1003)
    for given in (None, lengths):
        order = epoch_order(data, 10, drawn(1), given)
        assert sorted(order.tolist()) == list(data)
        assert torch.equal(order, epoch_order(data, 10, drawn(1), given))
        assert not torch.equal(order, epoch_order(data, 10, drawn(2), given))
    assert torch.equal(epoch_order(data, 10, drawn(1)), torch.randperm(1003, generator=drawn(1)))


def test_batches_hold_reports_of_like_length_and_come_in_any_order():
    lengths = torch.randint(0, 500, (POOL * 8,), generator=drawn(0))
    batches = lengths[epoch_order(range(len(lengths)), 8, drawn(3), lengths)].view(-1, 8)
    low, high = batches.amin(1), batches.amax(1)
    by_size = low.argsort()
    # no batch reaches into the next one's lengths
    assert (high[by_size][:-1] <= low[by_size][1:]).all()
    assert not torch.equal(by_size, torch.arange(POOL))
    assert not torch.equal(by_size, torch.arange(POOL).flip(0))


def test_a_pool_keeps_to_its_batches():
    """Two pools and a rest: who is in which pool is what the random order says."""
    count = 4 * (POOL + 3) + 2
    lengths = torch.arange(count)
    plain = torch.randperm(count, generator=drawn(4))
    order = epoch_order(range(count), 4, drawn(4), lengths)
    cut, end = 4 * POOL, 4 * (POOL + 3)
    assert set(order[:cut].tolist()) == set(plain[:cut].tolist())
    assert set(order[cut:end].tolist()) == set(plain[cut:end].tolist())
    assert order[end:].tolist() == plain[end:].tolist()


def test_fit_by_length_resumes_and_says_where_it_cannot(tmp_path):
    patients = replace(ECGBatch.from_cohort(simulate(24, seed=0)), cine=None)
    assert patients.reports is not None
    assert report_lengths(patients).tolist() == [len(text) for text in patients.reports]

    def trained(**more):
        torch.manual_seed(0)
        method = TAMER(TAMERConfig.preset("smoke"))
        fit(method, patients, batch_size=4, progress="none", **more)
        return method.state_dict()

    whole = trained(epochs=2, by_length=True)
    other = trained(epochs=2)
    assert any(not torch.equal(whole[k], other[k]) for k in whole)

    class Stop(Exception):
        pass

    def stop(epoch):
        raise Stop

    with pytest.raises(Stop):
        trained(epochs=2, by_length=True, out=tmp_path, after_epoch=stop)
    resumed = trained(epochs=2, by_length=True, out=tmp_path, resume=True)
    for key in whole:
        torch.testing.assert_close(resumed[key], whole[key], atol=1e-6, rtol=1e-5)
    with pytest.raises(InputError, match="need patients with reports"):
        report_lengths(replace(patients, reports=None))
