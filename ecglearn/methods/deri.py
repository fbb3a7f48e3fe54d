"""DERI: ECG and report aligned, decoded into each other, and aligned again on the mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss, normalize

from ecglearn.data.batch import ECGBatch
from ecglearn.distributed import gather
from ecglearn.encoders.cross_decoder import CrossDecoder, SeparatedAttention
from ecglearn.encoders.ecg_transformer import ECGTransformer
from ecglearn.encoders.heads import dropout_view
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.text_encoder import MED_CPT, EncodedReports
from ecglearn.encoders.text_tower import Pooling, TextTower
from ecglearn.errors import InputError
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.tokens import pooled_tokens
from ecglearn.method import Config, Losses, ReportMethod, register
from ecglearn.recipe import Recipe
from ecglearn.released import deri

Vector = Literal["mixed", "aligned"]
Form = Literal["contrastive", "mse", "cosine"]


CITATION = r"""@inproceedings{chen2025deri,
  author    = {Chen, Jian and Dong, Xiaoru and Wang, Wei and Zhou, Shaorui and Yu, Lequan and Hu, Xiping},
  title     = {{DERI}: Cross-Modal {ECG} Representation Learning with Deep {ECG}-Report Interaction},
  booktitle = {Proceedings of the Thirty-Fourth International Joint Conference on Artificial Intelligence ({IJCAI})},
  pages     = {4824--4832},
  year      = {2025},
  doi       = {10.24963/ijcai.2025/537},
}"""  # noqa: E501
_LAPTOP = {
    "fs": 100,
    "samples": 1000,
    "widths": (32, 64, 128),
    "blocks": (2, 2, 2),
    "patch": 20,
    "vit_width": 64,
    "vit_depth": 3,
    "vit_heads": 4,
    "width": 64,
    "text": EMBEDDED,
    "text_width": 64,
    "decoder_heads": 4,
    "decoder_head_width": 16,
    "duplicates": "ignored",
}
# what the public code computes: four terms, padding seen, kept tokens shuffled, another vector
# after training than in it
_RELEASED = {
    "preprocess": "minmax",
    "rec_text": 0.0,
    "keep_order": False,
    "mask_padding": False,
    "released_inference": True,
    "pooling": "pooler",
    "decoder_bias": True,
    "drop_branches": True,
    "separator_std": 1.0,
}


@dataclass(frozen=True)
class DERIConfig(Config):
    """Sizes and weights of DERI; the defaults are those of the paper's figure.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        encoder: `resnet` or `vit`.
        widths: channels of each stage of the residual network.
        blocks: blocks of each stage.
        patch: samples of a token of the transformer.
        vit_width: features of a token of the transformer.
        vit_depth: its blocks.
        vit_heads: its attention heads.
        stride: every which token of the encoder is kept.
        width: D, features of tokens and of the common space.
        heads: of the attention over ECG tokens.
        text: frozen text model: a name on the hub, a folder, or `embedded`.
        text_width: its features W.
        text_limit: tokens of a report that it reads.
        pooling: one vector t from a report: mean of its words, or the text model's own pooler.
        words: most tokens of a report.
        temperature: tau of all contrasts.
        align: weight of the contrast of aligned vectors; 0 leaves a term out.
        mix: weight of the contrast of mixed vectors.
        rme: weight of the contrast of two views.
        rec_ecg: weight of the ECG decoded from the report.
        rec_text: weight of the report decoded from the ECG.
        ecg_to_text: have the decoder D_et.
        text_to_ecg: have the decoder D_te.
        decoder_depth: blocks of both decoders.
        decoder_heads: their attention heads.
        decoder_head_width: features of a head.
        dropout: of both decoders.
        drop_path: of both decoders.
        decoder_bias: queries, keys and values of both decoders have a bias.
        drop_branches: gated MLPs drop features of both branches, not of their product.
        separator_std: spread of the first separators of the attention over ECG tokens; None: 1/D.
        reconstruction: how decoded and true vectors are compared.
        views: two masked views of the ECG, or two dropout views as in MERL.
        mask_ratio: share of tokens that a masked view lacks.
        keep_order: kept tokens stay in order of time; otherwise they are shuffled.
        view_heads: of the attention of each masked view.
        view_dropout: of the dropout views.
        duplicates: what records with the very same report are to each other.
        mask_padding: padding takes no part in D_te; otherwise reports are padded to `words`, and
            what the frozen model says at padding counts like words.
        vector: what `embed` gives: the mixed embedding m_e, or the aligned one, a.
        released_inference: `embed` leaves out the norm of tokens that training uses.

    Book: deri#deri-sizes
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
    stride: int = 3
    width: int = 256
    heads: int = 4
    text: str = MED_CPT
    text_width: int = 768
    text_limit: int = 256
    pooling: Pooling = "words"
    words: int = 256
    temperature: float = 0.07
    align: float = 1.0
    mix: float = 1.0
    rme: float = 1.0
    rec_ecg: float = 1.0
    rec_text: float = 1.0
    ecg_to_text: bool = True
    text_to_ecg: bool = True
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_head_width: int = 64
    dropout: float = 0.2
    drop_path: float = 0.1
    decoder_bias: bool = False
    drop_branches: bool = False
    separator_std: float | None = None
    reconstruction: Form = "contrastive"
    views: Literal["masked", "dropout"] = "masked"
    mask_ratio: float = 0.1
    keep_order: bool = True
    view_heads: int = 2
    view_dropout: float = 0.1
    duplicates: Literal["negative", "ignored", "positive"] = "negative"
    mask_padding: bool = True
    vector: Vector = "mixed"
    released_inference: bool = False


