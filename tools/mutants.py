"""Do the tests of a room notice small wrong changes? `make mutants R=losses N=100 SEED=1`.

Changes are made by cosmic-ray's operators, and by two of ours: a float times 1.1, a method's call
left out. Each is tried in a copy of the tree, in a fork of a process that has torch loaded, until
tests notice it: those named like the file, those of its room that name what the file defines, then
all of its room and those of others that import it. What has no effect is in `mutants.toml`, with
the reason.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import re
import shutil
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build" / "mutants"
sys.path.append(str(BUILD / "tool"))  # behind what is installed: cosmic-ray alone comes from there

# What a hand would plausibly get wrong; the other operators raise at the first call.
SWAPS = (
    *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Mul", "Mod_Add"),
    *("BitOr_BitAnd", "BitAnd_BitOr"),
)
COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is"),
    *("Lt_Gt", "Gt_Lt", "LtE_GtE", "GtE_LtE"),
)
OPERATORS = (
    *(f"ReplaceBinaryOperator_{name}" for name in SWAPS),
    *(f"ReplaceComparisonOperator_{name}" for name in COMPARISONS),
    *(f"ReplaceUnaryOperator_Delete_{name}" for name in ("Not", "USub", "Invert")),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("AddNot", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
)
HEAVY = (
    *("torch", "scipy.signal", "scipy.stats", "scipy.optimize", "pandas", "pyarrow"),
    *(
        "sklearn.linear_model",
        "einops",
        "pydantic",
        "safetensors.torch",
        "filelock",
        "pywt",
        "pytest",
        "hypothesis",
    ),
)
MODULES = ("torch", "np", "nn", "math", "json", "super", "pd")
SLOW = ("tests/book/", "tests/results/", "tests/real/")


Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    old: str
    new: str
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}\n    - {self.old}\n    + {self.new}"


class TenthMore:
    """A float becomes 1.1 times as large."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        if node.type == "number" and re.search(r"[.e]", node.value) and float(node.value):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _: int) -> Any:
        node.value = repr(float(node.value) * 1.1)
        return node


class LeaveCallOut:
    """`x.clamp_min(1)` becomes `x`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        if node.type not in ("atom_expr", "power"):
            return
        for k, (name, call) in enumerate(pairwise(node.children[1:])):
            if name.get_code().startswith(".") and call.get_code().startswith("("):
                module = node.children[0].get_code().strip() in MODULES
                if k or not module:
                    yield name.start_pos, call.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        start, _ = list(self.mutation_positions(node))[index]
        k = next(k for k, child in enumerate(node.children) if child.start_pos == start)
        kept = "".join(c.get_code() for c in (*node.children[:k], *node.children[k + 2 :]))
        return importlib.import_module("parso").parse(kept)


def unevaluated(code: str) -> list[tuple[Place, Place]]:
    """Where annotations stand: they are never evaluated."""
    spans: list[Any] = []
    for node in ast.walk(ast.parse(code)):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                start, end = (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)
                spans.append((start, end))
    return spans


def mutants_of(file: str) -> list[Mutant]:
    trees, changes, core = (
        importlib.import_module(f"cosmic_ray.{name}") for name in ("ast", "mutating", "plugins")
    )
    code = (ROOT / file).read_text()
    tree, spans, found = trees.get_ast(code), unevaluated(code), {}
    standard = (core.get_operator(f"core/{name}")() for name in OPERATORS)
    for operator in (*standard, TenthMore(), LeaveCallOut()):
        numbers = type(operator).__name__ == "NumberReplacer"
        places = (p for node in trees.ast_nodes(tree) for p in operator.mutation_positions(node))
        for k, (start, end) in enumerate(places):
            line, first = start[0], code.splitlines()[start[0] - 1]
            if any(a <= start < b for a, b in spans) or first[start[1] :].startswith("*,"):
                continue
            if numbers and not first[start[1] : end[1]].isdigit():
                continue  # TenthMore asks more of the tests
            new = changes.mutate_code(code, operator, k)
            if new is None or new == code:
                continue
            pairs = zip(code.splitlines(), new.splitlines(), strict=False)
            at = next((n for n, (x, y) in enumerate(pairs, 1) if x != y), line)
            old_line, new_line = code.splitlines()[at - 1], new.splitlines()[at - 1]
            found[new] = Mutant(file, at, old_line.strip(), new_line.strip(), new)
    return list(found.values())


def imported(code: str) -> set[str]:
    """Modules and names that stand in its imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(alias.name for alias in node.names)}
    return found


def tests_of(file: str) -> list[list[str]]:
    """Tests named like the file; those of its room that name what it defines; the whole room.

    The last stage also has the test of what rooms import, and tests of other rooms that import what
    the file defines, but for those that take longest: chapters, stored runs, real records.
    """
    path, parts = ROOT / file, Path(file).parts
    home = f"tests/{parts[1]}/" if len(parts) > 2 else "tests/test_"
    defined = [
        part.name
        for part in ast.parse(path.read_text()).body
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and not part.name.startswith("_")
    ]
    told = {file[: -len(".py")].replace("/", "."), *defined}
    pattern = "|".join(rf"\b{re.escape(name)}\b" for name in told)
    near, far, rest = [], [], []
    for test in sorted((ROOT / "tests").rglob("test_*.py")):
        name, code = str(test.relative_to(ROOT)), test.read_text()
        own, elsewhere = name.startswith(home), not name.startswith(SLOW) and told & imported(code)
        if test.stem == f"test_{path.stem}":
            near.append(name)
        elif (own or test.stem == "test_published") and re.search(pattern, code):
            far.append(name)
        elif own or elsewhere or test.stem == "test_faces":
            rest.append(name)
    return [part for part in (near, far, rest) if part]


