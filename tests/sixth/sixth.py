"""A method of another package: leads averaged, contrasted with the report. One file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from ecglearn.distributed import gather
from ecglearn.encoders import TextTower
from ecglearn.losses import info_nce
from ecglearn.method import Config, ReportMethod, register
from ecglearn.recipe import Recipe

SMALL = {"fs": 100, "samples": 1000, "width": 16}


@dataclass(frozen=True)
class SixthConfig(Config):
    """Sizes of the sixth method.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        width: features of the common space.
        text: frozen text model.
        text_width: its features.
        temperature: of the contrast.
    """

    PRESETS: ClassVar = {"paper": {}, "class": SMALL, "smoke": SMALL | {"width": 8}}

    width: int = 64
    text: str = "embedded"
    text_width: int = 64
    temperature: float = 0.1


@register
class Sixth(ReportMethod):
    """Spectrum of the leads, a linear layer, one contrast."""

    name, title, config_class = "sixth", "Sixth", SixthConfig
    citation = "@misc{sixth2026,\n  title = {A sixth method},\n  year = {2026},\n}"
    recipes: ClassVar = {**ReportMethod.recipes, "smoke": (Recipe(1, 32),)}

    def __init__(self, config):
        super().__init__(config)
        self.ecg_encoder = nn.Linear(12 * 32, config.width)
        self.text = TextTower(config.text, config.text_width, config.width)

    def features(self, batch):
        x = batch.signal(self.config.fs, self.config.samples)
        return self.ecg_encoder(torch.fft.rfft(x).abs()[..., :32].flatten(1) / 100)

    def losses(self, batch, generator=None, step=None):
        ecg, text = self.features(batch), self.text(self.text.encode(self.reports(batch)))
        same = self.same_report(batch)
        tau = self.config.temperature
        return {"contrast": info_nce(gather(ecg), gather(text), temperature=tau, same=same)}