class ECGSide(NamedTuple):
    """What becomes of some ECGs.

    Attributes:
        local: Z, tokens before attention (B, N, D).
        tokens: what attention made of them, each of length 1 (B, N, D).
        aligned: a, their mean (B, D).
        decoded_tokens: what D_et says, in features of the text (B, N + 1, W); None where only their
            mean was asked for.
        decoded: d_t, their mean (B, W).
        mixed: m_e = a + P(d_t) (B, D).

    Book: deri#mixed-alignment
    """

    local: Float[Tensor, "B N D"]
    tokens: Float[Tensor, "B N D"]
    aligned: Float[Tensor, "B D"]
    decoded_tokens: Float[Tensor, "B M W"] | None
    decoded: Float[Tensor, "B W"] | None
    mixed: Float[Tensor, "B D"]


class TextSide(NamedTuple):
    """What becomes of some reports.

    Attributes:
        pooled: t, mean of the words as the frozen model left them (B, W).
        aligned: b = P(t), of length 1 (B, D).
        decoded: d_e, mean over what D_te says for each word (B, D).
        mixed: m_t = b + d_e (B, D).

    Book: deri#mixed-alignment
    """

    pooled: Float[Tensor, "B W"]
    aligned: Float[Tensor, "B D"]
    decoded: Float[Tensor, "B D"] | None
    mixed: Float[Tensor, "B D"]


