"""What a wire format cannot carry: an adapter in, sentences out, the plainest first.

The limits themselves are worked out by ``certify``, which also finds a counter-example of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .certify import limits_in_words

if TYPE_CHECKING:
    from .adapter import Adapter


def sentences(adapter: Adapter) -> list[str]:
    """Return the limits of a format."""
    declaration = adapter.declaration
    limits, found = declaration.limits, []
    if limits.calls == 0:
        found.append("tool calls")
    elif limits.calls is not None:
        found.append(
            f"more than {limits.calls} tool call{'s' if limits.calls > 1 else ''} in one message"
        )
    if not limits.content_with_calls:
        found.append("content beside tool calls: it is dropped")
    if not limits.reasoning:
        found.append("reasoning: it is dropped")
    if declaration.prompt.other == "":
        found.append(
            "messages of other roles than system, user, assistant and tool: they are dropped"
        )
    return list(dict.fromkeys([*found, *limits_in_words(adapter)]))
