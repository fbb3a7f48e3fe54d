"""A store of made-up records to which films and values of other simulated patients are joined."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from ecglearn.cohort import LABS, VITALS, simulate
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from tests.data import layouts

FILMLESS = 4  # records at the end without a film
SCHEMA = {
    "labs": {
        "potassium": {"unit": "mmol/L", "limits": [0.5, 15], "reference": [3.5, 5.1]},
        "my own marker": {"unit": "U/L", "limits": [0, 9000], "reference": [10, 60]},
        "sodium": {"unit": "mmol/L", "limits": [70, 220], "reference": [135, 145]},
    },
    "vitals": {"heart_rate": {"unit": "1/min", "limits": [10, 350]}},
    "diagnoses": "ptbxl-super",
}


def constructed_pairs(folder: Path, count: int) -> list[str]:
    """A store `out` in the layout of PTB-XL, and what `ecglearn join` needs beside it.

    Returns:
        The words of the command.
    """
    codes = ("{'NORM': 100.0}", "{'_AVB': 100.0}")
    rows = [
        layouts.ptbxl_row(
            k, scp_codes=codes[k // 20 % 2], report=f"sinus rhythm, {50 + k} per minute"
        )
        for k in range(1, count + 1)
    ]
    layouts.ptbxl(folder / "in", count, rows)
    prepare("ptbxl-100", folder / "in", folder / "out", workers=1, progress=False)
    names = open_store(folder / "out").names
    patients = simulate(count, seed=1, frames=26)
    (folder / "films").mkdir()
    filmed = names[:-FILMLESS]
    for name, loop in zip(filmed, patients.cine, strict=False):
        np.save(folder / "films" / f"{name}.npy", loop)
    films = [(name, f"films/{name}.npy") for name in filmed]
    layouts.table(folder / "films.csv", ("record", "path"), films)
    labs = pd.DataFrame(patients.labs, columns=list(LABS))
    vitals = pd.DataFrame(patients.vitals, columns=list(VITALS))
    table = pd.DataFrame({"record": names, "potassium": labs["potassium"]})
    table["my own marker"] = 5.0 * (np.arange(count) % 60)
    table["sodium"] = labs["sodium"].where(np.arange(count) % 3 > 0)
    table["heart_rate"] = vitals["heart_rate"]
    table.to_csv(folder / "values.csv", index=False)
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    files = {"films": "films.csv", "values": "values.csv", "schema": "schema.json"}
    words = [word for flag, file in files.items() for word in (f"--{flag}", str(folder / file))]
    return ["join", str(folder / "out"), *words, "--workers", "1"]
