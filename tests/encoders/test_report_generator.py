"""The report writer: padding, end, beams, seeds, attention, folders; pretrained form."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from ecglearn.encoders.report_generator import (
    GeneratorError,
    ReportGenerator,
    ReportPairs,
    report_generator,
)
from ecglearn.encoders.text_encoder import EMBEDDED_FOLDER
from ecglearn.train import fit

REPORTS = [
    "Sinus rhythm.",
    "Atrial flutter with flutter waves in the inferior leads. Abnormal ECG.",
    "Slow sinus rhythm, 48 per minute. Left axis deviation. No bundle branch block.",
    "Regular sinus rhythm. Possible LVH.",
]


def writer(k=3, width: int | None = 5, **settings):
    torch.manual_seed(0)
    made = report_generator(width=width, k=k, **settings).eval()
    if width is not None:  # new cross-attention is nearly silent: make it heard
        with torch.no_grad():
            for name, p in made.model.named_parameters():
                if "crossattention" in name and "weight" in name:
                    p.mul_(12)
    return made


def memory(n=4, k=3, width=5):
    return torch.randn(n, k, width, generator=torch.Generator().manual_seed(1))


def data(**sizes):
    return ReportPairs(memory(**sizes), list(REPORTS))


def value(made, batch):
    with torch.no_grad():
        return float(made.losses(batch)["words"])


def test_loss_is_that_of_single_tokens():
    """Against a loop over reports without any padding: each token once, the end included."""
    made, batch = writer(), data()
    total, count = 0.0, 0
    for row, text in enumerate(REPORTS):
        ids = made.tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = [made.tokenizer.bos_token_id, *ids, made.tokenizer.eos_token_id]
        with torch.no_grad():
            logits = made.model(
                input_ids=torch.tensor([ids[:-1]]),
                encoder_hidden_states=made._memory(batch.memory[[row]]),
            ).logits[0]
        total += float(cross_entropy(logits, torch.tensor(ids[1:]), reduction="sum"))
        count += len(ids) - 1
    assert value(made, batch) == pytest.approx(total / count, rel=1e-4)


def test_gradient_reaches_writer_and_way_in():
    made = writer().train()
    made.losses(data())["words"].backward()
    assert [n for n, p in made.named_parameters() if p.grad is None] == []


def by_loop(made, row, begin="", limit=40):
    """Greedy, one record, without cache: what `generate` must give."""
    ids = [made.tokenizer.bos_token_id]
    ids += made.tokenizer(begin, add_special_tokens=False)["input_ids"]
    entered = None if row is None else made._memory(row[None])
    with torch.no_grad():
        while len(ids) < limit:
            logits = made.model(
                input_ids=torch.tensor([ids]), encoder_hidden_states=entered, use_cache=False
            ).logits
            ids.append(int(logits[0, -1].argmax()))
            if ids[-1] == made.tokenizer.eos_token_id:
                break
    return made.tokenizer.decode(ids, skip_special_tokens=True)


def test_batched_greedy_equals_a_loop():
    made = writer(limit=40)
    tokens = 3 * memory(6)
    written = made.generate(tokens)
    assert written == [by_loop(made, row) for row in tokens]
    assert len(set(written)) > 1, "the memory is read"
    assert len({len(text) for text in written}) > 1, "texts end at different places"


def test_beginnings_of_different_length():
    made = writer(limit=40)
    begin = ["Sinus rhythm.", "Atrial flutter with flutter waves in the", "", "Slow"]
    written = made.generate(memory(), begin=begin)
    expected = [by_loop(made, row, b) for row, b in zip(memory(), begin, strict=True)]
    # the limit counts from the longest beginning, so shorter ones stop earlier
    assert all(whole.startswith(text) for whole, text in zip(expected, written, strict=True))
    assert written[1] == expected[1]
    assert all(len(text) > len(b) + 5 for text, b in zip(written, begin, strict=True))
    assert all(text.startswith(b) for text, b in zip(written, begin, strict=True))


def test_beams_and_samples():
    made = writer(limit=40)
    tokens = memory(5)
    together = made.generate(tokens, beams=3)
    alone = [made.generate(tokens[[i]], beams=3)[0] for i in range(5)]
    assert together == alone
    state = torch.get_rng_state()
    first = made.generate(tokens, sample=True, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert first == made.generate(tokens, sample=True, seed=1)
    assert first != made.generate(tokens, sample=True, seed=2)
    nearly_greedy = made.generate(tokens, sample=True, temperature=1e-4)
    assert nearly_greedy == made.generate(tokens)


def test_no_ecg():
    blind = writer(width=None)
    assert blind.generate(memory()) == [by_loop(blind, None, limit=256)] * 4
    assert value(blind, data()) == value(blind, ReportPairs(torch.zeros(4, 3, 5), REPORTS))
    assert "crossattention" not in " ".join(n for n, _ in blind.named_parameters())
    with pytest.raises(GeneratorError, match="sees no ECG"):
        blind.attention(memory(), REPORTS)


def test_attention():
    made = writer()
    look = made.attention(memory(), REPORTS)
    longest = max(len(made.pieces(text)) for text in REPORTS)
    assert look.shape == (4, longest, 3)
    assert torch.allclose(look.sum(2), torch.ones(4, longest), atol=1e-5)
    alone = made.attention(memory()[[1]], REPORTS[1:2])[0]
    assert torch.allclose(look[1, : len(alone)], alone, atol=1e-5)
    assert made.model.config._attn_implementation != "eager"
    one = writer(k=1).attention(memory(k=1), REPORTS)
    assert torch.equal(one, torch.ones_like(one)), "one memory token gets it all"


def test_places_tell_memory_tokens_apart():
    made, batch = writer(), data()
    turned = replace(batch, memory=batch.memory.flip(1))
    assert value(made, batch) != pytest.approx(value(made, turned), rel=1e-6)
    assert writer(k=1).places is None


def test_pieces_and_words():
    made = writer()
    text = "Left axis deviation, QRS 130 ms. Übel."
    plain = text.replace("Ü", "U")
    assert "".join(made.pieces(plain)[:-1]) == plain
    assert made.pieces(plain)[-1] == made.tokenizer.eos_token
    names, positions = zip(*made.words(text), strict=True)
    assert names == ("Left", "axis", "deviation,", "QRS", "130", "ms.", "Übel.")
    flat = [i for group in positions for i in group]
    assert flat == list(range(len(made.pieces(text)) - 1))


def test_training_learns_to_tell_ecgs_apart():
    torch.manual_seed(0)
    made = report_generator(width=2, k=1)
    tokens = torch.eye(2).repeat(32, 1)[:, None]
    batch = ReportPairs(tokens, [REPORTS[0], REPORTS[1]] * 32)
    history = fit(made, batch, epochs=25, batch_size=16, lr=5e-3, progress=False)
    assert history.curve("words")[-1] < 0.1
    assert made.generate(torch.eye(2)[:, None]) == REPORTS[:2]


def test_a_folder_without_special_tokens(tmp_path):
    """A model as on the hub, without cross-attention, [BOS] or [PAD]: DistilGPT-2 has this form."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {sign: i for i, sign in enumerate([*alphabet, "<|endoftext|>"])}
    plain = Tokenizer(models.BPE(vocab=words, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|endoftext|>").save_pretrained(
        tmp_path
    )
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(words), n_embd=16, n_layer=1, n_head=2, n_positions=128)
    )
    model.save_pretrained(tmp_path)
    made = report_generator(str(tmp_path), width=5, k=1)
    ids = made.tokenizer.bos_token_id, made.tokenizer.pad_token_id
    assert ids == (len(words), len(words) + 1)
    kept = made.model.state_dict()["transformer.h.0.attn.c_attn.weight"]
    assert torch.equal(kept, model.state_dict()["transformer.h.0.attn.c_attn.weight"])
    history = fit(made, data(k=1), epochs=3, batch_size=4, progress=False)
    assert history.curve()[-1] < history.curve()[0]
    assert len(made.generate(memory(k=1), beams=2)) == 4


def test_bad_input(tmp_path):
    with pytest.raises(GeneratorError, match="no language model"):
        report_generator(str(tmp_path / "nothing"), width=5)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(GeneratorError, match="no language model"):
        report_generator(str(tmp_path), width=5)
    with pytest.raises(GeneratorError, match="is a bert, and writers are GPT-2"):
        report_generator(str(EMBEDDED_FOLDER), width=5)
    with pytest.raises(GeneratorError, match="reads 3 memory tokens, not 2"):
        writer().losses(ReportPairs(memory(k=2), REPORTS))
    short = writer(limit=12)
    with pytest.warns(UserWarning, match="2 of 4 reports have more than 10 tokens"):
        short.losses(data())
    assert isinstance(short, ReportGenerator)
