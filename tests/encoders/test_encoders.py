"""Token counts, parameter counts, orders and masks: PTACL's properties 15 to 19."""

import pytest
import torch

from ecglearn.encoders.cine_transformer import CineTransformer
from ecglearn.encoders.cross_decoder import DecoderBlock
from ecglearn.encoders.ecg_transformer import ECGTransformer
from ecglearn.encoders.heads import AttentionPool
from ecglearn.encoders.masked_autoencoder import MaskedAutoencoder, random_visible
from ecglearn.encoders.transformer import Attention, Block


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("width", [32, 512])
def test_parameters_of_a_block(width):
    assert count(Block(width, 8)) == 12 * width**2 + 14 * width
    assert count(Block(width, 8, layer_scale=None)) == 12 * width**2 + 12 * width


def test_attention_equals_a_loop():
    torch.manual_seed(0)
    layer = Attention(6, 2).double()
    torch.nn.init.normal_(layer.query_bias)
    torch.nn.init.normal_(layer.value_bias)
    x = torch.randn(1, 4, 6, dtype=torch.float64)
    q, k, v = (x[0] @ w.T for w in layer.query_key_value.weight.chunk(3))
    q, v = q + layer.query_bias, v + layer.value_bias
    rows = []
    for i in range(4):
        heads = []
        for h in (slice(0, 3), slice(3, 6)):
            weights = torch.softmax(torch.stack([q[i, h] @ k[j, h] / 3**0.5 for j in range(4)]), 0)
            heads.append(sum(w * v[j, h] for j, w in enumerate(weights)))
        rows.append(layer.out(torch.cat(heads)))
    assert torch.allclose(layer(x)[0], torch.stack(rows))


def test_sizes_of_the_paper():
    ecg, cine = ECGTransformer(), CineTransformer()
    assert (ecg.tokens, cine.tokens, cine.time_tokens) == (600, 637, 13)
    assert (count(ecg), count(cine)) == (19_251_712, 13_086_720)


def test_class_token_is_one_more_and_takes_no_part():
    torch.manual_seed(0)
    encoder = ECGTransformer(samples=50, patch=10, width=16, depth=1, heads=2, use_cls=True)
    x = torch.randn(2, 12, 50)
    assert encoder(x).shape == (2, 60, 16)
    seen = []
    encoder.blocks.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    encoder(x)
    assert seen == [61]


@pytest.mark.parametrize(("ratio", "tokens", "visible"), [(0.75, 600, 150), (0.90, 637, 64)])
def test_counts_of_visible_tokens(ratio, tokens, visible):
    chosen, hidden = random_visible(5, tokens, ratio, torch.Generator().manual_seed(0))
    assert chosen.shape == (5, visible)
    assert hidden.sum(1).tolist() == [tokens - visible] * 5
    assert not bool(hidden.gather(1, chosen).any())
    assert all(len(set(row.tolist())) == visible for row in chosen)


def test_every_token_is_visible_equally_often():
    _, hidden = random_visible(20_000, 12, 0.75, torch.Generator().manual_seed(0))
    assert (~hidden).double().mean(0).tolist() == pytest.approx([0.25] * 12, abs=0.02)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_useless_ratio_is_refused(ratio):
    with pytest.raises(ValueError, match="tokens visible"):
        random_visible(2, 10, ratio)


def test_leads_share_the_patch_embedding():
    torch.manual_seed(0)
    encoder = ECGTransformer(samples=50, patch=10, width=16, depth=1, heads=2)
    x = torch.randn(2, 12, 50)
    order = torch.randperm(12)
    blocks = encoder.tokenise(x).view(2, 12, 5, 16)  # positions start at zero
    assert torch.allclose(encoder.tokenise(x[:, order]).view(2, 12, 5, 16), blocks[:, order])


def test_patches_are_in_token_order():
    ecg = ECGTransformer(samples=50, patch=10, width=16, depth=1, heads=2)
    x = torch.arange(600.0).view(1, 12, 50)
    assert torch.equal(ecg.patches(x)[0, 7], x[0, 1, 20:30])  # lead-major: lead 1, time 2
    cine = CineTransformer(frames=4, size=6, patch=(2, 3, 3), width=8, depth=1, heads=2)
    y = torch.arange(144.0).view(1, 4, 6, 6)
    patch = cine.patches(y)[0, 1 * 4 + 1 * 2 + 0]  # time-major: time 1, row 1, column 0
    assert torch.equal(patch, y[0, 2:4, 3:6, 0:3].flatten())