def start(tree: Path, tests: list[str], log: Path, limit: float) -> int:
    """A fork that runs these tests in `tree`: exit status 0 says that all passed."""
    if pid := os.fork():
        return pid
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(limit) + 1)
    os.setpgid(0, 0)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(ROOT)))]
    sys.dont_write_bytecode = True
    status = 1
    try:
        import pytest

        quiet = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestWarning"]
        status = int(pytest.main([*quiet, *tests]))
    finally:
        os._exit(status)


def copy_of_tree(k: int) -> Path:
    tree = BUILD / f"tree{k}"
    shutil.rmtree(tree, ignore_errors=True)
    left = shutil.ignore_patterns(".git", "_build", ".venv", "__pycache__", ".*_cache", "shared")
    shutil.copytree(ROOT, tree, ignore=left)
    return tree


class Limits:
    """Four times what tests need without a change, found when first asked; they must pass."""

    def __init__(self, tree: Path) -> None:
        self.tree, self.known = tree, {}

    def __call__(self, tests: list[str]) -> float:
        key = tuple(tests)
        if key not in self.known:
            began, log = time.monotonic(), self.tree / "log"
            _, status = os.waitpid(start(self.tree, tests, log, 1800), 0)
            if status:
                sys.exit(f"{' '.join(tests)} fail without a change:\n{log.read_text()}")
            self.known[key] = 4 * (time.monotonic() - began) + 20
        return self.known[key]


class Try:
    """One mutant at a time in one copy of the tree; `step` says when it is through."""

    def __init__(self, tree: Path, limits: Limits) -> None:
        self.tree, self.limits = tree, limits

    def begin(self, mutant: Mutant, stages: list[list[str]]) -> None:
        self.mutant, self.stages, self.stage = mutant, stages, 0
        (self.tree / mutant.file).write_text(mutant.code)
        self._next()

    def _next(self) -> None:
        tests = self.stages[self.stage]
        self.pid = start(self.tree, tests, self.tree / "log", self.limits(tests))

    def step(self) -> str | None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        if status == 0 and self.stage + 1 < len(self.stages):
            self.stage += 1
            self._next()
            return None
        shutil.copy(ROOT / self.mutant.file, self.tree / self.mutant.file)
        return "left" if status == 0 else "noticed"


def main() -> None:
    ask = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    ask.add_argument("room", help="a folder or a file below ecglearn: losses, evaluate/metrics")
    ask.add_argument("--count", type=int, help="a sample of so many changes; without it, all")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--processes", type=int, default=2)
    asked = ask.parse_args()
    place = ROOT / "ecglearn" / asked.room
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    files = [str(p.relative_to(ROOT)) for p in paths if p.name != "__init__.py"]
    listed = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text())["without_effect"]
    known = {(one["file"], one["old"], one["new"]) for one in listed}
    drawn = [m for file in files for m in mutants_of(file)]
    total = len(drawn)
    if asked.count is not None and asked.count < total:
        drawn = random.Random(asked.seed).sample(drawn, asked.count)
    drawn.sort(key=lambda m: (m.file, m.line))
    idle = [m for m in drawn if (m.file, m.old, m.new) in known]
    waiting = [m for m in drawn if (m.file, m.old, m.new) not in known][::-1]
    for name in HEAVY:
        importlib.import_module(name)
    trees = [copy_of_tree(k) for k in range(asked.processes + 1)]
    print(f"{total} changes in {asked.room}, {len(drawn)} drawn", flush=True)
    limits = Limits(trees.pop())  # in a tree without a change
    free, busy, results = [Try(tree, limits) for tree in trees], [], []
    while waiting or busy:
        while waiting and free:
            one = free.pop()
            one.begin(waiting[-1], tests_of(waiting.pop().file))
            busy.append(one)
        time.sleep(0.05)
        for one in [*busy]:
            if said := one.step():
                results.append((one.mutant, said))
                print(f"{len(results)} {said}: {one.mutant}" if said == "left" else ".", flush=True)
                busy.remove(one)
                free.append(one)
    count = Counter((m.file, said) for m, said in results)
    print(f"\n{'file':44}{'tried':>8}{'noticed':>9}{'share':>8}{'no effect':>11}")
    for file in [*sorted({m.file for m in drawn}), "all"]:
        seen, left = (
            sum(n for (f, s), n in count.items() if s == said and file in (f, "all"))
            for said in ("noticed", "left")
        )
        none = sum(file in (m.file, "all") for m in idle)
        share = f"{seen / (seen + left):.0%}" if seen + left else "-"
        print(f"{file:44}{seen + left:>8}{seen:>9}{share:>8}{none:>11}")
    for tree in (limits.tree, *trees):
        shutil.rmtree(tree)


if __name__ == "__main__":
    main()
