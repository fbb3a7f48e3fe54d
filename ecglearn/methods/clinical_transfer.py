"""Clinical transfer: an ECG encoder learns from tables and laboratory values, then works alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import lab_flags
from ecglearn.data.transforms import ecg_window
from ecglearn.distributed import gather
from ecglearn.encoders.clinical_table import TableEncoder
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.state_space import S4Encoder
from ecglearn.losses.focal import masked_focal
from ecglearn.losses.redundancy import barlow_twins, cross_correlation

Losses = dict[str, Tensor]
Steps = list[tuple[list[dict], Callable[..., Losses]]]
ORDERS = ("labs first", "diagnosis first")


@dataclass(frozen=True)
class ClinicalTransferConfig:
    """Sizes and weights; the defaults are those of the benchmark the paper builds on.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
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
            raise ValueError(f"order must be one of {', '.join(ORDERS)}; got {self.order!r}")

    @staticmethod
    def preset(name: str) -> ClinicalTransferConfig:
        """The configuration called `paper`, `class` (minutes on a laptop) or `smoke` (seconds).

        Args:
            name: one of the three.

        Raises:
            ValueError: another name.
        """
        laptop = ClinicalTransferConfig(
            width=64,
            layers=2,
            dropout=0.1,
            columns=10,
            categories=(2,),
            table_width=64,
            table_dropout=(0.1, 0.1),
            projector=(256, 256),
            redundancy=0.005,
            flags=18,
            diagnoses=9,
            slow=1.0,
        )
        presets = {
            "paper": ClinicalTransferConfig(),
            "class": laptop,
            "smoke": replace(laptop, width=16, layers=1, table_width=16, projector=(32, 32)),
        }
        if name not in presets:
            raise ValueError(f"ClinicalTransfer has the presets {', '.join(presets)}, not '{name}'")
        return presets[name]


