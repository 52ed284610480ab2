"""Conversations with markers in them, for the tests of injection; sampled over the adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chatadapters import injection, render
from chatadapters.abilities import CLOCK
from chatadapters.adapter import Adapter
from chatadapters.errors import ChatAdaptersError
from chatadapters.injection import Traced
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from tests.strategies import subject

# Formats with what is particular: markers in JSON, in quotes, in element names, in a role, joined
# from pieces, cut out by the template, or none but words.
SAMPLE = (
    *("chatglm3", "deepseek_v31", "gemma4", "gpt_oss", "minimax_m3", "mistral_v3", "qwen3"),
    *("solar_open", "vicuna"),
)
_KEPT = frozenset(("role", "type", "id", "tool_call_id"))
_KEYS = _KEPT | {
    *("function", "name", "arguments", "content", "parameters", "properties", "tool_calls"),
    *("description", "reasoning_content", "required"),
}


def talks(name: str, count: int, kind: str) -> Iterator[Conversation]:
    """Give ``count`` conversations that the template takes.

    ``kind`` is "clean", "whole" (a marker in the middle of every text) or "cut" (pieces of markers
    at the ends too).
    """
    adapter = subject(name).adapter
    choices = Seeded(f"injection {name} {kind}")
    given = 0
    for _ in range(20 * count):
        made = conversation(choices, subject(name).domain)
        if kind != "clean":
            soak = _soaking([one.text for one in adapter.markers()], kind == "whole")
            made.messages = soaked(made.messages, soak)
            made.tools = soaked(made.tools, soak)
        made.messages = render.normalise(made.messages, adapter.declaration)
        made.options.update(CLOCK)
        try:
            plain(adapter, made)
        except ChatAdaptersError:
            continue
        yield made
        given += 1
        if given == count:
            return
    raise AssertionError(f"{name}, {kind}: the template takes {given} of {20 * count}, not {count}")


def plain(adapter: Adapter, made: Conversation) -> str:
    """Return the prompt that the compiled template prints."""
    return adapter.render_template(
        made.messages, made.tools, add_generation_prompt=made.add_generation_prompt, **made.options
    )


def traced_prompt(adapter: Adapter, made: Conversation, template: str = "template") -> Traced:
    """Return the prompt with its origins; no role is trusted."""
    return injection.prompt(
        adapter, made.messages, made.tools, made.add_generation_prompt, (), made.options, template
    )


def _soaking(markers: list[str], whole: bool) -> Callable[[str], str]:
    count = 0

    def soak(text: str) -> str:
        nonlocal count
        count += 1
        marker = markers[count % len(markers)]
        half = len(marker) // 2
        if whole:
            return f"a {text} {marker} b"
        return (
            text + marker,
            marker[half:] + text + marker[:half],
            marker[1:] + text + marker[:1],
            marker[:-1] + marker + text + marker[:-1],
            marker[1:-1],
        )[count % 5]

    return soak


def soaked(value: Any, soak: Callable[[str], str]) -> Any:
    """Return a JSON value with every text changed but roles, types and ids, and keys too."""
    if isinstance(value, str):
        return soak(value)
    if isinstance(value, dict):
        return {
            (key if key in _KEYS else soak(key)): (inner if key in _KEPT else soaked(inner, soak))
            for key, inner in value.items()
        }
    return [soaked(inner, soak) for inner in value] if isinstance(value, list) else value
