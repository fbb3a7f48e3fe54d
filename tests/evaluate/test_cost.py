"""What training costs: counted by hand on a linear method."""

import torch
from torch import nn

from ecglearn.evaluate import cost
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
