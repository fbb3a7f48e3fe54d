"""The command line: a table of commands, each in a file of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ecglearn.cli.check import check
from ecglearn.cli.compare import compare
from ecglearn.cli.convert import convert
from ecglearn.cli.embed import embed
from ecglearn.cli.evaluate import evaluate
from ecglearn.cli.export import export
from ecglearn.cli.join import join
from ecglearn.cli.lab import lab
from ecglearn.cli.prepare import prepare
from ecglearn.cli.terminal import shown
from ecglearn.cli.train import train
from ecglearn.errors import EcglearnError, MissingGroupError

#: Name to function. Arguments become flags and the docstring the help; `train` reads its words
#: itself, since its flags depend on the method.
COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": prepare,
    "join": join,
    "check": check,
    "train": train,
    "evaluate": evaluate,
    "compare": compare,
    "embed": embed,
    "convert": convert,
    "export": export,
    "lab": lab,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the first word names; a refusal is one sentence and exit code 1.

    Args:
        arguments: words of the command line; None takes those of the process.

    Raises:
        MissingGroupError: the package tyro is not installed.

    Book: your-own-data#data-prepare
    """
    try:
        import tyro
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            "the command line needs tyro: pip install 'ecglearn[train]'"
        ) from error
    name, *words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(_help())
        return
    if name not in COMMANDS:
        sys.exit(f"ecglearn: no command {name!r}; there are {', '.join(COMMANDS)}")
    try:
        if name == "train":
            train(words)
        else:
            tyro.cli(COMMANDS[name], prog=f"ecglearn {name}", args=words)
    except EcglearnError as refusal:
        sys.exit(f"ecglearn: {shown(refusal)}")


def _help() -> str:
    lines = [f"  {name:10}{(run.__doc__ or '').splitlines()[0]}" for name, run in COMMANDS.items()]
    return "\n".join(
        ["usage: ecglearn COMMAND ...", "", *lines, "", "ecglearn COMMAND --help says more."]
    )
