"""What commands print: text of records cannot move the cursor, change colours or hide itself."""

from __future__ import annotations

import sys


def shown(text: object) -> str:
    """A text in which every sign that a terminal would obey is written out.

    Args:
        text: anything; its `str` is taken. Line ends are written out too.

    Book: many-machines#commands
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text)
    )


def say(*lines: object, error: bool = False) -> None:
    """Print lines, each as `shown` writes it.

    Args:
        *lines: each ends with a line end.
        error: to the stream of errors.

    Book: many-machines#commands
    """
    for line in lines:
        print(shown(line), file=sys.stderr if error else sys.stdout)
