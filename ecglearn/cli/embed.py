"""`ecglearn embed`: records in, embeddings out."""

from __future__ import annotations

import csv
import tempfile
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import torch

from ecglearn.cli.data import COHORT, Data, open_data
from ecglearn.cli.model import Own, open_method
from ecglearn.cli.terminal import say
from ecglearn.data.datasets.base import Listing, RecordMeta, header_paths
from ecglearn.data.datasets.registry import DatasetInfo
from ecglearn.data.store.format import ABOUT, REFUSED
from ecglearn.data.store.prepare import prepare
from ecglearn.files import whole
from ecglearn.method import Method


def embed(
    weights: Path,
    /,
    *,
    data: str,
    out: Path,
    workers: int = -1,
    batch_size: int | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    own: Own = Own(),  # noqa: B008
) -> None:
    """Write the vector of every record to a Parquet file: columns `record` and `embedding`.

    Args:
        weights: written by `ecglearn train`.
        data: a folder of WFDB records, a store, or cohort:N. Records of a folder are cleaned as for
            a store; those that cannot be read are listed beside `out`, in a file of its name with
            the ending .refused.csv.
        out: Parquet file to write.
        workers: processes that read a folder; -1 takes one for each core.
        batch_size: records that go through the method at once; by default 32 on a processor and 128
            elsewhere.
        precision: bf16 for matrix products in bfloat16; vectors are float32 all the same.
        own: code of yours that the weights need.

    Raises:
        CheckpointError: no weights of this library.
        StoreError: no such data.

    Book: many-machines#commands
    """
    method = open_method(weights, own)
    if torch.cuda.is_available():
        method.cuda()
    config = method.config
    how: dict[str, Any] = {"batch_size": batch_size, "precision": precision}
    reads, seconds = {"fs": config.fs, "preprocess": config.preprocess}, config.samples / config.fs
    if (
        COHORT.fullmatch(data)
        or "://" in data
        or (Path(data) / ABOUT).exists()
        or not Path(data).is_dir()
    ):
        count = _write(method, open_data(data, **reads, needs=method.needs), out, **how)
        say(f"{count:,} embeddings in {out}")
        return
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        done = prepare(
            FOLDER,
            data,
            store,
            **reads,
            seconds=max(seconds, 10.0),
            validation=0.0,
            test=0.0,
            workers=workers,
        )
        refused = out.with_suffix(".refused.csv")
        with whole(refused) as part:
            part.write_bytes((store / REFUSED).read_bytes())
        count = _write(method, open_data(str(store), **reads), out, **how) if done.records else 0
    say(f"{count:,} embeddings in {out}, {done.refused:,} records refused, see {refused}")
    with refused.open(newline="", encoding="utf-8") as file:
        for row in list(csv.DictReader(file))[:5]:
            say(f"  {row['record']}: {row['reason']}")


def _headers(folder: Path) -> Listing:
    for path in header_paths(folder):
        yield RecordMeta(record=path, path=path, patient=PurePosixPath(path).name)


FOLDER = DatasetInfo(
    name="folder",
    title="any folder of WFDB records",
    licence="yours to know",
    citation="yours to know",
    download=(),
    files=("records as .hea and .dat or .mat",),
    list_records=_headers,
)


def _write(method: Method, data: Data, out: Path, **how: Any) -> int:
    """One row group for each piece."""
    import pyarrow as pa
    from pyarrow import parquet

    names = iter(data.names)
    with whole(out) as part:
        writer = None
        for vectors in data.embedded(method, np.arange(len(data.names)), **how):
            flat = pa.array(vectors.numpy().ravel())
            table = pa.table(
                {
                    "record": pa.array(islice(names, len(vectors)), pa.string()),
                    "embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
                }
            )
            writer = writer or parquet.ParquetWriter(part, table.schema)
            writer.write_table(table)
        assert writer is not None
        writer.close()
    return len(data.names)
