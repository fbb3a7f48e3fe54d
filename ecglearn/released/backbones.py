"""Names of the two ECG encoders that the public code of MERL and DERI shares."""

from __future__ import annotations

import re

from ecglearn.errors import InputError
from ecglearn.released.layout import Rule, Tensors

HEAD_WIDTH = 64  # of every attention in the public code, whatever the width
_PLACES = {"first": "conv1", "norm_first": "bn1", "second": "conv2", "norm_second": "bn2"}


def resnet_sizes(found: Tensors) -> dict:
    """Widths and blocks of the residual network.

    Args:
        found: the published tensors.

    Raises:
        InputError: it is a network of bottlenecks, which this library does not have.

    Book: five-methods#released-weights
    """
    if "ecg_encoder.layer1.0.conv3.weight" in found:
        raise InputError("ResNet-50 and deeper have bottlenecks, which are not read: give 18 or 34")
    stages = 1 + max(_numbers(found, r"ecg_encoder\.layer(\d+)\..*"), default=0)
    widths, blocks = [], []
    for stage in range(1, stages):
        pattern = rf"ecg_encoder\.layer{stage}\.(\d+)\..*"
        blocks.append(1 + max(_numbers(found, pattern)))
        widths.append(len(found[f"ecg_encoder.layer{stage}.0.conv1.weight"]))
    return {"widths": tuple(widths), "blocks": tuple(blocks)}


def resnet_rules(found: Tensors) -> list[Rule]:
    """Stem and blocks; the public code numbers blocks within each stage.

    Args:
        found: the published tensors.

    Book: five-methods#released-weights
    """
    rules = [
        Rule(r"ecg_encoder\.stem\.0\.weight", ("ecg_encoder.conv1.weight",)),
        Rule(r"ecg_encoder\.stem\.1\.(\w+)", (r"ecg_encoder.bn1.\1",)),
    ]
    number = 0
    for stage, blocks in enumerate(resnet_sizes(found)["blocks"], start=1):
        for block in range(blocks):
            ours, public = rf"ecg_encoder\.blocks\.{number}", f"ecg_encoder.layer{stage}.{block}"
            rules += [
                Rule(rf"{ours}\.{name}\.(\w+)", (rf"{public}.{other}.\1",))
                for name, other in _PLACES.items()
            ]
            rules.append(Rule(rf"{ours}\.skip\.(\d)\.(\w+)", (rf"{public}.shortcut.\1.\2",)))
            number += 1
    return rules


def vit_sizes(found: Tensors) -> dict:
    """Patch, width, depth, heads and length of the transformer.

    Args:
        found: the published tensors.

    Book: five-methods#released-weights
    """
    width, _, patch = found["ecg_encoder.to_patch_embedding.weight"].shape
    return {
        "encoder": "vit",
        "patch": patch,
        "samples": patch * found["ecg_encoder.pos_embedding"].shape[1],
        "vit_width": width,
        "vit_depth": 1 + max(_numbers(found, r"ecg_encoder\.block(\d+)\..*"), default=-1),
        "vit_heads": width // HEAD_WIDTH,
    }


def vit_rules() -> list[Rule]:
    """Patches, positions and blocks.

    Our keys have no bias: theirs adds the same to every key of a question, which softmax takes out.

    Book: five-methods#released-weights
    """
    ours, public = r"ecg_encoder\.blocks\.layers\.(\d+)", r"ecg_encoder.block\1"
    pairs = {
        r"norm_attention\.(\w+)": r"attn.norm.\2",
        r"attention\.query_key_value\.weight": "attn.fn.to_qkv.weight",
        r"attention\.out\.(\w+)": r"attn.fn.to_out.0.\2",
        r"norm_mlp\.(\w+)": r"ff.norm.\2",
        r"up\.(\w+)": r"ff.fn.net.0.\2",
        r"down\.(\w+)": r"ff.fn.net.3.\2",
    }
    bias = (f"{public}.attn.fn.to_qkv.bias",)
    patches = ("ecg_encoder.to_patch_embedding.weight",)
    return [
        Rule(r"ecg_encoder\.positions", ("ecg_encoder.pos_embedding",)),
        Rule(r"ecg_encoder\.embed\.weight", patches),
        Rule(r"ecg_encoder\.embed\.bias", patches, lambda kernel: kernel.new_zeros(len(kernel))),
        *(Rule(rf"{ours}\.{a}", (f"{public}.{b}",)) for a, b in pairs.items()),
        Rule(rf"{ours}\.attention\.query_bias", bias, lambda b: b.chunk(3)[0].clone()),
        Rule(rf"{ours}\.attention\.value_bias", bias, lambda b: b.chunk(3)[2].clone()),
    ]


def text_rules() -> list[Rule]:
    """The projection of reports.

    Book: five-methods#released-weights
    """
    return [Rule(r"text\.head\.(\d)\.(\w+)", (r"proj_t.\1.\2",))]


def _numbers(found: Tensors, pattern: str) -> list[int]:
    return [int(match[1]) for name in found if (match := re.fullmatch(pattern, name))]
