"""TAMER: ECG, spectrogram and report aligned at two scales; MERL, the method it grew from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather
from ecglearn.encoders.heads import ClassTokenPool, MLPHead
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.spectrogram_cnn import SpectrogramCNN
from ecglearn.encoders.text_encoder import MED_CPT, EncodedReports, bert_parameters
from ecglearn.encoders.text_tower import TextTower, same_reports
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.tokens import (
    Attended,
    attend,
    carried_weights,
    pooled_tokens,
    token_contrast,
    token_weights,
)
from ecglearn.signals.spectrogram import spectrogram, spectrogram_axes

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class MERLConfig:
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

    fs: float = 500
    samples: int = 5000
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

    @staticmethod
    def preset(name: str) -> MERLConfig:
        """The configuration called `paper`, `class` (minutes on a laptop) or `smoke` (seconds).

        Args:
            name: one of the three.

        Raises:
            ValueError: another name.
        """
        laptop = MERLConfig(
            fs=100,
            samples=1000,
            widths=(32, 64, 128),
            blocks=(2, 2, 2),
            width=64,
            text=EMBEDDED,
            text_width=64,
            same_report=True,
        )
        tiny = replace(laptop, widths=(8, 16, 32), blocks=(1, 1, 1), width=32)
        return _chosen("MERL", name, {"paper": MERLConfig(), "class": laptop, "smoke": tiny})


@dataclass(frozen=True)
class TAMERConfig(MERLConfig):
    """Sizes and weights of TAMER; the defaults are the paper's where it states them.

    The fields of MERL mean the same here.

    Attributes:
        plane_widths: channels of each stage of the residual network over the spectrogram.
        plane_blocks: blocks of each stage.
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

    blocks: tuple[int, ...] = (3, 4, 6, 3)
    plane_widths: tuple[int, ...] = (64, 128, 256)
    plane_blocks: tuple[int, ...] = (2, 2, 2)
    spectrogram: bool = True
    wlai: bool = True
    rlca: float = 1.0
    uecr: float = 1.0
    rada: float = 1.0
    rgwr: float = 1.0
    token_temperature: float = 0.04
    ecg_tokens: int = 40
    clip: tuple[float, float] = (0.1, 0.9)

    @staticmethod
    def preset(name: str) -> TAMERConfig:
        """The configuration called `paper`, `class` (minutes on a laptop) or `smoke` (seconds).

        Args:
            name: one of the three.

        Raises:
            ValueError: another name.
        """
        laptop = TAMERConfig(
            fs=100,
            samples=1000,
            widths=(32, 64, 128),
            blocks=(2, 2, 2),
            width=64,
            plane_widths=(16, 32, 64),
            text=EMBEDDED,
            text_width=64,
            same_report=True,
        )
        tiny = replace(
            laptop,
            widths=(8, 16, 32),
            blocks=(1, 1, 1),
            width=32,
            plane_widths=(8, 16, 32),
            plane_blocks=(1, 1, 1),
        )
        return _chosen("TAMER", name, {"paper": TAMERConfig(), "class": laptop, "smoke": tiny})


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


