"""The classes behind ``adapters_NAME``, built when vLLM asks for one.

They are ``tool_NAME`` and ``reasoning_NAME``.
"""

from __future__ import annotations


def __getattr__(attribute: str) -> type:
    kind, _, name = attribute.partition("_")
    if kind not in ("tool", "reasoning") or not name:
        raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
    from .. import load
    from ..emit.shape import shape
    from .reasoning import reasoning_parser
    from .tools import tool_parser

    adapter = load(name)
    make = tool_parser if kind == "tool" else reasoning_parser
    return make(adapter.table, shape(adapter))
