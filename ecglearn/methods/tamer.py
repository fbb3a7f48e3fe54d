"""TAMER: ECG, spectrogram and report aligned at two scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather
from ecglearn.encoders.heads import ClassTokenPool, MLPHead, dropout_view
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.spectrogram_cnn import SpectrogramCNN
from ecglearn.encoders.text_encoder import MED_CPT, EncodedReports
from ecglearn.encoders.text_tower import Pooling, TextTower
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.tokens import (
    Attended,
    attend,
    carried_weights,
    pooled_tokens,
    token_contrast,
    token_weights,
)
from ecglearn.method import Config, Losses, ReportMethod, register
from ecglearn.recipe import Recipe
from ecglearn.signals.spectrogram import spectrogram, spectrogram_axes

CITATION = r"""@inproceedings{zhou2026tamer,
  author    = {Zhou, Xuewei and Meng, Yajie and Zeng, Pan and Tang, Xianfang and Cui, Feifei and Jin, Qiangguo and Yang, Jialiang and Xu, Junlin},
  title     = {{TAMER}: A Tri-Modal Contrastive Alignment and Multi-Scale Embedding Refinement Framework for Zero-Shot {ECG} Diagnosis},
  booktitle = {Proceedings of the {IEEE/CVF} Conference on Computer Vision and Pattern Recognition ({CVPR})},
  pages     = {10502--10511},
  year      = {2026},
}"""  # noqa: E501
_LAPTOP = {
    "fs": 100,
    "samples": 1000,
    "widths": (32, 64, 128),
    "blocks": (2, 2, 2),
    "width": 64,
    "spectrogram_widths": (16, 32, 64),
    "text": EMBEDDED,
    "text_width": 64,
    "same_report": True,
}
_TINY = _LAPTOP | {
    "widths": (8, 16, 32),
    "blocks": (1, 1, 1),
    "width": 32,
    "spectrogram_widths": (8, 16, 32),
    "spectrogram_blocks": (1, 1, 1),
}


@dataclass(frozen=True)
class TAMERConfig(Config):
    """Sizes and weights of TAMER; the defaults are the paper's where it states them.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        widths: channels of each stage of the residual network over time.
        blocks: blocks of each stage.
        width: D, features of tokens and of the common space.
        heads: of every attention.
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        text_limit: tokens of a report that it reads.
        pooling: one vector from a report: mean of its words, or the text model's own pooler.
        temperature: tau of all contrasts between records.
        dropout: of the two views.
        same_report: records with the very same report are no negatives of each other.
        exclude_positive: the printed contrast, without the pair in its own denominator.
        spectrogram_widths: channels of each stage of the residual network over the spectrogram.
        spectrogram_blocks: blocks of each stage.
        spectrogram: use the spectrogram at all.
        wlai: join the tokens by two attention layers and a class token; otherwise by their mean.
        rlca: weight of the contrast of ECG and spectrogram; 0 leaves a term out.
        uecr: weight of the contrast of two views.
        rada: weight of the contrast of ECG and report.
        rgwr: weight of the contrast of tokens and words.
        token_temperature: lambda of RGWR.
        ecg_tokens: K, pooled ECG tokens that meet the words.
        clip: quantiles to which the weights of tokens are clipped.

    Book: tamer#tamer-sizes
    """

    PRESETS: ClassVar = {"paper": {}, "class": _LAPTOP, "smoke": _TINY}

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 256
    heads: int = 4
    text: str = MED_CPT
    text_width: int = 768
    text_limit: int = 256
    pooling: Pooling = "words"
    temperature: float = 0.07
    dropout: float = 0.1
    same_report: bool = False
    exclude_positive: bool = False
    spectrogram_widths: tuple[int, ...] = (64, 128, 256)
    spectrogram_blocks: tuple[int, ...] = (2, 2, 2)
    spectrogram: bool = True
    wlai: bool = True
    rlca: float = 1.0
    uecr: float = 1.0
    rada: float = 1.0
    rgwr: float = 1.0
    token_temperature: float = 0.04
    ecg_tokens: int = 40
    clip: tuple[float, float] = (0.1, 0.9)


class CrossTokens(nn.Module):
    """One direction of RGWR: each query token gathers its context from the other side.

    Args:
        width: features D of both sides.

    Source: Zhou et al. 2026 (TAMER), as reported in a secondary summary.

    Book: tamer#rgwr
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)

    def forward(
        self,
        tokens: Float[Tensor, "B K D"],
        others: Float[Tensor, "B M D"],
        mask: Bool[Tensor, "B M"] | None = None,
    ) -> Attended:
        """Contexts and attention.

        Args:
            tokens: ask (B, K, D).
            others: answer (B, M, D).
            mask: which of the others exist.
        """
        return attend(self.query(tokens), self.key(others), self.value(others), mask=mask)


