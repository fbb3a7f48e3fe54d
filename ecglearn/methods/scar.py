"""A SCAR-style method: align ECG and report, and stay aligned when the best evidence is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather, own
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.lead_time_transformer import Encoded, LeadTimeTransformer
from ecglearn.encoders.masker import Masker, remove
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.text_encoder import MED_CPT
from ecglearn.encoders.text_tower import TextTower, same_reports
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.relevance import relevance, selector_loss
from ecglearn.signals.fill import fill_segments
from ecglearn.signals.missing import keep_segments
from ecglearn.signals.random_masks import draw_cells, draw_leads, draw_levels

Losses = dict[str, Tensor]
MASKS = ("none", "leads", "random", "masker")
SELECTORS = ("mean", "learned", "supervised")


@dataclass(frozen=True)
class SCARConfig:
    """Sizes and weights. The paper's could not be read: all values are our choice.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        patch: samples of a token.
        width: features of a token.
        depth: blocks of the transformer.
        heads: its attention heads.
        out: features of the common space.
        stem: how a token is read, see `LeadTimeTransformer`.
        text: frozen text model, see `TextTower`.
        text_width: its features.
        temperature: tau of the contrast between records.
        mask: what hides tokens in training: "masker", or for comparison "random" cells, "leads"
            (each with chance one half), or "none".
        masker_text: the masker reads the report.
        structured: the masker may score whole leads and whole times, see `Masker`.
        masker_temperature: of the Gumbel-Sigmoid.
        masker_rate: learning rate of the masker over that of the rest.
        selector: weights of tokens: "supervised" by the report, "learned" without, or the "mean".
        teacher_temperature: of the relevance that supervises them.
        missing: weight of the contrast with tokens hidden.
        supervision: weight of the supervision of the selector.
        budget: share of tokens that the masker takes, first and last.
        mix: chances of a record to meet the masker, random leads and times, nothing.
        curriculum: begin with random cells, and let the budget grow.
        horizon: training steps that the curriculum is spread over.
        warm: share of the horizon with random cells.
        ramp: share of the horizon with a growing budget.

    Book: scar#scar-sizes
    """

    fs: float = 500
    samples: int = 5000
    patch: int = 125
    width: int = 192
    depth: int = 12
    heads: int = 3
    out: int = 256
    stem: tuple[int, int, int] | None = None
    text: str = MED_CPT
    text_width: int = 768
    temperature: float = 0.07
    mask: Literal["none", "leads", "random", "masker"] = "masker"
    masker_text: bool = True
    structured: bool = False
    masker_temperature: float = 0.5
    masker_rate: float = 5.0
    selector: Literal["mean", "learned", "supervised"] = "supervised"
    teacher_temperature: float = 0.1
    missing: float = 1.0
    supervision: float = 0.5
    budget: tuple[float, float] = (0.1, 0.5)
    mix: tuple[float, float, float] = (0.5, 0.25, 0.25)
    curriculum: bool = True
    horizon: int = 100_000
    warm: float = 0.15
    ramp: float = 0.5

    def __post_init__(self) -> None:
        if self.mask not in MASKS or self.selector not in SELECTORS:
            raise ValueError(
                f"mask must be one of {', '.join(MASKS)} and selector one of "
                f"{', '.join(SELECTORS)}; got {self.mask!r} and {self.selector!r}"
            )
        if not all(0 <= share <= 1 for share in self.budget):
            raise ValueError(f"budgets are shares of the tokens, 0 to 1; got {self.budget}")
        if any(chance < 0 for chance in self.mix) or abs(sum(self.mix) - 1) > 1e-6:
            raise ValueError(f"the three chances of `mix` must add up to 1; got {self.mix}")

    @staticmethod
    def preset(name: str) -> SCARConfig:
        """The configuration called `paper`, `class` (minutes on a laptop) or `smoke` (seconds).

        Args:
            name: one of the three.

        Raises:
            ValueError: another name.
        """
        laptop = SCARConfig(
            fs=100,
            samples=1000,
            patch=250,
            width=64,
            depth=2,
            heads=4,
            out=64,
            stem=(40, 10, 48),
            text=EMBEDDED,
            text_width=64,
            masker_rate=2.0,
            horizon=160,
        )
        tiny = replace(laptop, width=32, depth=1, out=32, stem=(40, 20, 32), horizon=10)
        presets = {"paper": SCARConfig(), "class": laptop, "smoke": tiny}
        if name not in presets:
            raise ValueError(f"SCAR has the presets {', '.join(presets)}, not '{name}'")
        return presets[name]


class SCAR(nn.Module):
    """Encoder and report tower learn to agree; a masker learns which tokens they agree by.

    `ecg` alone is what a user needs afterwards: it reads no report and holds no masker.

    Args:
        config: sizes and weights.

    Source: Liu et al. 2026 (SCAR), of which only the abstract and a summary could be read.

    Book: scar#scar-method
    """

    step: Tensor

    def __init__(self, config: SCARConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg = LeadTimeTransformer(
            samples=config.samples,
            patch=config.patch,
            width=config.width,
            depth=config.depth,
            heads=config.heads,
            out=config.out,
            stem=config.stem,
            selector="mean" if config.selector == "mean" else "learned",
        )
        self.report = TextTower(config.text, config.text_width, config.out)
        self.masker: Masker | None = None
        if config.mask == "masker":
            self.masker = Masker(
                config.width, config.out, use_text=config.masker_text, structured=config.structured
            )
        # part of the weights, so that a resumed run goes on in its curriculum where it stopped
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def steps(self) -> list[tuple[list[dict], Callable[..., Losses]]]:
        """Encoder and report tower minimise, then the masker maximises; they take turns."""
        aligned = [*self.ecg.parameters(), *self.report.parameters()]
        entries: list[tuple[list[dict], Callable[..., Losses]]] = [
            ([{"params": aligned}], self.losses)
        ]
        if self.masker is not None:
            group = {
                "params": list(self.masker.parameters()),
                "lr_scale": self.config.masker_rate,
                "weight_decay": 0.0,
            }
            entries.append(([group], self.masker_losses))
        return entries

    @torch.no_grad()
    def embed(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts; needs only `ecg`, reads `keep`.

        Args:
            batch: records.

        Raises:
            ValueError: a record has nothing observed, NaN where it was observed, or another rate,
                length or keep map than the configuration.
        """
        return torch.cat(map_batches(self, batch, lambda part: self.encode(part).z))

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Float[Tensor, "C D"]:
        """The vectors of reports or prompts.

        Args:
            texts: C of them.
        """
        return self.report(self.report.encode(list(texts)))

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """Tokens in order of time, mean over leads, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        tokens = torch.cat(map_batches(self, batch, lambda part: self.encode(part).tokens))
        step = self.config.patch / self.config.fs
        over_time = tokens.unflatten(1, (self.ecg.leads, -1)).mean(1)
        return over_time, (torch.arange(self.ecg.segments) + 0.5) * step

    def encode(
        self, batch: ECGBatch, keep: Bool[Tensor, "B lead segment"] | None = None
    ) -> Encoded:
        """Vector, selector's weights and tokens of a batch.

        Args:
            batch: records, with `keep` where samples are missing.
            keep: hides more, by segment.
        """
        x, there = self.read(batch)
        return self.ecg(x, there if keep is None else there & self.ecg.map_of(x, keep))

    def read(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B lead time"], Bool[Tensor, "B lead segment"]]:
        """Signals without gaps inside tokens, and which tokens are there.

        A token counts as missing when half or more of its samples are.

        Args:
            batch: records.

        Raises:
            ValueError: a record has nothing observed, or NaN where it was observed; rate, length or
                shape of the keep map do not fit.
        """
        config = self.config
        x = batch.signal(config.fs, config.samples)
        if batch.keep is None:
            observed = torch.ones_like(x, dtype=torch.bool)
        elif batch.keep.shape != batch.ecg.shape:
            raise ValueError(
                f"the keep map of the batch is {tuple(batch.keep.shape)} and its signals are "
                f"{tuple(batch.ecg.shape)}; give one value for each sample (see keep_samples)"
            )
        else:
            observed = batch.keep[..., : config.samples]
        bad = (observed & ~x.isfinite()).flatten(1).any(1)
        if bool(bad.any()):
            raise ValueError(
                f"record {int(bad.int().argmax())} of {len(x)} has NaN or infinity among its "
                "observed samples; fill them, or mark them as missing in `keep`"
            )
        there = keep_segments(observed, self.ecg.segments)
        empty = ~there.flatten(1).any(1)
        if bool(empty.any()):
            raise ValueError(
                f"record {int(empty.int().argmax())} of {len(x)} has no observed token: all its "
                "leads are missing; leave it out"
            )
        return fill_segments(x, observed, self.ecg.segments), there

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The terms `full`, `missing` and `selector`, already weighted; the masker stays as it is.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of masks; without it all records meet the masker, without noise.

        Raises:
            ValueError: the batch lacks reports, or its signals do not fit, see `read`.
        """
        batch.need("reports")
        assert batch.reports is not None
        config = self.config
        x, there = self.read(batch)
        texts = gather(self._texts(batch))
        same = same_reports(batch.reports, x.device)
        seen, view = there, self.ecg(x, there)
        terms = {"full": info_nce(gather(view.z), texts, temperature=config.temperature, same=same)}
        if config.mask != "none":
            seen = there & self.hide(batch, generator)
            view = self.ecg(x, seen)
            loss = info_nce(gather(view.z), texts, temperature=config.temperature, same=same)
            terms["missing"] = config.missing * loss
        if config.selector == "supervised":
            mine = same[own(len(x))]
            with torch.no_grad():
                r = relevance(self.ecg.project(view.tokens), texts, mine)
            loss = selector_loss(
                view.alpha, r, seen.flatten(1), temperature=config.teacher_temperature
            )
            # a mean over records with a visible token, of which processes may hold unlike numbers
            visible = seen.flatten(1).any(1).to(loss)
            loss = loss * (visible.mean() / gather(visible).mean().clamp_min(1e-9))
            terms["selector"] = config.supervision * loss
        if self.training:
            self.step += 1
        return terms

    forward = losses

    def masker_losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The term `masker`: minus the contrast when the masker hides; all else stays as it is.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of the Gumbel noise; None adds none.
        """
        batch.need("reports")
        assert batch.reports is not None
        config = self.config
        x, there = self.read(batch)
        with _frozen(self.ecg):
            with torch.no_grad():
                texts = self._texts(batch)
            mask = self.removed(x, there, texts, generator)
            keep = there.flatten(1) * (1 - mask)
            visible = (keep.detach() > 0.5).view_as(there)
            z = self.ecg.encode(self.ecg.tokenise(x, visible, blank=False), keep).z
        loss = info_nce(
            gather(z),
            gather(texts),
            temperature=config.temperature,
            same=same_reports(batch.reports, x.device),
        )
        return {"masker": -loss}

    @torch.no_grad()
    def hide(
        self, batch: ECGBatch, generator: Generator | None = None
    ) -> Bool[Tensor, "B lead segment"]:
        """Keep maps of a training step: from masker, chance, and nothing, as `mix` says.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness; without it all records meet the masker, without noise.
        """
        config, size, segments = self.config, len(batch), self.ecg.segments
        x, there = self.read(batch)
        if config.mask == "none":
            return there
        share, adversarial = self.curriculum()
        adversarial = adversarial and self.masker is not None
        if generator is None:
            if not adversarial:
                return there
            return self.kept_by_masker(x, there, self._texts(batch))
        source = Generator().manual_seed(
            int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        )
        if config.mask == "leads":
            return there & draw_leads(size, chance=0.5, segments=segments, generator=source).to(
                x.device
            )
        if adversarial:
            first = self.kept_by_masker(x, there, self._texts(batch), source)
        else:
            first = draw_cells(size, share=share, segments=segments, generator=source).to(x.device)
        second = draw_levels(size, segments=segments, generator=source).to(x.device)
        u = torch.rand(size, 1, 1, generator=source).to(x.device)
        adverse, chance, _ = config.mix
        return there & torch.where(u < adverse, first, second | (u >= adverse + chance))

    def removed(
        self, x: Tensor, there: Tensor, texts: Tensor, generator: Generator | None = None
    ) -> Float[Tensor, "B N"]:
        """What the masker takes away at the present budget: 1 = removed, with a gradient to it.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).
            generator: source of the Gumbel noise; None adds none.
        """
        scores = self.scores(x, there, texts)
        return remove(
            scores,
            self.curriculum()[0],
            temperature=self.config.masker_temperature,
            keep=there.flatten(1),
            generator=generator,
        )

    def kept_by_masker(
        self, x: Tensor, there: Tensor, texts: Tensor, generator: Generator | None = None
    ) -> Bool[Tensor, "B lead segment"]:
        """What the masker leaves at the present budget.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).
            generator: source of the Gumbel noise; None adds none.
        """
        return (there.flatten(1) * (1 - self.removed(x, there, texts, generator)) > 0.5).view_as(
            there
        )

    def scores(self, x: Tensor, there: Tensor, texts: Tensor) -> Float[Tensor, "B N"]:
        """The masker's scores of all tokens.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).

        Raises:
            ValueError: the configuration has no masker.
        """
        if self.masker is None:
            raise ValueError(f"mask={self.config.mask!r} has no masker that could score tokens")
        with torch.no_grad():
            tokens = self.ecg.tokenise(x, there)
        return self.masker(tokens, normalize(texts, dim=-1), there)

    def curriculum(self) -> tuple[float, bool]:
        """Share of tokens to take now, and whether the masker is already used."""
        config = self.config
        first, last = config.budget
        if not config.curriculum:
            return last, True
        done = int(self.step) / config.horizon
        return first + (last - first) * min(done / config.ramp, 1.0), done >= config.warm

    def _texts(self, batch: ECGBatch) -> Tensor:
        assert batch.reports is not None
        return self.report(self.report.encode(batch.reports))


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """What is computed inside leaves no gradient on the module's parameters."""
    before = [p.requires_grad for p in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for p, needed in zip(module.parameters(), before, strict=True):
            p.requires_grad_(needed)
