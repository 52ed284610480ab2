"""What an adapter can do: an adapter in, plain facts for people, pages and the index out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .ir import Hole, walk

if TYPE_CHECKING:
    from .adapter import Adapter

DAY = datetime(2026, 1, 2)  # in place of today, which some prompts tell: the same text every day
CLOCK: dict[str, Any] = {"strftime_now": DAY.strftime}


def capabilities(adapter: Adapter) -> dict[str, Any]:
    """Return what the format carries; the keys are those of ``registry/index.json``."""
    declaration, limits = adapter.declaration, adapter.declaration.limits
    found = {node.field: node.codec.name for node in walk(adapter.ir) if isinstance(node, Hole)}
    tools = bool({"name", "id"} & set(found)) and limits.calls != 0  # an id may carry the name
    return {
        "tools": tools,
        "parallel_calls": tools and (limits.calls is None or limits.calls > 1),
        "content_with_calls": tools and limits.content_with_calls,
        "reasoning": "reasoning" in found and limits.reasoning,
        "arguments": (found.get("arguments") or found.get("value")) if tools else None,
        "ids": "id" in found,
        "options": sorted(declaration.options),
    }


def known_options(adapter: Adapter) -> Iterator[dict[str, Any]]:
    """Give the default options, then each one with its other values, as far as they are known."""
    from .fragments import compared_with

    yield {}
    for key, value in adapter.declaration.options.items():
        if isinstance(value, bool):
            yield {key: not value}
        elif value == {}:
            yield {key: True}
        elif isinstance(value, str):
            for other in compared_with(adapter.declaration, key):
                yield {key: other}
