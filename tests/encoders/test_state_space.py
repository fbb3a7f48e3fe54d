"""S4D: the FFT gives what the recurrence gives, in both directions and at any length."""

import pytest
import torch

from ecglearn.encoders.state_space import S4D, S4Block, S4Encoder, circular_convolution


def by_recurrence(layer, u, direction=0):
    """One state after the other: x <- factor x + u, y = 2 Re <weight, x>."""
    factor, weight = layer.system()
    state = torch.zeros(len(u), *factor.shape, dtype=factor.dtype)
    out = []
    for t in range(u.shape[-1]):
        state = factor * state + u[:, :, t, None]
        out.append(2 * (weight[direction] * state).sum(-1).real)
    return torch.stack(out, -1)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_convolution_is_the_recurrence(bidirectional):
    torch.manual_seed(0)
    layer = S4D(5, 3, bidirectional=bidirectional).double()
    u = torch.randn(2, 5, 61, dtype=torch.float64)
    expected = by_recurrence(layer, u) + layer.skip[:, None] * u
    if bidirectional:
        # the reader from the end stops at the sample after the present one
        behind = by_recurrence(layer, u.flip(-1), 1).flip(-1)
        expected[..., :-1] += behind[..., 1:]
    torch.testing.assert_close(layer(u), expected, atol=1e-10, rtol=0)


def test_single_precision_agrees_too():
    torch.manual_seed(1)
    layer = S4D(4, 4)
    u = torch.randn(2, 4, 1000)
    double = S4D(4, 4).double()
    double.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(u), double(u.double()).float(), atol=1e-4, rtol=1e-4)


def test_kernel_solves_the_differential_equation():
    """A step input held for Delta: the first kernel value is Re 2 C (e^(A Delta) - 1) / A."""
    torch.manual_seed(2)
    layer = S4D(3, 2, bidirectional=False).double()
    a = torch.complex(-layer.log_decay.exp(), layer.frequency)
    step = layer.log_step.exp()[:, None]
    c = torch.view_as_complex(layer.output)[0]
    for lag in (0, 1, 7):
        expected = 2 * (c * torch.exp(a * step * lag) * (torch.exp(a * step) - 1) / a).sum(1).real
        torch.testing.assert_close(layer.kernels(9)[0, :, lag], expected)


def test_causal_layer_does_not_see_the_future():
    layer = S4D(4, 2, bidirectional=False).double()
    u = torch.randn(1, 4, 40, dtype=torch.float64)
    changed = u.clone()
    changed[..., 25:] = 9.0
    torch.testing.assert_close(layer(changed)[..., :25], layer(u)[..., :25], atol=1e-10, rtol=0)
    assert not torch.allclose(layer(changed)[..., 25:], layer(u)[..., 25:])


def test_mirrored_kernels_commute_with_reversal_of_time():
    """The reader from the end begins one sample off, where the other has taken its first step."""
    layer = S4D(4, 2).double()
    with torch.no_grad():
        factor, _ = layer.system()
        first = torch.view_as_complex(layer.output[0])
        layer.output[1] = torch.view_as_real(first * factor)
    u = torch.randn(2, 4, 33, dtype=torch.float64)
    torch.testing.assert_close(layer(u.flip(-1)), layer(u).flip(-1), atol=1e-10, rtol=0)


def test_the_reader_from_the_end_begins_at_the_next_sample():
    """As in the public code of S4: an impulse at t reaches t by the first kernel alone."""
    layer = S4D(3, 2).double()
    u = torch.zeros(1, 3, 9, dtype=torch.float64)
    u[..., 4] = 1
    out, kernels = layer(u)[0], layer.kernels(9)
    torch.testing.assert_close(out[:, 4], kernels[0, :, 0] + layer.skip)
    torch.testing.assert_close(out[:, 3], kernels[1, :, 0])
    torch.testing.assert_close(out[:, 0], kernels[1, :, 3])


@pytest.mark.parametrize("length", [1, 2, 250, 1001])
def test_length_is_kept(length):
    assert S4Block(6, 2, 0.0)(torch.randn(2, 6, length)).shape == (2, 6, length)


def test_encoder_is_the_mean_of_its_tokens_and_learns_everything():
    encoder = S4Encoder(width=8, layers=2, states=2, rate=0.1)
    x = torch.randn(3, 12, 100)
    encoder(x).square().sum().backward()
    for name, p in encoder.named_parameters():
        assert p.grad is not None, name
        assert float(p.grad.abs().sum()) > 0, name
    encoder.eval()
    torch.testing.assert_close(encoder(x), encoder.tokens(x).mean(1))
    assert torch.equal(encoder(x)[:1], encoder(x[:1])) or torch.allclose(
        encoder(x)[:1], encoder(x[:1]), atol=1e-6
    )


def test_gradient():
    torch.manual_seed(0)
    layer = S4D(2, 2).double()
    u = torch.randn(1, 2, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (u,))


def test_gradient_of_the_convolution():
    torch.manual_seed(2)
    u = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(circular_convolution, (u, kernel))
    loop = torch.zeros(2, 3, 5, dtype=torch.float64)
    for t in range(5):
        for s in range(5):
            loop[..., t] += kernel[:, (t - s) % 8] * u[..., s]
    torch.testing.assert_close(circular_convolution(u, kernel), loop)


def test_one_of_the_two_may_need_no_gradient():
    layer = S4D(3, 2)
    u = torch.randn(2, 3, 20)
    with torch.no_grad():
        plain = layer(u)
    torch.testing.assert_close(layer(u), plain)
    layer.requires_grad_(False)
    ask = u.clone().requires_grad_()
    layer(ask).sum().backward()
    assert ask.grad is not None
    assert ask.grad.abs().sum() > 0