class ReportMethod(nn.Module, ABC):
    """What MERL and TAMER share: the text side, the negatives, evaluation in pieces.

    Args:
        config: names the text model, which is loaded at its first use.

    Book: tamer#text-side
    """

    wave: ECGResNet

    def __init__(self, config: MERLConfig) -> None:
        super().__init__()
        self.config = config
        self.text = TextTower(config.text, config.text_width, config.width)

    def steps(self) -> list[tuple[list[dict], Callable[..., Losses]]]:
        """Everything but the text model is trained: one entry."""
        return [([{"params": list(self.parameters())}], self.losses)]

    @abstractmethod
    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """Named terms, already weighted."""

    @torch.no_grad()
    def embed(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts; needs only `ecg`.

        Args:
            batch: records.
        """
        return torch.cat(map_batches(self, batch, self._global))

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Float[Tensor, "C D"]:
        """The vectors of reports or prompts.

        Args:
            texts: C of them.
        """
        return self.text(self.text.encode(list(texts)))

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """ECG tokens in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        tokens = torch.cat(map_batches(self, batch, lambda part: self.wave(self._signal(part))))
        return tokens, self.wave.seconds(self.config.samples, self.config.fs)

    @abstractmethod
    def _global(self, batch: ECGBatch) -> Tensor:
        """The vector of a few records, with gradient."""

    def _contrast(self, a: Tensor, b: Tensor, same: Tensor | None = None) -> Tensor:
        return info_nce(
            gather(a),
            gather(b),
            temperature=self.config.temperature,
            same=same,
            exclude_positive=self.config.exclude_positive,
        )

    def _same(self, batch: ECGBatch) -> Tensor | None:
        """Pairs of records, of all processes, with the very same report."""
        if not self.config.same_report:
            return None
        assert batch.reports is not None
        return same_reports(batch.reports, batch.ecg.device)

    def _views(self, z: Tensor, generator: Generator | None) -> Tensor:
        rate = self.config.dropout
        if not self.training or rate == 0:
            return z
        kept = torch.rand(z.shape, generator=generator).to(z.device) >= rate
        return z * kept / (1 - rate)

    def _signal(self, batch: ECGBatch) -> Tensor:
        return batch.signal(self.config.fs, self.config.samples)


class MERL(ReportMethod):
    """ECG and report contrasted, plus two dropout views of the ECG contrasted.

    Args:
        config: sizes and weights.

    Source: Liu et al. 2024 (MERL).

    Book: tamer#merl
    """

    def __init__(self, config: MERLConfig) -> None:
        super().__init__(config)
        self.wave = ECGResNet(widths=config.widths, blocks=config.blocks)
        self.wave_local = nn.Linear(self.wave.width, config.width)
        self.pool = ClassTokenPool(self.wave.tokens(config.samples), config.width, config.heads)
        self.first_view = nn.Linear(config.width, config.width, bias=False)
        self.second_view = nn.Linear(config.width, config.width, bias=False)

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The terms `cma` (ECG and report) and `uma` (two views of the ECG).

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness for the two views.

        Raises:
            ValueError: the batch lacks reports or has another sampling rate.
        """
        batch.need("reports")
        assert batch.reports is not None
        tokens = self.wave_local(self.wave(self._signal(batch)))
        text = self.text(self.text.encode(batch.reports))
        mean = tokens.mean(1)
        views = [
            self._views(layer(mean), generator) for layer in (self.first_view, self.second_view)
        ]
        return {
            "cma": self._contrast(self.pool(tokens), text, self._same(batch)),
            "uma": self._contrast(*views),
        }

    forward = losses

    def _global(self, batch: ECGBatch) -> Tensor:
        return self.pool(self.wave_local(self.wave(self._signal(batch))))


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


class TAMER(ReportMethod):
    """Three encoders; ECG and spectrogram aligned, joined, and aligned with the report.

    Args:
        config: sizes and weights.

    Source: Zhou et al. 2026 (TAMER).

    Book: tamer#tamer-method
    """

    config: TAMERConfig

    def __init__(self, config: TAMERConfig) -> None:
        super().__init__(config)
        width = config.width
        self.wave = ECGResNet(widths=config.widths, blocks=config.blocks)
        self.wave_local = nn.Linear(self.wave.width, width)
        self.wave_head = MLPHead(width, width)
        self.tokens = self.wave.tokens(config.samples)
        if config.spectrogram:
            hertz, seconds = spectrogram_axes(config.fs, config.samples)
            self.plane = SpectrogramCNN(widths=config.plane_widths, blocks=config.plane_blocks)
            self.plane_local = nn.Linear(self.plane.width, width)
            self.plane_head = MLPHead(width, width)
            rows, columns = self.plane.plane(len(hertz), len(seconds))
            self.tokens += rows * columns
        if config.wlai:
            self.first_attention = ResidualAttention(width, config.heads)
            self.second_attention = ResidualAttention(width, config.heads)
            self.pool = ClassTokenPool(self.tokens, width, config.heads)
        self.text_local = nn.Linear(config.text_width, width)
        self.ecg_asks, self.words_ask = CrossTokens(width), CrossTokens(width)

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The terms `rlca`, `uecr`, `rada`, `rgwr_ecg` and `rgwr_report`, already weighted.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness for the two views of UECR.

        Raises:
            ValueError: the batch lacks reports or has another sampling rate.
        """
        batch.need("reports")
        assert batch.reports is not None
        config = self.config
        wave, plane = self.view_tokens(batch)
        joint = self.join(wave, plane)
        text = self.text.encode(batch.reports)
        terms = {}
        if config.rlca and plane is not None:
            pair = self.wave_head(wave.mean(1)), self.plane_head(plane.mean(1))
            terms["rlca"] = config.rlca * self._contrast(*pair)
        if config.uecr:
            views = self._views(joint, generator), self._views(joint, generator)
            terms["uecr"] = config.uecr * self._contrast(*views)
        if config.rada:
            value = self._contrast(joint, self.text(text), self._same(batch))
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

    forward = losses

    def view_tokens(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B P D"] | None]:
        """Local tokens of the ECG and, unless switched off, of its spectrogram.

        Args:
            batch: needs only `ecg`.
        """
        signal = self._signal(batch)
        wave = self.wave_local(self.wave(signal))
        if not self.config.spectrogram:
            return wave, None
        with torch.no_grad():
            image = spectrogram(signal, fs=self.config.fs)
        return wave, self.plane_local(self.plane(image))

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
        batch.need("reports")
        assert batch.reports is not None
        was_training = self.training
        self.eval()
        parts = self._refine(self.view_tokens(batch)[0], self.text.encode(batch.reports))
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

    def _global(self, batch: ECGBatch) -> Tensor:
        return self.join(*self.view_tokens(batch))


def parameter_counts(config: MERLConfig) -> dict[str, int]:
    """Parameters of the trained part and of the text model, without loading or making any.

    The text model is counted as a BERT-base, whatever the configuration names.

    Args:
        config: of MERL or TAMER.

    Book: tamer#tamer-sizes
    """
    with torch.device("meta"):
        method = TAMER(config) if isinstance(config, TAMERConfig) else MERL(config)
    trained = sum(p.numel() for p in method.parameters())
    text = bert_parameters()
    return {"trained": trained, "text": text, "total": trained + text}


def _chosen(method: str, name: str, presets: dict[str, Any]) -> Any:
    if name not in presets:
        raise ValueError(f"{method} has the presets {', '.join(presets)}, not '{name}'")
    return presets[name]
