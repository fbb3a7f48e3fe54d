"""Micro-batches give the loss and the gradient of the whole batch, or are refused."""

from dataclasses import replace

import pytest
import torch
from two_processes import one_and_two
from two_ranks.methods import cases, patients

from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.train import fit, step
from ecglearn.train.step import StepRunner, only, turns

# of a draw every part makes its own, so nothing is drawn here: see `without_draws`
DECODERS = replace(
    DERIConfig.preset("smoke"), encoder="vit", dropout=0.0, drop_path=0.0, mask_ratio=0.0
)
CASES = cases()
BATCH_NORM = ("merl, joint", "tamer, joint", "deri, joint")
# a masked autoencoder always draws
DRAWING = ("ptacl, ecg", "ptacl, cine", "deri vit")
EXACT = {name: make for name, make in CASES.items() if name not in BATCH_NORM + DRAWING}
EXACT["deri vit"] = lambda: DERI(DECODERS)


@pytest.fixture
def without_draws(monkeypatch):
    monkeypatch.setattr(
        step._Terms, "forward", lambda self, batch, _, number: self.losses(batch, None, number)
    )


@pytest.fixture(scope="module")
def batch():
    return patients()


def made(name, batch):
    torch.manual_seed(0)
    method = EXACT[name]().double().train()
    method.setup(batch, 3)
    return method


def three_steps(method, parts):
    found = {}
    plan = turns(method)
    with only([one for together in plan for one in together], method):
        steps = [
            (
                StepRunner(method, together[0].losses),
                torch.optim.SGD([p for one in together for p in one.parameters], lr=0.05),
            )
            for together in plan
        ]
        for number in range(3):
            for gradient, optimiser in steps:
                optimiser.zero_grad()
                terms = gradient(parts, range(len(parts)), number).values()
                found |= {
                    f"{number}/loss/{name}": torch.tensor(value) for name, value in terms.items()
                }
                found |= {
                    f"{number}/gradient/{name}": p.grad.clone()
                    for name, p in method.named_parameters()
                    if p.grad is not None
                }
                optimiser.step()
    return found | {f"trained/{name}": value for name, value in method.state_dict().items()}


@pytest.mark.parametrize("name", EXACT)
def test_four_parts_equal_the_whole(name, batch, without_draws):
    """Losses, gradients, weights and buffers (running statistics, counters) of three steps."""
    whole = three_steps(made(name, batch), [batch])
    parts = three_steps(made(name, batch), [batch[slice(part, None, 4)] for part in range(4)])
    assert whole.keys() == parts.keys()
    for key in whole:
        torch.testing.assert_close(parts[key], whole[key], atol=1e-10, rtol=1e-7, msg=key)


def test_without_the_rows_of_the_others_it_would_not(batch, without_draws):
    """The comparison can fail: the mean over small batches has another gradient."""
    method = made("ptacl, joint", batch)
    StepRunner(method, method.losses)([batch], [0], 0)
    right = torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])
    method.zero_grad()
    for part in range(4):
        terms = method.losses(batch[slice(part, None, 4)])
        (torch.stack(list(terms.values())).sum() / 4).backward()
    wrong = torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])
    assert torch.cosine_similarity(right, wrong, dim=0) < 0.95


def test_all_parts_but_one_go_through_twice(batch, without_draws):
    """The part that comes first with a gradient needs nobody to have noted it."""
    method = made("ptacl, joint", batch)
    turns_taken = []
    whole = method.losses

    def counted(part, *rest):
        turns_taken.append(torch.is_grad_enabled())
        return whole(part, *rest)

    parts = [batch[slice(part, None, 4)] for part in range(4)]
    StepRunner(method, counted)(parts, range(4), 0)
    assert turns_taken == [False] * 3 + [True] * 4


def test_what_is_drawn_in_a_step_is_that_of_its_key(batch):
    """On the processor the key goes to its generator alone, and means what `manual_seed` means."""
    drawn = []

    def losses(part, generator, number):
        drawn.append(torch.rand(3))
        return {"x": method.weight.sum()}

    method = torch.nn.Linear(2, 2)
    before = torch.get_rng_state()
    StepRunner(method, losses)([batch], [7], 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)
    assert torch.equal(drawn[0], torch.rand(3))


@pytest.mark.parametrize("name", BATCH_NORM)
def test_batch_norm_inside_an_encoder_is_refused(name, batch):
    with pytest.raises(
        ValueError, match=f"{type(CASES[name]()).__name__} has batch norms inside its encoder"
    ):
        fit(CASES[name](), batch, epochs=1, batch_size=8, accumulate=2)


def test_batches_that_do_not_divide_are_refused(batch):
    with pytest.raises(ValueError, match="does not divide among 1 processes with 3 micro-batches"):
        fit(made("scar, joint", batch), batch, epochs=1, batch_size=8, accumulate=3)


def test_two_processes_with_two_parts_equal_one_with_four(tmp_path):
    """With every draw (dropout, masks, crops): parts are numbered across processes."""
    one, two = one_and_two("accumulate.py", tmp_path)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-8, rtol=1e-6, msg=name)
