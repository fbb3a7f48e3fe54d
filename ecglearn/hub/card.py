"""The model card: where weights come from, what they read, and what nobody may conclude."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_SIMULATED = (
    "**These weights were trained on simulated patients.** They show how a method works; nothing "
    "that comes out of them is evidence about people."
)
_LIMITS = (
    "A research model, not a medical device, and not tested for any use with patients. How well "
    "it does on other people, other devices, other rates or other diagnoses than those it was "
    "trained on is not known from anything in this folder; measure it on data of your own, with "
    "intervals. Its vectors are no probabilities. Records must be prepared as the table says: "
    "another rate, filter or scale gives vectors without meaning, and nothing warns of a record "
    "that was prepared in another way than it claims."
)
_PAPER = (
    "The method is that of the paper below, in the form of the library ecglearn, whose book says "
    "for each part whether it is known from the paper or chosen."
)


def model_card(about: Mapping[str, Any], *, licence: str | None = None) -> str:
    """The README.md of a folder of weights.

    Args:
        about: what the file says of the weights: `method`, `config` and, where known, `title`,
            `citation`, `preset`, `recipes`, `run`, `data`, `converted`, `ecglearn`.
        licence: its name on the hub, such as "mit"; None leaves the field to the user.

    Book: many-machines#out-again
    """
    config, name = about["config"], about["method"]
    title, data = about.get("title", name), _data(about)
    head = ["---", "library_name: ecglearn", *([f"license: {licence}"] if licence else [])]
    head += ["tags:", *(f"- {tag}" for tag in ("ecglearn", "ecg", name)), "---", ""]
    seconds = config["samples"] / config["fs"]
    rows = {
        "Method": f"{title} (`{name}`)",
        "Reads": f"12 leads, {config['samples']} samples at {config['fs']:g} Hz ({seconds:g} s)",
        "Preprocessing": f"`{config['preprocess']}`",
        "Trained on": data,
        "Preset": about.get("preset") or _run(about).get("preset"),
        "Seed": _run(about).get("seed"),
        "Converted from": about.get("converted"),
        "Frozen text model": config.get("text"),
        "Library": f"ecglearn {about.get('ecglearn', 'of an unknown version')}",
    }
    table = [f"| {key} | {_cell(value)} |" for key, value in rows.items() if value is not None]
    recipes = [
        f"{number}. " + ", ".join(f"{k} {v}" for k, v in recipe.items() if k != "known")
        for number, recipe in enumerate(about.get("recipes", ()), start=1)
    ]
    limits = [_SIMULATED, ""] if data.startswith("simulated") else []
    said = f"`{licence}`" if licence else "Not stated: whoever publishes these weights says it."
    parts = [
        *(*head, f"# {title}: vectors of 12-lead ECGs", ""),
        *("```python", "import ecglearn", ""),
        'method = ecglearn.load("this-folder")  # or "hf://owner/name"',
        'vectors = ecglearn.embed(method, ecglearn.read_record("path/to/record"))',
        *("```", "", "## Provenance", "", "| | |", "|---|---|", *table, ""),
        *(["Recipe, stage by stage:", "", *recipes, ""] if recipes else []),
        *("Configuration; the one in `model.safetensors` counts:", ""),
        *("```json", json.dumps(config, indent=1), "```", ""),
        *("## Limits", "", *limits, _LIMITS, ""),
        *("## Licence", "", f"{said} Terms of the training data may bind it.", ""),
        *("## Paper", "", _PAPER, "", "```bibtex", about.get("citation", "not stated"), "```", ""),
    ]
    return "\n".join(parts)


def _run(about: Mapping[str, Any]) -> Mapping[str, Any]:
    run = about.get("run")
    return run if isinstance(run, Mapping) else {}


def _data(about: Mapping[str, Any]) -> str:
    """What the weights were trained on; of a folder its name alone: a path says who trained."""
    said = about.get("data") or _run(about).get("data")
    if said is None:
        return "not stated"
    if found := re.fullmatch(r"cohort:(\d+)", str(said)):
        return f"simulated: {found[1]} patients of ecglearn's cohort"
    return PurePath(said).name if "data" not in about else str(said)


def _cell(value: Any) -> str:
    return str(value).replace("|", r"\|").replace("\n", " ")
