"""Where a pretrained language model comes from: the library, a folder, or the hub."""

from __future__ import annotations

from pathlib import Path

EMBEDDED = "embedded"


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
