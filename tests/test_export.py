"""One graph for each method: any number of records, the vectors of `embed`, nothing else inside."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError, MissingGroupError
from ecglearn.export import ABOUT, embed_program, export_embed
from ecglearn.registry import create, list_methods

CASES = [*((name, {}) for name in list_methods()), ("merl", {"encoder": "vit"})]
CASES += [("deri", {"released_inference": True}), ("ptacl", {"leads_per_token": 1})]
CASES += [("merl", {"preprocess": "minmax", "pooling": "pooler", "pool_start": "released"})]


def made(name, changes):
    torch.manual_seed(0)
    return create(name, "smoke", **changes).eval()


def records(method, count):
    config = method.config
    signal = torch.randn(count, 12, config.samples, generator=torch.Generator().manual_seed(count))
    return ECGBatch(signal, config.fs, preprocess=config.preprocess)


@pytest.mark.parametrize(("name", "changes"), CASES, ids=str)
class TestEveryMethod:
    def test_any_number_of_records_gives_the_vectors_of_embed(self, name, changes, tmp_path):
        method = made(name, changes)
        export_embed(method.train(), tmp_path / "embed.pt2")
        assert method.training
        about = {ABOUT: ""}
        program = torch.export.load(tmp_path / "embed.pt2", extra_files=about)
        said = json.loads(about[ABOUT])
        assert said["method"] == name
        assert json.loads(said["config"]) == json.loads(json.dumps(method.config.to_dict()))
        for count in (1, 5):
            batch = records(method, count)
            with torch.no_grad():
                found = program.module()(batch.ecg)
            torch.testing.assert_close(found, method.embed(batch), atol=1e-6, rtol=0)

    def test_onnx_gives_them_too(self, name, changes, tmp_path, recwarn):
        runtime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
        method = made(name, changes)
        export_embed(method, tmp_path / "embed.onnx")
        session = runtime.InferenceSession(tmp_path / "embed.onnx")
        (given,), (answer,) = session.get_inputs(), session.get_outputs()
        assert (given.name, given.shape[1:]) == ("ecg", [12, method.config.samples])
        assert isinstance(given.shape[0], str)
        assert answer.name == "embedding"
        assert session.get_modelmeta().custom_metadata_map["method"] == name
        for count in (1, 5):
            batch = records(method, count)
            (found,) = session.run(None, {"ecg": batch.ecg.numpy()})
            np.testing.assert_allclose(found, method.embed(batch).numpy(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", list_methods())
class TestHalfPrecision:
    @pytest.mark.parametrize(("kind", "most"), [(torch.bfloat16, 0.015), (torch.float16, 0.002)])
    def test_autocast_is_close(self, name, kind, most):
        method = made(name, {})
        batch = records(method, 3)
        whole = method.embed(batch)
        with torch.autocast("cpu", kind):
            found = method.embed(batch).float()
        assert float((found - whole).norm() / whole.norm()) < most

    def test_half_weights_are_refused(self, name):
        method = made(name, {})
        batch = records(method, 1)
        for kind in (torch.float16, torch.bfloat16):
            with pytest.raises(InputError, match=r"call method\.float\(\).*torch\.autocast"):
                method.to(kind).embed(batch)


@pytest.fixture
def missing():
    """A lead, a second of all, and half a token: what SCAR leaves out or fills."""
    method = made("scar", {})
    batch = records(method, 4)
    keep = torch.ones_like(batch.ecg, dtype=torch.bool)
    keep[0, 3], keep[1, :, 200:300], keep[2, 5, :100] = False, False, False
    return method, replace(batch, keep=keep)


def test_a_second_input_says_what_is_missing(missing, tmp_path):
    method, batch = missing
    export_embed(method, tmp_path / "embed.pt2", keep=True)
    program = torch.export.load(tmp_path / "embed.pt2")
    with torch.no_grad():
        found = program.module()(batch.ecg, batch.keep)
    torch.testing.assert_close(found, method.embed(batch), atol=1e-6, rtol=0)
    with pytest.raises(InputError, match="MERL does not read which samples are missing"):
        export_embed(made("merl", {}), tmp_path / "merl.pt2", keep=True)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's exporter about itself
def test_onnx_has_the_second_input_too(missing, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    method, batch = missing
    export_embed(method, tmp_path / "embed.onnx", keep=True)
    session = runtime.InferenceSession(tmp_path / "embed.onnx")
    given = {"ecg": batch.ecg.numpy(), "keep": batch.keep.numpy()}
    (found,) = session.run(None, given)
    np.testing.assert_allclose(found, method.embed(batch).numpy(), atol=1e-5, rtol=0)


def test_compiled_gives_them_too():
    script = Path(__file__).with_name("compiled.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == set(list_methods())
    assert max(found.values()) < 1e-6, found


def test_weights_that_the_way_does_not_need_stay_out():
    method = made("ptacl", {})
    inside = embed_program(method).state_dict
    assert sum(x.numel() for x in inside.values()) == sum(
        p.numel() for p in method.ecg_encoder.parameters()
    )
    assert not any("cine" in name or "head" in name for name in inside)


def test_refusals(tmp_path, monkeypatch):
    method = made("merl", {})
    with pytest.raises(InputError, match=r"\.pt2 or as \.onnx"):
        export_embed(method, tmp_path / "embed.pth")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingGroupError, match=r"ecglearn\[export\]"):
        export_embed(method, tmp_path / "embed.onnx")
    monkeypatch.setattr(
        type(method), "features", lambda self, batch: batch.ecg.new_zeros(len(batch.ecg), 2)
    )
    with pytest.raises(InputError, match="MERL cannot be exported for any number of records"):
        export_embed(method, tmp_path / "embed.pt2")
    assert list(tmp_path.iterdir()) == []
