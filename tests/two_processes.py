"""Run a script alone and under torchrun on two gloo ranks."""

import subprocess
import sys
from pathlib import Path

from torch import Tensor

from ecglearn.checkpoint import load

SCRIPTS = Path(__file__).with_name("two_ranks")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def one_and_two(
    script: str, folder: Path, *words: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the script saves to the file that is its argument: in one process, and in two."""
    found = []
    for name, start in (("one", ()), ("two", TORCHRUN)):
        path = folder / f"{name}.safetensors"
        command = [sys.executable, *start, str(SCRIPTS / script), str(path), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(load(path)[0])
    return found[0], found[1]
