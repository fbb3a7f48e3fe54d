"""Clinical transfer: an ECG encoder learns from tables and laboratory values, then works alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import lab_flags
from ecglearn.data.transforms import ecg_window
from ecglearn.distributed import gather
from ecglearn.encoders.clinical_table import TableEncoder
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.own_encoder import TokenMean
from ecglearn.encoders.state_space import S4Encoder
from ecglearn.errors import InputError
from ecglearn.losses.focal import masked_focal
from ecglearn.losses.redundancy import barlow_twins, cross_correlation
from ecglearn.method import Config, Losses, Method, Objective, Stage, register
from ecglearn.recipe import Recipe

ORDERS = ("labs first", "diagnosis first")
PIECE = 1024  # records whose table is read at once
CITATION = r"""@article{fernandes2025clinical,
  author  = {Fernandes, Jose Geraldo and de Souza, Luiz Facury and Dutenhefner, Pedro Robles and Pappa, Gisele L. and Meira Jr., Wagner},
  title   = {Transferring Clinical Knowledge into {ECGs} Representation},
  journal = {arXiv preprint arXiv:2512.07021},
  year    = {2025},
}"""  # noqa: E501
_LAPTOP = {
    "fs": 100,
    "samples": 1000,
    "width": 64,
    "layers": 2,
    "dropout": 0.1,
    "columns": 10,
    "categories": (2,),
    "table_width": 64,
    "table_dropout": (0.1, 0.1),
    "projector": (256, 256),
    "redundancy": 0.005,
    "flags": 18,
    "diagnoses": 9,
    "slow": 1.0,
}


@dataclass(frozen=True)
class ClinicalTransferConfig(Config):
    """Sizes and weights; the defaults are those of the benchmark the paper builds on.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG, "standard" or "minmax"; see `Config`.
        crop: samples an encoder sees at once; a record's answer is the mean over its crops.
        width: features of the state space encoder.
        layers: its layers.
        states: its states for each feature.
        dropout: of the encoder.
        columns: numbers of the clinical table.
        categories: levels of its categorical columns.
        table_width: features M of the table encoder.
        table_dropout: of its three blocks.
        projector: sizes of the projectors; the last is E.
        redundancy: lambda of Barlow Twins.
        hide: chance that a number of the table is hidden in stage 1.
        flags: K, laboratory flags (two for each test).
        diagnoses: D.
        gamma: power of the focal loss.
        lab_weight: alpha, weight of the laboratory loss in the diagnosis stage.
        order: which head is trained first, see `stages`.
        slow: learning rate of the encoder behind a head, as a share of the head's.

    Book: clinical-transfer#clinical-sizes
    """

    PRESETS: ClassVar = {
        "paper": {},
        "class": _LAPTOP,
        "smoke": _LAPTOP | {"width": 16, "layers": 1, "table_width": 16, "projector": (32, 32)},
    }

    fs: float = 100
    samples: int = 1000
    crop: int = 250
    width: int = 512
    layers: int = 4
    states: int = 4
    dropout: float = 0.2
    columns: int = 58
    categories: tuple[int, ...] = (2, 5, 5)
    table_width: int = 128
    table_dropout: tuple[float, ...] = (0.25, 0.25, 0.5)
    projector: tuple[int, ...] = (2048, 2048, 2048)
    redundancy: float = 0.0051
    hide: float = 0.1
    flags: int = 90
    diagnoses: int = 1428
    gamma: float = 2.0
    lab_weight: float = 0.1
    order: str = "labs first"
    slow: float = 0.1

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"order must be one of {', '.join(ORDERS)}; got {self.order!r}")

    def for_data(self, some: ECGBatch) -> ClinicalTransferConfig:
        """The same with as many columns, flags and diagnoses as some records have.

        Args:
            some: a few records with `table` (sex as its last column), `labs` and `diagnoses`.
        """
        some.need("table", "labs", "diagnoses")
        assert some.table is not None
        assert some.labs is not None
        assert some.diagnoses is not None
        sizes: dict[str, Any] = {
            "flags": 2 * some.labs.shape[1],
            "diagnoses": some.diagnoses.shape[1],
        }
        if some.table.shape[1] != self.columns + len(self.categories):
            sizes |= {"columns": some.table.shape[1] - 1, "categories": (2,)}
        return replace(self, **sizes)


@register
class ClinicalTransfer(Method):
    """What is left after training: ECG encoder, laboratory head, diagnosis head; no table anywhere.

    `losses` is the stage of the diagnoses; `JointEmbedding` and `LabStage` come before it.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of its own, see `Method`.

    Source: Fernandes et al. 2025; only its abstract and secondary summaries could be read.

    Book: clinical-transfer#clinical-method
    """

    name, title, citation = "clinical-transfer", "clinical transfer", CITATION
    config_class = ClinicalTransferConfig
    needs = ("ecg", "table", "labs", "diagnoses")
    recipes: ClassVar = {
        "class": (Recipe(9, 128), Recipe(6, 64), Recipe(6, 64)),
        "smoke": (Recipe(1, 32), Recipe(1, 16), Recipe(1, 16)),
        # none of the paper's could be read: after Barlow Twins, CardioLab and MDS-ED
        "paper": (
            Recipe(100, 256, 1e-3, (0.9, 0.999), 1e-4, 0.05),
            Recipe(20, 128, 1e-3, (0.9, 0.999), 1e-4, 0.1),
            Recipe(40, 32, 1e-3, (0.9, 0.999), 1e-3, 0.0),
        ),
    }
    config: ClinicalTransferConfig
    ecg_encoder: S4Encoder | TokenMean

    def __init__(self, config: ClinicalTransferConfig, encoder: Any = None) -> None:
        super().__init__(config, encoder)
        if (own := self.own_encoder(config.crop)) is not None:
            self.ecg_encoder = TokenMean(own)
        else:
            self.ecg_encoder = S4Encoder(
                width=config.width, layers=config.layers, states=config.states, rate=config.dropout
            )
        self.lab_head = nn.Linear(self.ecg_encoder.width, config.flags)
        self.diagnosis_head = nn.Linear(self.ecg_encoder.width, config.diagnoses)

    def stages(self) -> list[tuple[str, Stage]]:
        """Three stages by name, in the order of the configuration.

        "labs first": pairs, laboratory flags, diagnoses with a little of the laboratory loss.
        "diagnosis first": pairs, diagnoses, then the laboratory head on the frozen encoder, an
        explanation after the fact. Neither reading of the paper could be confirmed.
        """
        joint = ("joint", JointEmbedding(self))
        if self.config.order == "labs first":
            return [joint, ("labs", LabStage(self)), ("diagnosis", self)]
        return [joint, ("diagnosis", self), ("labs", LabStage(self, frozen=True))]

    def objectives(self) -> list[Objective]:
        """The diagnosis stage: its head at full rate, the encoder and the other head slower."""
        heads = [self.diagnosis_head, *([self.lab_head] if self.lab_weight else [])]
        return tuned(self.ecg_encoder, heads, self.config.slow, self.losses)

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The terms `diagnosis` and, unless `lab_weight` is 0, `labs`.

        Args:
            batch: needs `ecg`, `diagnoses`, and `labs` for the second term.
            generator: source of randomness for the crop.
            step: not used.

        Raises:
            InputError: the batch lacks a field or has another sampling rate.
        """
        batch.need("diagnoses")
        assert batch.diagnoses is not None
        features = gather(self.ecg_encoder(self.window(batch, generator)))
        truth = gather(batch.diagnoses.to(features))
        gamma, weight = self.config.gamma, self.lab_weight
        terms = {"diagnosis": masked_focal(self.diagnosis_head(features), truth, gamma=gamma)}
        if weight:
            terms["labs"] = weight * self.lab_loss(features, batch)
        return terms

    @property
    def lab_weight(self) -> float:
        """alpha, and 0 where the laboratory head comes last."""
        return self.config.lab_weight if self.config.order == "labs first" else 0.0

    def lab_loss(self, features: Float[Tensor, "N D"], batch: ECGBatch) -> Float[Tensor, ""]:
        """Focal loss of the laboratory flags of all processes.

        Args:
            features: gathered.
            batch: needs `labs`.
        """
        batch.need("labs")
        assert batch.labs is not None
        flags = gather(lab_flags(batch.labs, batch.lab_columns))
        return masked_focal(self.lab_head(features), flags, gamma=self.config.gamma)

    def window(self, batch: ECGBatch, generator: Generator | None) -> Float[Tensor, "B leads crop"]:
        """A crop of each record.

        Args:
            batch: records.
            generator: source of randomness; without one the first samples.
        """
        config = self.config
        return ecg_window(
            batch,
            fs=config.fs,
            samples=config.crop,
            generator=generator,
            augmented=False,
            preprocess=config.preprocess,
        )[0]

    @torch.no_grad()
    def predict(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B diagnoses"], Float[Tensor, "B flags"]]:
        """Probabilities of diagnoses and of laboratory flags, mean over crops.

        Args:
            batch: needs only `ecg`.
        """

        def both(part: ECGBatch) -> Tensor:
            crops = self.ecg_encoder(self._crops(part))  # (B * crops, D)
            heads = torch.cat([self.diagnosis_head(crops), self.lab_head(crops)], 1).sigmoid()
            return heads.unflatten(0, (len(part), -1)).mean(1)

        answer = torch.cat(map_batches(self, batch, both))
        return answer[:, : self.config.diagnoses], answer[:, self.config.diagnoses :]

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """Features in order of time, each a mean over ten samples, and the second of its centre.

        Of an encoder that is not the method's own, its tokens and their seconds.

        Args:
            batch: needs only `ecg`.
        """
        if isinstance(self.ecg_encoder, TokenMean):
            return self._tokens_of_crops(batch, self.ecg_encoder)

        def tokens(part: ECGBatch) -> Tensor:
            sequence = self.ecg_encoder.tokens(self._crops(part)).unflatten(0, (len(part), -1))
            return sequence.flatten(1, 2).unfold(1, 10, 10).mean(-1)

        found = torch.cat(map_batches(self, batch, tokens))
        return found, (torch.arange(found.shape[1]) * 10 + 4.5) / self.config.fs

    def _tokens_of_crops(self, batch: ECGBatch, encoder: TokenMean) -> tuple[Tensor, Tensor]:
        config = self.config

        def tokens(part: ECGBatch) -> Tensor:
            found = encoder.tokens(self._crops(part))
            return found.unflatten(0, (len(part), -1)).flatten(1, 2)

        within = torch.as_tensor(encoder.encoder.seconds(config.crop, config.fs))
        begins = torch.arange(config.samples // config.crop)[:, None] * (config.crop / config.fs)
        return torch.cat(map_batches(self, batch, tokens)), (begins + within).flatten()

    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """Features of whole records: the mean over their crops.

        Args:
            batch: a few records; needs only `ecg`.
        """
        crops = self.ecg_encoder(self._crops(batch))
        return crops.unflatten(0, (batch.ecg.shape[0], -1)).mean(1)

    def _crops(self, batch: ECGBatch) -> Tensor:
        signal = batch.signal(self.config.fs, self.config.samples, self.config.preprocess)
        whole = self.config.samples // self.config.crop * self.config.crop
        crops = signal[..., :whole].unflatten(2, (-1, self.config.crop))
        return crops.transpose(1, 2).flatten(0, 1)


class JointEmbedding(Stage):
    """Stage 1: ECG and table of a patient should say the same; Barlow Twins, without labels.

    Args:
        method: its encoder is trained in place.

    Source: Fernandes et al. 2025, as reported in a secondary summary.

    Book: clinical-transfer#clinical-stages
    """

    needs = ("ecg", "table")
    method: ClinicalTransfer

    def __init__(self, method: ClinicalTransfer) -> None:
        super().__init__()
        config = self.config = method.config
        self.method = method
        self.table = TableEncoder(
            config.columns,
            config.categories,
            width=config.table_width,
            rates=config.table_dropout,
        )
        self.ecg_projector = projector(method.ecg_encoder.width, config.projector)
        self.table_projector = projector(config.table_width, config.projector)

    def setup(self, data: Any, total_steps: int) -> None:
        """Learn median, mean and spread of the table from the training patients.

        Args:
            data: training patients, with `table`.
            total_steps: not used.
        """
        fit_scaler(self.table, data)

    def objectives(self) -> list[Objective]:
        """ECG encoder, table encoder and projectors; no head."""
        return [Objective(without_heads(self), self.losses)]

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `joint`, divided by E so that sizes compare.

        Args:
            batch: needs `ecg` and `table`.
            generator: source of randomness for the crop and for hidden numbers.
            step: not used.
        """
        c = self.correlation(batch, generator)
        return {"joint": barlow_twins(c, redundancy=self.config.redundancy) / len(c)}

    def correlation(
        self, batch: ECGBatch, generator: Generator | None = None
    ) -> Float[Tensor, "E E"]:
        """Cross-correlation of the two projections over the records of all processes.

        Features are gathered before the projectors, so that their batch norms see every record.

        Args:
            batch: needs `ecg` and `table`.
            generator: source of randomness for the crop and for hidden numbers.
        """
        batch.need("table")
        assert batch.table is not None
        ecg = gather(self.method.ecg_encoder(self.method.window(batch, generator)))
        numbers = batch.table.clone()
        if generator is not None and self.training and self.config.hide:
            chance = torch.rand(numbers.shape, generator=generator).to(numbers.device)
            numbers[chance < self.config.hide] = torch.nan
        table = self.table(gather(numbers))
        return cross_correlation(self.ecg_projector(ecg), self.table_projector(table))


class LabStage(Stage):
    """Stage 2: laboratory flags from the ECG; with `frozen` only the head learns.

    Args:
        method: its encoder and laboratory head are trained in place.
        frozen: keep the encoder as it is.

    Source: Fernandes et al. 2025 (abstract); head, loss and rates are our choice.

    Book: clinical-transfer#clinical-stages
    """

    needs = ("ecg", "labs")
    method: ClinicalTransfer

    def __init__(self, method: ClinicalTransfer, *, frozen: bool = False) -> None:
        super().__init__()
        self.method, self.config, self.frozen = method, method.config, frozen

    def objectives(self) -> list[Objective]:
        """Head at full rate, encoder slower or not at all."""
        slow = 0.0 if self.frozen else self.config.slow
        return tuned(self.method.ecg_encoder, [self.method.lab_head], slow, self.losses)

    def train(self, mode: bool = True) -> LabStage:
        """Training mode; a held encoder stays without dropout, as it will be used."""
        super().train(mode)
        if self.frozen:
            self.method.ecg_encoder.eval()
        return self

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `labs`.

        Args:
            batch: needs `ecg` and `labs`.
            generator: source of randomness for the crop.
            step: not used.
        """
        features = self.method.ecg_encoder(self.method.window(batch, generator))
        return {"labs": self.method.lab_loss(gather(features), batch)}


class Reference(Stage):
    """Diagnoses learned with supervision alone, from the table, or from ECG and table together.

    Args:
        config: sizes.
        ecg: also read the ECG: the upper reference, which needs everything at inference.

    Source: Alcaraz et al. 2024 (MDS-ED): concatenated features, one linear layer.

    Book: clinical-transfer#clinical-references
    """

    needs = ("ecg", "table", "diagnoses")
    method: ClinicalTransfer | None

    def __init__(self, config: ClinicalTransferConfig, *, ecg: bool) -> None:
        super().__init__()
        self.config, self.ecg = config, ecg
        self.method = ClinicalTransfer(config) if ecg else None
        self.table = TableEncoder(
            config.columns,
            config.categories,
            width=config.table_width,
            rates=config.table_dropout,
        )
        self.head = nn.Linear(config.table_width + ecg * config.width, config.diagnoses)

    def setup(self, data: Any, total_steps: int) -> None:
        """Learn median, mean and spread of the table from the training patients.

        Args:
            data: training patients, with `table`.
            total_steps: not used.
        """
        fit_scaler(self.table, data)

    def objectives(self) -> list[Objective]:
        """Everything but the heads of the ECG method, which are not used."""
        return [Objective(without_heads(self), self.losses)]

    def losses(
        self, batch: ECGBatch, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The term `diagnosis`.

        Args:
            batch: needs `table` and `diagnoses`, and `ecg` unless only the table is read.
            generator: source of randomness for the crop.
            step: not used.
        """
        batch.need("table", "diagnoses")
        assert batch.table is not None
        assert batch.diagnoses is not None
        parts = [self.table(gather(batch.table))]
        if self.method is not None:
            parts.append(gather(self.method.ecg_encoder(self.method.window(batch, generator))))
        logits = self.head(torch.cat(parts, 1))
        truth = gather(batch.diagnoses.to(logits))
        return {"diagnosis": masked_focal(logits, truth, gamma=self.config.gamma)}

    @torch.no_grad()
    def predict(self, batch: ECGBatch) -> Float[Tensor, "B diagnoses"]:
        """Probabilities of diagnoses.

        Args:
            batch: needs what the training needed, labels aside.
        """

        def one(part: ECGBatch) -> Tensor:
            part.need("table")
            assert part.table is not None
            features = [self.table(part.table)]
            if self.method is not None:
                features.append(self.method.features(part))
            return self.head(torch.cat(features, 1)).sigmoid()

        return torch.cat(map_batches(self, batch, one))


def projector(width: int, sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers without bias, batch norm and ReLU between them.

    Args:
        width: features that come in.
        sizes: of every layer.

    Source: Zbontar et al. 2021.

    Book: clinical-transfer#barlow-twins
    """
    layers: list[nn.Module] = []
    for before, after in zip((width, *sizes), sizes, strict=False):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


def tuned(
    encoder: nn.Module, heads: Sequence[nn.Module], slow: float, losses: Callable[..., Losses]
) -> list[Objective]:
    """Heads at full rate, the encoder at a share of it; 0 holds the encoder.

    Args:
        encoder: behind the heads.
        heads: trained at full rate.
        slow: share.
        losses: that all descend.

    Book: clinical-transfer#clinical-stages
    """
    found = [Objective([p for head in heads for p in head.parameters()], losses)]
    if slow:
        found.append(Objective(list(encoder.parameters()), losses, lr_scale=slow))
    return found


def without_heads(stage: nn.Module) -> list[nn.Parameter]:
    """Parameters of a stage that does not use the method's heads.

    Args:
        stage: holds the method.

    Book: clinical-transfer#clinical-stages
    """
    return [p for name, p in stage.named_parameters() if "_head." not in name]


def fit_scaler(table: TableEncoder, data: Any) -> None:
    """Fit the scaler of a table encoder on all training patients.

    Args:
        table: with its scaler.
        data: training patients, with `table`.

    Raises:
        InputError: they have no table, or one of another width.

    Book: clinical-transfer#clinical-table
    """
    pieces = [data[slice(k, k + PIECE)] for k in range(0, len(data), PIECE)]
    for piece in pieces:
        piece.need("table")
    numbers = torch.cat([piece.table[:, : table.scaler.columns] for piece in pieces])
    table.scaler.fit(numbers.to(table.scaler.median.device))
