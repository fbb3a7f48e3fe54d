"""The text side: cached reports, token losses without loops, prompts in one pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import BertConfig, BertModel

from benchmarks.measure import report, seconds
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.text_encoder import TextEncoder, text_encoder
from ecglearn.evaluate import LABEL_SETS, label_set, load_prompts
from ecglearn.losses.tokens import token_contrast, token_weights
from ecglearn.methods.deri import DERI
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig

LIMIT = 256
TEXTS = [
    f"sinus rhythm at {60 + i}. left bundle branch block, qrs {130 + i} ms. possible old anterior "
    f"infarction, axis {i} degrees. prolonged qt interval. abnormal ecg."
    for i in range(4)
]


def reader(layers: int) -> TextEncoder:
    """BERT of base width with random weights and the vocabulary of the embedded model."""
    tokenizer = text_encoder().tokenizer
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(tokenizer), num_hidden_layers=layers))
    model.set_attn_implementation("eager")
    return TextEncoder(model, tokenizer, name="random", limit=LIMIT)


def cached_reports(method: MERL | TAMER | DERI, target: int) -> bool:
    """A step in the paper's size: text from the cache against text read in every step.

    What is left is the ECG side, which runs at the rate of matrix products: the deeper it is, the
    less the cache can save.
    """
    method.text._model = text = reader(12)
    batch = ECGBatch(ecg=torch.randn(len(TEXTS), 12, 5000), fs=500, reports=TEXTS)

    def step() -> None:
        torch.stack(list(method.losses(batch).values())).sum().backward()

    padded = text.tokenizer(TEXTS, padding="max_length", max_length=LIMIT, return_tensors="pt")

    @torch.no_grad()
    def read() -> None:
        text.model(**padded)

    whole, alone = seconds(lambda: (read(), step()), step, repeats=3)
    return report(
        f"paper-size {type(method).__name__} step, batch 4: cached over padded text",
        f"{whole / alone:.1f} times",
        f">= {target} times",
        whole / alone >= target,
    )


def merl_step() -> bool:
    """ResNet-18."""
    return cached_reports(MERL(MERLConfig()), 5)


def tamer_step() -> bool:
    """ResNet-34, spectrogram, 393 joined tokens."""
    return cached_reports(TAMER(TAMERConfig()), 3)


def token_loss() -> bool:
    """RGWR of 64 records against a loop over records and tokens; values must agree first."""
    generator = torch.Generator().manual_seed(0)
    t, c = torch.randn(2, 64, 40, 256, generator=generator)
    w = token_weights(torch.rand(64, 40, generator=generator))

    def loop(a: Tensor, b: Tensor) -> Tensor:
        total = torch.zeros(())
        for i in range(64):
            for k in range(40):
                row = cosine_similarity(a[i, k][None], b[i]) / 0.04
                column = cosine_similarity(a[i], b[i, k][None]) / 0.04
                total = total - w[i, k] * (row.log_softmax(0)[k] + column.log_softmax(0)[k]) / 128
        return total

    def batched(a: Tensor, b: Tensor) -> Tensor:
        return token_contrast(a, b, w, temperature=0.04)

    def backward(loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        a, b = t.clone().requires_grad_(), c.clone().requires_grad_()
        value = loss(a, b)
        (gradient,) = torch.autograd.grad(value, a)
        return value.detach(), gradient

    for slow, fast in zip(backward(loop), backward(batched), strict=True):
        assert torch.allclose(slow, fast, atol=1e-5)
    slow, fast = seconds(lambda: backward(loop), lambda: backward(batched), repeats=3)
    return report(
        "token loss, 64 x 40 x 256, forward and backward, over a loop",
        f"{slow / fast:.0f} times",
        ">= 10 times",
        slow / fast >= 10,
    )


def prompts() -> bool:
    """Prompts of all six label sets in one pass against class by class, padded, set by set."""
    text = reader(2)
    wordings = load_prompts("ecg")
    distinct = list(dict.fromkeys(line for lines in wordings.values() for line in lines))

    def one_pass() -> None:
        text.forget()
        text.encode(distinct)

    @torch.no_grad()
    def class_by_class() -> None:
        for name in LABEL_SETS:
            for c in label_set(name):
                padded = text.tokenizer(
                    wordings[c], padding="max_length", max_length=LIMIT, return_tensors="pt"
                )
                text.model(**padded)

    slow, fast = seconds(class_by_class, one_pass, repeats=1)
    return report(
        "prompts of six label sets, one pass over class by class",
        f"{slow / fast:.0f} times",
        ">= 5 times",
        slow / fast >= 5,
    )
