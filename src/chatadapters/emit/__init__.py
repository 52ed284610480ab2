"""The targets: an adapter in, the text of a file out; the same adapter gives the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ChatAdaptersError, did_you_mean

if TYPE_CHECKING:
    from ..adapter import Adapter

# target -> the ending that `adapters compile` gives the file after the adapter's name
TARGETS = {"jinja": ".jinja", "python": "_parser.py"}


def emit(adapter: Adapter, target: str) -> str:
    """Return the text of a target. Raises ``ChatAdaptersError`` where there is no such target."""
    if target == "jinja":
        from .jinja import template

        return template(adapter.declaration)
    if target == "python":
        from .python import parser_file

        return parser_file(adapter.name, adapter.declaration.title, adapter.table)
    raise ChatAdaptersError(
        f"no target is called {target!r}{did_you_mean(target, TARGETS)}: "
        f"use one of {', '.join(TARGETS)}"
    )
