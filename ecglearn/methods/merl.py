"""MERL: ECG and report contrasted, and two dropout views of the ECG contrasted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather
from ecglearn.encoders.heads import ClassTokenPool, dropout_view
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.text_encoder import MED_CPT
from ecglearn.encoders.text_tower import TextTower
from ecglearn.losses.contrastive import info_nce
from ecglearn.method import Config, Losses, ReportMethod, register

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
}


@dataclass(frozen=True)
class MERLConfig(Config):
    """Sizes and weights of MERL; the defaults are the paper's.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        widths: channels of each stage of the residual network over time.
        blocks: blocks of each stage.
        width: D, features of tokens and of the common space.
        heads: of every attention.
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        temperature: tau of all contrasts between records.
        dropout: of the two views.
        same_report: records with the very same report are no negatives of each other.
        exclude_positive: the printed contrast, without the pair in its own denominator.

    Book: tamer#merl
    """

    PRESETS: ClassVar = {
        "paper": {},
        "class": _LAPTOP,
        "smoke": _LAPTOP | {"widths": (8, 16, 32), "blocks": (1, 1, 1), "width": 32},
    }

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    width: int = 256
    heads: int = 4
    text: str = MED_CPT
    text_width: int = 768
    temperature: float = 0.07
    dropout: float = 0.1
    same_report: bool = False
    exclude_positive: bool = False


@register
class MERL(ReportMethod):
    """ECG and report contrasted, plus two dropout views of the ECG contrasted.

    Args:
        config: sizes and weights.

    Source: Liu et al. 2024 (MERL).

    Book: tamer#merl
    """

    name, title, citation, config_class = "merl", "MERL", CITATION, MERLConfig
    config: MERLConfig
    ecg_encoder: ECGResNet

    def __init__(self, config: MERLConfig) -> None:
        super().__init__(config)
        width = config.width
        self.text = TextTower(config.text, config.text_width, width)
        self.ecg_encoder = ECGResNet(widths=config.widths, blocks=config.blocks)
        self.ecg_local = nn.Linear(self.ecg_encoder.width, width)
        self.pool = ClassTokenPool(self.ecg_encoder.tokens(config.samples), width, config.heads)
        self.first_view = nn.Linear(width, width, bias=False)
        self.second_view = nn.Linear(width, width, bias=False)

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
        tokens = self._tokens(batch)
        mean, text = tokens.mean(1), self.text(self.text.encode(reports))
        rate = config.dropout if self.training else 0.0
        one, other = (
            dropout_view(layer(mean), rate, generator)
            for layer in (self.first_view, self.second_view)
        )
        nce = partial(
            info_nce, temperature=config.temperature, exclude_positive=config.exclude_positive
        )
        same = self.same_report(batch) if config.same_report else None
        return {
            "cma": nce(gather(self.pool(tokens)), gather(text), same=same),
            "uma": nce(gather(one), gather(other)),
        }

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts.

        Args:
            batch: a few records; needs only `ecg`.
        """
        return self.pool(self._tokens(batch))

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """ECG tokens in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        config = self.config
        tokens = map_batches(
            self, batch, lambda part: self.ecg_encoder(part.signal(config.fs, config.samples))
        )
        return torch.cat(tokens), self.ecg_encoder.seconds(config.samples, config.fs)

    def _tokens(self, batch: ECGBatch) -> Tensor:
        signal = batch.signal(self.config.fs, self.config.samples)
        return self.ecg_local(self.ecg_encoder(signal))
