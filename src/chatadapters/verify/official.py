"""An official template in, a renderer of conversations out: as transformers renders, or nearly."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from .conversations import Conversation

Render = Callable[[Conversation], str]
_REASONING = ("reasoning_content", "reasoning", "thinking")


def official_renderer(text: str, tokens: dict[str, str]) -> tuple[str, Render]:
    """Return the name of the renderer (transformers where installed) and the renderer."""
    try:
        from transformers.utils.chat_template_utils import render_jinja_template
    except ImportError:
        return "the sandbox alone (pip install transformers for its own)", sandbox(text, tokens)

    def theirs(sample: Conversation) -> str:
        variables = _variables(sample, tokens)
        rendered, _ = render_jinja_template(
            [variables.pop("messages")], variables.pop("tools"), chat_template=text, **variables
        )
        return str(rendered[0])

    return "transformers", theirs


def sandbox(text: str, tokens: dict[str, str]) -> Render:
    """Return a renderer that does what transformers does without it: tags, filters, aliases."""
    from .. import render

    environment = render.environment()
    environment.add_extension(_Generation)
    template = environment.from_string(text)

    def own(sample: Conversation) -> str:
        variables = _variables(sample, tokens)
        for message in variables["messages"]:
            said = next((message[key] for key in _REASONING if message.get(key) is not None), None)
            if said is not None:
                message.setdefault("thinking", said)
                message["reasoning_content"] = said
        return template.render(**variables)

    return own


class _Generation(Extension):
    """``{% generation %}``: marks what the assistant says, and prints it."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it so

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _variables(sample: Conversation, tokens: dict[str, str]) -> dict[str, Any]:
    return {
        **tokens,
        **sample.options,
        "messages": copy.deepcopy(sample.messages),
        "tools": copy.deepcopy(sample.tools),
        "add_generation_prompt": sample.add_generation_prompt,
    }
