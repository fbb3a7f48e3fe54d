"""Each command from its words to its files, on tiny data; bad input is one sentence."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import tyro
from two_processes import TORCHRUN

from ecglearn.checkpoint import load, save
from ecglearn.cli import COMMANDS, main
from ecglearn.cli.data import open_data
from ecglearn.cli.train import Run, parse
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.encoders.text_encoder import text_encoder
from ecglearn.methods.tamer import TAMERConfig
from ecglearn.registry import list_methods, method_class
from ecglearn.registry import load as load_model
from ecglearn.train.resume import save_state
from tests.data import layouts

FLAGS = Path(__file__).with_name("flags.json")
SMOKE = ("--preset", "smoke", "--epochs", "1", "--batch-size", "16")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ptbxl")
    rows = [layouts.ptbxl_row(k, report=f"report {k} sinus rhythm") for k in range(1, 41)]
    rows[0]["report"] = ""
    layouts.ptbxl(folder / "in", 40, rows)
    prepare("ptbxl-100", folder / "in", folder / "out", workers=1, progress=False)
    return folder / "out"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    main(["train", "merl", "--data", "cohort:80", "--out", str(out), *SMOKE])
    return out / "weights.safetensors"


def refusal(*words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    text = str(stopped.value)
    assert text.startswith("ecglearn: ")
    assert "\n" not in text
    return text


def test_export_writes_a_graph_of_any_number_of_records(trained, tmp_path, capsys):
    main(["export", str(trained), "--out", str(tmp_path / "embed.pt2")])
    assert "1000 samples at 100 Hz" in capsys.readouterr().out
    records = open_data("cohort:5", fs=100).records
    found = torch.export.load(tmp_path / "embed.pt2").module()(records.ecg)
    torch.testing.assert_close(found, load_model(trained).embed(records), atol=1e-6, rtol=0)
    assert "as .pt2 or as .onnx" in refusal("export", trained, "--out", tmp_path / "embed.pt")


# the words


def flags(command):
    """Flag to default, of the preset class."""
    shown = {}
    plain = command.replace("│", " ")
    for flag, rest in re.findall(r"^  (--[a-z][\w.-]+)(.*?)(?=^ {0,2}\S|\Z)", plain, re.M | re.S):
        default = re.search(r"\((?:default: (.*?)|(required))\)", " ".join(rest.split()))
        shown[flag] = (default[1] or default[2]) if default else ""
    return shown


def test_the_command_line_is_frozen(capsys):
    """A flag that changes breaks scripts of others: change flags.json knowingly."""
    found = {}
    for words in (
        ["prepare"],
        ["join"],
        ["check"],
        *(["train", name] for name in list_methods()),
        ["evaluate"],
        ["compare"],
        ["embed"],
        ["convert"],
        ["export"],
        ["lab"],
    ):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        found[" ".join(words)] = flags(capsys.readouterr().out)
    assert found == json.loads(FLAGS.read_text())


@pytest.mark.parametrize("name", list_methods())
def test_every_field_of_a_configuration_is_a_flag_with_help(name, capsys):
    with pytest.raises(SystemExit):
        parse(name, ["--help"])
    text = capsys.readouterr().out
    documented = "".join(cls.__doc__ or "" for cls in method_class(name).config_class.__mro__)
    for field in (f.name for f in fields(method_class(name).config_class)):
        assert f"--model.{field.replace('_', '-')}" in text
        assert re.search(rf"^\s+{field}: \S", documented, re.M), field


def test_flags_change_a_preset():
    words = ["--data", "d", "--out", "o"]
    assert parse("tamer", words).model == method_class("tamer").config_class.preset("class")
    run = parse("tamer", [*words, "--preset=smoke", "--model.widths", "8", "16", "--lr", "0.1"])
    assert isinstance(run, Run)
    assert run.model.widths == (8, 16)
    assert run.model.spectrogram_widths == TAMERConfig.preset("smoke").spectrogram_widths
    assert run.lr == 0.1


def test_help_lists_the_commands(capsys):
    main([])
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)
    main(["train"])
    text = capsys.readouterr().out
    assert all(name in text for name in list_methods())


# what they do


def test_train_writes_weights_and_history(trained):
    method = load_model(trained)
    assert method.name == "merl"
    assert not method.training
    assert method.config == method_class("merl").config_class.preset("smoke")
    lines = [json.loads(x) for x in (trained.parent / "history.jsonl").read_text().splitlines()]
    assert [(x["stage"], x["epoch"]) for x in lines] == [("joint", 1)]
    assert {"cma", "uma", "total"} < lines[0].keys()
    assert load(trained)[1]["run"]["data"] == "cohort:80"


def test_the_paper_s_clinical_transfer_takes_the_sizes_of_the_data(tmp_path, capsys):
    small = ("width", "8", "layers", "1", "table-width", "8", "projector", "8")
    flags = [f"--model.{x}" if x.isalpha() or "-" in x else x for x in small]
    words = ["--preset", "paper", "--epochs", "1", "--batch-size", "16", *flags]
    main(["train", "clinical-transfer", "--data", "cohort:40", "--out", str(tmp_path), *words])
    said = capsys.readouterr().err
    assert "as the data have it: columns 10, categories (2,), flags 18, diagnoses 9" in said
    config = load_model(tmp_path / "weights.safetensors").config
    assert (config.diagnoses, config.table_dropout) == (9, (0.25, 0.25, 0.5))


def test_a_log_file_gets_one_line_for_each_epoch(tmp_path, capsys, monkeypatch):
    words = ["train", "scar", "--data", "cohort:40", "--preset", "smoke", "--batch-size", "16"]
    for number, disabled in enumerate(("1", "")):
        monkeypatch.setenv("TQDM_DISABLE", disabled)
        main([*words, "--epochs", "2", "--out", str(tmp_path / str(number))])
        said = capsys.readouterr().err
        assert "\r" not in said
        lines = re.findall(r"^epoch (\d) of 2, step (\d): (?:\w+ -?[\d.]+(?:, )?)+$", said, re.M)
        assert lines == [("1", "1"), ("2", "2")]


def test_weights_can_be_read_by_whom_the_other_files_can(trained):
    modes = {path.stat().st_mode for path in trained.parent.iterdir() if path.is_file()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("ptacl", ["ecg", "cine", "joint"]),
        ("deri", ["joint"]),
        ("scar", ["joint"]),
        ("clinical-transfer", ["joint", "labs", "diagnosis"]),
    ],
)
def test_other_methods_train_in_their_stages(name, stages, tmp_path):
    main(["train", name, "--data", "cohort:40:3", "--out", str(tmp_path), *SMOKE])
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["stage"] for line in lines] == stages
    method = load_model(tmp_path / "weights.safetensors")
    assert method.name == name
    records = open_data("cohort:4", fs=100).records
    assert method.embed(records).isfinite().all()


def test_train_resumes_exactly_in_a_new_process(tmp_path, monkeypatch):
    """With reports: text models forget between processes, and round by what they read together."""

    class Stop(BaseException):
        pass

    def stop(*given):
        save_state(*given)
        raise Stop

    words = ["train", "scar", "--data", "cohort:80", "--preset", "smoke", "--batch-size", "16"]
    words += ["--epochs", "4"]
    main([*words, "--out", str(tmp_path / "whole")])
    text_encoder.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("ecglearn.train.loop.save_state", stop)
        with pytest.raises(Stop):
            main([*words, "--out", str(tmp_path / "stopped")])
    text_encoder.cache_clear()
    main([*words, "--out", str(tmp_path / "stopped"), "--resume"])
    one, two = (load(tmp_path / f / "weights.safetensors")[0] for f in ("whole", "stopped"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_train_resumes(tmp_path):
    words = ["train", "scar", "--data", "cohort:40", "--preset", "smoke", "--batch-size", "16"]
    main([*words, "--out", str(tmp_path / "a"), "--epochs", "2"])
    weights = load(tmp_path / "a" / "weights.safetensors")[0]
    (tmp_path / "a" / "weights.safetensors").unlink()
    main([*words, "--out", str(tmp_path / "a"), "--epochs", "2", "--resume"])
    again = load(tmp_path / "a" / "weights.safetensors")[0]
    assert all(torch.equal(weights[key], again[key]) for key in weights)
    assert "other settings" in refusal(*words, "--out", tmp_path / "a", "--epochs", "3", "--resume")


def test_two_processes_draw_like_two_micro_batches(tmp_path):
    """The installed way: `python -m ecglearn`, alone and under torchrun."""
    words = ["-m", "ecglearn", "train", "scar", "--data", "cohort:40", *SMOKE]
    for folder, more in (("one", ["--accumulate", "2"]), ("two", [])):
        # `-m torch.distributed.run ... -m ecglearn ...`
        start = TORCHRUN if folder == "two" else ()
        command = [sys.executable, *start, *words, *more, "--out", str(tmp_path / folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load(tmp_path / f / "weights.safetensors")[0] for f in ("one", "two"))
    for key in one:
        torch.testing.assert_close(two[key], one[key], atol=1e-4, rtol=1e-3, msg=key)


def test_train_on_a_store_leaves_out_records_without_report(store, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    main(["train", "tamer", "--data", str(store), "--out", str(tmp_path), *SMOKE])
    said = capsys.readouterr().err
    assert "left out: 1 records without a report" in said
    training = list(open_store(store).index["split"]).count("train")
    assert f"{training - 1} records on cpu; epochs 1, batch_size" in said


def test_evaluate_compares_with_two_references(trained, tmp_path, capsys):
    words = [
        "evaluate",
        str(trained),
        "--data",
        "cohort:80",
        "--label-fractions",
        "0.5",
        "1",
        "--seeds",
        "2",
        "--least-cases",
        "2",
    ]
    main([*words, "--out", str(tmp_path / "t.csv")])
    shown = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "t.csv")
    assert list(table["encoder"]) == [
        *["merl"] * 2,
        *["random encoder"] * 2,
        *["age and sex"] * 2,
        "merl",
    ]
    assert table["task"].iloc[-1] == "zero-shot"
    assert table["value"].between(table["low"], table["high"]).all()
    assert "zero-shot" in shown
    source = open_data("cohort:80", fs=100)
    there = source.labels[source.rows("test")]
    judged = (there.sum(0) >= 2) & ((~there).sum(0) >= 2)
    assert 0 < judged.sum() < len(judged)
    assert set(table["classes"]) == {judged.sum()}
    assert set(table["cases"]) == {there[:, judged].sum()}
    left_out = re.search(r"not judged, fewer than 2 cases .*: (.*)", shown)
    assert left_out is not None
    assert left_out[1].split(", ") == [
        c for c, kept in zip(source.classes, judged, strict=True) if not kept
    ]
    main([*words, "--out", str(tmp_path / "t.parquet")])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table, check_dtype=False)


def test_evaluate_by_another_label_set_and_at_a_second_site(trained, tmp_path, capsys):
    folder = tmp_path / "ptbxl"
    codes = ["{'NORM': 100.0, 'SR': 0.0}", "{'AFIB': 0.0, 'CLBBB': 100.0}"]
    rows = [
        layouts.ptbxl_row(k, report=f"sinus rhythm {k}", scp_codes=codes[k // 3 % 2])
        for k in range(1, 81)
    ]
    layouts.ptbxl(folder, 80, rows)
    prepare("ptbxl-100", folder, tmp_path / "store", workers=1, progress=False)
    words = ["evaluate", str(trained), "--data", str(tmp_path / "store"), "--least-cases", "2"]
    words += ["--label-fractions", "1", "--out", str(tmp_path / "t.csv")]
    main([*words, "--labels", "ptbxl-rhythm", "--external", str(tmp_path / "store")])
    table = pd.read_csv(tmp_path / "t.csv")
    tasks = table["task"].tolist()
    assert tasks[-2:] == ["probe, 100% of the labels, second site"] * 2
    assert table["encoder"].tolist()[-2:] == ["random encoder", "merl"]
    assert set(table["classes"]) == {1}  # SR alone has cases
    whole = open_store(tmp_path / "store", labels="ptbxl-rhythm").labels.sum()
    assert table["cases"].tolist()[-2:] == [whole] * 2
    assert "no label set" in refusal(*words, "--labels", "csn")
    assert "no class with 2 cases" in refusal(*words, "--external", "cohort:40")
    assert "leave out --labels" in refusal(
        "evaluate", trained, "--data", "cohort:40", "--labels", "csn"
    )


def test_evaluate_without_the_text_model_gives_the_probes(trained, tmp_path, capsys):
    tensors, about = load(trained)
    assert about["text_model"] == text_encoder().fingerprint
    gone = about | {"config": about["config"] | {"text": str(tmp_path / "gone")}}
    other = about | {"text_model": "0123456789abcdef"}
    words = ["--data", "cohort:80", "--label-fractions", "1", "--least-cases", "2"]
    for changed, said in ((gone, "no text model"), (other, "other weights or words than")):
        save(tmp_path / "w", tensors, about=changed)
        main(["evaluate", str(tmp_path / "w"), *words, "--out", str(tmp_path / "t.csv")])
        assert f"no zero-shot row: {'the' if changed is other else ''}".strip() in (
            errors := capsys.readouterr().err
        )
        assert said in errors
        table = pd.read_csv(tmp_path / "t.csv")
        assert list(table["encoder"]) == ["merl", "random encoder", "age and sex"]


def test_embed_a_store_and_simulated_patients(trained, store, tmp_path, capsys):
    method = load_model(trained)
    for data, fs in ((str(store), 100), ("cohort:5:7", 100)):
        main(["embed", str(trained), "--data", data, "--out", str(tmp_path / "e.parquet")])
        found = pd.read_parquet(tmp_path / "e.parquet")
        source = open_data(data, fs=fs)
        assert list(found["record"]) == list(source.names)
        expected = method.embed(source.records[slice(None)])
        torch.testing.assert_close(torch.from_numpy(np.stack(list(found["embedding"]))), expected)
    assert "5 embeddings" in capsys.readouterr().out


def test_embed_a_folder_of_records_lists_the_refused(trained, tmp_path, capsys):
    """As from a store: the same cleaning, whatever the table says."""
    layouts.ptbxl(tmp_path / "in", 4)
    broken = tmp_path / "in" / "records100" / "00000" / "00002_lr.dat"
    broken.write_bytes(broken.read_bytes()[:100])
    words = ["--data", str(tmp_path / "in"), "--out", str(tmp_path / "e.parquet"), "--workers", "1"]
    main(["embed", str(trained), *words])
    found = pd.read_parquet(tmp_path / "e.parquet")
    assert list(found["record"]) == [f"records100/00000/0000{k}_lr" for k in (1, 3, 4)]
    refused = pd.read_csv(tmp_path / "e.refused.csv")
    assert list(refused["record"]) == ["records100/00000/00002_lr"]
    said = capsys.readouterr().out.splitlines()
    assert "3 embeddings in" in said[-2]
    assert "1 records refused, see" in said[-2]
    assert said[-1] == f"  {refused['record'][0]}: {refused['reason'][0]}"
    prepare("ptbxl-100", tmp_path / "in", tmp_path / "store", workers=1, progress=False)
    expected = load_model(trained).embed(open_store(tmp_path / "store")[:])
    torch.testing.assert_close(torch.from_numpy(np.stack(list(found["embedding"]))), expected)


def test_embed_in_batches_and_in_half_precision(trained, tmp_path):
    words = ["embed", str(trained), "--data", "cohort:10", "--out", str(tmp_path / "e.parquet")]
    found = {}
    for name, more in {
        "usual": [],
        "three": ["--batch-size", "3"],
        "half": ["--precision", "bf16"],
    }.items():
        main([*words, *more])
        table = pd.read_parquet(tmp_path / "e.parquet")
        found[name] = np.stack(list(table["embedding"]))
    assert all(x.dtype == np.float32 for x in found.values())
    np.testing.assert_allclose(found["three"], found["usual"], atol=1e-5)
    assert 0 < np.abs(found["half"] - found["usual"]).max() < 0.1 * np.abs(found["usual"]).max()
    assert "a batch of 0 has no record" in refusal(*words, "--batch-size", "0")


def test_embed_writes_piece_by_piece(trained, tmp_path, monkeypatch):
    from pyarrow import parquet

    monkeypatch.setattr("ecglearn.cli.data.PIECE", 4)
    main(["embed", str(trained), "--data", "cohort:10", "--out", str(tmp_path / "e.parquet")])
    assert parquet.ParquetFile(tmp_path / "e.parquet").num_row_groups == 3


# what they refuse


def test_refusals_of_train(store, tmp_path):
    out = ("--out", tmp_path)
    assert "no command 'teach'; there are prepare, join, check, train" in refusal("teach")
    assert "no method 'bert'; there are ptacl, tamer" in refusal("train", "bert")
    assert "presets paper, class, smoke, not 'tiny'" in refusal("train", "scar", "--preset", "tiny")
    text = refusal("train", "scar", "--data", tmp_path / "no", *out)
    assert "no store" in text
    assert "ecglearn prepare" in text
    assert "prepare the store with --fs 500" in refusal(
        "train", "scar", "--data", store, *out, "--preset", "paper"
    )
    assert "cines of the heart" in refusal("train", "ptacl", "--data", store, *out)
    assert "ecglearn join" in refusal("train", "ptacl", "--data", store, *out)
    assert "reads no reports: leave out --by-length" in refusal(
        "train", "ptacl", "--data", "cohort:40", *out, "--by-length"
    )
    assert "laboratory values" in refusal("train", "clinical-transfer", "--data", store, *out)
    assert "larger than the data" in refusal(
        "train", "scar", "--data", "cohort:20", *out, "--preset", "smoke"
    )
    assert "should have one number for each stage" in refusal(
        "train", "merl", "--data", "cohort:40", *out, *SMOKE, "--model.widths", "8", "16"
    )
    assert "no MERL can be made of these sizes" in refusal(
        "train", "merl", "--data", "cohort:40", *out, *SMOKE, "--model.width", "30"
    )
    assert "batch norms" in refusal(
        "train", "merl", "--data", "cohort:80", *out, *SMOKE, "--accumulate", "2"
    )


def test_refusals_of_weights(trained, tmp_path):
    assert "not a readable checkpoint" in refusal(
        "embed", tmp_path / "no.safetensors", "--data", "cohort:4", "--out", tmp_path / "e"
    )
    last = trained.parent / "joint" / "last.safetensors"
    assert "does not say which method" in refusal("evaluate", last, "--data", "cohort:40")
    tensors, about = load(trained)
    save(tmp_path / "a", tensors, about=about | {"config": about["config"] | {"depth": 3}})
    assert "configuration that this version does not know" in refusal(
        "evaluate", tmp_path / "a", "--data", "cohort:40"
    )
    assert "no class has 10 cases and 10 other records" in refusal(
        "evaluate", trained, "--data", "cohort:40"
    )
    assert "written as .csv or .parquet" in refusal(
        "evaluate", trained, "--data", "cohort:40", "--out", tmp_path / "t.xlsx"
    )


def test_without_tyro(monkeypatch):
    monkeypatch.setitem(sys.modules, "tyro", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ecglearn\[train\]'"):
        main(["train", "scar"])
    assert tyro.MISSING is not None
