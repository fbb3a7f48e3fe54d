"""A SCAR-style method: align ECG and report, and stay aligned when the best evidence is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather, own
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.lead_time_transformer import Encoded, LeadTimeTransformer
from ecglearn.encoders.masker import Masker, remove
from ecglearn.encoders.own_encoder import LeadByLead
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.text_encoder import MED_CPT
from ecglearn.encoders.text_tower import Pooling, TextTower
from ecglearn.errors import InputError
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.relevance import relevance, selector_loss
from ecglearn.method import Config, Losses, Objective, ReportMethod, register
from ecglearn.recipe import Recipe
from ecglearn.signals.fill import fill_segments
from ecglearn.signals.missing import keep_segments
from ecglearn.signals.random_masks import draw_cells, draw_kept_leads, draw_leads, draw_levels

MASKS = ("none", "leads", "few leads", "random", "masker")
SELECTORS = ("mean", "learned", "supervised")


CITATION = r"""@article{liu2026scar,
  author  = {Liu, Hongjun and Han, Rujun and Zhou, Leyu and Yao, Chao},
  title   = {Semantic Compensation via Adversarial Removal for Robust Zero-Shot {ECG} Diagnosis},
  journal = {arXiv preprint arXiv:2604.01498},
  year    = {2026},
}"""
_LAPTOP = {
    "fs": 100,
    "samples": 1000,
    "patch": 250,
    "width": 64,
    "depth": 2,
    "heads": 4,
    "out": 64,
    "stem": (40, 10, 48),
    "text": EMBEDDED,
    "text_width": 64,
    "masker_rate": 2.0,
}


@dataclass(frozen=True)
class SCARConfig(Config):
    """Sizes and weights. The paper's could not be read: all values are our choice.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        patch: samples of a token.
        width: features of a token.
        depth: blocks of the transformer.
        heads: its attention heads.
        out: features of the common space.
        stem: how a token is read, see `LeadTimeTransformer`.
        text: frozen text model, see `TextTower`.
        text_width: its features.
        text_limit: tokens of a report that it reads.
        pooling: one vector from a report: mean of its words, or the text model's own pooler.
        temperature: tau of the contrast between records.
        mask: what hides tokens in training: "masker", or for comparison "random" cells, "leads"
            (each with chance one half), "few leads" (1 to 6 stay, as TolerantECG's students have
            it), or "none".
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
        horizon: training steps that the curriculum is spread over; None: those of the run.
        warm: share of the horizon with random cells.
        ramp: share of the horizon with a growing budget.

    Book: scar#scar-sizes
    """

    PRESETS: ClassVar = {
        "paper": {},
        "class": _LAPTOP,
        "smoke": _LAPTOP | {"width": 32, "depth": 1, "out": 32, "stem": (40, 20, 32)},
    }

    patch: int = 125
    width: int = 192
    depth: int = 12
    heads: int = 3
    out: int = 256
    stem: tuple[int, int, int] | None = None
    text: str = MED_CPT
    text_width: int = 768
    text_limit: int = 256
    pooling: Pooling = "words"
    temperature: float = 0.07
    mask: Literal["none", "leads", "few leads", "random", "masker"] = "masker"
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
    horizon: int | None = None
    warm: float = 0.15
    ramp: float = 0.5

    def __post_init__(self) -> None:
        if self.mask not in MASKS or self.selector not in SELECTORS:
            raise InputError(
                f"mask must be one of {', '.join(MASKS)} and selector one of "
                f"{', '.join(SELECTORS)}; got {self.mask!r} and {self.selector!r}"
            )
        if not all(0 <= share <= 1 for share in self.budget):
            raise InputError(f"budgets are shares of the tokens, 0 to 1; got {self.budget}")
        if any(chance < 0 for chance in self.mix) or abs(sum(self.mix) - 1) > 1e-6:
            raise InputError(f"the three chances of `mix` must add up to 1; got {self.mix}")


class _Read(NamedTuple):
    """A batch, read once for all terms of a turn."""

    x: Tensor  # (B, lead, time)
    there: Tensor  # (B, lead, segment)
    tokens: Tensor  # before the first block, with everything that is there (B, N, D)
    texts: Tensor  # vectors of the reports (B, D)

    def detached(self) -> _Read:
        """Without gradients, for the masker's choice."""
        return _Read(*(part.detach() for part in self))


