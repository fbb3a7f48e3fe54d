"""The command line: `ecglearn prepare`; each command is a function with its help in its text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ecglearn.commands.prepare import prepare

COMMANDS: dict[str, Callable[..., None]] = {"prepare": prepare}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; a refusal is one sentence and exit code 1.

    Args:
        arguments: words of the command line; None takes those of the process.

    Raises:
        ModuleNotFoundError: the package tyro is not installed.

    Book: your-own-data#data-prepare
    """
    try:
        from tyro.extras import subcommand_cli_from_dict
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the command line needs tyro: pip install 'ecglearn[train]'"
        ) from error
    try:
        subcommand_cli_from_dict(COMMANDS, prog="ecglearn", args=arguments)
    except (ValueError, ModuleNotFoundError) as refusal:
        sys.exit(f"ecglearn: {refusal}")
