"""One transformer block, as in the masked autoencoders that PTACL starts from."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from ecglearn.errors import InputError

INITIAL_STD, PAPER_WIDTH = 0.02, 512
LARGEST = (
    20.0  # exponent of a removed token above the largest kept one: finite, and so its gradient
)


class Attention(nn.Module):
    """Multi-head self-attention whose queries and values have a bias and whose keys have none.

    Args:
        width: features D of a token.
        heads: attention heads; must divide `width`.

    Raises:
        InputError: `heads` does not divide `width`.

    Source: block details of the PTACL authors' modified ViTMAE classes.

    Book: ptacl#encoders
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise InputError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(width))
        self.value_bias = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "B N D"], keep: Shaped[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """Every token gathers from all tokens, or from the kept ones, (B, N, D).

        Args:
            x: tokens (B, N, D).
            keep: which may be read: bool, or weights from 0 to 1; see `kept_attention`.
        """
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        joint = linear(x, self.query_key_value.weight, bias)
        q, k, v = rearrange(joint, "B N (three H d) -> three B H N d", three=3, H=self.heads)
        if keep is None or keep.dtype == torch.bool:
            mask = None if keep is None else keep[:, None, None]
            answer = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            answer = kept_attention(q, k, v, keep)
        return self.out(rearrange(answer, "B H N d -> B N (H d)"))


def kept_attention(
    q: Float[Tensor, "B H M d"],
    k: Float[Tensor, "B H N d"],
    v: Float[Tensor, "B H N d"],
    keep: Float[Tensor, "B N"],
) -> Float[Tensor, "B H M d"]:
    r"""Attention in which a token weighs keep_j in numerator and denominator.

    A_ij = keep_j exp(s_ij - m_i) / sum_l keep_l exp(s_il - m_i), where m_i is the largest s_ij
    among tokens with keep_j > 0: a maximum over all tokens would let removed ones be felt, through
    underflow. With keep of 0 and 1 it is attention among the kept tokens, but keep has a gradient,
    for removed tokens too.

    Args:
        q: queries (B, heads, M, D / heads).
        k: keys (B, heads, N, D / heads).
        v: values, as the keys.
        keep: weights from 0 to 1 (B, N); at least one of each record above 0.

    Source: Rao et al. 2021 (DynamicViT) for the weights; the maximum over kept tokens is ours.

    Book: scar#masked-attention
    """
    scores = q @ k.mT * q.shape[-1] ** -0.5
    weights = keep[:, None, None]
    top = scores.detach().masked_fill(weights <= 0, -torch.inf).amax(-1, keepdim=True)
    shares = weights * (scores - top).clamp(max=LARGEST).exp()
    return shares @ v / shares.sum(-1, keepdim=True)


class Block(nn.Module):
    """Pre-norm transformer block with optional LayerScale and stochastic depth.

    It has 12 D^2 + 14 D parameters, 12 D^2 + 12 D without LayerScale.

    Args:
        width: features D of a token.
        heads: attention heads.
        layer_scale: first value of the gain on both branches; None leaves the gains out.
        drop_path: probability to skip a branch for a record while training.
        eps: added to the variance in both norms.

    Source: block details of the PTACL authors' modified ViTMAE classes.

    Book: ptacl#encoders
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        layer_scale: float | None = 1e-5,
        drop_path: float = 0.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = (nn.LayerNorm(width, eps) for _ in range(2))
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop_path = drop_path
        if layer_scale is None:
            self.gain_attention = self.gain_mlp = None
        else:
            self.gain_attention = nn.Parameter(torch.full((width,), layer_scale))
            self.gain_mlp = nn.Parameter(torch.full((width,), layer_scale))

    def forward(
        self, x: Float[Tensor, "B N D"], keep: Shaped[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """Attention, then the same small network for each token, both added to their input.

        Args:
            x: tokens (B, N, D).
            keep: see `Attention`.
        """
        x = x + self._branch(self.attention(self.norm_attention(x), keep), self.gain_attention)
        return x + self._branch(self.down(gelu(self.up(self.norm_mlp(x)))), self.gain_mlp)

    def _branch(self, x: Tensor, gain: Tensor | None) -> Tensor:
        if gain is not None:
            x = x * gain
        if self.training and self.drop_path > 0:
            kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
            x = x * kept / (1 - self.drop_path)
        return x


class Blocks(nn.Module):
    """A stack of blocks and a final LayerNorm; stochastic depth grows linearly.

    Args:
        width: features D of a token.
        depth: number of blocks.
        heads: attention heads.
        layer_scale: see `Block`.
        drop_path: probability of the last block.
        eps: of every norm: 1e-6 in the masked autoencoders of PTACL's group, 1e-5 in MERL and DERI.

    Book: ptacl#encoders
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        *,
        layer_scale: float | None = 1e-5,
        drop_path: float = 0.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Block(width, heads, layer_scale=layer_scale, eps=eps) for _ in range(depth)
        )
        self.norm: nn.Module = nn.LayerNorm(width, eps)
        self.set_drop_path(drop_path)

    def set_drop_path(self, last: float) -> None:
        """Skip branches at random while training, from never in the first block to `last`.

        Args:
            last: probability of the last block.
        """
        rates = torch.linspace(0, last, len(self.layers), device="cpu")  # also where all is "meta"
        for layer, rate in zip(self.layers, rates, strict=True):
            assert isinstance(layer, Block)
            layer.drop_path = float(rate)

    def forward(
        self, x: Float[Tensor, "B N D"], keep: Shaped[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """All blocks, then the norm.

        Args:
            x: tokens (B, N, D).
            keep: see `Attention`.
        """
        for layer in self.layers:
            x = layer(x, keep)
        return self.norm(x)


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02^2), biases zero: to be passed to `Module.apply`.

    The paper's 0.02 belongs to a width of 512; narrower layers get 0.02 sqrt(512 / width), which
    keeps the size of a layer's output.

    Args:
        module: any module; only linear and convolution layers are changed.

    Book: ptacl#encoders
    """
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv3d):
        width = min(module.weight.shape[0], PAPER_WIDTH)
        nn.init.normal_(module.weight, std=INITIAL_STD * math.sqrt(PAPER_WIDTH / width))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
