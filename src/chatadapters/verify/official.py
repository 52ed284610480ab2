"""An official template in, a renderer of conversations out: as transformers renders, or nearly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..detection.template import copied, transformers_environment, with_reasoning
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
    template = transformers_environment().from_string(text)

    def own(sample: Conversation) -> str:
        variables = _variables(sample, tokens)
        variables["messages"] = with_reasoning(variables["messages"])
        return template.render(**variables)

    return own


def _variables(sample: Conversation, tokens: dict[str, str]) -> dict[str, Any]:
    messages = copied(sample.messages)
    for message in messages:  # vLLM sends it as `reasoning`, which some templates read alone
        said = next((message[key] for key in _REASONING if message.get(key) is not None), None)
        if said is not None:
            message.setdefault("reasoning", said)
    return {
        **tokens,
        **sample.options,
        "messages": messages,
        "tools": copied(sample.tools),
        "add_generation_prompt": sample.add_generation_prompt,
    }
