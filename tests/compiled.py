"""How far `torch.compile` of `embed` is from `embed`, method by method; a process of its own.

Under pytest the checks of shapes stand around every function, and they cannot be traced.
"""

import json

import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.registry import create, list_methods


def main() -> None:
    """Traced and differentiated as for any backend; the machine code is PyTorch's affair."""
    found = {}
    for name in list_methods():
        torch.manual_seed(0)
        method = create(name, "smoke")
        batch = ECGBatch(torch.randn(3, 12, method.config.samples), method.config.fs)
        torch.compiler.reset()
        compiled = torch.compile(method.embed, backend="aot_eager")(batch)
        found[name] = float((compiled - method.embed(batch)).abs().max())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
