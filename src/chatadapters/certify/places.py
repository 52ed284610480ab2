"""Where a text can stand in a message: a hole in, ways to put a text there out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import messages
from .bench import Bench, Outcome, Tools
from .messages import KEY, Message

_STRING = {"type": "string"}
_LIST = {"type": "array", "items": _STRING}
_OBJECT = {"type": "object", "properties": {KEY: _STRING}}


@dataclass(frozen=True)
class Place:
    """One way to put a text into a hole: what makes the message, and the tools that go with it."""

    hole: str
    put: Callable[[str], Message]
    tools: Callable[[str], Tools]
    ids: bool = False

    def read(self, bench: Bench, text: str) -> Outcome:
        return bench.read(self.put(text), self.tools(text), self.ids)

    def run(self, bench: Bench, text: str) -> Outcome:
        return bench.run(self.put(text), self.tools(text), self.ids)


def places(bench: Bench) -> Iterator[Place]:
    """Give the places of texts that a format has, the plainest of each hole first."""
    able = bench.able
    f = [messages.call("f")]
    yield _place("content", messages.content)
    if able["reasoning"]:
        yield _place("content", lambda text: {"content": text, "reasoning_content": "b"})
        yield _place("reasoning", messages.reasoning)
        if able["tools"]:
            yield _place("reasoning", lambda text: {"reasoning_content": text, "tool_calls": f})
    if not able["tools"]:
        return
    if able["content_with_calls"]:
        yield _place("content", lambda text: {"content": text, "tool_calls": f})
    yield _place("string", messages.arguments)
    yield _place("nested", lambda text: messages.arguments([text]), _LIST)
    yield _place("nested", lambda text: messages.arguments({KEY: text}), _OBJECT)
    yield Place(
        "key",
        lambda text: messages.arguments("b", text),
        lambda text: [messages.tool({text: _STRING})],
    )
    yield Place(
        "nested key",
        lambda text: messages.arguments({text: "b"}),
        lambda text: [messages.tool({KEY: {"type": "object", "properties": {text: _STRING}}})],
    )
    yield Place(
        "name",
        lambda text: {"tool_calls": [messages.call(text)]},
        lambda text: [messages.tool({}, text)],
    )
    yield Place("name", lambda text: {"tool_calls": [messages.call(text)]}, lambda text: None)
    if bench.prints_ids:
        yield Place(
            "id",
            lambda text: {"tool_calls": [{**f[0], "id": text}]},
            lambda text: messages.TOOLS,
            ids=True,
        )


def _place(hole: str, put: Callable[[str], Message], schema: Any = None) -> Place:
    tools = messages.TOOLS if schema is None else [messages.tool({KEY: schema})]
    return Place(hole, put, lambda text: tools)
