"""Folders of text models: every tensor is there and used, and no code of theirs is run."""

import builtins
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ecglearn.encoders.report_generator import (
    GENERATOR_FOLDER,
    GeneratorError,
    report_generator,
)
from ecglearn.encoders.text_encoder import EMBEDDED_FOLDER, ReportError, text_encoder

KINDS = {
    "encoder": (EMBEDDED_FOLDER, ReportError, text_encoder),
    "writer": (GENERATOR_FOLDER, GeneratorError, lambda name: report_generator(name, width=5)),
}


@pytest.fixture(params=KINDS)
def model(request, tmp_path):
    """A copy of a model that comes with the library, how it is refused, and how it is loaded."""
    source, error, load = KINDS[request.param]
    shutil.copytree(source, tmp_path / "model")
    text_encoder.cache_clear()
    return tmp_path / "model", error, load


def weights(folder: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    (path,) = folder.glob("*.safetensors")
    return path, load_file(path)


def rewrite(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, weights(folder)[0], metadata={"format": "pt"})


def changed(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_whole_folder_is_loaded(model):
    folder, _, load = model
    load(str(folder))


def test_every_tensor_that_is_absent_is_named(model):
    folder, error, load = model
    _, whole = weights(folder)
    for name in whole:
        rewrite(folder, {key: value for key, value in whole.items() if key != name})
        text_encoder.cache_clear()
        with pytest.raises(error, match="absent") as refused:
            load(str(folder))
        assert name.split(".", 1)[1] in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_left_over_reshaped_or_not_finite_is_named(model):
    folder, error, load = model
    _, whole = weights(folder)
    name = next(key for key, value in whole.items() if value.ndim == 2)
    end = name.split(".", 1)[1]
    for tensors, words in (
        (whole | {"other.weight": torch.ones(2)}, r"left over: .*other\.weight"),
        (whole | {name: whole[name][:, :-1].clone()}, f"of another shape: .*{end}"),
        (whole | {name: whole[name] * torch.nan}, f"not finite: .*{end}"),
    ):
        rewrite(folder, tensors)
        text_encoder.cache_clear()
        with pytest.raises(error, match=words):
            load(str(folder))


def test_weights_of_another_model(model):
    folder, error, load = model
    other = GENERATOR_FOLDER if error is ReportError else EMBEDDED_FOLDER
    shutil.copy(weights(other)[0], weights(folder)[0])
    with pytest.raises(error, match=r"absent: .* and \d+ more; left over"):
        load(str(folder))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_a_folder_is_refused_and_nobody_is_asked(model, file, monkeypatch):
    folder, error, load = model
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("asked"))
    (folder / "mine.py").write_text(f"open({str(folder / 'ran')!r}, 'w')")
    places = {"AutoConfig": "mine.C", "AutoModel": "mine.M", "AutoTokenizer": ["mine.T", None]}
    changed(folder / file, auto_map=places)
    with pytest.raises(error, match=f"code of its own .auto_map in {file}., which is never run"):
        load(str(folder))
    changed(folder / "config.json", model_type="mine", auto_map=places)
    with pytest.raises(error, match="which is never run"):
        load(str(folder))
    assert not (folder / "ran").exists()


def test_a_tokenizer_of_another_model(model):
    folder, error, load = model
    _, whole = weights(folder)
    config = json.loads((folder / "config.json").read_text())
    (name,) = (k for k in whole if k.endswith(("word_embeddings.weight", "wte.weight")))
    few = config["vocab_size"] // 2
    rewrite(folder, whole | {name: whole[name][:few].clone()})
    changed(folder / "config.json", vocab_size=few)
    with pytest.raises(error, match=f"words and its model {few}"):
        load(str(folder))


@pytest.mark.parametrize("damage", ["cut", "garbage", "config", "list"])
def test_damaged_files_are_one_sentence(model, damage):
    folder, error, load = model
    path, _ = weights(folder)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "garbage":
        path.write_bytes(b"x" * 500)
    elif damage == "config":
        changed(folder / "config.json", hidden_size="a", n_embd="a")
    else:
        (folder / "config.json").write_text("[1]")
    with pytest.raises(error):
        load(str(folder))
