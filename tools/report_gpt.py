"""Make the embedded report writer: `python results/report_gpt.py`.

A byte-level vocabulary and a GPT-2 of two layers, trained to go on with simulated reports. It has
read no report of a person and has seen no ECG; cross-attention is added where it is used. The seeds
of its patients are used nowhere else.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ecglearn.encoders.report_generator import (
    BEGIN,
    GENERATOR_FOLDER,
    PAD,
    ReportGenerator,
    ReportPairs,
)
from ecglearn.train import fit
from tools.report_bert import publish, reports

PATIENTS, SEED, EPOCHS, BATCH, END = 8192, 90_101, 12, 64, "<|endoftext|>"


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte pairs as in GPT-2, so that any text can be written and none is changed."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640,
        special_tokens=[PAD, BEGIN, END],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        unk_token=END,
        model_max_length=256,
        clean_up_tokenization_spaces=False,
    )


def pretrain(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[ReportGenerator, float]:
    """Go on with reports; returns the writer and its loss on new reports."""
    torch.manual_seed(SEED)
    place = tokenizer.get_vocab()
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=256,
        n_embd=64,
        n_layer=2,
        n_head=4,
        bos_token_id=place[BEGIN],
        eos_token_id=place[END],
        pad_token_id=place[PAD],
    )
    writer = ReportGenerator(GPT2LMHeadModel(config), tokenizer, width=None)
    data = ReportPairs(torch.zeros(len(texts), 1, 1), texts)
    fit(writer, data, epochs=EPOCHS, batch_size=BATCH, seed=SEED, lr=3e-3, weight_decay=0.01)
    writer.eval()
    fresh = reports(512, SEED + 1)
    with torch.no_grad():
        loss = float(writer.losses(ReportPairs(torch.zeros(512, 1, 1), fresh))["words"])
    return writer, loss


def main(folder: Path = GENERATOR_FOLDER) -> None:
    """Vocabulary, training, files."""
    start = time.perf_counter()
    texts = list(dict.fromkeys(reports(PATIENTS, SEED)))
    tokenizer = train_tokenizer(texts)
    writer, loss = pretrain(tokenizer, texts)
    size = publish(folder, writer.model, tokenizer)
    print(
        f"{len(texts)} simulated reports, {len(tokenizer)} pieces, loss on new reports {loss:.2f} "
        f"per piece; {size:.2f} MB, {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
