"""To a folder and back, to the hub and back; nothing here needs a network."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
import yaml
from huggingface_hub import HfApi

import ecglearn
from ecglearn.checkpoint import CheckpointError, load
from ecglearn.data.batch import ECGBatch
from ecglearn.hub import model_card
from ecglearn.methods import MERL, TAMER
from ecglearn.registry import create, list_methods


@pytest.fixture
def merl():
    torch.manual_seed(0)
    return create("merl", "smoke").eval()


def card(folder):
    text = (folder / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.mark.parametrize("name", list_methods())
def test_every_method_comes_back_from_its_folder(name, tmp_path):
    method = create(name, "smoke").eval()
    method.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.safetensors",
        "config.json",
        "README.md",
    }
    for again in (ecglearn.load(tmp_path), type(method).from_pretrained(tmp_path)):
        assert not again.training
        assert again.config == method.config
        assert all(
            torch.equal(one, two)
            for one, two in zip(
                method.state_dict().values(), again.state_dict().values(), strict=True
            )
        )
    head, body = card(tmp_path)
    assert head == {"library_name": "ecglearn", "tags": ["ecglearn", "ecg", name]}
    assert method.citation in body
    assert "| Preset | smoke |" in body
    assert "| Trained on | not stated |" in body
    assert "not a medical device" in body
    assert "Not stated: whoever publishes" in body
    assert json.loads((tmp_path / "config.json").read_text())["method"] == name


def test_the_file_is_the_one_that_save_writes(merl, tmp_path):
    merl.save_pretrained(tmp_path, licence="mit", about={"data": "simulated: 64 patients"})
    tensors, about = load(tmp_path / "model.safetensors")
    assert tensors.keys() == merl.state_dict().keys()
    assert about["config"] == json.loads(json.dumps(merl.config.to_dict()))
    head, body = card(tmp_path)
    assert head["license"] == "mit"
    assert "trained on simulated patients.**" in body
    assert "| Trained on | simulated: 64 patients |" in body


def test_what_a_file_says_is_kept_until_the_weights_are_trained(merl, tmp_path):
    run = {"data": "cohort:480", "preset": "class", "seed": 3}
    merl.save(tmp_path / "a", run=run, recipes=[asdict(merl.recipe("smoke")[0])])
    method = ecglearn.load(tmp_path / "a")
    method.save_pretrained(tmp_path / "b")
    body = card(tmp_path / "b")[1]
    assert "| Trained on | simulated: 480 patients of ecglearn's cohort |" in body
    assert "| Seed | 3 |" in body
    assert "1. epochs 2, batch_size 32, lr 0.003" in body
    batch = ECGBatch.from_cohort(ecglearn.simulate(8, seed=0))
    ecglearn.fit(method, batch, epochs=1, batch_size=8, progress=False)
    assert method.about == {}
    method.save_pretrained(tmp_path / "c")
    assert "| Trained on | not stated |" in card(tmp_path / "c")[1]


def test_a_card_names_no_path_of_a_machine(merl):
    about = {"method": "merl", "config": merl.config.to_dict()}
    text = model_card(about | {"run": {"data": "/home/someone/stores/mimic"}})
    assert "| Trained on | mimic |" in text
    assert "someone" not in text


def test_a_card_that_was_edited_is_kept(merl, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    merl.save_pretrained(tmp_path)
    merl.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_to_the_hub_and_back(merl, tmp_path, monkeypatch):
    """The mixin's own way, with the two calls that would go out answered here."""

    class Made:
        repo_id = "someone/merl"

    asked = []

    def create_repo(self, repo_id, *, private, exist_ok):
        asked.append((self.token, repo_id, private))
        return Made

    def upload_folder(self, *, repo_id, folder_path, **options):
        folder_path.rename(tmp_path / "hub")
        return f"https://huggingface.co/{repo_id}/commit/1"

    def download(repo_id, filename, *, revision=None, **options):
        asked.append((repo_id, filename, revision))
        return str(tmp_path / "hub" / filename)

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    where = merl.push_to_hub("merl", licence="mit", token="a", private=True)
    assert where == "https://huggingface.co/someone/merl/commit/1"
    assert asked == [("a", "merl", True)]
    assert card(tmp_path / "hub")[0]["license"] == "mit"
    monkeypatch.setattr(
        "huggingface_hub.hub_mixin.hf_hub_download",
        lambda **given: download(given["repo_id"], given["filename"]),
    )
    monkeypatch.setattr("ecglearn.hub.folder.hf_hub_download", download)
    batch = ECGBatch(torch.randn(2, 12, 1000), 100)
    for again in (
        MERL.from_pretrained("someone/merl", revision="v1"),
        ecglearn.load("hf://someone/merl"),
    ):
        assert torch.equal(again.embed(batch), merl.embed(batch))
    assert ("someone/merl", "model.safetensors", "v1") in asked


def test_refusals_are_one_sentence(merl, tmp_path):
    merl.save_pretrained(tmp_path / "a")
    with pytest.raises(CheckpointError, match="holds merl, not tamer"):
        TAMER.from_pretrained(tmp_path / "a")
    for name in (tmp_path / "absent", "someone/absent", "no name at all"):
        with pytest.raises(CheckpointError, match="is no folder here, and no repository") as found:
            MERL.from_pretrained(name, local_files_only=True)
        assert "\n" not in str(found.value)
    (tmp_path / "b").mkdir()
    with pytest.raises(CheckpointError, match="no such file"):
        ecglearn.load(tmp_path / "b")


def test_without_the_group_everything_else_works():
    code = (
        "import sys; sys.modules['huggingface_hub'] = None\n"
        "import ecglearn, ecglearn.method, ecglearn.hub\n"
        "method = ecglearn.create('merl', 'smoke')\n"
        "try: method.save_pretrained('nowhere')\n"
        "except ecglearn.errors.MissingGroupError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        done.stdout.strip() == "the hub needs huggingface_hub: pip install 'ecglearn[pretrained]'"
    )


def test_a_card_says_the_preset_and_its_table_keeps_its_lines(merl, tmp_path):
    merl.save_pretrained(tmp_path, about={"data": "two\nlines | a bar"})
    text = card(tmp_path)[1]
    assert "| Trained on | two lines \\| a bar |" in text
    assert "smoke" in text.partition("## Provenance")[2].partition("```")[0]
