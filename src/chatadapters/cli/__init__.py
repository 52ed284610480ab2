"""The command line: arguments in, data on stdout, messages on stderr, exit status 0, 1 or 2 out."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILED, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args in (["--help"], ["-h"]) and sys.stdout is not None:
        return _help()
    from .app import run

    return run(args)


def _help() -> int:
    """Print what `app` would print, from a file: importing click costs more than all else."""
    path = os.path.join(os.path.dirname(__file__), "help.txt")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        drop_stdout()
        return PIPE_CLOSED
    return OK


def drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the flush at exit cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