def test_cine_embedding_is_the_convolution():
    torch.manual_seed(0)
    cine = CineTransformer(frames=5, size=6, patch=(2, 3, 3), width=8, depth=1, heads=2)
    x = torch.randn(2, 5, 6, 6)
    convolved = cine.embed(x[:, None]).flatten(2).mT
    assert torch.allclose(cine.tokenise(x), convolved, atol=1e-5)


def test_over_time():
    cine = CineTransformer(frames=26, size=42, patch=(2, 21, 21), width=8, depth=1, heads=2)
    steps = torch.randn(3, 13, 8)
    constant = steps.repeat_interleave(cine.places, 1)
    assert torch.allclose(cine.over_time(constant), steps)
    tokens = torch.randn(3, cine.tokens, 8)
    assert torch.allclose(cine.over_time(tokens).mean(1), tokens.mean(1), atol=1e-6)


def test_without_time_positions_the_loop_may_start_anywhere():
    torch.manual_seed(0)
    x = torch.rand(2, 26, 42, 42)
    for positions, same in ((False, True), (True, False)):
        cine = CineTransformer(
            size=42, patch=(2, 21, 21), width=8, depth=1, heads=2, time_positions=positions
        )
        torch.nn.init.normal_(cine.positions)
        rolled = cine.over_time(cine(x.roll(-8, 1)))
        assert torch.allclose(rolled, cine.over_time(cine(x)).roll(-4, 1), atol=1e-5) is same


def test_autoencoder_never_sees_hidden_patches():
    torch.manual_seed(0)
    encoder = ECGTransformer(samples=50, patch=10, width=16, depth=2, heads=2, layer_scale=None)
    model = MaskedAutoencoder(encoder, ratio=0.75, decoder_width=16, layer_scale=None)
    x = torch.randn(2, 12, 50)
    prediction, hidden = model(x, torch.Generator().manual_seed(1))
    patches = encoder.patches(x)
    changed = torch.where(hidden[..., None], patches + 9, patches)
    other = changed.view(2, 12, 5, 10).reshape(2, 12, 50)
    again, same_mask = model(other, torch.Generator().manual_seed(1))
    assert torch.equal(hidden, same_mask)
    assert torch.equal(prediction, again)
    visible = torch.where(hidden[..., None], patches, patches + 9).view(2, 12, 50)
    assert not torch.allclose(prediction, model(visible, torch.Generator().manual_seed(1))[0])


def _one_branch(kind):
    """A block whose second branch says nothing, so that the first can be looked at alone."""
    torch.manual_seed(0)
    if kind is Block:
        block = Block(8, 2, layer_scale=None, drop_path=0.3)
        last = block.down
    else:
        block = DecoderBlock(8, 2, 4, drop_path=0.3)
        last = block.mlp.out
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    return block


@pytest.mark.parametrize("kind", [Block, DecoderBlock])
def test_drop_path_keeps_the_mean(kind):
    block, x = _one_branch(kind), torch.randn(1, 3, 8)
    exact = block.eval()(x) - x
    moved = (block.train()(x.expand(4000, -1, -1)) - x).detach()
    assert torch.allclose(moved.mean(0), exact[0], rtol=0.05, atol=1e-4)
    skipped = (moved == 0).all(2).all(1)
    assert float(skipped.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert torch.allclose(moved[~skipped], exact / 0.7, atol=1e-6)


@pytest.mark.parametrize("kind", [Block, DecoderBlock])
def test_drop_path_is_off_in_evaluation(kind):
    block, x = _one_branch(kind).eval(), torch.randn(64, 3, 8)
    together = block(x)
    assert torch.equal(together, block(x))
    assert not bool((together == x).all(2).all(1).any())


def test_attention_pool_ignores_the_order_of_tokens():
    torch.manual_seed(0)
    pool = AttentionPool(16, 4)
    tokens = torch.randn(2, 10, 16)
    assert torch.allclose(pool(tokens), pool(tokens[:, torch.randperm(10)]), atol=1e-5)


def test_sizes_that_do_not_tile_are_refused():
    with pytest.raises(ValueError, match="do not tile"):
        ECGTransformer(samples=2501)
    with pytest.raises(ValueError, match="do not tile"):
        CineTransformer(size=85)
    with pytest.raises(ValueError, match="do not divide"):
        Attention(10, 3)
