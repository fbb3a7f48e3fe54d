"""The text side: cached reports, token losses without loops, prompts in one pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch.profiler import ProfilerActivity, profile
from transformers import BertConfig, BertModel

from benchmarks.measure import numbers, report, seconds
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.text_encoder import TextEncoder, text_encoder
from ecglearn.evaluate import LABEL_SETS, label_set, load_prompts
from ecglearn.losses.tokens import token_contrast, token_weights
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.train.order import epoch_order

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


def paper_batch(method: MERL | TAMER | DERI, size: int) -> ECGBatch:
    """Noise of ten seconds at 500 Hz, and a few reports over and over."""
    return ECGBatch(
        ecg=torch.randn(size, 12, 5000),
        fs=500,
        reports=[TEXTS[k % len(TEXTS)] for k in range(size)],
        preprocess=method.config.preprocess,
    )


def cached_reports(method: MERL | TAMER | DERI, target: float, size: int = len(TEXTS)) -> bool:
    """A step in the paper's size: text from the cache against text read in every step.

    What is left is the ECG side, which runs at the rate of matrix products: the deeper it is, the
    less the cache can save.
    """
    method.text._model = text = reader(12)
    batch = paper_batch(method, size)
    texts = batch.reports

    def step() -> None:
        torch.stack(list(method.losses(batch).values())).sum().backward()

    padded = text.tokenizer(texts, padding="max_length", max_length=LIMIT, return_tensors="pt")

    @torch.no_grad()
    def read() -> None:
        text.model(**padded)

    whole, alone = seconds(lambda: (read(), step()), step, repeats=3)
    return report(
        f"paper-size {type(method).__name__} step, batch {size}: cached over padded text",
        f"{whole / alone:.1f} times",
        f">= {target} times",
        whole / alone >= target,
    )


def merl_step() -> bool:
    """ResNet-18."""
    return cached_reports(MERL(MERLConfig()), 5)


def merl_step_of_eight() -> bool:
    """As the public code, which reads its padded text anew in each step."""
    return cached_reports(MERL(MERLConfig()), 6.5, 8)


def deri_step_of_eight() -> bool:
    """The same for DERI, whose decoders add matrix products."""
    return cached_reports(DERI(DERIConfig()), 6, 8)


def deri_released_step() -> bool:
    """The same in the form of the public code."""
    return cached_reports(DERI(DERIConfig.preset("released")), 5, 8)


PRODUCTS = {
    "convolutions": ("convolution", "conv1d"),
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "attention"),
}


def deri_profile() -> bool:
    """Where that step's time goes, text cached: what already runs at the machine's rate."""
    method = DERI(DERIConfig())
    method.text._model = reader(12)
    batch = paper_batch(method, 8)

    def step() -> None:
        torch.stack(list(method.losses(batch).values())).sum().backward()

    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        step()
    spent = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    whole = sum(spent.values())
    shares = {
        name: sum(t for key, t in spent.items() if any(word in key for word in words)) / whole
        for name, words in PRODUCTS.items()
    }
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return report(
        "paper-size DERI step, batch 8, text cached: in products",
        told,
        ">= 70% together",
        sum(shares.values()) >= 0.7,
    )


def tamer_step() -> bool:
    """ResNet-34, spectrogram, 393 joined tokens."""
    return cached_reports(TAMER(TAMERConfig()), 3)


def by_length() -> bool:
    """DERI in class size, batches of 32 of 256 reports as long as PTB-XL's: any, and by length.

    Of PTB-XL's reports such a batch is half padding: 68 tokens on average, 135 the longest.
    """
    config = DERIConfig.preset("class")
    torch.manual_seed(0)
    method = DERI(config)
    words = (torch.randn(256).mul(0.4).exp() * 62).round().int().clamp(10, 175).tolist()
    some = ("sinus", "rhythm", "left", "bundle", "branch", "block", "qrs", "axis", "ecg")
    texts = [" ".join(some[(k + i) % len(some)] for i in range(n)) for k, n in enumerate(words)]
    lengths = torch.tensor([len(text) for text in texts])
    ecg = torch.randn(256, 12, config.samples)
    method.text.remember(texts)

    def epoch(given: Tensor | None) -> None:
        order = epoch_order(range(256), 32, torch.Generator().manual_seed(0), given)
        for rows in order.view(-1, 32):
            reports = [texts[k] for k in rows.tolist()]
            batch = ECGBatch(ecg=ecg[rows], fs=config.fs, reports=reports)
            method.zero_grad()
            draws = torch.Generator().manual_seed(0)
            torch.stack(list(method.losses(batch, draws).values())).sum().backward()

    mixed, alike = seconds(lambda: epoch(None), lambda: epoch(lengths), repeats=3)
    return report(
        "DERI, an epoch of 256 reports: mixed lengths over batches by length",
        f"{mixed / alike:.2f} times",
        ">= 1.1 times",
        mixed / alike >= 1.1,
    )


REMEMBERED = """
import random

import psutil

from ecglearn.encoders import text_encoder

draw = random.Random(0)
words = "sinus rhythm atrial flutter left bundle branch block long qt interval normal ecg".split()
reports = [f"{{' '.join(draw.choices(words, k=draw.randint(20, 60)))}} {{k}}" for k in range(9216)]
text = text_encoder(memory={memory})
keep = text.{keep}
for k in range(0, 4096, 256):  # what the model itself needs to work has grown by then
    keep(reports[k : k + 256])
before, held = psutil.Process().memory_info().rss, text.held
for k in range(4096, 9216, 256):
    keep(reports[k : k + 256])
grown = psutil.Process().memory_info().rss - before
print(grown / max(text.held - held, 1), grown / 5120, (text.held - held) / 5120)
"""


def remembering() -> bool:
    """Memory that the report cache takes over its content, and of vectors alone."""
    ratio, _, words = numbers(REMEMBERED.format(memory=2 * 10**9, keep="encode"))
    first = report(
        f"memory of cached reports over their content ({words / 1000:.1f} kB each)",
        f"{ratio:.2f} times",
        "<= 1.2 times",
        ratio <= 1.2,
    )
    _, vectors, _ = numbers(REMEMBERED.format(memory=2 * 10**9, keep="vectors"))
    second = report(
        "memory of a report whose words are not needed, over one whose words are",
        f"{vectors / words:.2f} times",
        "<= 0.5 times",
        vectors / words <= 0.5,
    )
    _, grown, _ = numbers(REMEMBERED.format(memory=8 * 10**6, keep="encode"))
    third = report(
        "growth for each report beyond the bound, over its content",
        f"{grown / words:.2f} times",
        "<= 0.1 times",
        grown / words <= 0.1,
    )
    return first and second and third


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
