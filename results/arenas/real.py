"""Real records: zero-shot and probes on PTB-XL, and from there to LUDB and the CinC Challenges.

Needs the folders `ptbxl-mini`, `ludb` and `cinc-mini` in the folder that ECGLEARN_DATA names: small
samples of PTB-XL (Wagner et al. 2020), LUDB (Kalyakulina et al. 2020) and the CinC Challenges
(Reyna et al. 2021), in the layouts of their releases.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.store import Store
from ecglearn.evaluate import (
    Split,
    auroc_intervals,
    fit_probe,
    label_set,
    load_prompts,
    untrained,
    zero_shot,
)
from ecglearn.registry import create
from ecglearn.train import fit
from ecglearn.train.schedules import PATIENTS, trained

REPORT_METHODS = ("TAMER", "DERI", "SCAR", "MERL")
TAUGHT_BY = ("simulated reports", "real reports", "nothing")
VARIANTS = tuple(f"{m}, {taught}" for m in REPORT_METHODS for taught in TAUGHT_BY)
CLASSES = label_set("ptbxl-super")
EPOCHS, BATCH, DRAWS = 30, 16, 200
SCRATCH = tempfile.TemporaryDirectory(prefix="ecglearn-")  # until the program ends
FOLDERS = {
    "PTB-XL": (("ptbxl", "ptbxl-mini"),),
    "LUDB": (("ludb", "ludb"),),
    "CinC": (("challenge", "cinc-mini/cinc2021"), ("challenge", "cinc-mini/cpsc_extra")),
}
# our map of other vocabularies to the five superclasses
LUDB_WORDS = {
    "CD": ("block", "WPW"),
    "HYP": ("hypertrophy",),
    "MI": ("Scar formation", "Stemi"),
    "STTC": ("Ischemia", "repolarization"),
}
CINC_NAMES = {
    "CD": ("BBB", "LBBB", "RBBB", "CRBBB", "IRBBB", "IAVB", "LAnFB", "NSIVCB"),
    "HYP": ("LVH", "RVH"),
    "MI": ("MI", "QAb"),
    "STTC": ("TAb", "TInv", "STD", "NSSTTA", "LQT"),
}


def folder() -> Path | None:
    """Where the real records are, or None."""
    named = os.environ.get("ECGLEARN_DATA")
    return Path(named) if named and all((Path(named) / f).is_dir() for f in _folders()) else None


def _folders() -> list[str]:
    return [name for parts in FOLDERS.values() for _, name in parts]


@cache
def stores() -> dict[str, list[Store]]:
    """Every sample prepared at 100 Hz."""
    root = folder()
    if root is None:
        raise FileNotFoundError(f"ECGLEARN_DATA must name a folder with {', '.join(_folders())}")
    made: dict[str, list[Store]] = {}
    for domain, parts in FOLDERS.items():
        for k, (source, name) in enumerate(parts):
            out = Path(SCRATCH.name) / f"{domain}-{k}"
            prepare(source, root / name, out, fs=100, workers=1, progress=False)
            made.setdefault(domain, []).append(open_store(out))
    return made


def superclasses(domain: str, store: Store) -> pd.DataFrame:
    """Labels in PTB-XL's five superclasses; a record with none of four others is normal."""
    labels, names = store.labels, list(store.label_names)
    if domain == "PTB-XL":
        found = {c: labels[:, names.index(c)] for c in CLASSES}
    elif domain == "LUDB":
        said = store.index["statements"].fillna("")
        found = {c: said.str.contains("|".join(w)).to_numpy(bool) for c, w in LUDB_WORDS.items()}
        found["NORM"] = ~np.any(list(found.values()), axis=0)
    else:
        found = {
            c: labels[:, [names.index(n) for n in wanted if n in names]].any(1)
            for c, wanted in CINC_NAMES.items()
        }
        found["NORM"] = labels[:, names.index("NSR")] & ~np.any(list(found.values()), axis=0)
    return pd.DataFrame({c: found[c] for c in CLASSES})


@cache
def records(domain: str) -> tuple[ECGBatch, pd.DataFrame, list[str], np.ndarray]:
    """All records of a domain: signals, labels, patients, and which are for training."""
    batches, labels, patients, teach = [], [], [], []
    for store in stores()[domain]:
        batches.append(store[np.arange(len(store))])
        labels.append(superclasses(domain, store))
        patients += list(store.patients)
        teach.append((store.index["split"] == "train").to_numpy())
    whole = ECGBatch(
        ecg=torch.cat([b.ecg for b in batches]),
        fs=100,
        table=_table(batches),
        reports=[r for b in batches for r in b.reports or [""] * len(b)],
    )
    return whole, pd.concat(labels, ignore_index=True), patients, np.concatenate(teach)


def _table(batches: Sequence[ECGBatch]) -> torch.Tensor:
    return torch.cat([b.table for b in batches if b.table is not None])


@cache
def simulated(seed: int) -> ECGBatch:
    """Patients of the recipes."""
    return ECGBatch.from_cohort(simulate(PATIENTS["class"], seed=seed))


@cache
def taught(name: str, by: str, seed: int) -> Any:
    """A method that has read simulated reports, real ones, or none."""
    if by == "simulated reports":
        return trained(name, simulated(seed), seed=seed).method
    torch.manual_seed(seed)
    method = create(name)
    if by == "nothing":
        return untrained(method, seed)
    batch, _, _, teach = records("PTB-XL")
    fit(
        method,
        batch[np.flatnonzero(teach)],
        epochs=EPOCHS,
        batch_size=BATCH,
        seed=seed,
        progress=False,
    )
    return method.eval()


def run(variant: str, seed: int) -> dict[str, float]:
    """AUROC with its bounds over patients: PTB-XL held out, LUDB and CinC without any training."""
    name, by = variant.split(", ")
    method = taught(name, by, seed)
    batch, labels, _, teach = records("PTB-XL")
    known = np.flatnonzero(teach)
    known = known[np.random.default_rng(seed).permutation(len(known))]
    third = len(known) // 3
    parts = Split(known[third:], known[:third], np.flatnonzero(~teach))
    x = method.embed(batch).numpy()
    y = labels.to_numpy(float)
    probe = fit_probe(Split(*(x[p] for p in parts)), Split(*(y[p] for p in parts)))
    prompts = load_prompts("ecg", classes=CLASSES)
    found: dict[str, float] = {}
    for domain in FOLDERS:
        batch, labels, patients, teach = records(domain)
        judge = np.flatnonzero(~teach) if domain == "PTB-XL" else np.arange(len(batch))
        seen = batch[judge]
        scores = {
            "zero-shot": zero_shot(method, seen, prompts).to_numpy(),
            "probe": probe.score(method.embed(seen).numpy()),
        }
        truth = labels.iloc[judge].reset_index(drop=True)
        whose = [patients[i] for i in judge]
        for what, s in scores.items():
            table = auroc_intervals(
                pd.DataFrame(s, columns=list(CLASSES)), truth, patients=whose, n_resamples=DRAWS
            )
            value, low, high = table.loc["macro", ["value", "low", "high"]]
            key = f"{domain}: {what}"
            found |= {key: float(value), f"{key} low": float(low), f"{key} high": float(high)}
            found[f"{domain}: classes"] = float(len(table) - 1)
        found[f"{domain}: records"] = float(len(judge))
    return found
