"""A folder as the mixin of `huggingface_hub` writes, sends and reads it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ecglearn.checkpoint import MODEL
from ecglearn.errors import MissingGroupError
from ecglearn.files import whole

try:
    from huggingface_hub import ModelCard, ModelHubMixin, hf_hub_download
except ModuleNotFoundError as error:
    raise MissingGroupError(
        "the hub needs huggingface_hub: pip install 'ecglearn[pretrained]'"
    ) from error


class Folder(ModelHubMixin, library_name="ecglearn"):
    """Weights in one file beside their card and a copy of their configuration.

    `save_pretrained`, `push_to_hub` and `from_pretrained` are the mixin's own.

    Args:
        weights: the file.
        card: text of README.md; one that is in the folder already is kept.
        described: goes to config.json, for readers and the hub; nothing is read from it.

    Book: many-machines#out-again
    """

    def __init__(
        self, weights: Path, card: str = "", described: dict[str, Any] | None = None
    ) -> None:
        self.weights, self.card = weights, card
        self._hub_mixin_config = described  # what the mixin would write names our arguments

    def _save_pretrained(self, save_directory: Path) -> None:
        with whole(save_directory / MODEL) as part:
            shutil.copyfile(self.weights, part)

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """The text that was given, as the mixin wants it."""
        return ModelCard(self.card)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Folder:
        if Path(model_id).is_dir():
            return cls(Path(model_id) / MODEL)
        return cls(Path(hf_hub_download(model_id, MODEL, **options)))
