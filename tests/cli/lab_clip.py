"""A method of somebody's own, as a researcher writes it: a CLIP of ECG and laboratory values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ecglearn.distributed import gather
from ecglearn.losses import info_nce
from ecglearn.method import Config, Method


@dataclass(frozen=True)
class LabConfig(Config):
    fs: float = 100
    samples: int = 1000
    width: int = 16
    labs: int = 9


class LabCLIP(Method):
    name, title, citation, config_class = "lab-clip", "LabCLIP", "", LabConfig
    needs = ("ecg", "labs")

    def __init__(self, config):
        super().__init__(config)
        self.ecg_encoder = nn.Conv1d(12, config.width, 25, 10)
        self.labs = nn.Linear(2 * config.labs, config.width)

    def features(self, batch):
        signal = batch.signal(self.config.fs, self.config.samples)
        return self.ecg_encoder(signal).relu().mean(2)

    def losses(self, batch, generator=None, step=None):
        known = batch.labs.isfinite()
        values = torch.cat([batch.labs.where(known, 0).sign() * 0.1, known.float()], 1)
        return {
            "contrast": info_nce(
                gather(self.features(batch)), gather(self.labs(values)), temperature=0.1
            )
        }


class NoLosses(Method):
    name, title, citation, config_class = "no-losses", "", "", LabConfig

    def features(self, batch):
        return batch.ecg


class NoTitle(LabCLIP):
    pass


class Shapes(LabCLIP):
    name = "shapes"

    def features(self, batch):
        return batch.ecg


class Terms(LabCLIP):
    name = "terms"

    def losses(self, batch, generator=None, step=None):
        return {"contrast": torch.zeros(3)}


class Bare(LabCLIP):
    name = "bare"

    def losses(self, batch, generator=None, step=None) -> Any:
        return torch.zeros(())


class NoEncoder(LabCLIP):
    name = "no-encoder"

    def __init__(self, config):
        super().__init__(config)
        self.encoder = self.ecg_encoder
        del self.ecg_encoder


class Sizes(LabCLIP):
    name, config_class = "sizes", dict


class CNN(nn.Module):
    width = 24

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(12, 24, 25, 25)

    def tokens(self, samples):
        return samples // 25

    def seconds(self, samples, fs):
        return (torch.arange(self.tokens(samples)) * 25 + 12) / fs

    def forward(self, x):
        return self.layer(x).mT


NUMBER = 3
