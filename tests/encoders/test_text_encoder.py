"""Frozen text models: real format, cache, padding, policies for bad input."""

import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizer

from ecglearn.encoders.pretrained import german
from ecglearn.encoders.shelf import Shelf
from ecglearn.encoders.text_encoder import (
    EMBEDDED_FOLDER,
    ReportError,
    bert_parameters,
    text_encoder,
)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sinus", "rhythm", "atrial", "flutter", "."]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A checkpoint as Hugging Face writes it, tiny and random."""
    place = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
    )
    BertModel(config).save_pretrained(place)
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    BertTokenizer(vocab=vocabulary).save_pretrained(place)
    return str(place)


@pytest.fixture
def encoder(folder):
    text_encoder.cache_clear()
    return text_encoder(folder)


def test_a_folder_in_the_real_format(encoder):
    out = encoder.encode(["Sinus rhythm.", "Atrial flutter . sinus rhythm ."])
    assert out.tokens.shape == (2, 8, 16)
    assert out.mask.tolist() == [[False, *[True] * 3, *[False] * 4], [False, *[True] * 6, False]]
    assert encoder.pieces("Sinus rhythm.") == ["[CLS]", "sinus", "rhythm", ".", "[SEP]"]
    assert encoder.width == 16


def test_attention_of_the_first_token_is_the_mean_over_heads(encoder):
    out = encoder.encode(["Sinus rhythm."])
    ids = encoder.tokenizer("Sinus rhythm.", return_tensors="pt")
    with torch.no_grad():
        raw = encoder.model(**ids, output_attentions=True).attentions[-1]
    assert torch.allclose(out.cls_attention[0, 1:4], raw[0, :, 0, 1:4].mean(0))
    assert bool((out.cls_attention[~out.mask] == 0).all())


def test_padding_changes_nothing(encoder, folder):
    long = "atrial flutter . sinus rhythm ."
    together = encoder.encode(["sinus rhythm", long])
    text_encoder.cache_clear()
    alone = text_encoder(folder).encode(["sinus rhythm"])
    assert torch.allclose(together.tokens[0, :4], alone.tokens[0], atol=1e-6)
    assert torch.allclose(together.cls_attention[0, :4], alone.cls_attention[0], atol=1e-6)
    assert bool((together.tokens[0, 4:] == 0).all())


def test_each_distinct_report_is_read_once(encoder):
    encoder.encode(["sinus rhythm", "atrial flutter", "sinus rhythm"])
    assert encoder.encoded == 2
    encoder.encode(["atrial flutter", "sinus"])
    assert encoder.encoded == 3


TEXTS = ["sinus rhythm", "atrial flutter", "sinus", "atrial flutter sinus rhythm", "flutter"]


def test_memory_has_a_bound_and_forgets_what_was_asked_for_longest_ago(encoder):
    encoder.encode(TEXTS)
    whole = encoder.held
    encoder.forget()
    encoder.memory = whole - 1
    for text in TEXTS[:4]:
        encoder.encode([text])
    encoder.encode(TEXTS[:1])
    known = encoder.encoded
    encoder.encode(TEXTS[4:])
    assert encoder.held <= encoder.memory
    encoder.encode([TEXTS[0], *TEXTS[2:]])
    assert encoder.encoded == known + 1
    encoder.encode([TEXTS[1]])
    assert encoder.encoded == known + 2
    assert encoder.held <= encoder.memory


