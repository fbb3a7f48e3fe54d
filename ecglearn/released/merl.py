"""The layout of MERL's public code: one model, its text model included."""

from __future__ import annotations

from ecglearn.released import backbones
from ecglearn.released.layout import Layout, Rule, Tensors


def configure(found: Tensors) -> dict:
    """Sizes, out of the shapes.

    Args:
        found: the published tensors.

    Book: five-methods#released-weights
    """
    sizes = {
        "text_width": found["proj_t.0.weight"].shape[1],
        "width": len(found["proj_t.2.weight"]),
    }
    if "ecg_encoder.to_patch_embedding.weight" in found:
        return sizes | backbones.vit_sizes(found)
    return sizes | backbones.resnet_sizes(found)


def rules(found: Tensors) -> list[Rule]:
    """Where each of our tensors stands in the file.

    The public code adds the position of the class token twice; here it is part of the token.

    Args:
        found: the published tensors.

    Book: five-methods#released-weights
    """
    shared = [
        *backbones.text_rules(),
        Rule(r"first_view\.weight", ("linear1.weight",)),
        Rule(r"second_view\.weight", ("linear2.weight",)),
    ]
    if "ecg_encoder.to_patch_embedding.weight" in found:
        return [
            *shared,
            *backbones.vit_rules(),
            Rule(r"norm\.(\w+)", (r"ecg_encoder.norm.\1",)),
            Rule(r"project\.(\d)\.(\w+)", (r"proj_e.\1.\2",)),
        ]
    pool = "att_pool_head"
    token = (f"{pool}.cls_token", f"{pool}.positional_embedding")
    return [
        *shared,
        *backbones.resnet_rules(found),
        Rule(r"ecg_local\.weight", ("downconv.weight",), lambda kernel: kernel.squeeze(-1)),
        Rule(r"ecg_local\.bias", ("downconv.bias",)),
        Rule(r"pool\.class_token", token, lambda token, places: token + places[:, :1]),
        Rule(r"pool\.positions", token[1:]),
        Rule(r"pool\.attention\.(.+)", (rf"{pool}.mhsa.\1",)),
        Rule(r"pool\.out\.(\w+)", (rf"{pool}.c_proj.\1",)),
    ]


LAYOUT = Layout(configure, rules, (r"lm_model\..+", r"ecg_encoder\.linear\..+"))
