"""What a method gains by the hub: three ways in and out, each through `huggingface_hub`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ecglearn.checkpoint import MODEL, CheckpointError
from ecglearn.files import disk
from ecglearn.hub.card import model_card

if TYPE_CHECKING:
    from typing import Self

    from ecglearn.hub.folder import Folder
else:
    Self = Folder = Any  # the checker of shapes sees methods without their class


class Shared:
    """Saving to a folder with a card, sending it to the hub, and reading it back.

    Book: many-machines#out-again
    """

    if TYPE_CHECKING:
        name: ClassVar[Any]
        title: ClassVar[Any]
        citation: ClassVar[Any]
        config: Any
        about: dict[str, Any]
        config_class: ClassVar[Any]

        def save(self, path: str | Path, **about: Any) -> None: ...

        @classmethod
        def load(cls, path: str | Path) -> Self: ...

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        licence: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Write `model.safetensors`, as `save` does, with a README.md that says what it is.

        A README.md that is there already is kept: it may have been edited.

        Args:
            folder: made where it is absent; `load` and `ecglearn.load` read it.
            licence: of the weights, by its name on the hub; None leaves it to the user.
            about: what else is known, above all `data`, a sentence; what stood in the file that the
                weights were loaded from is kept.

        Raises:
            MissingGroupError: the optional group `pretrained` is not installed.
            DiskError: the folder cannot be written.
        """
        with self._packed(licence, about) as packed, disk(folder):
            packed.save_pretrained(Path(folder))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        licence: str | None = None,
        about: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Send what `save_pretrained` writes to the hub of Hugging Face.

        Everything in `about` travels in the file, names of folders too.

        Args:
            repo_id: "owner/name"; made where it is absent.
            licence: of the weights, by its name on the hub; None leaves it to the user.
            about: see `save_pretrained`.
            **options: of the mixin's own `push_to_hub`: `private`, `token`, `branch`, `create_pr`,
                `commit_message`.

        Returns:
            Where it lies now.

        Raises:
            MissingGroupError: the optional group `pretrained` is not installed.
        """
        with self._packed(licence, about) as packed:
            return str(packed.push_to_hub(repo_id, **options))

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> Self:
        """A method in evaluation mode from a folder or from the hub; nothing in it is ever run.

        Args:
            name: folder that `save_pretrained` wrote, or "owner/name" on the hub.
            **options: of the mixin's own: `revision`, `token`, `cache_dir`, `local_files_only`,
                `force_download`.

        Raises:
            CheckpointError: there is no such folder or repository, or it holds no such method.
            MissingGroupError: the optional group `pretrained` is not installed.
        """
        return cls.load(fetch(name, **options))

    @contextmanager
    def _packed(self, licence: str | None, about: Mapping[str, Any] | None) -> Iterator[Folder]:
        from ecglearn.hub.folder import Folder

        preset = [
            name
            for name in self.config_class.PRESETS
            if self.config_class.preset(name) == self.config
        ]
        known = {"method": self.name, "config": self.config.to_dict()}
        said = {"title": self.title, "citation": self.citation, "ecglearn": version("ecglearn")}
        said |= {"preset": preset[0] if preset else "none, see the configuration"}
        said |= self.about | dict(about or {})
        with tempfile.TemporaryDirectory() as place:
            self.save(Path(place) / MODEL, **said)
            yield Folder(Path(place) / MODEL, model_card(said | known, licence=licence), known)


def fetch(name: str | Path, **options: Any) -> Path:
    """The weights of a folder, or of a repository on the hub, which is downloaded once.

    Args:
        name: folder, "owner/name", or "hf://owner/name".
        **options: see `Shared.from_pretrained`.

    Raises:
        CheckpointError: there is no such folder or repository, or it cannot be reached.
        MissingGroupError: the optional group `pretrained` is not installed.

    Book: many-machines#out-again
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    from ecglearn.hub.folder import Folder

    plain = re.sub("^hf:/+", "", str(name))
    try:
        return Folder.from_pretrained(plain, **options).weights
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise CheckpointError(
            f"{name} is no folder here, and no repository on the hub that could be read "
            f"({str(error).strip().splitlines()[0]}); look at its name, at the network, or give "
            "token=... where it is private"
        ) from error
