"""Make the embedded report model: `python results/report_bert.py`.

A WordPiece vocabulary and a BERT of two layers, trained to fill in hidden words of simulated
reports. It has read no report of a person. The seeds of its patients are used nowhere else.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ecglearn.cohort.findings import grade
from ecglearn.cohort.heart import draw_beat
from ecglearn.cohort.physiology import derive, draw_latents
from ecglearn.cohort.reports import write_reports
from ecglearn.encoders.text_encoder import EMBEDDED_FOLDER

PATIENTS, SEED, STEPS, BATCH, HIDDEN_SHARE = 8192, 90_001, 3000, 64, 0.2
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(code) for code in range(33, 127) if not chr(code).isupper()] + ["ß"]


def reports(n: int, seed: int) -> list[str]:
    """Reports of simulated patients, without their signals and images."""
    p = derive(draw_latents(n, seed=seed))
    return write_reports(p, grade(p, draw_beat(p, seed=seed)), seed=seed)


def train_tokenizer(texts: list[str]) -> BertTokenizer:
    """Our own vocabulary: every sign, and the words and word pieces of the reports."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=700,
        min_frequency=2,
        special_tokens=SPECIAL,
        initial_alphabet=LETTERS,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    # every sign also inside a word, so that unknown words fall apart instead of vanishing
    inside = [f"{a}{b}" for a in LETTERS for b in LETTERS if a.isalnum() and b.isalnum()]
    tokenizer.train_from_iterator([*texts, *inside * 2], trainer)
    words = tokenizer.get_vocab()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, words[name]) for name in ("[CLS]", "[SEP]")],
    )
    return BertTokenizer(tokenizer_object=tokenizer, model_max_length=256)


def pretrain(tokenizer: BertTokenizer, texts: list[str]) -> tuple[BertModel, float]:
    """Fill in hidden words; returns the model and the share it gets right on new reports."""
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=256,
        type_vocab_size=1,
    )
    model = BertForMaskedLM(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=STEPS, pct_start=0.1)
    rows = [tokenizer(text, truncation=True, max_length=256)["input_ids"] for text in texts]
    for _ in range(STEPS):
        chosen = [rows[i] for i in torch.randint(len(rows), (BATCH,)).tolist()]
        loss, _ = _masked(model, chosen)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    model.eval()
    fresh = [tokenizer(text)["input_ids"] for text in reports(512, SEED + 1)]
    with torch.no_grad():
        right = _masked(model, fresh)[1]
    base = BertModel(config)
    base.load_state_dict(model.bert.state_dict(), strict=False)
    return base, right


def _masked(model: BertForMaskedLM, rows: list[list[int]]) -> tuple[torch.Tensor, float]:
    longest = max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    hidden = (torch.rand(ids.shape) < HIDDEN_SHARE) & (ids >= len(SPECIAL))
    shown = ids.masked_fill(hidden, SPECIAL.index("[MASK]"))
    logits = model(input_ids=shown, attention_mask=(ids > 0).long()).logits[hidden]
    return cross_entropy(logits, ids[hidden]), float(
        (logits.argmax(1) == ids[hidden]).float().mean()
    )


def publish(folder: Path, *parts: Any) -> float:
    """Write model and tokenizer in place of what was there; returns their size in megabytes."""
    if folder.exists():
        shutil.rmtree(folder)
    for part in parts:
        part.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def main(folder: Path = EMBEDDED_FOLDER) -> None:
    """Vocabulary, training, files."""
    start = time.perf_counter()
    texts = list(dict.fromkeys(reports(PATIENTS, SEED)))
    tokenizer = train_tokenizer(texts)
    model, right = pretrain(tokenizer, texts)
    size = publish(folder, model, tokenizer)
    print(
        f"{len(texts)} simulated reports, {len(tokenizer)} word pieces, hidden words filled in on "
        f"new reports: {right:.2f}; {size:.2f} MB, {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
