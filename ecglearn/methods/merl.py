"""MERL: ECG and report contrasted, and two dropout views of the ECG contrasted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather
from ecglearn.encoders.batch_norm import BatchNorm1d
from ecglearn.encoders.ecg_transformer import ECGTransformer
from ecglearn.encoders.heads import ClassTokenPool, dropout_view
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.text_encoder import MED_CPT
from ecglearn.encoders.text_tower import Pooling, TextTower
from ecglearn.losses.contrastive import info_nce
from ecglearn.method import Config, Losses, ReportMethod, register
from ecglearn.recipe import Recipe
from ecglearn.released import merl

CITATION = r"""@inproceedings{liu2024merl,
  author    = {Liu, Che and Wan, Zhongwei and Ouyang, Cheng and Shah, Anand and Bai, Wenjia and Arcucci, Rossella},
  title     = {Zero-Shot {ECG} Classification with Multimodal Learning and Test-time Clinical Knowledge Enhancement},
  booktitle = {Proceedings of the 41st International Conference on Machine Learning ({ICML})},
  year      = {2024},
}"""  # noqa: E501
_LAPTOP = {
    "fs": 100,
    "samples": 1000,
    "widths": (32, 64, 128),
    "blocks": (2, 2, 2),
    "width": 64,
    "text": EMBEDDED,
    "text_width": 64,
    "same_report": True,
    "patch": 20,
    "vit_width": 64,
    "vit_depth": 3,
    "vit_heads": 4,
}
# what the public code does where the paper is silent or says otherwise
_RELEASED = {
    "preprocess": "minmax",
    "pooling": "pooler",
    "pool_start": "released",
    "directions": "sum",
}


@dataclass(frozen=True)
class MERLConfig(Config):
    """Sizes and weights of MERL; the defaults are the paper's.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        encoder: `resnet` with attention pooling, or `vit` with a mean and a projection of two
            layers.
        widths: channels of each stage of the residual network over time.
        blocks: blocks of each stage.
        patch: samples of a token of the transformer.
        vit_width: features of a token of the transformer; tiny 192, small 384, middle 512, base
            768.
        vit_depth: its blocks.
        vit_heads: its attention heads; 3, 6, 8, 12.
        width: D, features of tokens and of the common space.
        heads: of every attention.
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        text_limit: tokens of a report that it reads.
        pooling: one vector from a report: mean of its words, or the text model's own pooler.
        pool_start: how class token and positions of the pooling start, see `ClassTokenPool`.
        temperature: tau of all contrasts between records.
        directions: of a contrast, their mean, or their sum as in the public code.
        dropout: of the two views.
        same_report: records with the very same report are no negatives of each other.
        exclude_positive: the printed contrast, without the pair in its own denominator.

    Book: tamer#merl
    """

    PRESETS: ClassVar = {
        "paper": {},
        "released": _RELEASED,
        "class": _LAPTOP,
        "smoke": _LAPTOP
        | {"widths": (8, 16, 32), "blocks": (1, 1, 1), "width": 32, "vit_depth": 1},
    }

    encoder: Literal["resnet", "vit"] = "resnet"
    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    patch: int = 50
    vit_width: int = 192
    vit_depth: int = 12
    vit_heads: int = 3
    width: int = 256
    heads: int = 4
    text: str = MED_CPT
    text_width: int = 768
    text_limit: int = 256
    pooling: Pooling = "words"
    pool_start: Literal["even", "released"] = "even"
    temperature: float = 0.07
    directions: Literal["mean", "sum"] = "mean"
    dropout: float = 0.1
    same_report: bool = False
    exclude_positive: bool = False


@register
class MERL(ReportMethod):
    """ECG and report contrasted, plus two dropout views of the ECG contrasted.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Liu et al. 2024 (MERL).

    Book: tamer#merl
    """

    name, title, citation, config_class = "merl", "MERL", CITATION, MERLConfig
    basis = "from public code"
    recipes: ClassVar = {
        **ReportMethod.recipes,
        "paper": (
            Recipe(
                *(50, 512, 2e-4, (0.9, 0.999), 1e-5, 0.0, 5000),
                known=("epochs", "batch_size", "lr", "weight_decay"),
            ),
        ),
        # eight processes with 128 records; the loop of 20 epochs runs 21
        "released": (
            Recipe(
                *(21, 1024, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, True),
                known=tuple(f.name for f in fields(Recipe) if f.name != "known"),
            ),
        ),
    }
    released = merl.LAYOUT
    config: MERLConfig
    ecg_encoder: ECGResNet | ECGTransformer

    def __init__(self, config: MERLConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        width = config.width
        self.text = TextTower(
            config.text,
            config.text_width,
            width,
            pooling=config.pooling,
            limit=config.text_limit,
            words=False,
        )
        if config.encoder == "resnet" or encoder is not None:
            found: Any = self.own_encoder() or ECGResNet(widths=config.widths, blocks=config.blocks)
            self.ecg_encoder = found
            self.ecg_local = nn.Linear(found.width, width)
            tokens = found.tokens(config.samples)
            self.pool = ClassTokenPool(tokens, width, config.heads, start=config.pool_start)
        else:
            self.ecg_encoder = _transformer(config)
            self.norm = nn.LayerNorm(config.vit_width)
            self.project = nn.Sequential(
                nn.Linear(config.vit_width, width),
                BatchNorm1d(width),
                nn.ReLU(),
                nn.Linear(width, width),
                BatchNorm1d(width),
            )
        seen = config.vit_width if isinstance(self.ecg_encoder, ECGTransformer) else width
        self.first_view = nn.Linear(seen, width, bias=False)
        self.second_view = nn.Linear(seen, width, bias=False)

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `cma` (ECG and report) and `uma` (two views of the ECG).

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness for the two views.
            step: not used.

        Raises:
            InputError: the batch lacks reports or has another sampling rate.
        """
        config = self.config
        reports = self.reports(batch)
        mean, ecg = self._read(batch)
        text = self.text.read(reports)
        rate = config.dropout if self.training else 0.0
        one, other = (
            dropout_view(layer(mean), rate, generator)
            for layer in (self.first_view, self.second_view)
        )
        nce = partial(
            info_nce, temperature=config.temperature, exclude_positive=config.exclude_positive
        )
        same = self.same_report(batch) if config.same_report else None
        both = 2 if config.directions == "sum" else 1
        return {
            "cma": both * nce(gather(ecg), gather(text), same=same),
            "uma": both * nce(gather(one), gather(other)),
        }

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts.

        Args:
            batch: a few records; needs only `ecg`.
        """
        return self._read(batch)[1]

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """ECG tokens in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        tokens = map_batches(self, batch, self._tokens)
        return torch.cat(tokens), self.ecg_encoder.seconds(self.config.samples, self.config.fs)

    def _tokens(self, batch: ECGBatch) -> Tensor:
        return self.ecg_encoder(
            batch.signal(self.config.fs, self.config.samples, self.config.preprocess)
        )

    def _read(self, batch: ECGBatch) -> tuple[Tensor, Tensor]:
        """The mean that both views see, and the vector that is compared with texts."""
        tokens = self._tokens(batch)
        if isinstance(self.ecg_encoder, ECGTransformer):
            mean = self.norm(tokens.mean(1))
            return mean, self.project(mean)
        local = self.ecg_local(tokens)
        return local.mean(1), self.pool(local)


def _transformer(config: MERLConfig) -> ECGTransformer:
    """Patches of all leads; the norm comes after the mean, and positions start as N(0, 1)."""
    encoder = ECGTransformer(
        samples=config.samples,
        patch=config.patch,
        width=config.vit_width,
        depth=config.vit_depth,
        heads=config.vit_heads,
        leads_per_token=12,
        layer_scale=None,
        eps=1e-5,
    )
    encoder.blocks.norm = nn.Identity()
    nn.init.normal_(encoder.positions)
    return encoder
