"""PTACL: ECG and cardiac MRI joined for each patient and for each phase of the heartbeat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn
from torch.nn.functional import interpolate

from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import cine_frames, ecg_window
from ecglearn.distributed import gather
from ecglearn.encoders.cine_transformer import CineTransformer
from ecglearn.encoders.ecg_transformer import ECGTransformer
from ecglearn.encoders.heads import AttentionPool, ProjectionHead
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.masked_autoencoder import MaskedAutoencoder
from ecglearn.encoders.own_encoder import TimeTokens
from ecglearn.errors import InputError
from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.reconstruction import masked_mse
from ecglearn.losses.temporal import aligned_cosine, local_contrastive, phase_target
from ecglearn.method import Config, Losses, Method, Objective, Stage, register
from ecglearn.recipe import Recipe
from ecglearn.signals.beats import beat_matrices

CITATION = r"""@inproceedings{selivanov2025ptacl,
  author    = {Selivanov, Alexander and M{\"u}ller, Philip and Turgut, {\"O}zg{\"u}n and Stolt-Ans{\'o}, Nil and R{\"u}ckert, Daniel},
  title     = {Global and Local Contrastive Learning for Joint Representations from Cardiac {MRI} and {ECG}},
  booktitle = {Medical Image Computing and Computer Assisted Intervention ({MICCAI})},
  year      = {2025},
  note      = {arXiv:2506.20683},
}"""  # noqa: E501
_LAPTOP = {
    "fs": 100,
    "samples": 500,
    "patch": 10,
    "leads_per_token": 12,
    "size": 42,
    "cine_patch": (2, 21, 21),
    "grey_mean": 0.4,
    "grey_scale": 0.25,
    "time_positions": False,
    "width": 64,
    "ecg_depth": 3,
    "cine_depth": 2,
    "heads": 4,
    "projection": 64,
    "layer_scale": None,
    "frozen_layers": 0,
    "sigma": 0.0,
    "local_temperature": 0.1,
    "phase_exact": True,
    "decoder_width": 64,
    "augmented": False,
}


@dataclass(frozen=True)
class PTACLConfig(Config):
    """Sizes and weights; the defaults are the paper's regression model.

    Its retrieval model is `replace(config, sigma=0, temperature=0.07, local_temperature=0.07)`.

    Attributes:
        fs: ECG rate in hertz.
        samples: of a crop.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        patch: samples of a token.
        leads_per_token: 1 as in the paper, 12 to join the leads.
        frames: of a cine.
        size: its pixels along each side.
        cine_patch: frames, rows and columns of a cine token.
        grey_mean: subtracted from grey values in [0, 1]; the paper leaves them, a small model
            learns faster with centred ones.
        grey_scale: divided into them afterwards.
        time_positions: give cine tokens a learnable position in time (the paper does).
        segments: phases T of a heartbeat in the local loss.
        width: features of a token in both transformers.
        ecg_depth: blocks of the ECG transformer.
        cine_depth: blocks of the cine transformer.
        heads: attention heads of both.
        projection: features of the global contrast.
        head: of both encoders: two layers with a batch norm, or one linear layer as in the reader
            of checkpoints that the group published later (there to 512 features).
        layer_scale: first gain of each branch, or None.
        use_cls: a class token in the ECG encoder.
        frozen_layers: first blocks that stay fixed in stage 2, with patches and positions; 0 trains
            everything.
        temperature: tau of the global loss.
        local_temperature: tau of the local loss.
        weight: lambda, weight of the direction from ECG to cine.
        beta: weight of the local loss; 0 leaves the global loss alone.
        local: "contrast", or "cosine" for the ablation without negatives.
        sigma: width of the soft alignment.
        distance: its shape, `linear` or `circular`.
        phase_exact: place phases between token centres instead of between whole tokens.
        ecg_mask: share of ECG tokens hidden in stage 1.
        cine_mask: share of cine tokens hidden in stage 1.
        decoder_width: features of the decoder of stage 1.
        augmented: change signals and frames at random while training.

    Book: ptacl#presets
    """

    PRESETS: ClassVar = {
        "paper": {},
        "class": _LAPTOP,
        "smoke": _LAPTOP | {"width": 32, "ecg_depth": 2, "cine_depth": 1, "projection": 32},
    }

    samples: int = 2500
    patch: int = 50
    leads_per_token: int = 1
    frames: int = 26
    size: int = 84
    cine_patch: tuple[int, int, int] = (2, 12, 12)
    time_positions: bool = True
    grey_mean: float = 0.0
    grey_scale: float = 1.0
    segments: int = 13
    width: int = 512
    ecg_depth: int = 6
    cine_depth: int = 4
    heads: int = 8
    projection: int = 128
    head: Literal["mlp", "linear"] = "mlp"
    layer_scale: float | None = 1e-5
    use_cls: bool = False
    frozen_layers: int = 2
    temperature: float = 0.1
    local_temperature: float = 1.0
    weight: float = 0.5
    beta: float = 1.0
    local: Literal["contrast", "cosine"] = "contrast"
    sigma: float = 0.1
    distance: Literal["linear", "circular"] = "linear"
    phase_exact: bool = False
    ecg_mask: float = 0.75
    cine_mask: float = 0.90
    decoder_width: int = 256
    augmented: bool = True

    def for_data(self, some: ECGBatch) -> PTACLConfig:
        """The same with no more frames than the films have.

        Args:
            some: a few records with `cine`.

        Raises:
            InputError: films too short for two moments, or of a size that `size` does not divide.
        """
        some.need("cine")
        assert some.cine is not None
        have, pixels, step = some.cine.shape[1], some.cine.shape[-1], self.cine_patch[0]
        frames = min(self.frames, have // step * step)
        if frames < 2 * step:
            raise InputError(
                f"films of {have} phases hold less than two cine tokens of {step} frames: set "
                f"cine_patch to (1, {self.cine_patch[1]}, {self.cine_patch[2]})"
            )
        if pixels % self.size:
            raise InputError(
                f"films have {pixels} x {pixels} pixels and this configuration reads {self.size}, "
                "which does not divide them: join them with that size, or set `size` to a divisor"
            )
        return replace(self, frames=frames)


@register
class PTACL(Method):
    """Stage 2: both encoders, two projection heads, the global and the local loss.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Selivanov et al. 2025 (PTACL).

    Book: ptacl#stage-2
    """

    name, title, citation, config_class = "ptacl", "PTACL", CITATION, PTACLConfig
    basis = "read in full"
    needs = ("ecg", "cine", "r_peaks")
    recipes: ClassVar = {
        "class": (Recipe(8, 64), Recipe(8, 64), Recipe(16, 64)),
        "smoke": (Recipe(1, 32), Recipe(1, 32), Recipe(2, 32)),
        # the paper gives none: masked ECG as the group's code, masked cine as VideoMAE, contrast
        # as the group's earlier work, with a smaller rate
        "paper": (
            Recipe(400, 256, 1e-3, (0.9, 0.95), 0.05, 0.1),
            Recipe(400, 256, 1.5e-4, (0.9, 0.95), 0.05, 0.1),
            Recipe(300, 256, 1e-4, (0.9, 0.999), 1e-4, 0.1),
        ),
    }
    config: PTACLConfig
    ecg_encoder: ECGTransformer | TimeTokens
    alignment: Tensor

    def __init__(self, config: PTACLConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        if (own := self.own_encoder()) is not None:
            self.ecg_encoder = TimeTokens(
                own, width=config.width, patch=config.patch, samples=config.samples
            )
        else:
            self.ecg_encoder = ECGTransformer(
                samples=config.samples,
                patch=config.patch,
                width=config.width,
                depth=config.ecg_depth,
                heads=config.heads,
                leads_per_token=config.leads_per_token,
                use_cls=config.use_cls,
                layer_scale=config.layer_scale,
            )
        self.cine_encoder = CineTransformer(
            frames=config.frames,
            size=config.size,
            patch=config.cine_patch,
            width=config.width,
            depth=config.cine_depth,
            heads=config.heads,
            time_positions=config.time_positions,
            layer_scale=config.layer_scale,
        )
        self.ecg_head = self._head()
        self.cine_head = self._head()
        target = phase_target(config.segments, sigma=config.sigma, distance=config.distance)
        self.register_buffer("alignment", target, persistent=False)

    def _head(self) -> nn.Module:
        config = self.config
        if config.head == "linear":
            return nn.Linear(config.width, config.projection)
        return ProjectionHead(config.width, config.projection)

    def stages(self) -> list[tuple[str, Stage]]:
        """Masked autoencoders of both encoders, then the contrast.

        An ECG encoder that is not the method's own cuts no patches that could be filled in: its
        first stage is left out.
        """
        found: list[tuple[str, Stage]] = []
        if isinstance(self.ecg_encoder, ECGTransformer):
            found.append(("ecg", PTACLPretraining(self, "ecg")))
        return [*found, ("cine", PTACLPretraining(self, "cine")), ("joint", self)]

    def objectives(self) -> list[Objective]:
        """All but patch embeddings, positions and the first layers, as stage 2 wants it."""
        held: set[nn.Parameter] = set()
        count = self.config.frozen_layers
        for encoder in (self.ecg_encoder, self.cine_encoder) if count else ():
            if isinstance(encoder, TimeTokens):
                continue
            first = encoder.blocks.layers[:count].parameters()
            held |= {encoder.positions, *encoder.embed.parameters(), *first}
        return [Objective([p for p in self.parameters() if p not in held], self.losses)]

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `global` and, unless beta is 0, `local`, already weighted.

        Args:
            batch: needs `ecg`, `cine` and, for the local term, `r_peaks`.
            generator: source of randomness for the augmentations; without one nothing is changed.
            step: not used.

        Raises:
            InputError: the batch lacks a field or has another sampling rate.
        """
        config = self.config
        ecg, offset = _ecg(batch, config, generator)
        tokens = self.ecg_encoder(ecg)
        cine = self.cine_encoder(_cine(batch, config, generator).to(tokens))
        # rows of all processes meet before the batch norm of the heads, so that any number of
        # processes gives the loss of one
        z_ecg = self.ecg_head(gather(tokens.mean(1)))
        z_cine = self.cine_head(gather(cine.mean(1)))
        terms = {
            "global": info_nce(z_ecg, z_cine, temperature=config.temperature, weight=config.weight)
        }
        if config.beta:
            local_ecg, valid = self._local_ecg(tokens, batch, offset)
            pair = gather(local_ecg), gather(self._local_cine(cine))
            valid = gather(valid.float()) > 0
            if config.local == "cosine":
                term = aligned_cosine(*pair, valid=valid)
            else:
                term = local_contrastive(
                    *pair,
                    self.alignment,
                    temperature=config.local_temperature,
                    weight=config.weight,
                    valid=valid,
                )
            terms["local"] = config.beta * term
        return terms

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """The mean of the tokens of the ECG alone, for probes.

        Args:
            batch: a few records; needs only `ecg`.
        """
        return self._tokens(batch).mean(1)

    @torch.no_grad()
    def embed_cine(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """Features of the cine: the mean of its tokens, for probes.

        Args:
            batch: needs `cine`.
        """
        return torch.cat(map_batches(self, batch, lambda part: self._cine_tokens(part).mean(1)))

    @torch.no_grad()
    def project(self, batch: ECGBatch) -> tuple[Float[Tensor, "B P"], Float[Tensor, "B P"]]:
        """Outputs of both heads, for retrieval: ECG and cine.

        Args:
            batch: needs `ecg` and `cine`.
        """
        ecg = torch.cat(
            map_batches(self, batch, lambda part: self.ecg_head(self._tokens(part).mean(1)))
        )
        cine = torch.cat(
            map_batches(self, batch, lambda part: self.cine_head(self._cine_tokens(part).mean(1)))
        )
        return ecg, cine

    @torch.no_grad()
    def local(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"], Bool[Tensor, " B"]]:
        """Local embeddings of both sides, and which patients have a usable beat.

        Args:
            batch: needs `ecg`, `cine` and `r_peaks`.
        """
        start = torch.zeros(len(batch), dtype=torch.int64)
        ecg = torch.cat(
            map_batches(
                self,
                batch,
                lambda part: self._local_ecg(self._tokens(part), part, start[: len(part)])[0],
            )
        )
        cine = torch.cat(
            map_batches(self, batch, lambda part: self._local_cine(self._cine_tokens(part)))
        )
        return ecg, cine, self._beats(batch, start)[1]

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """ECG tokens in order of time, and the second each is centred at.

        Args:
            batch: needs only `ecg`.
        """
        encoder = self.ecg_encoder
        tokens = map_batches(self, batch, lambda part: encoder.over_time(self._tokens(part)))
        return torch.cat(tokens), encoder.seconds(self.config.samples, self.config.fs)

    def _tokens(self, batch: ECGBatch) -> Tensor:
        return self.ecg_encoder(_ecg(batch, self.config, None)[0])

    def _cine_tokens(self, batch: ECGBatch) -> Tensor:
        return self.cine_encoder(_cine(batch, self.config, None))

    def _beats(self, batch: ECGBatch, offset: Tensor) -> tuple[Tensor, Tensor]:
        batch.need("r_peaks")
        assert batch.r_peaks is not None
        peaks = batch.r_peaks - offset.to(batch.r_peaks)[:, None]
        return beat_matrices(
            peaks.masked_fill(batch.r_peaks < 0, -1),
            tokens=self.ecg_encoder.time_tokens,
            samples_per_token=self.config.patch,
            segments=self.config.segments,
            phase_exact=self.config.phase_exact,
        )

    def _local_ecg(self, tokens: Tensor, batch: ECGBatch, offset: Tensor) -> tuple[Tensor, Tensor]:
        matrix, valid = self._beats(batch, offset)
        return matrix.to(tokens) @ self.ecg_encoder.over_time(tokens), valid.to(tokens.device)

    def _local_cine(self, tokens: Tensor) -> Tensor:
        steps = self.cine_encoder.over_time(tokens)
        if steps.shape[1] == self.config.segments:
            return steps
        return interpolate(steps.mT, size=self.config.segments, mode="linear").mT


class PTACLPretraining(Stage):
    """Stage 1: the masked autoencoder of one modality; it trains the encoder of `method` in place.

    Args:
        method: whose encoder is trained.
        modality: "ecg" or "cine".

    Source: Selivanov et al. 2025 (PTACL), stage 1.

    Book: ptacl#stage-1
    """

    def __init__(self, method: PTACL, modality: Literal["ecg", "cine"]) -> None:
        super().__init__()
        self.config, self.modality = method.config, modality
        self.needs = (modality,)
        encoder: nn.Module = method.ecg_encoder if modality == "ecg" else method.cine_encoder
        self.autoencoder = MaskedAutoencoder(
            encoder,
            ratio=self.config.ecg_mask if modality == "ecg" else self.config.cine_mask,
            decoder_width=self.config.decoder_width,
            layer_scale=self.config.layer_scale,
        )

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `reconstruction`; targets are the uncorrupted patches of the window seen.

        Args:
            batch: needs `ecg` or `cine`.
            generator: source of randomness for window, changes and mask.
            step: not used.
        """
        if self.modality == "ecg":
            x = _ecg(batch, self.config, generator)[0]
        else:
            x = _cine(batch, self.config, generator, first_stage=True)
        x = x.to(self.autoencoder.mask_token)
        prediction, hidden = self.autoencoder(x, generator)
        target = self.autoencoder.encoder.patches(x)  # pyright: ignore[reportCallIssue]
        return {"reconstruction": masked_mse(prediction, target, hidden)}


class PTACLRegression(Stage):
    """Stage 3: attention pooling and a linear layer on the ECG encoder, all of it tuned.

    With a freshly made `method` it is the supervised baseline.

    Args:
        method: its ECG encoder is tuned in place.
        targets: phenotypes of the training patients (patients, 10); sets their mean and scale.
        layer_decay: factor on the learning rate from each block to the one before it.
        drop_path: stochastic depth of the last block while tuning.

    Source: Selivanov et al. 2025 (PTACL), "FN + AP"; the details are those of oetu/mae.

    Book: ptacl#stage-3
    """

    needs = ("ecg", "phenotypes")
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        method: PTACL,
        targets: Float[Tensor, "patients phenotypes"],
        *,
        layer_decay: float = 0.75,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        if not isinstance(method.ecg_encoder, ECGTransformer):
            raise InputError(
                "stage 3 tunes the layers of PTACL's own encoder one by one: fit a probe on an "
                "encoder of yours, by ecglearn.evaluate.linear_probe"
            )
        self.config, self.layer_decay = method.config, layer_decay
        self.encoder = method.ecg_encoder
        self.pool = AttentionPool(self.config.width, self.config.heads)
        self.readout = nn.Linear(self.config.width, targets.shape[1])
        self.register_buffer("mean", targets.mean(0))
        self.register_buffer("scale", targets.std(0))
        self.encoder.blocks.set_drop_path(drop_path)

    def objectives(self) -> list[Objective]:
        """Everything is trained, early layers more slowly."""
        encoder, depth, decay = self.encoder, len(self.encoder.blocks.layers), self.layer_decay
        stem = [p for name, p in encoder.named_parameters() if not name.startswith("blocks")]
        top = [encoder.blocks.norm, self.pool, self.readout]
        last = [p for part in top for p in part.parameters()]
        layers = [
            Objective(list(layer.parameters()), self.losses, decay ** (depth - i))
            for i, layer in enumerate(encoder.blocks.layers)
        ]
        first = Objective(stem, self.losses, decay ** (depth + 1))
        return [first, Objective(last, self.losses), *layers]

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `regression`: mean squared error of standardised phenotypes.

        Args:
            batch: needs `ecg` and `phenotypes`.
            generator: source of randomness for the augmentations.
            step: not used.
        """
        batch.need("phenotypes")
        assert batch.phenotypes is not None
        predicted = self._standardised(_ecg(batch, self.config, generator)[0])
        wanted = (batch.phenotypes - self.mean) / self.scale
        return {"regression": ((predicted - wanted) ** 2).mean()}

    @torch.no_grad()
    def predict(self, batch: ECGBatch) -> Float[Tensor, "B phenotypes"]:
        """Phenotypes in physical units.

        Args:
            batch: needs only `ecg`.
        """
        parts = map_batches(
            self, batch, lambda part: self._standardised(_ecg(part, self.config, None)[0])
        )
        return torch.cat(parts) * self.scale + self.mean

    def _standardised(self, ecg: Tensor) -> Tensor:
        return self.readout(self.pool(self.encoder(ecg)))


def _ecg(
    batch: ECGBatch, config: PTACLConfig, generator: Generator | None
) -> tuple[Tensor, Tensor]:
    return ecg_window(
        batch,
        fs=config.fs,
        samples=config.samples,
        generator=generator,
        augmented=config.augmented,
        preprocess=config.preprocess,
    )


def _cine(
    batch: ECGBatch, config: PTACLConfig, generator: Generator | None, *, first_stage: bool = False
) -> Tensor:
    x = cine_frames(
        batch,
        frames=config.frames,
        size=config.size,
        generator=generator,
        augmented=config.augmented,
        first_stage=first_stage,
    )
    return (x - config.grey_mean) / config.grey_scale
