"""`ecglearn export`: the way from ECG to vector as one graph."""

from __future__ import annotations

from pathlib import Path

from ecglearn.cli.model import Own, open_method
from ecglearn.export import export_embed


def export(
    weights: Path,
    /,
    *,
    out: Path,
    keep: bool = False,
    own: Own = Own(),  # noqa: B008
) -> None:
    """Write the way from ECG to vector as one graph, for programs without this library.

    Input `ecg` (records, 12, samples), any number of records, prepared as for training; output
    `embedding` (records, features).

    Args:
        weights: written by `ecglearn train`, a folder of weights, or hf://owner/name.
        out: file to write: .onnx for ONNX runtimes, .pt2 for torch.export.load.
        keep: a second input `keep`, shaped as `ecg`, that is true where a sample was observed; for
            methods that read it.
        own: code of yours that the weights need.

    Raises:
        CheckpointError: no weights of this library.
        InputError: another ending, or a method that does not read `keep`.

    Book: many-machines#out-again
    """
    method = open_method(weights, own)
    export_embed(method, out, keep=keep)
    config = method.config
    print(
        f"{out}: {method.title}, any number of records of 12 leads and {config.samples} samples at "
        f"{config.fs:g} Hz, preprocessed as {config.preprocess!r}"
    )