class ClinicalTransfer(nn.Module):
    """What is left after training: ECG encoder, laboratory head, diagnosis head; no table anywhere.

    `losses` is the stage of the diagnoses; `JointEmbedding` and `LabStage` come before it.

    Args:
        config: sizes and weights.

    Source: Fernandes et al. 2025; only its abstract and secondary summaries could be read.

    Book: clinical-transfer#clinical-method
    """

    def __init__(self, config: ClinicalTransferConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = S4Encoder(
            width=config.width, layers=config.layers, states=config.states, rate=config.dropout
        )
        self.lab_head = nn.Linear(config.width, config.flags)
        self.diagnosis_head = nn.Linear(config.width, config.diagnoses)

    def steps(self) -> Steps:
        """The diagnosis stage: its head at full rate, the encoder and the other head slower."""
        heads = [self.diagnosis_head]
        if self.lab_weight:
            heads.append(self.lab_head)
        return [(tuned(self.encoder, heads, self.config.slow), self.losses)]

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The terms `diagnosis` and, unless `lab_weight` is 0, `labs`.

        Args:
            batch: needs `ecg`, `diagnoses`, and `labs` for the second term.
            generator: source of randomness for the crop.

        Raises:
            ValueError: the batch lacks a field or has another sampling rate.
        """
        batch.need("diagnoses")
        assert batch.diagnoses is not None
        features = gather(self.encoder(self.window(batch, generator)))
        truth = gather(batch.diagnoses.to(features))
        gamma, weight = self.config.gamma, self.lab_weight
        terms = {"diagnosis": masked_focal(self.diagnosis_head(features), truth, gamma=gamma)}
        if weight:
            terms["labs"] = weight * self.lab_loss(features, batch)
        return terms

    forward = losses

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
        flags = gather(lab_flags(batch.labs))
        return masked_focal(self.lab_head(features), flags, gamma=self.config.gamma)

    def window(self, batch: ECGBatch, generator: Generator | None) -> Float[Tensor, "B leads crop"]:
        """A crop of each record.

        Args:
            batch: records.
            generator: source of randomness; without one the first samples.
        """
        config = self.config
        return ecg_window(
            batch, fs=config.fs, samples=config.crop, generator=generator, augmented=False
        )[0]

    @torch.no_grad()
    def embed(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """Features of the whole record: the mean over its crops.

        Args:
            batch: needs only `ecg`.
        """
        return torch.cat(map_batches(self, batch, self.encode))

    @torch.no_grad()
    def predict(
        self, batch: ECGBatch
    ) -> tuple[Float[Tensor, "B diagnoses"], Float[Tensor, "B flags"]]:
        """Probabilities of diagnoses and of laboratory flags, mean over crops.

        Args:
            batch: needs only `ecg`.
        """

        def both(part: ECGBatch) -> Tensor:
            crops = self.encoder(self._crops(part))  # (B * crops, D)
            heads = torch.cat([self.diagnosis_head(crops), self.lab_head(crops)], 1).sigmoid()
            return heads.unflatten(0, (len(part), -1)).mean(1)

        answer = torch.cat(map_batches(self, batch, both))
        return answer[:, : self.config.diagnoses], answer[:, self.config.diagnoses :]

    @torch.no_grad()
    def local_tokens(self, batch: ECGBatch) -> tuple[Float[Tensor, "B N D"], Float[Tensor, " N"]]:
        """Features in order of time, each a mean over ten samples, and the second of its centre.

        Args:
            batch: needs only `ecg`.
        """

        def tokens(part: ECGBatch) -> Tensor:
            sequence = self.encoder.tokens(self._crops(part)).unflatten(0, (len(part), -1))
            return sequence.flatten(1, 2).unfold(1, 10, 10).mean(-1)

        found = torch.cat(map_batches(self, batch, tokens))
        return found, (torch.arange(found.shape[1]) + 0.5) * 10 / self.config.fs

    def encode(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """`embed` of a few records, with gradient and in the present mode.

        Args:
            batch: needs only `ecg`.
        """
        return self.encoder(self._crops(batch)).unflatten(0, (len(batch), -1)).mean(1)

    def _crops(self, batch: ECGBatch) -> Tensor:
        signal = batch.signal(self.config.fs, self.config.samples)
        whole = self.config.samples // self.config.crop * self.config.crop
        crops = signal[..., :whole].unflatten(2, (-1, self.config.crop))
        return crops.transpose(1, 2).flatten(0, 1)


class JointEmbedding(nn.Module):
    """Stage 1: ECG and table of a patient should say the same; Barlow Twins, without labels.

    Args:
        method: its encoder is trained in place.

    Source: Fernandes et al. 2025, as reported in a secondary summary.

    Book: clinical-transfer#clinical-stages
    """

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
        self.ecg_projector = projector(config.width, config.projector)
        self.table_projector = projector(config.table_width, config.projector)

    def steps(self) -> Steps:
        """ECG encoder, table encoder and projectors; no head."""
        self.requires_grad_(True)
        trained = [p for name, p in self.named_parameters() if "_head." not in name]
        for head in (self.method.lab_head, self.method.diagnosis_head):
            head.requires_grad_(False)
        return [([{"params": trained}], self.losses)]

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The term `joint`, divided by E so that sizes compare.

        Args:
            batch: needs `ecg` and `table`.
            generator: source of randomness for the crop and for hidden numbers.
        """
        c = self.correlation(batch, generator)
        return {"joint": barlow_twins(c, redundancy=self.config.redundancy) / len(c)}

    forward = losses

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
        ecg = gather(self.method.encoder(self.method.window(batch, generator)))
        numbers = batch.table.clone()
        if generator is not None and self.training and self.config.hide:
            chance = torch.rand(numbers.shape, generator=generator).to(numbers.device)
            numbers[chance < self.config.hide] = torch.nan
        table = self.table(gather(numbers))
        return cross_correlation(self.ecg_projector(ecg), self.table_projector(table))


class LabStage(nn.Module):
    """Stage 2: laboratory flags from the ECG; with `frozen` only the head learns.

    Args:
        method: its encoder and laboratory head are trained in place.
        frozen: keep the encoder as it is.

    Source: Fernandes et al. 2025 (abstract); head, loss and rates are our choice.

    Book: clinical-transfer#clinical-stages
    """

    def __init__(self, method: ClinicalTransfer, *, frozen: bool = False) -> None:
        super().__init__()
        self.method, self.config, self.frozen = method, method.config, frozen

    def steps(self) -> Steps:
        """Head at full rate, encoder slower or not at all."""
        method = self.method
        slow = 0.0 if self.frozen else self.config.slow
        method.diagnosis_head.requires_grad_(False)
        return [(tuned(method.encoder, [method.lab_head], slow), self.losses)]

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The term `labs`.

        Args:
            batch: needs `ecg` and `labs`.
            generator: source of randomness for the crop.
        """
        if self.frozen:
            self.method.encoder.eval()  # without dropout, as it will be used
        features = self.method.encoder(self.method.window(batch, generator))
        return {"labs": self.method.lab_loss(gather(features), batch)}

    forward = losses


class Reference(nn.Module):
    """Diagnoses learned with supervision alone, from the table, or from ECG and table together.

    Args:
        config: sizes.
        ecg: also read the ECG: the upper reference, which needs everything at inference.

    Source: Alcaraz et al. 2024 (MDS-ED): concatenated features, one linear layer.

    Book: clinical-transfer#clinical-references
    """

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

    def steps(self) -> Steps:
        """Everything but the heads of the ECG method, which are not used."""
        trained = [p for name, p in self.named_parameters() if "_head." not in name]
        return [([{"params": trained}], self.losses)]

    def losses(self, batch: ECGBatch, generator: Generator | None = None) -> Losses:
        """The term `diagnosis`.

        Args:
            batch: needs `table` and `diagnoses`, and `ecg` unless only the table is read.
            generator: source of randomness for the crop.
        """
        batch.need("table", "diagnoses")
        assert batch.table is not None
        assert batch.diagnoses is not None
        parts = [self.table(gather(batch.table))]
        if self.method is not None:
            parts.append(gather(self.method.encoder(self.method.window(batch, generator))))
        logits = self.head(torch.cat(parts, 1))
        truth = gather(batch.diagnoses.to(logits))
        return {"diagnosis": masked_focal(logits, truth, gamma=self.config.gamma)}

    forward = losses

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
                features.append(self.method.encode(part))
            return self.head(torch.cat(features, 1)).sigmoid()

        return torch.cat(map_batches(self, batch, one))


def stages(method: ClinicalTransfer) -> list[tuple[str, nn.Module]]:
    """The three stages by name, each a module for `fit`, in the order of the configuration.

    "labs first": pairs, laboratory flags, diagnoses with a little of the laboratory loss.
    "diagnosis first": pairs, diagnoses, then the laboratory head on the frozen encoder, an
    explanation after the fact. Neither reading of the paper could be confirmed.

    Args:
        method: trained in place; fit the scaler of the first stage's table before.

    Book: clinical-transfer#clinical-stages
    """
    joint = ("joint", JointEmbedding(method))
    if method.config.order == "labs first":
        return [joint, ("labs", LabStage(method)), ("diagnosis", method)]
    return [joint, ("diagnosis", method), ("labs", LabStage(method, frozen=True))]


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


def tuned(encoder: nn.Module, heads: Sequence[nn.Module], slow: float) -> list[dict]:
    """Parameter groups: heads at full rate, the encoder at a share of it; 0 freezes the encoder.

    Args:
        encoder: behind the heads.
        heads: trained at full rate.
        slow: share.

    Book: clinical-transfer#clinical-stages
    """
    for head in heads:
        head.requires_grad_(True)
    encoder.requires_grad_(slow > 0)
    groups: list[dict] = [{"params": [p for head in heads for p in head.parameters()]}]
    if slow:
        groups.append({"params": list(encoder.parameters()), "lr_scale": slow})
    return groups
