"""Two processes give every method the losses, gradients and weights that one process gives."""

import pytest
import torch
from two_processes import one_and_two
from two_ranks.methods import cases

from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d

CASES = tuple(cases())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return one_and_two("methods.py", tmp_path_factory.mktemp("two_ranks"))


@pytest.mark.parametrize("case", CASES)
def test_two_processes_equal_one(found, case):
    """Three steps in double precision, every draw made for the whole batch and shared out."""
    one, two = ({n: v for n, v in side.items() if n.split("/")[0] == case} for side in found)
    assert one.keys() == two.keys()
    for part in ("/0/loss/", "/2/gradient/", "/trained/"):
        assert any(part in name for name in one)
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-9, rtol=1e-6, msg=name)


def test_every_case_moves(found):
    """Losses change from step to step: weights, and with them the comparison, are alive."""
    one = found[0]
    losses = [name for name in one if "/0/loss/" in name]
    assert {name.split("/")[0] for name in losses} == set(CASES)
    assert all(not torch.equal(one[n], one[n.replace("/0/", "/2/")]) for n in losses)


@pytest.mark.parametrize("axes", [1, 2])
def test_batch_norm_over_two_processes(found, axes):
    one, two = ({n: v for n, v in side.items() if n.startswith(f"norm {axes}/")} for side in found)
    assert {"y", "dx", "eval", "weight", "running_mean", "running_var"} <= {
        n.split("/")[1] for n in one
    }
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-12, rtol=1e-12, msg=name)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(BatchNorm1d, torch.nn.BatchNorm1d), (BatchNorm2d, torch.nn.BatchNorm2d)]
)
def test_batch_norm_in_one_process_is_pytorchs(ours, theirs):
    x = torch.randn(6, 3, *([4] * (2 if ours is BatchNorm2d else 1)))
    a, b = ours(3), theirs(3)
    assert torch.equal(a(x), b(x))
    assert a.state_dict().keys() == b.state_dict().keys()
    assert all(torch.equal(v, b.state_dict()[n]) for n, v in a.state_dict().items())
