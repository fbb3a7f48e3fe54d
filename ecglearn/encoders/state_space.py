"""S4D: a convolution as long as the record, its kernel the memory of a linear system."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, glu


class S4D(nn.Module):
    """Diagonal state space layer: every channel has its own linear memory, read along the record.

    x_n'(t) = A_n x_n(t) + u(t), y(t) = 2 Re sum_n C_n x_n(t) + D u(t), one step each Delta.

    Args:
        width: channels H.
        states: complex states N of each channel and direction; each stands for a conjugate pair.
        bidirectional: a second kernel reads from the end, up to the sample after the present one.
        shortest, longest: range of the first Delta, in samples per unit of time.

    Source: Gu et al. 2022 (S4D-Lin): A_n = -1/2 + i pi n, held by the zero-order rule.

    Book: clinical-transfer#state-space
    """

    undecayed = ("log_step", "log_decay", "frequency")

    def __init__(
        self,
        width: int,
        states: int = 4,
        *,
        bidirectional: bool = True,
        shortest: float = 1e-3,
        longest: float = 1e-1,
    ) -> None:
        super().__init__()
        self.bidirectional = bidirectional
        low, high = math.log(shortest), math.log(longest)
        self.log_step = nn.Parameter(torch.rand(width) * (high - low) + low)
        self.log_decay = nn.Parameter(torch.full((width, states), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(states).repeat(width, 1).float())
        directions = 2 if bidirectional else 1
        self.output = nn.Parameter(torch.randn(directions, width, states, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.randn(width))

    def system(self) -> tuple[Complex[Tensor, "H N"], Complex[Tensor, "directions H N"]]:
        """Step-to-step factor exp(Delta A) and the weights of the states in the output.

        The weights contain the input's weight (exp(Delta A) - 1) / A.
        """
        rate, angle, real, imaginary = self._parts()
        factor = torch.polar(rate.exp(), angle)
        return factor, torch.complex(real, imaginary)

    def kernels(self, length: int) -> Float[Tensor, "directions H length"]:
        """What one impulse leaves behind, sample by sample.

        Args:
            length: samples.
        """
        rate, angle, real, imaginary = self._parts()
        time = torch.arange(length, device=rate.device)
        fall, turn = (rate[..., None] * time).exp(), angle[..., None] * time
        # no matrix product, which autocast would round
        along, across = fall * turn.cos(), fall * turn.sin()
        return 2 * (real[..., None] * along - imaginary[..., None] * across).sum(-2)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Real and imaginary part of Delta A and of the weights; ONNX has no complex numbers."""
        step = self.log_step.exp()[:, None]
        decay, turn = -self.log_decay.exp(), self.frequency.to(self.log_decay)
        rate, angle = decay * step, turn * step
        left, up = rate.exp() * angle.cos() - 1, rate.exp() * angle.sin()  # exp(Delta A) - 1
        size = decay.square() + turn.square()
        real, imaginary = (left * decay + up * turn) / size, (up * decay - left * turn) / size
        c, d = self.output.unbind(-1)
        return rate, angle, c * real - d * imaginary, c * imaginary + d * real

    def forward(self, u: Float[Tensor, "B H L"]) -> Float[Tensor, "B H L"]:
        """The whole record at once, by FFT.

        Args:
            u: input (B, H, L).
        """
        length = u.shape[-1]
        kernel = self.kernels(length)
        # the reader from the end is a kernel at lags -1, -2, ..., kept at the far end of the circle
        circle = 1 << (2 * length - 1).bit_length()  # ONNX runtimes round less at powers of two
        whole = nn.functional.pad(kernel[0], (0, circle - length))
        if self.bidirectional:
            whole = whole + nn.functional.pad(kernel[1].flip(-1), (circle - length, 0))
        u = u.to(whole)  # half precision has no transform
        return circular_convolution(u, whole) + self.skip[:, None] * u


def circular_convolution(
    u: Float[Tensor, "B H L"], kernel: Float[Tensor, "H circle"]
) -> Float[Tensor, "B H L"]:
    """Each channel with its own kernel, around a circle: y[t] = sum_s kernel[t - s] u[s].

    The gradient is written out: it needs two real transforms, where differentiating a real
    transform step by step takes complex ones of twice the size.

    Args:
        u: input (B, H, L).
        kernel: (H, circle), circle even and at least L.

    Book: clinical-transfer#state-space
    """
    if torch.is_grad_enabled() and (u.requires_grad or kernel.requires_grad):
        return _CircularConvolution.apply(u, kernel)
    return _CircularConvolution.forward(None, u, kernel)


class _CircularConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, kernel: Tensor) -> Tensor:
        circle = kernel.shape[-1]
        a, b = torch.fft.rfft(u, n=circle), torch.fft.rfft(kernel, n=circle)
        if ctx is not None:
            ctx.save_for_backward(a, b)
        return torch.fft.irfft(a * b, n=circle)[..., : u.shape[-1]]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Correlation of the gradient with the kernel, and with the input."""
        (grad,) = grad_outputs
        a, b = ctx.saved_tensors
        circle = 2 * (b.shape[-1] - 1)
        g = torch.fft.rfft(grad, n=circle)
        on_u = torch.fft.irfft(g * b.conj(), n=circle)[..., : grad.shape[-1]]
        return on_u, torch.fft.irfft((g * a.conj()).sum(0), n=circle)


class S4Block(nn.Module):
    """S4D, GELU, gated mixing of channels, dropout, residual, layer norm.

    Args:
        width: channels.
        states: of `S4D`.
        rate: dropout.

    Source: sizes and order as in Alcaraz et al. 2024 (MDS-ED), after Gu et al. 2022.

    Book: clinical-transfer#state-space
    """

    def __init__(self, width: int, states: int, rate: float) -> None:
        super().__init__()
        self.memory = S4D(width, states)
        self.mix = nn.Conv1d(width, 2 * width, 1)
        self.norm = nn.LayerNorm(width)
        self.rate = rate

    def forward(self, x: Float[Tensor, "B H L"]) -> Float[Tensor, "B H L"]:
        """Features of the same length."""
        y = glu(self.mix(dropout(gelu(self.memory(x)), self.rate, self.training)), dim=1)
        return self.norm((x + dropout(y, self.rate, self.training)).mT).mT


class S4Encoder(nn.Module):
    """ECG to tokens and to one vector: linear, S4 blocks, mean over time.

    Args:
        width: features.
        layers: S4 blocks.
        states: of each channel and direction.
        rate: dropout.
        leads: channels of the input.

    Source: Alcaraz et al. 2024 (MDS-ED); that the paper's encoder has these sizes is our choice.

    Book: clinical-transfer#state-space
    """

    def __init__(
        self,
        *,
        width: int = 512,
        layers: int = 4,
        states: int = 4,
        rate: float = 0.2,
        leads: int = 12,
    ) -> None:
        super().__init__()
        self.width = width
        self.lift = nn.Conv1d(leads, width, 1)
        self.blocks = nn.Sequential(*(S4Block(width, states, rate) for _ in range(layers)))

    def tokens(self, ecg: Float[Tensor, "B leads L"]) -> Float[Tensor, "B L D"]:
        """Features of every sample.

        Args:
            ecg: any length.
        """
        return self.blocks(self.lift(ecg)).mT

    def forward(self, ecg: Float[Tensor, "B leads L"]) -> Float[Tensor, "B D"]:
        """Their mean over time."""
        return self.tokens(ecg).mean(1)
