"""The layout of DERI's public code: MERL's encoder and text side, decoders in place of the pool."""

from __future__ import annotations

import re

from torch import Tensor

from ecglearn.errors import InputError
from ecglearn.released import backbones
from ecglearn.released.layout import Layout, Rule, Tensors

_PARTS = {
    "norm_attention": "attn.norm",
    "query_key_value": "attn.fn.to_qkv",
    "out": "attn.fn.to_out.0",
    "norm_mlp": "ff.norm",
}
_MLP = {"gate": "fc1", "up": "fc3", "out": "fc2"}


def configure(found: Tensors) -> dict:
    """Sizes, out of the shapes.

    Args:
        found: the published tensors.

    Raises:
        InputError: it has a transformer, with which the public code cannot run.

    Book: five-methods#released-weights
    """
    if "ecg_encoder.to_patch_embedding.weight" in found:
        raise InputError("the public code of DERI does not run with a transformer: give a ResNet")
    blocks = {m[1] for name in found if (m := re.fullmatch(r"decode_e\.block(\d+)\..+", name))}
    return backbones.resnet_sizes(found) | {
        "text_width": found["proj_t.0.weight"].shape[1],
        "width": len(found["proj_t.2.weight"]),
        "words": found["decode_e.pos_embedding"].shape[1] - 2,
        "decoder_depth": len(blocks),
        "decoder_heads": len(found["decode_e.block0.attn.fn.to_qkv.weight"])
        // (3 * backbones.HEAD_WIDTH),
        "decoder_head_width": backbones.HEAD_WIDTH,
    }


def _row(x: Tensor) -> Tensor:
    return x[None, None]


def rules(found: Tensors) -> list[Rule]:
    """Where each of our tensors stands in the file.

    Args:
        found: the published tensors.

    Book: five-methods#released-weights
    """
    attentions = {
        "attention": "att_pool_head",
        r"views\.0": "linear1",
        r"views\.1": "linear2",
    }
    made = [
        *backbones.text_rules(),
        *backbones.resnet_rules(found),
        Rule(r"local\.weight", ("downconv.weight",), lambda kernel: kernel.squeeze(-1)),
        Rule(r"local\.bias", ("downconv.bias",)),
    ]
    for ours, public in attentions.items():
        made += [
            Rule(rf"{ours}\.separator", (f"{public}.sep_embedding",), _row),
            Rule(rf"{ours}\.positions", (f"{public}.positional_embedding",)),
            Rule(rf"{ours}\.attention\.(.+)", (rf"{public}.mhsa.\1",)),
        ]
    for ours, public in {"to_ecg": "decode_e", "to_text": "decode_t"}.items():
        block, other = rf"{ours}\.blocks\.(\d+)", rf"{public}.block\1"
        made += [
            Rule(rf"{ours}\.separator", (f"{public}.sep_embedding",), _row),
            Rule(rf"{ours}\.positions", (f"{public}.pos_embedding",)),
            Rule(rf"{ours}\.norm\.(\w+)", (rf"{public}.norm.\1",)),
            *(Rule(rf"{block}\.{a}\.(\w+)", (rf"{other}.{b}.\2",)) for a, b in _PARTS.items()),
        ]
        for a, b in _MLP.items():
            made += [
                Rule(rf"{ours}\.inside\.{a}\.(\w+)", (rf"{public}.to_patch.{b}.\1",)),
                Rule(rf"{ours}\.outside\.{a}\.(\w+)", (rf"{public}.head.{b}.\1",)),
                Rule(rf"{block}\.mlp\.{a}\.(\w+)", (rf"{other}.ff.fn.{b}.\2",)),
            ]
    return made


LAYOUT = Layout(
    configure,
    rules,
    (
        r"lm_model\..+",
        r"ecg_encoder\.linear\..+",
        r"(att_pool_head|linear1|linear2)\.c_proj\..+",
    ),
)
