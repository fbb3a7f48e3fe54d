"""The contract of a method: what training, evaluation, the commands and the book ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from ecglearn.checkpoint import CheckpointError, load_weights
from ecglearn.checkpoint import load as load_tensors
from ecglearn.checkpoint import save as save_tensors
from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import Preprocess
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.own_encoder import own_encoder, renewed
from ecglearn.encoders.text_encoder import bert_parameters
from ecglearn.encoders.text_tower import TextTower, same_reports
from ecglearn.errors import InputError
from ecglearn.hub.shared import Shared
from ecglearn.metadata import Description, described
from ecglearn.ranges import check_fields
from ecglearn.recipe import Recipe
from ecglearn.released import Layout, read_state_dict, translate

if TYPE_CHECKING:
    from typing import Self
else:
    Self = Any  # the checker of shapes sees methods without their class

Losses = dict[str, Tensor]
Basis = Literal["read in full", "from public code", "from secondary sources", "reconstructed"]
T = TypeVar("T")
REGISTERED: dict[str, type[Method]] = {}  # by name


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"


def _tuples(value: Any) -> Any:
    """Lists, as JSON has them, as tuples."""
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Config:
    """Sizes and weights of a method; a preset is a name for some changed fields.

    Attributes:
        fs: ECG rate in hertz.
        samples: length of a record.
        preprocess: of the ECG: "standard", filtered and z-scored; or "minmax", unfiltered and
            scaled to [0, 1], as the public code of MERL and DERI reads it.

    Book: five-methods#contract
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "class": {}, "smoke": {}}

    fs: float = 500
    samples: int = 5000
    preprocess: Preprocess = "standard"

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """The configuration called `paper`, `class` (minutes on a laptop) or `smoke` (seconds).

        Args:
            name: one of `PRESETS`.
            **changes: fields that differ from it.

        Raises:
            InputError: another name, or no such field.
        """
        if name not in cls.PRESETS:
            method = cls.__name__.removesuffix("Config")
            raise InputError(f"{method} has the presets {', '.join(cls.PRESETS)}, not '{name}'")
        return cls.from_dict({**cls.PRESETS[name], **changes})

    def to_dict(self) -> dict[str, Any]:
        """Field to value, as `from_dict` reads it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from its fields; lists, as JSON has them, become tuples.

        Args:
            values: field to value; what is absent keeps its default.

        Raises:
            InputError: there is no such field, or it cannot have this value.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(
                f"{cls.__name__} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}"
            )
        plain: dict[str, Any] = {
            name: value.item() if isinstance(value, np.generic) else _tuples(value)
            for name, value in values.items()
        }
        check_fields(cls, plain)
        return cls(**plain)

    def for_data(self, some: ECGBatch) -> Self:
        """The same with the sizes that only the data can tell; here none.

        Args:
            some: a few of the records that the method will be trained on.
        """
        return self


class Weights(Description, extra="allow"):
    """What `Method.save` says about weights; callers of it may add what they like.

    Attributes:
        method: its name.
        config: field to value.
        encoder: module and name of an encoder that was given to the method; empty for its own.

    Book: five-methods#contract
    """

    method: str
    config: dict[str, Any]
    encoder: str = ""


class Objective(NamedTuple):
    """Parameters that descend the sum of some losses.

    Objectives with the same `losses` share a step; others take turns within each batch.

    Attributes:
        parameters: trained; what no objective of a stage names is held.
        losses: from (batch, generator, step) to named terms, already weighted.
        lr_scale: learning rate over that of the run.
        weight_decay: of matrices; None takes that of the run.

    Book: five-methods#contract
    """

    parameters: Sequence[nn.Parameter]
    losses: Callable[..., Losses]
    lr_scale: float = 1.0
    weight_decay: float | None = None


class Stage(nn.Module, ABC):
    """Anything that `ecglearn.train.fit` trains: a method, or one of its stages.

    Attributes:
        config: sizes and weights.
        needs: fields of `ECGBatch` that its losses read.

    Book: five-methods#contract
    """

    config: Any = None
    needs: tuple[str, ...] = ("ecg",)

    def setup(self, data: Any, total_steps: int) -> None:
        """Learn from the training data what must be known before the first step.

        Called once by `fit`, before a checkpoint is restored. Here: nothing.

        Args:
            data: training records.
            total_steps: of the run.
        """

    @abstractmethod
    def losses(
        self, batch: Any, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """Named terms, already weighted; nothing is changed.

        Args:
            batch: records with the fields in `needs`.
            generator: source of randomness; None draws nothing.
            step: number of the training step; None: as at the end of training.
        """

    def forward(
        self, batch: Any, generator: Generator | None = None, step: int | None = None
    ) -> Losses:
        """The losses, so that DistributedDataParallel can wrap the module."""
        return self.losses(batch, generator, step)

    def objectives(self) -> list[Objective]:
        """What is trained by which losses: everything by `losses`. Pure; read once by `fit`."""
        return [Objective(list(self.parameters()), self.losses)]


class Method(Stage, Shared):
    """A way to learn from ECGs and their companions; afterwards it needs the ECG alone.

    Attributes:
        name: in commands and files: lower case, with hyphens.
        title: in tables and figures.
        citation: BibTeX entry of the paper.
        basis: how the paper could be read.
        config_class: its configuration.
        recipes: preset to how it is trained, one recipe for each stage; a preset without takes
            those of `class`.
        released: how the public code of the paper names its tensors, where there is any.
        ecg_encoder: reads the ECG; what remains when a method is only used.
        about: what else the file said that the weights are from; empty again once they are trained.

    Args:
        config: sizes and weights.
        encoder: an ECG encoder instead of the method's own, see `ecglearn.abilities.ECGEncoder`; or
            a class or function without arguments that makes it.

    Book: five-methods#contract
    """

    name: ClassVar[str]
    title: ClassVar[str]
    citation: ClassVar[str]
    basis: ClassVar[Basis] = "reconstructed"
    config_class: ClassVar[type[Config]]
    recipes: ClassVar[Mapping[str, tuple[Recipe, ...]]] = {
        "class": (Recipe(9, 64),),
        "smoke": (Recipe(2, 32),),
    }
    released: ClassVar[Layout | None] = None
    ecg_encoder: Any

    def __init__(self, config: Any, encoder: Any = None) -> None:
        super().__init__()
        check_fields(type(config), config.to_dict())
        self.config = config
        self.about: dict[str, Any] = {}
        # in a tuple, or a module would be a part of the method
        self._given = (encoder,)

    def own_encoder(self, samples: int | None = None) -> Any:
        """The encoder that was given to the method, checked; None where it makes its own.

        Args:
            samples: length that it reads; None takes that of the records.

        Raises:
            InputError: it does not keep the promises of `ecglearn.abilities.ECGEncoder`.
        """
        given = self._given[0]
        if given is None:
            return None
        return own_encoder(given, samples or self.config.samples, self.config.fs)

    def fresh(self) -> Self:
        """Another method of the same kind that has learned nothing; an own encoder begins anew too.

        Raises:
            InputError: the encoder that was given cannot begin anew.
        """
        given = self._given[0]
        if given is None:
            return type(self)(self.config)
        return type(self)(self.config, encoder=renewed(given))

    @abstractmethod
    def features(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """Vectors of a few records, with gradient and in the present mode.

        Args:
            batch: needs only `ecg`.
        """

    @torch.no_grad()
    def embed(self, batch: ECGBatch) -> Float[Tensor, "B D"]:
        """Vectors of any number of records: `features` piece by piece, in evaluation mode.

        Under `torch.autocast` matrix products are in half precision, statistics and transforms are
        not.

        Args:
            batch: needs only `ecg`.

        Raises:
            InputError: the weights themselves are in half precision.
        """
        if (kind := next(self.parameters()).dtype) in (torch.float16, torch.bfloat16):
            raise InputError(
                f"the weights of {self.title} are {kind}, in which its statistics and transforms "
                f"cannot be computed: call method.float(), and embed under torch.autocast(device, "
                f"{kind})"
            )
        return torch.cat(map_batches(self, batch, self.features))

    def stages(self) -> list[tuple[str, Stage]]:
        """What is trained one after the other, by name; each trains this method in place."""
        return [("joint", self)]

    @classmethod
    def recipe(cls, preset: str) -> tuple[Recipe, ...]:
        """How each stage is trained under a preset.

        Args:
            preset: its name.
        """
        return cls.recipes.get(preset, cls.recipes["class"])

    def save(self, path: str | Path, **about: Any) -> None:
        """Write weights with all that is needed to use them.

        Args:
            path: file to write.
            **about: anything else worth knowing, as JSON can hold it.
        """
        known = {"method": self.name, "config": self.config.to_dict()}
        if (given := self._given[0]) is not None:
            maker = type(given) if isinstance(given, nn.Module) else given
            known["encoder"] = f"{maker.__module__}:{maker.__qualname__}"
        save_tensors(path, self.state_dict(), about=self.about | known | about)

    @classmethod
    def load(cls, path: str | Path, *, encoder: Any = None) -> Self:
        """A method in evaluation mode from a file that `save` wrote.

        Args:
            path: the file, or the folder that `save_pretrained` wrote.
            encoder: that was given to the method, or what makes it; a file holds no code.

        Raises:
            CheckpointError: absent, damaged, of another method, of another version, or trained with
                an encoder of somebody's own that is not given.
        """
        tensors, about = load_tensors(path)
        known = described(Weights, about, path, CheckpointError)
        if known.method != cls.name:
            raise CheckpointError(
                f"{path} holds {known.method}, not {cls.name}; use ecglearn.load, or give another "
                "file"
            )
        if known.encoder and encoder is None:
            raise CheckpointError(
                f"{path} was trained with an encoder of its user's own, {known.encoder}: give it, "
                "as `encoder=` or on the command line as --own.encoder MODULE:CLASS"
            )
        own = {} if encoder is None else {"encoder": encoder}
        try:
            method = cls(cls.config_class.from_dict(known.config), **own)
        except Exception as error:  # sizes that do not go together show where they meet
            said = " ".join(str(error).split())[:500]
            raise CheckpointError(
                f"{path} has a configuration that this version does not know ({said}); train "
                "again, or use the version that wrote it"
            ) from error
        load_weights(method, tensors, source=path)
        method.about = {k: v for k, v in about.items() if k not in Weights.model_fields}
        return method.eval()

    @classmethod
    def load_released(cls, path: str | Path, **changes: Any) -> Self:
        """A method in evaluation mode from a file that the public code of its paper wrote.

        See `ecglearn.load_released`.

        Args:
            path: the file.
            **changes: fields of the configuration that a file cannot tell.

        Raises:
            CheckpointError: unreadable, or tensors are missing, left over or of another shape.
            InputError: no public weights of this method are known, or it has a network that is not
                in this library.
        """
        if cls.released is None:
            raise InputError(f"no public code of {cls.title} is known whose weights could be read")
        found = read_state_dict(path)
        try:
            sizes = cls.released.configure(found)
        except KeyError as error:
            raise CheckpointError(
                f"{path} is no checkpoint of {cls.title}: it has no {error.args[0]}; it has "
                f"{_listed(sorted(found))}"
            ) from error
        method = cls(cls.config_class.preset("released", **{**sizes, **changes}))
        ours, missing, left = translate(list(method.state_dict()), found, cls.released)
        if missing or left:
            raise CheckpointError(
                f"{path} does not have the layout of {cls.title}. Missing: {_listed(missing)}. "
                f"Left over: {_listed(left)}."
            )
        load_weights(method, ours, source=path)
        return method.eval()


class ReportMethod(Method):
    """A method that reads reports: a frozen text model with a trained head beside the ECG.

    Attributes:
        text: the text side; its frozen model is loaded at the first use.

    Book: tamer#text-side
    """

    needs = ("ecg", "reports")
    text: TextTower

    @torch.no_grad()
    def embed_text(self, texts: str | Sequence[str]) -> Float[Tensor, "C D"]:
        """The vectors of reports or prompts.

        Args:
            texts: C of them; a lone one is one text.
        """
        return self.text.read(texts)

    def save(self, path: str | Path, **about: Any) -> None:
        """Write weights, and which text model their head belongs to.

        Args:
            path: file to write.
            **about: see `Method.save`.
        """
        known = self.text.known_fingerprint()
        super().save(path, **({"text_model": known} if known else {}), **about)

    @classmethod
    def load(cls, path: str | Path, *, encoder: Any = None) -> Self:
        """See `Method.load`; another text model than that of the training is refused when used.

        Args:
            path: see `Method.load`.
            encoder: see `Method.load`.
        """
        method = super().load(path, encoder=encoder)
        method.text.fingerprint = str(method.about.pop("text_model", ""))
        return method

    def reports(self, batch: ECGBatch) -> list[str]:
        """The reports of a batch.

        Args:
            batch: records.

        Raises:
            InputError: it has none, or one of them is empty; names the record.
        """
        batch.need("reports")
        assert batch.reports is not None
        empty = [row for row, text in enumerate(batch.reports) if not text.strip()]
        if empty:
            raise InputError(
                f"{batch.called(empty[0])} has no report ({len(empty)} of {len(batch)} records "
                "here): leave such records out, a store's by `with_reports()`"
            )
        return batch.reports

    def same_report(self, batch: ECGBatch) -> Bool[Tensor, "N N"]:
        """Pairs of records, of all processes, with the very same report.

        Args:
            batch: records of this process, with reports.
        """
        return same_reports(self.reports(batch), batch.ecg.device)

    @classmethod
    def parameter_counts(cls, config: Any) -> dict[str, int]:
        """Parameters of the trained part and of the text model, without loading or making any.

        The text model is counted as a BERT-base, whatever the configuration names.

        Args:
            config: sizes.
        """
        with torch.device("meta"):
            trained = sum(p.numel() for p in cls(config).parameters())
        text = bert_parameters()
        return {"trained": trained, "text": text, "total": trained + text}


def register(cls: T) -> T:
    """Make a method known under its `name`; use it as a decorator.

    Args:
        cls: a method that says what the contract asks for.

    Raises:
        InputError: something is not said, or the name is taken.

    Book: five-methods#contract
    """
    kind: Any = cls
    absent = [a for a in ("name", "title", "citation", "config_class") if not hasattr(kind, a)]
    if absent:
        raise InputError(f"{kind.__name__} does not say its {', '.join(absent)}")
    other = REGISTERED.get(kind.name)
    here = kind.__module__, kind.__qualname__
    if other is not None and (other.__module__, other.__qualname__) != here:
        raise InputError(
            f"a method {kind.name!r} is there already ({other.__module__}); take another name"
        )
    REGISTERED[kind.name] = kind
    return cls
