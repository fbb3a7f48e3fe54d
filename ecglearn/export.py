"""The way from an ECG to its vector as one graph, for programs without this library."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError, MissingGroupError
from ecglearn.files import whole
from ecglearn.method import Method

ABOUT = "ecglearn.json"  # in a .pt2 file; the same words are the metadata of an .onnx file


def embed_program(method: Method, *, keep: bool = False) -> ExportedProgram:
    """`method.embed` as a graph from `ecg` (records, 12, samples) to vectors (records, D).

    The number of records is free. What `embed` refuses is not checked in a graph: rate, length,
    preprocessing and missing samples are the caller's to keep. Only the weights that the way needs
    are in it; call it under `torch.no_grad()`.

    Args:
        method: any, also one of another package.
        keep: a second input `keep`, shaped as `ecg`, true where a sample was observed; without it
            every sample counts as observed.

    Raises:
        InputError: its `features` cannot be traced for any number of records, or do not read
            `keep`.

    Book: many-machines#out-again
    """
    config, place = method.config, next(method.parameters())
    ecg = torch.zeros(3, 12, config.samples, device=place.device)
    given = {"ecg": ecg, "keep": ecg == 0} if keep else {"ecg": ecg}
    free = Dim("records")
    was_training = method.training
    method.eval()
    try:
        with torch.no_grad():
            program = torch.export.export(
                _Embed(method),
                tuple(given.values()),
                dynamic_shapes={name: {0: free} for name in given},
                strict=False,
            )
    except RuntimeError as error:
        raise InputError(
            f"{method.title} cannot be exported for any number of records: its features branch on "
            "numbers, or use len(tensor) where tensor.shape[0] stays free "
            f"({str(error).strip().splitlines()[0]})"
        ) from error
    finally:
        method.train(was_training)
    if keep and not _reads(program, "keep"):
        raise InputError(
            f"{method.title} does not read which samples are missing; export it without `keep`"
        )
    return _needed(program)


def export_embed(method: Method, path: str | Path, *, keep: bool = False) -> None:
    """Write `embed_program` for `torch.export.load` (.pt2) or for ONNX runtimes (.onnx).

    Method, configuration and version of the library stand in the file.

    Args:
        method: any.
        path: file to write; its ending decides.
        keep: a second input that says which samples were observed, see `embed_program`.

    Raises:
        InputError: another ending, or the method cannot be exported.
        MissingGroupError: .onnx without the optional group `export`.

    Book: many-machines#out-again
    """
    path = Path(path)
    about = {
        "method": method.name,
        "config": json.dumps(method.config.to_dict()),
        "ecglearn": version("ecglearn"),
    }
    if path.suffix == ".pt2":
        program = embed_program(method, keep=keep)
        with whole(path) as part, part.open("wb") as file:
            torch.export.save(program, file, extra_files={ABOUT: json.dumps(about)})
    elif path.suffix == ".onnx":
        made = _onnx(method, keep)
        made.model.metadata_props.update(about)
        with whole(path) as part:
            made.save(part, external_data=False)
    else:
        raise InputError(f"{path}: a graph is written as .pt2 or as .onnx; name the file so")


class _Embed(nn.Module):
    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(
        self,
        ecg: Float[Tensor, "B lead time"],
        keep: Bool[Tensor, "B lead time"] | None = None,
    ) -> Float[Tensor, "B D"]:
        config = self.method.config
        batch = ECGBatch(ecg, config.fs, keep=keep, preprocess=config.preprocess)
        return self.method.features(batch)


def _reads(program: ExportedProgram, name: str) -> bool:
    """Whether a step reads an input, and not only how many records it has."""
    node = next(node for node in program.graph.nodes if node.name == name)
    return any(user.target is not torch.ops.aten.sym_size.int for user in node.users)


def _needed(program: ExportedProgram) -> ExportedProgram:
    """The program without weights that no step reads: those of companions, heads and maskers."""
    inputs = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    specs = program.graph_signature.input_specs
    for spec in list(specs):
        if spec.target is None or inputs[spec.arg.name].users:  # pyright: ignore[reportAttributeAccessIssue]
            continue
        program.graph.erase_node(inputs[spec.arg.name])  # pyright: ignore[reportAttributeAccessIssue]
        specs.remove(spec)
        program.state_dict.pop(spec.target, None)
        program.constants.pop(spec.target, None)
    program.graph_module.recompile()
    return program


def _onnx(method: Method, keep: bool) -> Any:
    try:
        import onnx  # noqa: F401  # pyright: ignore[reportMissingImports]
        import onnxscript  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            "ONNX needs onnx and onnxscript: pip install 'ecglearn[export]'; a .pt2 file needs "
            "neither"
        ) from error
    return torch.onnx.export(
        embed_program(method, keep=keep), output_names=["embedding"], dynamo=True, verbose=False
    )