@register
class SCAR(ReportMethod):
    """Encoder and report tower learn to agree; a masker learns which tokens they agree by.

    `ecg_encoder` alone is what a user needs afterwards: it reads no report and holds no masker.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Liu et al. 2026 (SCAR), of which only the abstract and a summary could be read.

    Book: scar#scar-method
    """

    name, title, citation, config_class = "scar", "SCAR", CITATION, SCARConfig
    recipes: ClassVar = {
        **ReportMethod.recipes,
        "class": (Recipe(7, 64),),
        # none of the paper's could be read: rates of TAMER and MELP, decay of ST-MEM
        "paper": (Recipe(50, 256, 2e-4, (0.9, 0.999), 0.01, 0.05),),
    }
    config: SCARConfig
    ecg_encoder: LeadTimeTransformer

    def __init__(self, config: SCARConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        self.horizon = config.horizon
        sizes: dict[str, Any] = {
            "samples": config.samples,
            "patch": config.patch,
            "out": config.out,
            "selector": "mean" if config.selector == "mean" else "learned",
        }
        if (own_encoder := self.own_encoder()) is not None:
            self.ecg_encoder = LeadByLead(own_encoder, **sizes)
        else:
            self.ecg_encoder = LeadTimeTransformer(
                width=config.width,
                depth=config.depth,
                heads=config.heads,
                stem=config.stem,
                **sizes,
            )
        self.text = TextTower(
            config.text,
            config.text_width,
            config.out,
            pooling=config.pooling,
            limit=config.text_limit,
            words=False,
        )
        self.masker: Masker | None = None
        if config.mask == "masker":
            width = self.ecg_encoder.project.in_features
            self.masker = Masker(
                width, config.out, use_text=config.masker_text, structured=config.structured
            )

    def setup(self, data: Any, total_steps: int) -> None:
        """Spread the curriculum over the run, unless the configuration says over how many steps.

        Args:
            data: not read.
            total_steps: of the run.
        """
        self.horizon = self.config.horizon or total_steps

    def objectives(self) -> list[Objective]:
        """Encoder and text side minimise, then the masker maximises; they take turns."""
        aligned = [*self.ecg_encoder.parameters(), *self.text.parameters()]
        found = [Objective(aligned, self.losses)]
        if self.masker is not None:
            masker, rate = list(self.masker.parameters()), self.config.masker_rate
            found.append(Objective(masker, self.masker_losses, lr_scale=rate, weight_decay=0.0))
        return found

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG that is compared with texts; reads `keep`.

        Args:
            batch: a few records; needs only `ecg`.

        Raises:
            InputError: a record has nothing observed, NaN where it was observed, or another rate,
                length or keep map than the configuration.
        """
        return self.encode(batch).z

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """Tokens in order of time, mean over leads, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        tokens = torch.cat(map_batches(self, batch, lambda part: self.encode(part).tokens))
        patch = self.config.patch
        over_time = tokens.unflatten(1, (self.ecg_encoder.leads, -1)).mean(1)
        begins = torch.arange(self.ecg_encoder.segments) * patch
        return over_time, (begins + (patch - 1) / 2) / self.config.fs

    def encode(
        self, batch: ECGBatch, keep: Bool[Tensor, "B lead segment"] | None = None
    ) -> Encoded:
        """Vector, selector's weights and tokens of a batch.

        Args:
            batch: records, with `keep` where samples are missing.
            keep: hides more, by segment.
        """
        x, there = self.read(batch)
        return self.ecg_encoder(
            x, there if keep is None else there & self.ecg_encoder.map_of(x, keep)
        )

    def read(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B lead time"], Bool[Tensor, "B lead segment"]]:
        """Signals without gaps inside tokens, and which tokens are there.

        A token counts as missing when half or more of its samples are.

        Args:
            batch: records.

        Raises:
            InputError: a record has nothing observed, or NaN where it was observed; rate, length or
                shape of the keep map do not fit.
        """
        config = self.config
        x = batch.signal(config.fs, config.samples, config.preprocess)
        segments = self.ecg_encoder.segments
        if batch.keep is None:
            _refuse_unreadable(batch, x, None)
            return x, self.ecg_encoder.map_of(x, None)
        if batch.keep.shape != batch.ecg.shape:
            raise InputError(
                f"the keep map of the batch is {tuple(batch.keep.shape)} and its signals are "
                f"{tuple(batch.ecg.shape)}; give one value for each sample (see keep_samples)"
            )
        observed = batch.keep[..., : config.samples]
        there = keep_segments(observed, segments)
        _refuse_unreadable(batch, x.where(observed, 0), there)
        return fill_segments(x, observed, segments), there

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `full`, `missing` and `selector`, already weighted; the masker stays as it is.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of masks; without it all records meet the masker, without noise.
            step: of the run, for the curriculum; None: at its end.

        Raises:
            InputError: the batch lacks reports, or its signals do not fit, see `read`.
        """
        self.reports(batch)
        config = self.config
        read = self._read(batch)
        x, there = read.x, read.there
        texts = gather(read.texts)
        same = self.same_report(batch)
        seen, view = there, self.ecg_encoder.encode(read.tokens, there.flatten(1))
        terms = {"full": info_nce(gather(view.z), texts, temperature=config.temperature, same=same)}
        if config.mask != "none":
            seen = there & self._hide(read.detached(), generator, step)
            view = self.ecg_encoder(x, seen)
            loss = info_nce(gather(view.z), texts, temperature=config.temperature, same=same)
            terms["missing"] = config.missing * loss
        if config.selector == "supervised":
            mine = same[own(len(x))]
            with torch.no_grad():
                r = relevance(self.ecg_encoder.project(view.tokens), texts, mine)
            loss = selector_loss(
                view.alpha, r, seen.flatten(1), temperature=config.teacher_temperature
            )
            # a mean over records with a visible token, of which processes may hold unlike numbers
            visible = seen.flatten(1).any(1).to(loss)
            loss = loss * (visible.mean() / gather(visible).mean().clamp_min(1e-9))
            terms["selector"] = config.supervision * loss
        return terms

    def masker_losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `masker`: minus the contrast when the masker hides; all else stays as it is.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of the Gumbel noise; None adds none.
            step: of the run, for the budget; None: at its end.
        """
        self.reports(batch)
        config = self.config
        x, there = self.read(batch)
        with _frozen(self.ecg_encoder):
            with torch.no_grad():
                texts = self._texts(batch)
            # the encoder has taken this step already
            after = None if step is None else step + 1
            mask = self.removed(x, there, texts, generator, after)
            keep = there.flatten(1) * (1 - mask)
            visible = (keep.detach() > 0.5).view_as(there)
            z = self.ecg_encoder.encode(self.ecg_encoder.tokenise(x, visible, blank=False), keep).z
        loss = info_nce(
            gather(z),
            gather(texts),
            temperature=config.temperature,
            same=self.same_report(batch),
        )
        return {"masker": -loss}

    @torch.no_grad()
    def hide(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Bool[Tensor, "B lead segment"]:
        """Keep maps of a training step: from masker, chance, and nothing, as `mix` says.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness; without it all records meet the masker, without noise.
            step: of the run, for the curriculum; None: at its end.
        """
        return self._hide(self._read(batch), generator, step)

    @torch.no_grad()
    def _hide(
        self, read: _Read, generator: Generator | None, step: int | None
    ) -> Bool[Tensor, "B lead segment"]:
        config, segments, there = self.config, self.ecg_encoder.segments, read.there
        size, device = len(there), there.device
        if config.mask == "none":
            return there
        share, adversarial = self.curriculum(step)
        adversarial = adversarial and self.masker is not None
        if generator is None:
            return self._left(read, None, step) if adversarial else there
        source = Generator().manual_seed(
            int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        )
        if config.mask == "leads":
            drawn = draw_leads(size, chance=0.5, segments=segments, generator=source)
            return there & drawn.to(device)
        if config.mask == "few leads":
            few = draw_kept_leads(size, kept=(1, 6), segments=segments, generator=source)
            return there & few.to(device)
        if adversarial:
            first = self._left(read, source, step)
        else:
            first = draw_cells(size, share=share, segments=segments, generator=source).to(device)
        second = draw_levels(size, segments=segments, generator=source).to(device)
        u = torch.rand(size, 1, 1, generator=source).to(device)
        adverse, chance, _ = config.mix
        return there & torch.where(u < adverse, first, second | (u >= adverse + chance))

    def removed(
        self,
        x: Tensor,
        there: Tensor,
        texts: Tensor,
        generator: Generator | None = None,
        step: int | None = None,
    ) -> Float[Tensor, "B N"]:
        """What the masker takes away at the present budget: 1 = removed, with a gradient to it.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).
            generator: source of the Gumbel noise; None adds none.
            step: of the run, for the budget; None: at its end.
        """
        return self._remove(self.scores(x, there, texts), there, generator, step)

    def _remove(
        self, scores: Tensor, there: Tensor, generator: Generator | None, step: int | None
    ) -> Tensor:
        return remove(
            scores,
            self.curriculum(step)[0],
            temperature=self.config.masker_temperature,
            keep=there.flatten(1),
            generator=generator,
        )

    def _left(self, read: _Read, generator: Generator | None, step: int | None) -> Tensor:
        """As `kept_by_masker`, from tokens that are there already."""
        there = read.there
        gone = self._remove(self._scores(read.tokens, there, read.texts), there, generator, step)
        return (there.flatten(1) * (1 - gone) > 0.5).view_as(there)

    def kept_by_masker(
        self,
        x: Tensor,
        there: Tensor,
        texts: Tensor,
        generator: Generator | None = None,
        step: int | None = None,
    ) -> Bool[Tensor, "B lead segment"]:
        """What the masker leaves at the present budget.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).
            generator: source of the Gumbel noise; None adds none.
            step: of the run, for the budget; None: at its end.
        """
        gone = self.removed(x, there, texts, generator, step)
        return (there.flatten(1) * (1 - gone) > 0.5).view_as(there)

    def scores(self, x: Tensor, there: Tensor, texts: Tensor) -> Float[Tensor, "B N"]:
        """The masker's scores of all tokens.

        Args:
            x: signals (B, 12, time).
            there: tokens that are observed (B, 12, segments).
            texts: vectors of the reports (B, D).

        Raises:
            InputError: the configuration has no masker.
        """
        with torch.no_grad():
            tokens = self.ecg_encoder.tokenise(x, there)
        return self._scores(tokens, there, texts)

    def _scores(self, tokens: Tensor, there: Tensor, texts: Tensor) -> Tensor:
        if self.masker is None:
            raise InputError(f"mask={self.config.mask!r} has no masker that could score tokens")
        return self.masker(tokens, normalize(texts, dim=-1), there)

    def curriculum(self, step: int | None = None) -> tuple[float, bool]:
        """Share of tokens to take at a step, and whether the masker is already used.

        Args:
            step: of the run; None: at its end.

        Raises:
            InputError: nobody said how long the run is.
        """
        config = self.config
        first, last = config.budget
        if not config.curriculum or step is None:
            return last, True
        if self.horizon is None:
            raise InputError(
                "the curriculum needs to know how long training is: set `horizon`, or call "
                "`setup(data, total_steps)`, as `fit` does"
            )
        done = step / self.horizon
        return first + (last - first) * min(done / config.ramp, 1.0), done >= config.warm

    def _read(self, batch: ECGBatch) -> _Read:
        x, there = self.read(batch)
        return _Read(x, there, self.ecg_encoder.tokenise(x, there), self._texts(batch))

    def _texts(self, batch: ECGBatch) -> Tensor:
        return self.text.read(self.reports(batch))


def _refuse_unreadable(batch: ECGBatch, x: Tensor, there: Tensor | None) -> None:
    """Outside a graph that is traced, which cannot branch on numbers."""
    if torch.compiler.is_compiling():
        return
    bad = ~x.isfinite().flatten(1).all(1)
    if bool(bad.any()):
        raise InputError(
            f"{batch.called(int(bad.int().argmax()))} has NaN or infinity among its observed "
            "samples; fill them, or mark them as missing in `keep`"
        )
    if there is None:
        return
    empty = ~there.flatten(1).any(1)
    if bool(empty.any()):
        raise InputError(
            f"{batch.called(int(empty.int().argmax()))} has no observed token: all its leads are "
            "missing; leave it out"
        )


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