class ResidualAttention(nn.Module):
    """x + attention(norm(x)): half of WLAI.

    Args:
        width: features D of a token.
        heads: attention heads.

    Source: Zhou et al. 2026 (TAMER), as reported in a secondary summary; the norm is our choice.

    Book: tamer#wlai
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Every token with what it gathered from all."""
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=False)[0]


class Refinement(NamedTuple):
    """RGWR of some records, for its loss and for pictures.

    Attributes:
        ecg: pooled ECG tokens t (B, K, D).
        words: word tokens r (B, M, D).
        from_words: contexts of the ECG tokens, and which words they look at (B, K, M).
        from_ecg: contexts of the words, and which ECG tokens they look at (B, M, K).
        ecg_weights: w of the ECG tokens (B, K).
        word_weights: w of the words (B, M).
        mask: which words exist (B, M).

    Book: tamer#rgwr
    """

    ecg: Float[Tensor, "B K D"]
    words: Float[Tensor, "B M D"]
    from_words: Attended
    from_ecg: Attended
    ecg_weights: Float[Tensor, "B K"]
    word_weights: Float[Tensor, "B M"]
    mask: Bool[Tensor, "B M"]


@register
class TAMER(ReportMethod):
    """Three encoders; ECG and spectrogram aligned, joined, and aligned with the report.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Zhou et al. 2026 (TAMER).

    Book: tamer#tamer-method
    """

    name, title, citation, config_class = "tamer", "TAMER", CITATION, TAMERConfig
    basis = "from secondary sources"
    recipes: ClassVar = {
        **ReportMethod.recipes,
        "paper": (
            Recipe(
                *(50, 256, 2e-4, (0.9, 0.999), 1e-7, 0.0, 40_000),
                known=("epochs", "batch_size", "lr", "weight_decay", "restarts"),
            ),
        ),
    }
    config: TAMERConfig
    ecg_encoder: ECGResNet

    def __init__(self, config: TAMERConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        width = config.width
        self.text = TextTower(
            config.text,
            config.text_width,
            width,
            pooling=config.pooling,
            limit=config.text_limit,
        )
        self.ecg_encoder = self.own_encoder() or ECGResNet(
            widths=config.widths, blocks=config.blocks
        )
        self.ecg_local = nn.Linear(self.ecg_encoder.width, width)
        self.ecg_head = MLPHead(width, width)
        self.tokens = self.ecg_encoder.tokens(config.samples)
        if config.spectrogram:
            hertz, seconds = spectrogram_axes(config.fs, config.samples)
            self.spectrogram_encoder = SpectrogramCNN(
                widths=config.spectrogram_widths, blocks=config.spectrogram_blocks
            )
            self.spectrogram_local = nn.Linear(self.spectrogram_encoder.width, width)
            self.spectrogram_head = MLPHead(width, width)
            rows, columns = self.spectrogram_encoder.plane(len(hertz), len(seconds))
            self.tokens += rows * columns
        if config.wlai:
            self.first_attention = ResidualAttention(width, config.heads)
            self.second_attention = ResidualAttention(width, config.heads)
            self.pool = ClassTokenPool(self.tokens, width, config.heads)
        self.text_local = nn.Linear(config.text_width, width)
        self.ecg_asks, self.words_ask = CrossTokens(width), CrossTokens(width)

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `rlca`, `uecr`, `rada`, `rgwr_ecg` and `rgwr_report`, already weighted.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness for the two views of UECR.
            step: not used.

        Raises:
            InputError: the batch lacks reports or has another sampling rate.
        """
        config = self.config
        reports = self.reports(batch)
        wave, plane = self.view_tokens(batch)
        joint = self.join(wave, plane)
        text = self.text.encode(reports)
        nce = partial(
            info_nce, temperature=config.temperature, exclude_positive=config.exclude_positive
        )
        terms = {}
        if config.rlca and plane is not None:
            pair = self.ecg_head(wave.mean(1)), self.spectrogram_head(plane.mean(1))
            terms["rlca"] = config.rlca * nce(*map(gather, pair))
        if config.uecr:
            rate = config.dropout if self.training else 0.0
            views = (dropout_view(joint, rate, generator) for _ in range(2))
            terms["uecr"] = config.uecr * nce(*map(gather, views))
        if config.rada:
            same = self.same_report(batch) if config.same_report else None
            value = nce(gather(joint), gather(self.text(text)), same=same)
            terms["rada"] = config.rada * value
        if config.rgwr:
            parts = self._refine(wave, text)
            rate = config.token_temperature
            terms["rgwr_ecg"] = config.rgwr * token_contrast(
                parts.ecg, parts.from_words.context, parts.ecg_weights, temperature=rate
            )
            terms["rgwr_report"] = config.rgwr * token_contrast(
                parts.words,
                parts.from_ecg.context,
                parts.word_weights,
                temperature=rate,
                mask=parts.mask,
            )
        return terms

    def view_tokens(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B P D"] | None]:
        """Local tokens of the ECG and, unless switched off, of its spectrogram.

        Args:
            batch: needs only `ecg`.
        """
        signal = batch.signal(self.config.fs, self.config.samples, self.config.preprocess)
        wave = self.ecg_local(self.ecg_encoder(signal))
        if not self.config.spectrogram:
            return wave, None
        with torch.no_grad():
            image = spectrogram(signal, fs=self.config.fs)
        return wave, self.spectrogram_local(self.spectrogram_encoder(image))

    def join(
        self, wave: Float[Tensor, "B N D"], plane: Float[Tensor, "B P D"] | None
    ) -> Float[Tensor, "B D"]:
        """WLAI: one vector z from the tokens of both views.

        Args:
            wave: l_t, of the ECG.
            plane: l_f, of the spectrogram.
        """
        joint = wave if plane is None else torch.cat([wave, plane], 1)
        if not self.config.wlai:
            return joint.mean(1)
        return self.pool(self.second_attention(self.first_attention(joint)))

    @torch.no_grad()
    def refine(self, batch: ECGBatch) -> Refinement:
        """What words and ECG tokens see in each other, without changing anything.

        Args:
            batch: needs `ecg` and `reports`; a few records.
        """
        reports = self.reports(batch)
        was_training = self.training
        self.eval()
        parts = self._refine(self.view_tokens(batch)[0], self.text.encode(reports))
        self.train(was_training)
        return parts

    def _refine(self, wave: Tensor, text: EncodedReports) -> Refinement:
        ecg = pooled_tokens(wave, self.config.ecg_tokens)
        words = self.text_local(text.tokens)
        from_words = self.ecg_asks(ecg, words, text.mask)
        from_ecg = self.words_ask(words, ecg)
        word_weights = token_weights(text.cls_attention, mask=text.mask, clip=self.config.clip)
        carried = carried_weights(from_words.attention, word_weights)
        ecg_weights = token_weights(carried, clip=self.config.clip)
        return Refinement(ecg, words, from_words, from_ecg, ecg_weights, word_weights, text.mask)

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts.

        Args:
            batch: a few records; needs only `ecg`.
        """
        return self.join(*self.view_tokens(batch))

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """ECG tokens in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        config = self.config
        tokens = map_batches(
            self,
            batch,
            lambda part: self.ecg_encoder(
                part.signal(config.fs, config.samples, config.preprocess)
            ),
        )
        return torch.cat(tokens), self.ecg_encoder.seconds(config.samples, config.fs)
