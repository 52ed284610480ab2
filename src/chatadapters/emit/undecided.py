"""Which prompts leave the reasoning to the model: an adapter in, probed conditions out."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from ..errors import ChatAdaptersError
from ..runtime import Parser

if TYPE_CHECKING:
    from ..adapter import Adapter

_MOST = 4  # options: each is tried absent, true and false
_ASKED: dict[str, Any] = {"role": "user", "content": "Hello"}
_CALL = {"id": "probe0000", "function": {"name": "probe_name", "arguments": {}}}
_TAILS: dict[str, list[dict[str, Any]]] = {
    "user": [_ASKED],
    "tool": [
        _ASKED,
        {"role": "assistant", "content": "", "tool_calls": [{**_CALL, "type": "function"}]},
        {"role": "tool", "tool_call_id": "probe0000", "content": "probe result"},
    ],
}


def undecided(adapter: Adapter) -> dict[str, Any]:
    """Return ``options``, those that make a difference, and ``when``: which prompts leave it open.

    Such a prompt neither begins a reasoning block nor ends one, so that the answer may begin with
    one or without. ``when`` has (role of the last message, the options given) for each.
    """
    names = list(adapter.declaration.options)[:_MOST]
    found: dict[tuple[str, tuple[bool | None, ...]], bool] = {
        (tail, values): _leaves_open(adapter, messages, names, values)
        for tail, messages in _TAILS.items()
        for values in product((None, True, False), repeat=len(names))
    }
    for at in reversed(range(len(names))):
        alike = all(
            state == found[tail, (*values[:at], None, *values[at + 1 :])]
            for (tail, values), state in found.items()
        )
        if alike:
            del names[at]
            found = {
                (tail, values[:at] + values[at + 1 :]): state
                for (tail, values), state in found.items()
                if values[at] is None
            }
    when = [(tail, _given(names, values)) for (tail, values), state in found.items() if state]
    return {"options": names, "when": when}


def _given(names: list[str], values: tuple[bool | None, ...]) -> dict[str, bool]:
    return {n: v for n, v in zip(names, values, strict=True) if v is not None}


def _leaves_open(
    adapter: Adapter,
    messages: list[dict[str, Any]],
    names: list[str],
    values: tuple[bool | None, ...],
) -> bool:
    given: dict[str, Any] = dict(_given(names, values))
    try:
        prompt = adapter.render(messages, None, **given)
    except ChatAdaptersError:
        return False
    nothing = Parser({**adapter.table, "before": ""}, tools=[])
    return not adapter.begun(prompt) and nothing.reasoned is None