@register
class DERI(ReportMethod):
    """ECG and report: aligned, reconstructed from each other, and aligned once more as mixtures.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Chen et al. 2025 (DERI), as its public code computes it.

    Book: deri#deri-method
    """

    name, title, citation, config_class = "deri", "DERI", CITATION, DERIConfig
    basis = "from public code"
    recipes: ClassVar = {
        **ReportMethod.recipes,
        "paper": (Recipe(50, 512, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, known=("batch_size",)),),
        # two processes with 512 records; the loop of 50 epochs runs 51
        "released": (
            Recipe(
                *(51, 1024, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, True),
                known=tuple(f.name for f in fields(Recipe) if f.name != "known"),
            ),
        ),
    }
    released = deri.LAYOUT
    config: DERIConfig
    ecg_encoder: ECGResNet | ECGTransformer

    def __init__(self, config: DERIConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        width = config.width
        if config.encoder == "resnet" or encoder is not None:
            found: Any = self.own_encoder() or ECGResNet(widths=config.widths, blocks=config.blocks)
            self.ecg_encoder = found
            count = found.tokens(config.samples)
        else:
            self.ecg_encoder = ECGTransformer(
                samples=config.samples,
                patch=config.patch,
                width=config.vit_width,
                depth=config.vit_depth,
                heads=config.vit_heads,
                leads_per_token=12,
                layer_scale=None,
                eps=1e-5,
            )
            count = self.ecg_encoder.tokens
        self.tokens = (count - 1) // config.stride + 1
        self.local = nn.Linear(self.ecg_encoder.width, width)
        start = {"separator_std": config.separator_std}
        self.attention = SeparatedAttention(self.tokens, width, config.heads, **start)
        self.text = TextTower(
            config.text,
            config.text_width,
            width,
            pooling=config.pooling,
            limit=config.text_limit,
            pad_to=None if config.mask_padding else config.words,
        )
        self.kept = int(self.tokens * (1 - config.mask_ratio))
        if config.rme and config.views == "masked":
            self.views = nn.ModuleList(
                SeparatedAttention(self.kept, width, config.view_heads, **start) for _ in range(2)
            )
        elif config.rme:
            self.views = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        sizes = {
            "depth": config.decoder_depth,
            "heads": config.decoder_heads,
            "head_width": config.decoder_head_width,
            "dropout": config.dropout,
            "drop_path": config.drop_path,
            "bias": config.decoder_bias,
            "drop_branches": config.drop_branches,
        }
        # a decoder that no term trains would only add noise to the mixed embedding
        self.to_ecg = self.to_text = None
        if config.text_to_ecg and (config.mix or config.rec_ecg):
            self.to_ecg = CrossDecoder(config.words, width, width, **sizes)
        if config.ecg_to_text and (config.mix or config.rec_text):
            extra = self.to_ecg is not None
            self.to_text = CrossDecoder(self.tokens + extra, width, config.text_width, **sizes)

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `align`, `mix`, `rme`, `rec_ecg` and `rec_text`, already weighted.

        Args:
            batch: needs `ecg` and `reports`.
            generator: source of randomness for the two views.
            step: not used.

        Raises:
            InputError: the batch lacks reports or has another sampling rate.
        """
        config = self.config
        reports = self.reports(batch)
        ecg = self.ecg_side(batch, every=False)
        text = self.text_side(self.text.encode(reports))
        same = None if config.duplicates == "negative" else self.same_report(batch)
        pairs = {}
        if config.align:
            pairs["align"] = ecg.aligned, text.aligned
        if config.mix:
            pairs["mix"] = ecg.mixed, text.mixed
        if config.rme:
            pairs["rme"] = self.two_views(ecg.local, generator)
        if config.rec_ecg and text.decoded is not None:
            pairs["rec_ecg"] = ecg.local.mean(1), text.decoded
        if config.rec_text and ecg.decoded is not None:
            pairs["rec_text"] = text.pooled, ecg.decoded
        terms = {}
        for name, (u, v) in _gathered(pairs).items():
            known = None if name == "rme" else same
            if name.startswith("rec"):
                value = self.reconstruction(u, v, known)
            else:
                value = self.contrast(u, v, known)
            terms[name] = getattr(config, name) * value
        return terms

    def ecg_side(self, batch: ECGBatch, *, used: bool = False, every: bool = True) -> ECGSide:
        """Tokens, aligned and mixed embeddings of ECGs.

        Args:
            batch: needs only `ecg`.
            used: as `embed` does it, which with `released_inference` is not what losses are made
                of.
            every: decode every token, and not their mean alone, which is all that losses need.
        """
        signal = batch.signal(self.config.fs, self.config.samples, self.config.preprocess)
        z = self.local(self.ecg_encoder(signal)[:, :: self.config.stride])
        gathered = self.attention(z)
        plain = self.config.released_inference and used
        tokens = gathered if plain else normalize(gathered, dim=-1)
        aligned = tokens.mean(1)
        if self.to_text is None:
            return ECGSide(z, tokens, aligned, None, None, aligned)
        asked = tokens
        if self.to_ecg is not None:
            shared = self.to_ecg.separator.expand(tokens.shape[0], -1, -1)
            asked = torch.cat([tokens, shared], 1)
        decoded = self.to_text(asked) if every else None
        mean = self.to_text.mean(asked) if decoded is None else decoded.mean(1)
        return ECGSide(z, tokens, aligned, decoded, mean, aligned + self.text.head(mean))

    def text_side(self, text: EncodedReports) -> TextSide:
        """Aligned and mixed embeddings of reports.

        Args:
            text: what the frozen model says.
        """
        pooled = self.text.pool(text)
        aligned = normalize(self.text.head(pooled), dim=-1)
        if self.to_ecg is None:
            return TextSide(pooled, aligned, None, aligned)
        words, mask = text.tokens[:, : self.config.words], text.mask[:, : self.config.words]
        if self.config.mask_padding:
            said = self.to_ecg(self.text.head(words), mask)
            counted = mask[..., None].to(said)
            decoded = (said * counted).sum(1) / counted.sum(1).clamp_min(1)
        else:
            decoded = self.to_ecg(self.text.head(words)).mean(1)
        return TextSide(pooled, aligned, decoded, aligned + decoded)

    def two_views(
        self, z: Float[Tensor, "B N D"], generator: Generator | None = None
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Two vectors r of one ECG, each from a part of it: RME; or by dropout.

        Args:
            z: local tokens Z.
            generator: source of randomness.
        """
        rate = self.config.view_dropout if self.training else 0.0
        answers = []
        for view in self.views:
            if self.config.views == "masked":
                kept = random_keep(z, self.kept, self.config.keep_order, generator)
                answers.append(view(kept).mean(1))
            else:
                answers.append(dropout_view(view(z.mean(1)), rate, generator))
        return answers[0], answers[1]

    def contrast(self, u: Tensor, v: Tensor, same: Tensor | None = None) -> Float[Tensor, ""]:
        """NCE(u, v): both directions summed, as in the paper's code.

        Args:
            u: one side.
            v: the other.
            same: pairs with one report.
        """
        both = info_nce(
            u,
            v,
            temperature=self.config.temperature,
            same=same,
            same_positive=self.config.duplicates == "positive",
        )
        return 2 * both

    def reconstruction(
        self, target: Tensor, decoded: Tensor, same: Tensor | None = None
    ) -> Float[Tensor, ""]:
        """How far a decoded vector is from the true one, in the configured form.

        As a contrast the target is trained along, as in the paper's code. For the other two forms
        it is held: both would otherwise be solved by targets that are all alike.

        Args:
            target: z or t.
            decoded: d_e or d_t.
            same: pairs with one report.
        """
        if self.config.reconstruction == "contrastive":
            return self.contrast(target, decoded, same)
        if self.config.reconstruction == "mse":
            return mse_loss(decoded, target.detach())
        return (1 - cosine_similarity(decoded, target.detach())).mean()

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The vector of an ECG for zero-shot scores, probes and generation.

        Args:
            batch: a few records; needs only `ecg`.
        """
        ecg = self.ecg_side(batch, used=True)
        return ecg.mixed if self._mixes else ecg.aligned

    @torch.no_grad()
    def embed_text(self, texts: str | Sequence[str]) -> Float[Tensor, "C D"]:
        """The aligned vectors b of reports or prompts.

        Args:
            texts: C of them; a lone one is one text.
        """
        return normalize(self.text(self.text.encode(texts)), dim=-1)

    @torch.no_grad()
    def memory(self, batch: ECGBatch, k: int = 1, *, local: bool = False) -> Float[Tensor, "B K D"]:
        """What a report writer reads: `embed` as one token, or k tokens in order of time.

        Token j of k is the mean over the j-th of k equal stretches of the record.

        Args:
            batch: records.
            k: how many tokens, at most as many as the encoder gives.
            local: tokens before attention, Z. Otherwise mixed tokens, into each of which attention
                and decoder have gathered from everywhere; the mean of the aligned part is a.

        Raises:
            InputError: there are fewer than k tokens.
        """
        if not 1 <= k <= self.tokens:
            raise InputError(f"a record has {self.tokens} tokens here, and {k} were asked for")
        if k == 1 and not local:
            return self.embed(batch)[:, None]

        def tokens(piece: ECGBatch) -> Tensor:
            ecg = self.ecg_side(piece, used=True)
            x = ecg.local if local else ecg.tokens
            if not local and self._mixes and ecg.decoded_tokens is not None:
                x = x + self.text.head(ecg.decoded_tokens[:, : self.tokens])
            return pooled_tokens(x, k)

        return torch.cat(map_batches(self, batch, tokens))

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """Local tokens Z in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        tokens = torch.cat(map_batches(self, batch, lambda part: self.ecg_side(part).local))
        seconds = self.ecg_encoder.seconds(self.config.samples, self.config.fs)
        return tokens, seconds[:: self.config.stride]

    @property
    def _mixes(self) -> bool:
        return self.config.vector == "mixed"

    @classmethod
    def parameter_counts(cls, config: DERIConfig) -> dict[str, int]:
        """Those of its parts as well.

        Args:
            config: sizes.
        """
        with torch.device("meta"):
            method = cls(config)
        parts = {
            "ECG encoder": method.ecg_encoder,
            "D_et": method.to_text,
            "D_te": method.to_ecg,
        }
        counted = {
            name: 0 if part is None else sum(p.numel() for p in part.parameters())
            for name, part in parts.items()
        }
        return counted | super().parameter_counts(config)


def random_keep(
    tokens: Float[Tensor, "B N D"], count: int, keep_order: bool, generator: Generator | None = None
) -> Float[Tensor, "B K D"]:
    """Some tokens of each record, drawn anew for each.

    Args:
        tokens: all tokens.
        count: how many are kept.
        keep_order: in order of time; otherwise in the order of the draw.
        generator: source of randomness.

    Source: Chen et al. 2025 (DERI), masking of its RME module; it keeps the order of the draw.

    Book: deri#rme
    """
    noise = torch.rand(tokens.shape[:2], generator=generator).to(tokens.device)
    kept = noise.argsort(1)[:, :count]
    if keep_order:
        kept = kept.sort(1).values
    return tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))


def _gathered(pairs: dict[str, tuple[Tensor, Tensor]]) -> dict[str, tuple[Tensor, Tensor]]:
    """The vectors of all processes, packed into one message."""
    flat = [x for pair in pairs.values() for x in pair]
    parts = gather(torch.cat(flat, 1)).split([x.shape[1] for x in flat], 1)
    return {name: (parts[2 * i], parts[2 * i + 1]) for i, name in enumerate(pairs)}
