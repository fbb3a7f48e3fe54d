"""A language model that writes a report while looking at memory tokens of an ECG."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from ecglearn.encoders.pretrained import (
    EMBEDDED,
    check_tokenizer,
    load_exactly,
    locate,
    not_found,
    refuse_code,
)
from ecglearn.errors import InputError, MissingGroupError

GENERATOR_FOLDER = Path(__file__).with_name("report_gpt")
CROSS = r"transformer\.h\.\d+\.(crossattention|ln_cross_attn)\..*"  # trained here, from nothing
BEGIN, PAD = "[BOS]", "[PAD]"
PIECE = 64  # reports written together
IGNORED = -100  # tokens that the loss leaves out


class GeneratorError(InputError):
    """A language model or a report that cannot be used; the message says what to do.

    Book: deri#report-writer
    """


@dataclass(frozen=True)
class ReportPairs:
    """Memory tokens of some ECGs and the reports to be written: what a writer is trained on.

    Attributes:
        memory: tokens of frozen ECGs (B, k, D).
        reports: B texts.

    Book: deri#report-writer
    """

    memory: Float[Tensor, "B K D"]
    reports: list[str]

    def __len__(self) -> int:
        return len(self.reports)

    def __getitem__(self, rows: Tensor | slice) -> ReportPairs:
        """Some of the pairs."""
        chosen = torch.arange(len(self))[rows]
        return ReportPairs(
            self.memory[chosen.to(self.memory.device)], [self.reports[i] for i in chosen.tolist()]
        )

    def to(self, device: torch.device | str) -> ReportPairs:
        """The same pairs on another device."""
        return ReportPairs(self.memory.to(device), self.reports)


class ReportGenerator(nn.Module):
    """GPT-2 with cross-attention to k memory tokens of an ECG.

    Memory tokens pass a linear layer; with k above 1 each has a learned place, so that the writer
    can tell earlier from later. Texts are `[BOS] report <end>`.

    Args:
        model: a Hugging Face GPT-2, with cross-attention unless `width` is None.
        tokenizer: its tokenizer, with tokens to begin and to pad.
        width: features D of a memory token; None makes a writer that sees no ECG.
        k: memory tokens.
        name: shown in messages.
        limit: tokens of a report, begin and end included; longer reports are cut, with a warning.

    Source: report generation of Chen et al. 2025 (DERI), which has k = 1; more tokens and their
    places are our choice.

    Book: deri#report-writer
    """

    undecayed = ("places",)

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        width: int | None,
        k: int = 1,
        name: str = "",
        limit: int = 256,
    ) -> None:
        super().__init__()
        self.model, self.tokenizer, self.k, self.name = model, tokenizer, k, name
        self.limit = min(limit, model.config.n_positions)
        features = model.config.n_embd
        self.enter = None if width is None else nn.Linear(width, features)
        self.places = None
        if width is not None and k > 1:
            self.places = nn.Parameter(0.02 * torch.randn(1, k, features))

    def losses(
        self, batch: ReportPairs, generator: Generator | None = None, step: int | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """The term `words`: mean cross-entropy of each next token, the end included.

        Args:
            batch: memory and reports.
            generator: not used; dropout draws from torch's own.
            step: not used.
        """
        ids, mask = self._ids(batch.reports)
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            use_cache=False,
            encoder_hidden_states=self._memory(batch.memory),
        )
        next_ids = ids.masked_fill(mask == 0, IGNORED)[:, 1:]
        loss = cross_entropy(out.logits[:, :-1].mT, next_ids, ignore_index=IGNORED)
        return {"words": loss}

    forward = losses

    @torch.no_grad()
    def generate(
        self,
        memory: Float[Tensor, "B K D"],
        *,
        beams: int = 1,
        sample: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
        begin: Sequence[str] | None = None,
    ) -> list[str]:
        """Reports for some ECGs, many at a time.

        Args:
            memory: memory tokens (B, k, D).
            beams: 1 takes the likeliest token each time; more keeps so many texts alive.
            sample: draw each token.
            temperature: above 1 draws more evenly.
            top_p: draw from the likeliest tokens that together have this probability.
            seed: of the drawing.
            begin: first words of each report; they may differ in length, and the limit then counts
                from the longest.

        Returns:
            B texts, the given beginnings included.
        """
        was_training = self.training
        self.eval()
        choice: dict[str, Any] = {"num_beams": beams, "do_sample": sample}
        if sample:
            choice |= {"temperature": temperature, "top_p": top_p, "top_k": 0}
        texts: list[str] = []
        with torch.random.fork_rng(), _library_quiet():
            torch.manual_seed(seed)
            for first in range(0, len(memory), PIECE):
                rows = slice(first, first + PIECE)
                texts += self._piece(memory[rows], None if begin is None else begin[rows], choice)
        self.train(was_training)
        return texts

    @torch.no_grad()
    def attention(
        self, memory: Float[Tensor, "B K D"], reports: Sequence[str]
    ) -> Float[Tensor, "B S K"]:
        """Where the writer looks at the moment it writes each token of a report.

        Args:
            memory: memory tokens.
            reports: texts that it is made to write.

        Returns:
            Shares of the memory tokens, mean over layers and heads, position as in `pieces`; rows
            sum to 1, also at padding.

        Raises:
            GeneratorError: this writer sees no ECG.
        """
        if self.enter is None:
            raise GeneratorError("this writer sees no ECG, so it looks nowhere")
        was_training = self.training
        before = self.model.config._attn_implementation
        self.eval()
        self.model.set_attn_implementation("eager")
        ids, mask = self._ids(reports)
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            use_cache=False,
            output_attentions=True,
            encoder_hidden_states=self._memory(memory),
        )
        self.model.set_attn_implementation(before)
        self.train(was_training)
        # position i of the input writes token i + 1
        return torch.stack(out.cross_attentions).mean((0, 2))[:, :-1]

    def pieces(self, report: str) -> list[str]:
        """The text pieces in the order of `attention`; a space is part of the piece after it.

        A sign outside ASCII is written in several pieces, which cannot be read one by one.

        Args:
            report: a text.
        """
        return [self.tokenizer.decode([i]) for i in self._rows([report])[0][1:]]

    def words(self, report: str) -> list[tuple[str, list[int]]]:
        """Whole words and the positions of their pieces; the end is none.

        Args:
            report: a text.
        """
        ids = self._rows([report])[0][1:-1]
        groups: list[list[int]] = []
        for position, piece in enumerate(ids):
            if groups and not self.tokenizer.decode([piece]).startswith(" "):
                groups[-1].append(position)
            else:
                groups.append([position])
        return [(self.tokenizer.decode([ids[i] for i in g]).strip(), g) for g in groups]

    def _memory(self, memory: Tensor) -> Tensor | None:
        if self.enter is None:
            return None
        if memory.shape[1] != self.k:
            raise GeneratorError(f"this writer reads {self.k} memory tokens, not {memory.shape[1]}")
        entered = self.enter(memory.to(self.enter.weight.device))
        return entered if self.places is None else entered + self.places

    def _rows(self, reports: Sequence[str]) -> list[list[int]]:
        """[BOS], pieces, end."""
        rows = self.tokenizer(list(reports), add_special_tokens=False, verbose=False)["input_ids"]
        room = self.limit - 2
        long = sum(len(row) > room for row in rows)
        if long:
            warnings.warn(
                f"{long} of {len(rows)} reports have more than {room} tokens; their ends are not "
                "learned",
                stacklevel=4,
            )
        first, last = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        return [[first, *row[:room], last] for row in rows]

    def _ids(self, reports: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Padded on the right."""
        rows = self._rows(reports)
        ids = torch.full((len(rows), max(map(len, rows))), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _piece(
        self, memory: Tensor, begin: Sequence[str] | None, choice: dict[str, Any]
    ) -> list[str]:
        rows = [row[:-1] for row in self._rows([""] * len(memory) if begin is None else begin)]
        longest = max(map(len, rows))
        # generation goes on at the right end, so beginnings are padded on the left
        ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, longest - len(row) :] = torch.tensor(row)
            mask[number, longest - len(row) :] = 1
        written = self.model.generate(
            input_ids=ids.to(self.model.device),
            attention_mask=mask.to(self.model.device),
            encoder_hidden_states=self._memory(memory),
            max_length=self.limit,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
            bos_token_id=self.tokenizer.bos_token_id,
            **choice,
        )
        return self.tokenizer.batch_decode(
            written, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )


def report_generator(
    name: str = EMBEDDED, *, width: int | None, k: int = 1, limit: int = 256
) -> ReportGenerator:
    """A pretrained language model with new cross-attention, to be trained on frozen ECG tokens.

    Args:
        name: `embedded` for the small model that comes with the library, a folder in the format of
            Hugging Face, or a name on its hub, for instance `distilgpt2`.
        width: features D of a memory token; None makes a writer that sees no ECG.
        k: memory tokens.
        limit: tokens of a report.

    Raises:
        MissingGroupError: the optional group `pretrained` is not installed.
        GeneratorError: nothing usable is found under this name, or it is no GPT-2; or its weights
            are not all there, or not all of its kind; or it asks for code of its own.

    Source: Chen et al. 2025 (DERI) add cross-attention, [BOS] and [PAD] to DistilGPT-2; the
    embedded model is ours.

    Book: deri#report-writer
    """
    try:
        from transformers import AutoConfig, AutoTokenizer, GPT2LMHeadModel
    except ImportError as error:
        raise MissingGroupError(
            'report writers need the optional group "pretrained": '
            'pip install "ecglearn[pretrained]"'
        ) from error
    place, local = locate(name, GENERATOR_FOLDER)
    try:
        with _library_quiet():
            refuse_code(place, name, GeneratorError, local=local)
            safe = {"local_files_only": local, "trust_remote_code": False}
            config = AutoConfig.from_pretrained(place, **safe)
            if config.model_type != "gpt2":
                raise GeneratorError(
                    f"'{name}' is a {config.model_type}, and writers are GPT-2 models"
                )
            config.add_cross_attention = width is not None
            tokenizer = AutoTokenizer.from_pretrained(place, **safe)
            options = {"config": config, "local_files_only": local, "new": CROSS}
            model = load_exactly(
                GPT2LMHeadModel.from_pretrained, place, name, GeneratorError, **options
            )
            check_tokenizer(tokenizer, model, name, GeneratorError)
    except GeneratorError:
        raise
    except Exception as error:  # a damaged file shows as whatever the library stumbles over
        raise GeneratorError(
            not_found("language model", name, error, instead="distilgpt2")
        ) from error
    new = {"bos_token": BEGIN, "pad_token": PAD}
    known = tokenizer.get_vocab()
    if any(token not in known for token in new.values()):
        tokenizer.add_special_tokens(new)
        with _library_quiet():
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    shown = "embedded report writer (small, ours)" if name == EMBEDDED else name
    return ReportGenerator(model, tokenizer, width=width, k=k, name=shown, limit=limit)


@contextmanager
def _library_quiet() -> Iterator[None]:
    """Without the library's remarks on new weights, which are meant, and its progress bars."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