def test_a_tiny_bound_costs_time_and_changes_nothing(encoder):
    wanted = encoder.encode(TEXTS)
    encoder.forget()
    assert encoder.held == 0
    encoder.memory = 1
    before = encoder.encoded
    for _ in range(2):
        found = encoder.encode(TEXTS)
        for ours, theirs in zip(found, wanted, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert encoder.encoded == before + 5
    encoder.encode(TEXTS[:1])
    tokens, _, weights, pooled = encoder.encode(TEXTS[:1])  # which are words, two numbers say
    assert encoder.held == sum(part[0].nbytes for part in (tokens, weights, pooled))
    encoder.encode(TEXTS)
    assert encoder.encoded == before + 9


def test_frozen_and_without_dropout(encoder):
    assert not any(p.requires_grad for p in encoder.model.parameters())
    assert not encoder.model.training


def test_empty_report(encoder):
    with pytest.raises(ReportError, match="report 1 of 2 is empty"):
        encoder.encode(["sinus", "  "])


def test_long_report_is_cut_visibly(encoder):
    with pytest.warns(UserWarning, match="1 of 1 reports have more than 10 tokens"):
        out = encoder.encode(["sinus rhythm " * 20])
    assert out.tokens.shape[1] == 12


def test_no_such_model(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ReportError, match="give its folder, or take 'embedded'"):
        text_encoder(str(tmp_path))
    with pytest.raises(ReportError, match="no text model 'nobody/nothing'"):
        text_encoder("nobody/nothing")


def test_embedded_model_is_small_and_knows_the_reports():
    files = list(EMBEDDED_FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    encoder = text_encoder()
    assert "embedded" in encoder.name
    for text in ("Left bundle branch block, QRS 152 ms.", "Saw-tooth flutter waves", "Übelkeit ß"):
        assert "[UNK]" not in encoder.pieces(text)
    assert len(encoder.pieces("atrial fibrillation")) == 4
    out = encoder.encode(["atrial flutter", "sinus rhythm"])
    assert out.tokens.shape == (2, 4, 64)
    words = encoder.words("Hyperkalaemia, QRS")
    assert [word for word, _ in words] == ["hyperkalaemia", ",", "qrs"]
    places = [place for _, positions in words for place in positions]
    assert places == [*range(1, len(places) + 1)]


def test_size_of_bert_base_needs_no_weights():
    assert bert_parameters() == 109_482_240


def test_the_fingerprint_is_that_of_weights_and_words(embedded_twin):
    one, other = embedded_twin
    assert one.fingerprint == other.fingerprint
    del other.fingerprint
    with torch.no_grad():
        next(other.model.parameters())[0, 0] += 1e-3
    assert one.fingerprint != other.fingerprint


@pytest.fixture
def embedded_twin():
    return [text_encoder.__wrapped__() for _ in range(2)]


@pytest.mark.parametrize(
    ("report", "is_german"),
    [
        ("sinusrhythmus normales ekg", True),
        ("Linksschenkelblock, sonst unauffällig", True),
        ("Vorhofflimmern", True),
        ("qt-verlÄngerung", True),
        ("sinus rhythm. normal ECG.", False),
        ("left bundle branch block in sinus tachycardia", False),
        ("RSR' in V1; P mitrale", False),
    ],
)
def test_german_is_told_apart(report, is_german):
    assert german(report) is is_german


def test_a_model_that_reads_english_warns_of_german_once(embedded_twin):
    encoder = embedded_twin[0]
    assert encoder.reads == ("English",)
    encoder.encode(["sinus rhythm."])
    with pytest.warns(UserWarning, match=r"1 of 2 reports are German, and .* reads English.*gbert"):
        encoder.encode(["sinusrhythmus normales ekg", "atrial flutter."])
    encoder.encode(["vorhofflimmern"])
    known = embedded_twin[1]
    known.reads = ("English", "German")
    known.encode(["sinusrhythmus normales ekg"])


def test_vectors_alone_are_those_of_the_words_and_take_little(encoder):
    whole = encoder.encode(TEXTS)
    much = encoder.held
    encoder.forget()
    mean, pooled = encoder.vectors(TEXTS)
    torch.testing.assert_close(mean, whole.mean(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(pooled, whole.pooled, atol=1e-6, rtol=1e-5)
    assert encoder.held == 2 * 4 * encoder.width * len(set(TEXTS)) < much
    before = encoder.encoded
    encoder.vectors(TEXTS)
    assert encoder.encoded == before
    encoder.encode(TEXTS[:1])
    assert encoder.encoded == before + 1
    with pytest.raises(ReportError, match="report 1 of 2 is empty"):
        encoder.vectors(["sinus", " "])


def test_vectors_do_not_depend_on_company(encoder):
    alone = torch.cat([encoder.vectors([text])[0] for text in TEXTS])
    encoder.forget()
    torch.testing.assert_close(encoder.vectors(TEXTS)[0], alone, atol=1e-6, rtol=1e-5)


def test_a_shelf_keeps_what_memory_has_no_room_for(encoder, tmp_path):
    wanted = encoder.encode(TEXTS)
    encoder.forget()
    encoder.shelf, encoder.memory = Shelf(tmp_path), 1
    for text in TEXTS:
        encoder.encode([text])
    before = encoder.encoded
    assert len(encoder.shelf) == len(set(TEXTS)) - 1
    found = encoder.encode(TEXTS)
    assert encoder.encoded == before
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    encoder.encode(TEXTS[:1])
    assert len(encoder._known) == 1
    assert encoder.shelf.bytes > 0
    assert list(tmp_path.iterdir()) == []  # no name is left of the file


def test_a_shelf_gives_back_what_was_put(tmp_path):
    shelf = Shelf(tmp_path / "new")
    parts = (torch.randn(3, 4), torch.tensor([True, False]), torch.zeros(0, 2))
    shelf.put("a", parts)
    shelf.put("b", (torch.arange(3),))
    shelf.put("a", (torch.ones(1),))  # written once
    for ours, theirs in zip(shelf.get("a"), parts, strict=True):
        assert torch.equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert torch.equal(shelf.get("b")[0], torch.arange(3))
    assert ("a" in shelf, "c" in shelf, len(shelf)) == (True, False, 2)
