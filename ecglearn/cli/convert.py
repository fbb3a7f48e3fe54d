"""`ecglearn convert`: weights that public code wrote, as weights of this library."""

from __future__ import annotations

from pathlib import Path

from ecglearn.registry import load_released


def convert(
    checkpoint: Path, /, *, method: str, out: Path | None = None, text: str | None = None
) -> None:
    """Read a checkpoint of the public code of a method once and keep it as safetensors.

    Args:
        checkpoint: state dict of the whole model; nothing in it is run.
        method: merl or deri.
        out: file to write; by default beside the checkpoint, with the ending .safetensors.
        text: frozen text model, where it is not the published one: a folder, or a name on the hub.

    Raises:
        CheckpointError: it cannot be read, or does not have the layout of the method.

    Book: five-methods#released-weights
    """
    changes = {} if text is None else {"text": text}
    made = load_released(checkpoint, method, **changes)
    out = checkpoint.with_suffix(".safetensors") if out is None else out
    if out == checkpoint:
        out = out.with_name(f"{checkpoint.stem}-{method}.safetensors")
    made.save(out, converted=checkpoint.name)
    count = sum(p.numel() for p in made.parameters())
    print(f"{out}: {made.title}, {count:,} parameters; ecglearn.load reads it")
