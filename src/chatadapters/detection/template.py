"""A chat template in; conversations rendered as transformers does, on a day that never changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..render import environment

DAY = datetime(2025, 2, 3, 12, 30)  # no day that a template has as its default
_REASONING = ("reasoning_content", "reasoning", "thinking")


class Generation(Extension):
    """``{% generation %}``: marks what the assistant says, and prints it."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it so

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def transformers_environment() -> ImmutableSandboxedEnvironment:
    """Return an environment with all that transformers gives a template."""
    made = environment()
    made.add_extension(Generation)
    return made


def copied(value: Any) -> Any:
    """Return a copy of plain data, for a template that may change what it gets."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def with_reasoning(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy in which reasoning has all the names that transformers gives it."""
    messages = copied(messages)
    for message in messages:
        said = next((message[key] for key in _REASONING if message.get(key) is not None), None)
        if said is not None:
            message.setdefault("thinking", said)
            message["reasoning_content"] = said
    return messages


class TooLong(Exception):
    """A template prints more than it may."""


def renderer(text: str, most: int = 0) -> Callable[[Mapping[str, Any]], str]:
    """Return a function from a template's variables to its text, of ``most`` characters at most.

    Raises what jinja2 raises where the text is no template.
    """
    made = transformers_environment()
    made.globals["strftime_now"] = DAY.strftime
    template = made.from_string(text)

    def run(variables: Mapping[str, Any]) -> str:
        given = {**variables, "messages": with_reasoning(variables["messages"])}
        given["tools"] = copied(given.get("tools"))
        pieces, length = [], 0
        for piece in template.generate(given):
            length += len(piece)
            if most and length > most:
                raise TooLong
            pieces.append(piece)
        return "".join(pieces)

    return run
