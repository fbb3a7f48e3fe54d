"""Reports to tokens with a frozen BERT; every distinct report is encoded once."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ecglearn.encoders.pretrained import (
    EMBEDDED,
    MED_CPT,
    READS,
    check_tokenizer,
    german,
    load_exactly,
    locate,
    not_found,
    refuse_code,
)
from ecglearn.encoders.shelf import Arena, Packed, Shelf
from ecglearn.errors import InputError, MissingGroupError

EMBEDDED_FOLDER = Path(__file__).with_name("report_bert")
LIMIT = 256  # tokens of a report
MEMORY = 2 * 10**9  # bytes of encoded reports that are kept: about 12,000 of 50 words at width 768
# a report, to how many positions it is padded, and whether its words are kept or its vector alone
Asked = tuple[str, int | None, bool]
BUCKET = 64  # reports of similar length that are encoded together


class ReportError(InputError):
    """A report or a text model that cannot be used; the message says what to do.

    Book: tamer#text-side
    """


class EncodedReports(NamedTuple):
    """What a frozen text model says about some reports, padded to the longest of them.

    Attributes:
        tokens: last hidden layer (B, S, W); position 0 is [CLS]. At padding it is 0, or what the
            model says there when it was asked to pad.
        mask: which positions are words (B, S): not [CLS], [SEP] or padding.
        cls_attention: attention that [CLS] pays to each word, last layer, mean over heads (B, S); 0
            elsewhere.
        pooled: the model's own vector of a report, [CLS] through its pooler; None if it has none.

    Book: tamer#text-side
    """

    tokens: Float[Tensor, "B S W"]
    mask: Bool[Tensor, "B S"]
    cls_attention: Float[Tensor, "B S"]
    pooled: Float[Tensor, "B W"] | None = None

    def mean(self) -> Float[Tensor, "B W"]:
        """The mean of the words of each report."""
        words = self.mask[..., None].to(self.tokens)
        return (self.tokens * words).sum(1) / words.sum(1).clamp_min(1)

    def to(self, device: torch.device | str) -> EncodedReports:
        """The same on another device.

        Args:
            device: where to.
        """
        pooled = None if self.pooled is None else self.pooled.to(device)
        tokens, mask, weights = (part.to(device) for part in self[:3])
        return EncodedReports(tokens, mask, weights, pooled)


class TextEncoder:
    """A frozen BERT and its tokenizer, with a memory of what it has read.

    It is no `torch.nn.Module`: its weights are not trained and do not belong into checkpoints. It
    always runs without dropout, so that its answers can be kept.

    Args:
        model: a Hugging Face BERT that returns attentions.
        tokenizer: the tokenizer that belongs to it.
        name: shown in messages and figures.
        reads: languages that it was trained on, where they are known; a warning says when it meets
            German and does not read it.
        limit: tokens of a report, [CLS] and [SEP] included; longer reports are cut, with a warning.
        memory: bytes of encoded reports to keep; when there are more, those that were asked for
            longest ago are forgotten and read again when needed, or go to `shelf`. The reports of
            one call are always kept, however many.

    Attributes:
        shelf: where reports go that memory has no room for; None forgets them.

    Book: tamer#text-side
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        reads: Sequence[str] | None = None,
        limit: int = LIMIT,
        memory: int = MEMORY,
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer, self.name, self.reads = tokenizer, name, tuple(reads or ())
        self.limit = min(limit, model.config.max_position_embeddings)
        self.width: int = model.config.hidden_size
        self.encoded = 0  # reports that went through the model
        self.memory, self.held = memory, 0
        self._known: dict[Asked, Packed] = {}  # longest unasked first
        self._arena = Arena()
        self.shelf: Shelf | None = None
        self._warned = False

    def encode(self, reports: Sequence[str], *, pad_to: int | None = None) -> EncodedReports:
        """Tokens, word mask, attention of [CLS] and pooled vector.

        Args:
            reports: B texts.
            pad_to: let the model read so many positions of each report, padding included, which it
                does not attend to but says something about; None reads words only.

        Raises:
            ReportError: a report has no word.
        """
        parts = self._parts(reports, pad_to, words=True)
        longest = max(len(part[0]) for part in parts)
        tokens = parts[0][0].new_zeros(len(parts), longest, self.width)
        mask = torch.zeros(len(parts), longest, dtype=torch.bool)
        attention = tokens.new_zeros(len(parts), longest)
        for row, (hidden, words, weight, *_) in enumerate(parts):
            tokens[row, : len(hidden)] = hidden
            mask[row, : len(hidden)] = words
            attention[row, : len(hidden)] = weight
        pooled = torch.stack([part[3] for part in parts]) if len(parts[0]) > 3 else None
        return EncodedReports(tokens, mask, attention, pooled)

    def vectors(
        self, reports: Sequence[str], *, pad_to: int | None = None
    ) -> tuple[Float[Tensor, "B W"], Float[Tensor, "B W"] | None]:
        """The mean of the words and the pooled vector alone: a fiftieth of what the words take.

        Args:
            reports: B texts.
            pad_to: see `encode`.

        Raises:
            ReportError: a report has no word.
        """
        parts = self._parts(reports, pad_to, words=False)
        pooled = torch.stack([part[1] for part in parts]) if len(parts[0]) > 1 else None
        return torch.stack([part[0] for part in parts]), pooled

    def _parts(
        self, reports: Sequence[str], pad_to: int | None, *, words: bool
    ) -> list[tuple[Tensor, ...]]:
        """What is known of each report, after the model has read those that were not."""
        for number, text in enumerate(reports):
            if not text.strip():
                raise ReportError(
                    f"report {number} of {len(reports)} is empty: leave such records out, an empty "
                    "text would match every other empty one"
                )
        asked = dict.fromkeys((text, pad_to, words) for text in reports)
        for key in asked:
            if key in self._known:
                self._known[key] = self._known.pop(key)
            elif self.shelf is not None and key in self.shelf:
                numbers, (count, kept) = self.shelf.get(key)
                self._keep(key, numbers, int(count), int(kept))
        self._read([key for key in asked if key not in self._known], asked)
        return [self._unpacked(self._known[text, pad_to, words], words) for text in reports]

    def _keep(self, key: Asked, numbers: Tensor, count: int, kept: int) -> None:
        packed = self._known[key] = Packed(self._arena.put(numbers), count, kept)
        self.held += packed.numbers.nbytes

    def _unpacked(self, packed: Packed, whole: bool) -> tuple[Tensor, ...]:
        """Tokens, words, attention and pooled vector; or mean and pooled vector."""
        numbers, count, width = torch.from_numpy(packed.numbers), packed.positions, self.width
        if not whole:
            return numbers.split(width)
        words = torch.zeros(count, dtype=torch.bool)
        words[1 : packed.kept - 1] = True
        tokens, weights, *pooled = numbers.split(
            [count * width, count, *[width] * (len(numbers) > count * (width + 1))]
        )
        return tokens.view(count, width), words, weights, *pooled

    def forget(self) -> None:
        """Forget all reports; `encode` reads them again."""
        self._known.clear()
        self._arena = Arena()
        self.held = 0

    def pieces(self, report: str) -> list[str]:
        """The text pieces at the positions of `encode`; pieces inside a word begin with ##.

        Args:
            report: a text.
        """
        kept = self.tokenizer(report, truncation=True, max_length=self.limit)["input_ids"]
        return self.tokenizer.convert_ids_to_tokens(kept)

    def words(self, report: str) -> list[tuple[str, list[int]]]:
        """Whole words and the positions of their pieces, without [CLS] and [SEP].

        Args:
            report: a text.
        """
        found: list[tuple[str, list[int]]] = []
        for position, piece in enumerate(self.pieces(report)[1:-1], start=1):
            if piece.startswith("##") and found:
                word, positions = found[-1]
                found[-1] = (word + piece[2:], [*positions, position])
            else:
                found.append((piece, [position]))
        return found

    def to(self, device: torch.device | str) -> TextEncoder:
        """Run the model on another device; what it said stays in main memory.

        Args:
            device: where to.
        """
        self.model.to(device)
        return self

    @property
    def parameters(self) -> int:
        """How many parameters the frozen model has."""
        return sum(p.numel() for p in self.model.parameters())

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of its weights and of its words; any other model has another."""
        made = hashlib.sha256(json.dumps(sorted(self.tokenizer.get_vocab().items())).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            made.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            made.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return made.hexdigest()[:16]

    def _warn_of_german(self, reports: list[str]) -> None:
        if self._warned or not self.reads or "German" in self.reads:
            return
        if found := sum(map(german, reports)):
            self._warned = True
            others = ", ".join(name for name, known in READS.items() if "German" in known)
            warnings.warn(
                f"{found} of {len(reports)} reports are German, and {self.name} reads "
                f"{' and '.join(self.reads)}: what it says of them means little; name a text model "
                f"that reads German ({others}, or a folder)",
                stacklevel=4,
            )

    @torch.no_grad()
    def _read(self, keys: list[Asked], asked: Collection[Asked]) -> None:
        if not keys:
            self._make_room(asked)
            return
        reports, (_, pad_to, whole) = [key[0] for key in keys], keys[0]
        self._warn_of_german(reports)
        ids = self.tokenizer(reports, add_special_tokens=False, verbose=False)["input_ids"]
        room = self.limit - 2
        long = sum(len(row) > room for row in ids)
        if long:
            warnings.warn(
                f"{long} of {len(reports)} reports have more than {room} tokens; their ends are "
                "not read",
                stacklevel=3,
            )
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        order = sorted(range(len(reports)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), BUCKET):
            rows = order[start : start + BUCKET]
            kept = [[first, *ids[i][:room], last] for i in rows]
            longest = max(max(map(len, kept)), min(pad_to or 0, self.limit))
            padded = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
            seen = torch.zeros(len(rows), longest, dtype=torch.int64)
            for row, line in enumerate(kept):
                padded[row, : len(line)] = torch.tensor(line)
                seen[row, : len(line)] = 1
            device = self.model.device
            out = self.model(
                input_ids=padded.to(device), attention_mask=seen.to(device), output_attentions=True
            )
            weights = out.attentions[-1].mean(1)[:, 0].cpu()
            hidden = out.last_hidden_state.cpu()
            pooled = getattr(out, "pooler_output", None)
            pooled = None if pooled is None else pooled.cpu()
            for row, (i, line) in enumerate(zip(rows, kept, strict=True)):
                count = len(line) if pad_to is None else longest
                words = torch.zeros(count, dtype=torch.bool)
                words[1 : len(line) - 1] = True
                if whole:
                    parts = [hidden[row, :count].reshape(-1), weights[row, :count] * words]
                else:  # as EncodedReports.mean, of this report alone
                    seen_words = hidden[row, :count] * words[:, None].to(hidden)
                    parts = [seen_words.sum(0) / words.sum().clamp_min(1)]
                if pooled is not None:
                    parts.append(pooled[row])
                self._keep(keys[i], torch.cat(parts).float(), count, len(line))
            self._make_room(asked)
        self.encoded += len(reports)

    def _make_room(self, asked: Collection[Asked]) -> None:
        """Forget what was asked for longest ago; what is asked for now stands at the end."""
        while self.held > self.memory and (oldest := next(iter(self._known))) not in asked:
            packed = self._known.pop(oldest)
            self.held -= packed.numbers.nbytes
            if self.shelf is not None:
                sizes = torch.tensor([packed.positions, packed.kept])
                self.shelf.put(oldest, (torch.from_numpy(packed.numbers), sizes))


@cache
def text_encoder(name: str = EMBEDDED, *, limit: int = LIMIT, memory: int = MEMORY) -> TextEncoder:
    """Load a frozen text model; the same name gives the same object, with its memory.

    The embedded model and MedCPT read English; which others are known to read German, `READS` says.

    Args:
        name: `embedded` for the small model that comes with the library, a folder in the format of
            Hugging Face, or a name on its hub.
        limit: tokens of a report.
        memory: bytes of encoded reports to keep, as for `TextEncoder`.

    Raises:
        MissingGroupError: the optional group `pretrained` is not installed.
        ReportError: nothing usable is found under this name; or its weights are not all there, or
            not all of its kind; or it asks for code of its own.

    Source: Zhou et al. 2026 (TAMER) uses MedCPT, frozen; the embedded model is ours.

    Book: tamer#text-side
    """
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise MissingGroupError(
            'report encoders need the optional group "pretrained": '
            'pip install "ecglearn[pretrained]"'
        ) from error
    logging.disable_progress_bar()
    place, local = locate(name, EMBEDDED_FOLDER)
    try:
        refuse_code(place, name, ReportError, local=local)
        tokenizer = AutoTokenizer.from_pretrained(
            place, local_files_only=local, trust_remote_code=False
        )
        # only the eager implementation returns attentions
        options = {"attn_implementation": "eager", "local_files_only": local}
        model = load_exactly(AutoModel.from_pretrained, place, name, ReportError, **options)
        check_tokenizer(tokenizer, model, name, ReportError)
    except ReportError:
        raise
    except Exception as error:  # a damaged file shows as whatever the library stumbles over
        raise ReportError(not_found("text model", name, error, instead=MED_CPT)) from error
    shown = "embedded report model (small, ours)" if name == EMBEDDED else name
    reads = READS.get(name)
    return TextEncoder(model, tokenizer, name=shown, reads=reads, limit=limit, memory=memory)


def bert_parameters() -> int:
    """How many parameters a BERT-base has, as MedCPT: counted without making any weight.

    Book: tamer#tamer-sizes
    """
    from transformers import BertConfig, BertModel

    with torch.device("meta"):
        return sum(p.numel() for p in BertModel(BertConfig()).parameters())
