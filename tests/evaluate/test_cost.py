"""What training costs: counted by hand on a linear method."""

import time

import torch
from torch import nn

from ecglearn.evaluate import cost
from ecglearn.evaluate.cost import used_by_embed
from ecglearn.method import Stage


class Line(Stage):
    """5 features to 3; a head of 3 to 2 that `embed` does not use."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(5, 3, bias=False), nn.Linear(3, 2, bias=False)
        self.norm = nn.BatchNorm1d(5, affine=False)

    def embed(self, batch):
        return self.body(batch)

    def losses(self, batch, generator=None, step=None):
        return {"square": self.head(self.body(self.norm(batch))).square().mean()}


def test_parameters_memory_and_weights():
    torch.manual_seed(0)
    method, batch = Line().eval(), torch.randn(64, 5)
    before = {k: v.clone() for k, v in method.state_dict().items()}
    found = cost(method, batch)
    assert (found.parameters, found.encoder) == (15 + 6, 15)
    # at least the two inputs of the linear layers and the square's: 64 records x (5 + 3 + 2) floats
    assert 64 * 10 * 4 <= found.megabytes * 1e6 <= 64 * 10 * 4 * 3
    assert found.seconds > 0
    assert found.embed_seconds > 0
    assert not method.training
    for name, value in method.state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert all(p.grad is None for p in method.parameters())


def test_twice_the_batch_keeps_twice_as_much():
    method = Line()
    small, large = (cost(method, torch.randn(n, 5)).megabytes for n in (100, 200))
    assert 1.8 < large / small < 2.2


def test_two_records_are_enough_for_a_batch_norm_that_trains():
    class Normed(Line):
        def embed(self, batch):
            return self.body(self.norm(batch))

    method = Normed().train()
    (weight,) = used_by_embed(method, torch.randn(9, 5))
    assert weight is method.body.weight


def test_seconds_are_those_of_the_processor_where_there_is_no_other():
    class Idle(Line):
        def embed(self, batch):
            time.sleep(0.1)
            return self.body(batch)

    assert 0 < cost(Idle(), torch.randn(8, 5)).embed_seconds < 0.05
