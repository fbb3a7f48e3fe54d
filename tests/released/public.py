"""The layouts of public checkpoints as lists of names and shapes, and what those tensors compute.

Written from the layout alone: plain functions over a dictionary of tensors, so that the mapping
into this library is compared with something that knows nothing of it.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as f

Shapes = dict[str, tuple[int, ...]]
WIDTHS, LEADS = (8, 12, 16, 20), 12


def batch_norm(name: str, n: int) -> Shapes:
    return {
        f"{name}.{part}": (n,) for part in ("weight", "bias", "running_mean", "running_var")
    } | {f"{name}.num_batches_tracked": ()}


def linear(name: str, n: int, m: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (m, n)} | ({f"{name}.bias": (m,)} if bias else {})


def attention(name: str, d: int) -> Shapes:
    return {
        f"{name}.in_proj_weight": (3 * d, d),
        f"{name}.in_proj_bias": (3 * d,),
        **linear(f"{name}.out_proj", d, d),
    }


def resnet(blocks: int = 2) -> Shapes:
    made = {"ecg_encoder.conv1.weight": (WIDTHS[0], LEADS, 7)}
    made |= batch_norm("ecg_encoder.bn1", WIDTHS[0])
    before = WIDTHS[0]
    for stage, width in enumerate(WIDTHS, start=1):
        for block in range(blocks):
            name = f"ecg_encoder.layer{stage}.{block}"
            made |= {f"{name}.conv1.weight": (width, before, 3)}
            made |= {f"{name}.conv2.weight": (width, width, 3)}
            made |= batch_norm(f"{name}.bn1", width) | batch_norm(f"{name}.bn2", width)
            if block == 0 and stage > 1:
                made |= {f"{name}.shortcut.0.weight": (width, before, 1)}
                made |= batch_norm(f"{name}.shortcut.1", width)
            before = width
    return made | linear("ecg_encoder.linear", before, 10)


def text_side(w: int, d: int) -> Shapes:
    other = {"lm_model.embeddings.word_embeddings.weight": (7, w)}
    return linear("proj_t.0", w, d) | linear("proj_t.2", d, d) | other


def merl_resnet(w: int, d: int, tokens: int) -> Shapes:
    pool = "att_pool_head"
    return {
        **resnet(),
        "downconv.weight": (d, WIDTHS[-1], 1),
        "downconv.bias": (d,),
        f"{pool}.positional_embedding": (1, tokens + 1, d),
        f"{pool}.cls_token": (1, 1, d),
        **attention(f"{pool}.mhsa", d),
        **linear(f"{pool}.c_proj", d, d),
        **linear("linear1", d, d, bias=False),
        **linear("linear2", d, d, bias=False),
        **text_side(w, d),
    }


def merl_vit(w: int, d: int, *, width: int = 128, patch: int = 20, tokens: int = 5) -> Shapes:
    made: Shapes = {
        "ecg_encoder.to_patch_embedding.weight": (width, LEADS, patch),
        "ecg_encoder.pos_embedding": (1, tokens, width),
        **linear("ecg_encoder.norm", width, 1),
        "ecg_encoder.norm.weight": (width,),
        "ecg_encoder.norm.bias": (width,),
    }
    for block in range(2):
        name = f"ecg_encoder.block{block}"
        for part in ("attn", "ff"):
            made |= {f"{name}.{part}.norm.{x}": (width,) for x in ("weight", "bias")}
        made |= linear(f"{name}.attn.fn.to_qkv", width, 3 * width)
        made |= linear(f"{name}.attn.fn.to_out.0", width, width)
        made |= linear(f"{name}.ff.fn.net.0", width, 4 * width)
        made |= linear(f"{name}.ff.fn.net.3", 4 * width, width)
    return {
        **made,
        **linear("proj_e.0", width, d),
        **batch_norm("proj_e.1", d),
        **linear("proj_e.3", d, d),
        **batch_norm("proj_e.4", d),
        **linear("linear1", width, d, bias=False),
        **linear("linear2", width, d, bias=False),
        **text_side(w, d),
    }


def decoder(name: str, places: int, d: int, out: int) -> Shapes:
    def mlp(part: str, n: int, m: int) -> Shapes:
        inner = linear(f"{part}.fc1", n, d) | linear(f"{part}.fc3", n, d)
        return inner | linear(f"{part}.fc2", d, m)

    made: Shapes = {
        f"{name}.pos_embedding": (1, places + 2, d),
        f"{name}.sep_embedding": (d,),
        f"{name}.norm.weight": (d,),
        f"{name}.norm.bias": (d,),
        **mlp(f"{name}.to_patch", d, d),
        **mlp(f"{name}.head", d, out),
    }
    for block in range(2):
        part = f"{name}.block{block}"
        for half in ("attn", "ff"):
            made |= {f"{part}.{half}.norm.{x}": (d,) for x in ("weight", "bias")}
        made |= linear(f"{part}.attn.fn.to_qkv", d, 3 * 128)
        made |= linear(f"{part}.attn.fn.to_out.0", 128, d)
        made |= mlp(f"{part}.ff.fn", d, d)
    return made


def deri(w: int, d: int, tokens: int, words: int) -> Shapes:
    made = {**resnet(), "downconv.weight": (d, WIDTHS[-1], 1), "downconv.bias": (d,)}
    for name, count in (
        ("att_pool_head", tokens),
        ("linear1", int(tokens * 0.9)),
        ("linear2", int(tokens * 0.9)),
    ):
        made |= {
            f"{name}.positional_embedding": (1, count + 2, d),
            f"{name}.sep_embedding": (d,),
            **attention(f"{name}.mhsa", d),
            **linear(f"{name}.c_proj", d, d),
        }
    made |= decoder("decode_t", tokens + 1, d, w) | decoder("decode_e", words, d, d)
    return made | text_side(w, d)


def filled(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Random tensors that keep signals at a moderate size."""
    g = torch.Generator().manual_seed(seed)

    def one(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(9)
        x = torch.randn(shape, generator=g)
        if name.endswith("running_var"):
            return x.square() + 0.5
        fan = torch.tensor(shape[1:]).prod().item() if len(shape) > 1 else 4
        return x / max(fan, 1) ** 0.5 + (1.0 if len(shape) == 1 and "weight" in name else 0.0)

    return {name: one(name, shape) for name, shape in shapes.items()}


# what the tensors compute


def lin(t, name, x):
    return f.linear(x, t[f"{name}.weight"], t.get(f"{name}.bias"))


def norm(t, name, x):
    return f.layer_norm(x, x.shape[-1:], t[f"{name}.weight"], t[f"{name}.bias"])


def bn(t, name, x):
    stats = (t[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return f.batch_norm(x, *stats)


def heads_of(t, name, x, y, heads):
    """Multi-head attention by its definition; x asks, y answers."""
    d = x.shape[-1]
    weights, biases = t[f"{name}.in_proj_weight"].chunk(3), t[f"{name}.in_proj_bias"].chunk(3)
    q, k, v = (f.linear(z, w, b) for z, w, b in zip((x, y, y), weights, biases, strict=True))
    out = []
    for h in range(heads):
        part = slice(h * d // heads, (h + 1) * d // heads)
        scores = q[..., part] @ k[..., part].mT / (d // heads) ** 0.5
        out.append(scores.softmax(-1) @ v[..., part])
    return lin(t, f"{name}.out_proj", torch.cat(out, -1))


def self_attention(t, name, x):
    """Heads of 64 features, queries, keys and values with a bias."""
    q, k, v = lin(t, f"{name}.to_qkv", x).chunk(3, -1)
    out = []
    for h in range(q.shape[-1] // 64):
        part = slice(64 * h, 64 * h + 64)
        out.append((q[..., part] @ k[..., part].mT / 8).softmax(-1) @ v[..., part])
    return lin(t, f"{name}.to_out.0", torch.cat(out, -1))


def feature_map(t, x):
    x = bn(t, "ecg_encoder.bn1", f.conv1d(x, t["ecg_encoder.conv1.weight"], stride=2, padding=3))
    x = x.relu()
    for stage in range(1, 5):
        for block in range(2):
            name = f"ecg_encoder.layer{stage}.{block}"
            step = 2 if stage > 1 and block == 0 else 1
            y = f.conv1d(x, t[f"{name}.conv1.weight"], stride=step, padding=1)
            y = f.conv1d(bn(t, f"{name}.bn1", y).relu(), t[f"{name}.conv2.weight"], padding=1)
            y = bn(t, f"{name}.bn2", y)
            if f"{name}.shortcut.0.weight" in t:
                x = f.conv1d(x, t[f"{name}.shortcut.0.weight"], stride=step)
                x = bn(t, f"{name}.shortcut.1", x)
            x = (x + y).relu()
    return x


def merl_ecg(t, x):
    """The ECG vector, before it is normalised."""
    if "proj_e.0.weight" in t:
        y = f.conv1d(x, t["ecg_encoder.to_patch_embedding.weight"], stride=20).mT
        y = y + t["ecg_encoder.pos_embedding"]
        for block in range(2):
            name = f"ecg_encoder.block{block}"
            y = y + self_attention(t, f"{name}.attn.fn", norm(t, f"{name}.attn.norm", y))
            inner = f.gelu(lin(t, f"{name}.ff.fn.net.0", norm(t, f"{name}.ff.norm", y)))
            y = y + lin(t, f"{name}.ff.fn.net.3", inner)
        y = norm(t, "ecg_encoder.norm", y.mean(1))
        y = bn(t, "proj_e.1", lin(t, "proj_e.0", y)).relu()
        return bn(t, "proj_e.4", lin(t, "proj_e.3", y))
    z = f.conv1d(feature_map(t, x), t["downconv.weight"], t["downconv.bias"]).mT
    places = t["att_pool_head.positional_embedding"]
    first = (t["att_pool_head.cls_token"] + places[:, :1]).expand(len(z), -1, -1)
    z = torch.cat([first, z], 1) + places
    pooled = heads_of(t, "att_pool_head.mhsa", z[:, :1], z, 4)
    return lin(t, "att_pool_head.c_proj", pooled)[:, 0]


def text_vector(t, pooled):
    return f.normalize(lin(t, "proj_t.2", f.gelu(lin(t, "proj_t.0", pooled))), dim=-1)


def separated(t, name, x, heads):
    places = t[f"{name}.positional_embedding"]
    side = t[f"{name}.sep_embedding"][None, None].expand(len(x), 1, -1)
    y = torch.cat([side, x, side], 1) + places
    return heads_of(t, f"{name}.mhsa", y, y, heads)[:, 1:-1]


def gated(t, name, x):
    return lin(t, f"{name}.fc2", f.silu(lin(t, f"{name}.fc1", x)) * lin(t, f"{name}.fc3", x))


def decoded(t, name, x):
    side = t[f"{name}.sep_embedding"][None, None].expand(len(x), 1, -1)
    y = torch.cat([side, gated(t, f"{name}.to_patch", x), side], 1) + t[f"{name}.pos_embedding"]
    for block in range(2):
        part = f"{name}.block{block}"
        y = y + self_attention(t, f"{part}.attn.fn", norm(t, f"{part}.attn.norm", y))
        y = y + gated(t, f"{part}.ff.fn", norm(t, f"{part}.ff.norm", y))
    return gated(t, f"{name}.head", norm(t, f"{name}.norm", y[:, 1:-1]))


def deri_ecg(t, x, *, training: bool = False):
    """The mixed vector; after training without the norm of tokens that training uses."""
    z = f.conv1d(feature_map(t, x), t["downconv.weight"], t["downconv.bias"], stride=3).mT
    a = separated(t, "att_pool_head", z, 4)
    a = f.normalize(a, dim=-1) if training else a
    shared = t["decode_e.sep_embedding"][None, None].expand(len(x), 1, -1)
    said = decoded(t, "decode_t", torch.cat([a, shared], 1)).mean(1)
    return a.mean(1) + lin(t, "proj_t.2", f.gelu(lin(t, "proj_t.0", said)))


def deri_text(t, pooled, states):
    """Mixed vector of a report: padding is read like words."""
    words = lin(t, "proj_t.2", f.gelu(lin(t, "proj_t.0", states)))
    return text_vector(t, pooled) + decoded(t, "decode_e", words).mean(1)


def wrapped(tensors: dict[str, Tensor]) -> Iterator[tuple[str, object]]:
    """The ways in which training scripts save a state dict."""
    yield "plain", tensors
    yield "module", {f"module.{name}": x for name, x in tensors.items()}
    yield "with an optimiser", {"epoch": 3, "model_state_dict": tensors, "optimizer": {}}
