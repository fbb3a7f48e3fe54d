"""Real films and real laboratory values, joined to constructed ECGs: no real pairs are to be had.

The ECGs are simulated patients under the names of real ones. Nothing learned here is about anybody;
what is asked is whether files as they really are get through, and come back as they are.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ecglearn.cli import main
from ecglearn.data.clinical.mimic_iv import demographics_at, diagnoses_of, nearest_labs
from ecglearn.data.clinical.own_columns import OwnColumns
from ecglearn.data.clinical.schema import LAB_COLUMNS, TABLE_COLUMNS, Column
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.film import read_film
from ecglearn.data.store.join import join
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.methods.clinical_transfer import ClinicalTransfer
from ecglearn.methods.ptacl import PTACL
from ecglearn.registry import load
from tests.data import layouts

pytestmark = pytest.mark.real
SMOKE = ("--preset", "smoke", "--epochs", "1", "--batch-size", "8")
LACTATE = Column("lactate", "mmol/L", (0, 40), (0.5, 2.0), item=50813)


def constructed(folder: Path, names: list[str], patients: list[str]) -> Path:
    """A store of simulated ECGs, called so, under the names of real people."""
    (folder / "ecgs").mkdir()
    for name, counts in zip(names, layouts.signals(len(names)), strict=True):
        layouts.write(folder / "ecgs", counts, name=name)
    rows = list(zip(names, patients, strict=True))
    layouts.table(folder / "ecgs" / "ecgs.csv", ("record", "patient"), rows)
    source = folder_dataset(Columns("ecgs.csv", patient="patient"))
    prepare(source, folder / "ecgs", folder / "store", workers=1, progress=False)
    return folder / "store"


@pytest.fixture(scope="module")
def hearts(real_data, tmp_path_factory):
    """Films of two moments of one slice in the middle of each real heart; of two ECGs none."""
    folder, root = tmp_path_factory.mktemp("hearts"), real_data / "sunnybrook-2phase"
    index = pd.read_csv(root / "index.csv")
    both: Any = index.pivot_table(
        index=["subject", "slice"], columns="cardiac_phase", values="frame"
    ).dropna()
    films, subjects = [], sorted(index["subject"].unique())
    (folder / "films").mkdir()
    for subject in subjects:
        slices = both.loc[subject]
        frames = slices.iloc[len(slices) // 2]
        paths = [
            root / "images" / f"{subject}-IM-0001-{int(frames[moment]):04d}.png"
            for moment in ("ED", "ES")
        ]
        loop = np.stack([np.asarray(Image.open(path)) for path in paths])
        np.save(folder / "films" / f"{subject}.npy", loop)
        films.append((subject, f"films/{subject}.npy"))
    pd.DataFrame(films, columns=["record", "path"]).to_csv(folder / "films.csv", index=False)
    names = [*subjects, "without-1", "without-2"]
    return constructed(folder, names, names)


def test_real_films_come_back_as_they_are(hearts):
    done = join(hearts, films=hearts.parent / "films.csv", size=84, overwrite=True, workers=1)
    assert (done.records, done.films, done.phases, done.faults) == (32, 30, 2, 0)
    store = open_store(hearts).with_films()
    cine = store[:].cine
    assert cine is not None
    assert cine.shape == (30, 2, 84, 84)
    for k, name in enumerate(store.names):
        film = read_film(hearts.parent / "films" / f"{name}.npy")
        assert film.frames.shape == (2, 256, 256)
        # averaging keeps the brightness of each frame
        want = film.frames.mean((1, 2))
        np.testing.assert_allclose(cine[k].double().mean((1, 2)), want, atol=1)


def test_a_real_film_through_nifti_is_the_same(hearts, tmp_path):
    nibabel: Any = pytest.importorskip("nibabel")
    path = sorted((hearts.parent / "films").glob("*.npy"))[3]
    frames = np.load(path)
    image = nibabel.Nifti1Image(frames.transpose(2, 1, 0)[:, :, None], np.eye(4))
    image.to_filename(tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(read_film(tmp_path / "one.nii.gz").frames, frames)


def test_ptacl_trains_on_real_films_and_constructed_ecgs(hearts, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    join(hearts, films=hearts.parent / "films.csv", size=84, overwrite=True, workers=1)
    words = ["train", "ptacl", "--data", str(hearts), "--out", str(tmp_path), *SMOKE]
    with pytest.raises(SystemExit, match=r"films of 2 phases .* set cine_patch to \(1, 21, 21\)"):
        main(words)
    main([*words, "--model.cine-patch", "1", "21", "21"])
    assert "as the data have it: frames 2" in capsys.readouterr().err
    model = load(tmp_path / "weights.safetensors")
    assert isinstance(model, PTACL)
    ecg, cine = model.project(open_store(hearts).with_films()[:])
    assert ecg.shape == cine.shape == (30, 32)
    assert torch.isfinite(cine).all()


@pytest.fixture(scope="module")
def charts(real_data, tmp_path_factory):
    """Laboratory values of real patients near constructed times of constructed ECGs."""
    folder, root = tmp_path_factory.mktemp("charts"), real_data / "mimic-iv-demo-labs"
    events = pd.read_csv(root / "hosp" / "labevents.csv.gz")
    chosen = events[events["itemid"] == 50971].iloc[::40]
    times = pd.to_datetime(chosen["charttime"]) + pd.Timedelta(minutes=20)
    ecgs = pd.DataFrame({"patient": chosen["subject_id"], "time": times}).reset_index(drop=True)
    labs, _ = nearest_labs(ecgs, root, (*LAB_COLUMNS, LACTATE))
    body, _ = demographics_at(ecgs, root)
    codes, known, _ = diagnoses_of(ecgs, root, minimum=8)
    names = [f"constructed-{k}" for k in range(len(ecgs))]
    table = pd.concat([labs, body[["weight"]], codes.astype(float).where(known, axis=0)], axis=1)
    table.insert(0, "record", names)
    table.to_csv(folder / "values.csv", index=False)
    weight = next(c for c in TABLE_COLUMNS if c.name == "weight")
    columns = OwnColumns((*LAB_COLUMNS, LACTATE), (weight,), tuple(codes.columns))
    (folder / "schema.json").write_text(json.dumps(columns.described()))
    store = constructed(folder, names, [str(p) for p in ecgs["patient"]])
    return store, table, columns


def test_real_values_come_back_as_they_are(charts):
    store, table, columns = charts
    files = {"values": store.parent / "values.csv", "schema": store.parent / "schema.json"}
    done = join(store, **files, overwrite=True, workers=1)
    assert done.faults == 0
    assert done.records == len(table) == 59
    assert done.values["potassium"] == table["potassium"].notna().sum() > 50
    assert 0 < done.values["lactate"] == table["lactate"].notna().sum() < 59
    records = open_store(store)
    batch = records[:]
    names = [c.name for c in columns.labs]
    rows = table.set_index("record").loc[records.names]
    np.testing.assert_array_equal(batch.labs, rows[names].to_numpy(np.float32))
    wanted = rows[list(columns.diagnoses)].to_numpy(np.float32)
    np.testing.assert_array_equal(batch.diagnoses, wanted)
    assert np.isnan(wanted).any()  # outside every admission: unknown, not healthy
    assert batch.table_names == ("weight", "male")  # nobody told these ECGs an age


def test_clinical_transfer_trains_on_real_values_and_constructed_ecgs(
    charts, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    store, _, columns = charts
    files = {"values": store.parent / "values.csv", "schema": store.parent / "schema.json"}
    join(store, **files, overwrite=True, workers=1)
    main(["train", "clinical-transfer", "--data", str(store), "--out", str(tmp_path), *SMOKE])
    said = capsys.readouterr().err
    assert "laboratory values; 0 of" in said
    assert f"diagnoses {len(columns.diagnoses)}" in said
    model = load(tmp_path / "weights.safetensors")
    assert isinstance(model, ClinicalTransfer)
    diagnoses, flags = model.predict(open_store(store)[:3])
    assert diagnoses.shape == (3, len(columns.diagnoses))
    assert flags.shape == (3, 20)
    assert torch.isfinite(flags).all()
