"""Where a pretrained language model comes from: the library, a folder, or the hub."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ecglearn.errors import EcglearnError

EMBEDDED = "embedded"
MED_CPT = "ncbi/MedCPT-Query-Encoder"
#: Languages of what some models were trained on; nothing is known of others.
READS = {
    EMBEDDED: ("English",),
    MED_CPT: ("English",),
    "deepset/gbert-base": ("German",),
    "GerMedBERT/medbert-512": ("German",),
    "google-bert/bert-base-multilingual-cased": ("English", "German"),
}
# words that German ECG reports are made of and English ones are not
_GERMAN = re.compile(
    r"\b(?:und|mit|nicht|kein\w*|sonst|normales|sinus(?:rhythmus|bradykardie|tachykardie)|"
    r"lagetyp|(?:links|rechts)(?:typ|schenkel\w*|herz\w*|hypertrophie)|steiltyp|\w*schenkelblock|"
    r"vorhof\w*|kammer\w*|wahrscheinlich|auffällig\w*|verdacht|verl[äÄ]ngerung|überleitung\w*)\b",
    re.IGNORECASE,
)
_SHOWN = 4  # tensors that a message names


def locate(name: str, embedded: Path) -> tuple[str, bool]:
    """What to load, and whether to look on this machine only.

    Args:
        name: `embedded`, a folder in the format of Hugging Face, or a name on its hub.
        embedded: folder of the model that comes with the library.

    Book: tamer#text-side
    """
    place = str(embedded) if name == EMBEDDED else name
    # asked for many times, a hub that is not there takes a minute to say so
    return place, Path(place).is_dir() or not hub_answers()


def hub_answers() -> bool:
    """Whether the Hugging Face hub can be reached; takes ten seconds at most.

    Book: tamer#text-side
    """
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=10)
    except Exception:  # which errors there are depends on the HTTP library of the hub's client
        return False
    return True


def not_found(kind: str, name: str, error: Exception, *, instead: str) -> str:
    """One sentence for a model that is nowhere.

    Args:
        kind: of model.
        name: that was asked for.
        error: what the loading library said.
        instead: a public model that could be downloaded.

    Book: tamer#text-side
    """
    return (
        f"no {kind} '{name}': it is no local folder with config.json, model.safetensors and a "
        "tokenizer, and neither the Hugging Face hub nor its local cache gave it "
        f"({type(error).__name__}); download {instead} elsewhere and give its folder, or take "
        f"'{EMBEDDED}', the small model that comes with the library"
    )


def refuse_code(place: str, name: str, error: type[EcglearnError], *, local: bool) -> None:
    """Refuse a model that asks for Python code of its own, which would be run when it is loaded.

    Args:
        place: folder or name on the hub.
        name: for the message.
        error: what to raise.
        local: look on this machine only.

    Book: tamer#text-side
    """
    from transformers import PretrainedConfig
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    config, _ = PretrainedConfig.get_config_dict(place, local_files_only=local)
    tokenizer = get_tokenizer_config(place, local_files_only=local)
    for file, found in (("config.json", config), ("tokenizer_config.json", tokenizer)):
        if "auto_map" in found:
            raise error(
                f"'{name}' asks for code of its own (auto_map in {file}), which is never run: give "
                "a model of a known kind, without auto_map"
            )


def load_exactly(
    load: Callable[..., Any],
    place: str,
    name: str,
    error: type[EcglearnError],
    *,
    new: str = r"(?!)",
    **options: Any,
) -> Any:
    """A model all of whose weights come from its file, and all of whose file is used.

    Args:
        load: `from_pretrained` of its class.
        place: folder or name on the hub.
        name: for the message.
        error: what to raise.
        new: pattern of the tensors that are meant to begin anew.
        **options: of `load`.

    Book: tamer#text-side
    """
    # only safetensors run no code on load; what is reshaped is told below, by name
    safe = {"use_safetensors": True, "trust_remote_code": False, "ignore_mismatched_sizes": True}
    model, info = load(place, output_loading_info=True, **safe, **options)
    absent = {key for key in info["missing_keys"] if not re.fullmatch(new, key)}
    reshaped = {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    damaged = {n for n, p in model.named_parameters() if not bool(torch.isfinite(p).all())}
    kinds = {
        "absent": absent - reshaped,
        "left over": set(info["unexpected_keys"]) - reshaped,
        "of another shape": reshaped,
        "not finite": damaged - reshaped - absent,
    }
    told = [f"{what}: {_some(sorted(names))}" for what, names in kinds.items() if names]
    if told or info["error_msgs"]:
        raise error(
            f"the weights of '{name}' are not those of a {type(model).__name__} with this "
            f"config.json ({'; '.join(told or info['error_msgs'])}): give config.json and "
            "model.safetensors of one and the same model, saved from this class"
        )
    return model


def check_tokenizer(tokenizer: Any, model: Any, name: str, error: type[EcglearnError]) -> None:
    """Refuse a tokenizer with more words than its model has rows.

    Args:
        tokenizer: of the folder.
        model: of the same folder.
        name: for the message.
        error: what to raise.

    Book: tamer#text-side
    """
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise error(
            f"the tokenizer of '{name}' has {len(tokenizer)} words and its model {rows}: give both "
            "from one and the same model"
        )


def german(text: str) -> bool:
    """Whether a report has a word that only German ones have.

    Args:
        text: a report.

    Book: tamer#text-side
    """
    return _GERMAN.search(text) is not None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
