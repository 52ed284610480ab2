"""Where Mistral's templates differ from mistral-common, and conversations that both take."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from mistral_common.protocol.instruct.tool_calls import Tool

from chatadapters.verify.conversations import Conversation
from tests.encoders_run import Difference

SYSTEM = {"role": "system", "content": "Be brief."}


def suited(sample: Conversation) -> Conversation:
    """Return a conversation whose tools have the keys that the encoder knows, in its order."""
    if sample.tools is not None:
        known = {"function": {"strict": True}}
        sample.tools = [
            Tool.from_openai(tool).model_dump(exclude=known, mode="json") for tool in sample.tools
        ]
    return sample


def with_system(sample: Conversation) -> Conversation:
    """Return a conversation that begins with a system message: the encoder has none of its own."""
    if sample.messages[0]["role"] not in ("system", "developer"):
        sample.messages.insert(0, dict(SYSTEM))
    return suited(sample)


def old_plainer(sample: Conversation) -> Conversation:
    """Return a conversation without quotes in tools, a system text that goes, ..."""
    sample.tools = [_unquoted(tool) for tool in sample.tools or []] or None
    if sample.messages[-1]["role"] != "user" and sample.messages[0]["role"] == "system":
        del sample.messages[0]
    return plainer(sample)


def plainer(sample: Conversation) -> Conversation:
    """Return a conversation with JSON results, and answers stripped and without reasoning."""
    for message in sample.messages:
        message.pop("reasoning_content", None)
        if message["role"] == "assistant" and isinstance(message.get("content"), str):
            message["content"] = message["content"].strip()
            if not message["content"] and not message.get("tool_calls"):
                message["content"] = "Done."
        if message["role"] == "tool":
            message["content"] = json.dumps(message["content"], ensure_ascii=False)
    return sample


def _unquoted(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool["function"]
    return {
        **tool,
        "function": {**function, "description": re.sub(r'["\\\s]', " ", function["description"])},
    }


def _assistants(sample: Conversation) -> list[dict[str, Any]]:
    return [message for message in sample.messages if message["role"] == "assistant"]


def _has(sample: Conversation, role: str) -> bool:
    return any(message["role"] == role for message in sample.messages)


def _escaped(sample: Conversation) -> bool:
    strings = [value for tool in sample.tools or [] for value in tool["function"].values()]
    return any(
        isinstance(s, str) and json.dumps(s, ensure_ascii=False) != f'"{s}"' for s in strings
    )


def _no_json(sample: Conversation) -> bool:
    return any(
        _as_json(m["content"]) != m["content"] for m in sample.messages if m["role"] == "tool"
    )


def _as_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)


def _repeated(sample: Conversation) -> bool:
    """Tell whether an earlier question with tools reads as the last one."""
    asked = [m["content"] for m in sample.messages if m["role"] == "user"]
    return bool(sample.tools) and asked[-1] in asked[:-1]


def _neighbours(sample: Conversation) -> bool:
    roles = [m["role"] for m in sample.messages]
    return any(a == b == "user" for a, b in pairwise(roles))


def _ends_blank(sample: Conversation) -> bool:
    return any(
        not message.get("reasoning_content") and (message.get("content") or "").endswith(" ")
        for message in _assistants(sample)
    )


def _has_edges(sample: Conversation) -> bool:
    texts = [m.get("content") or "" for m in _assistants(sample) if not m.get("tool_calls")]
    return any(text.strip() != text.rstrip(" ") for text in texts)


DEVELOPER = Difference(
    "a developer message is a system message; the template refuses it",
    lambda sample: _has(sample, "developer"),
)
BLANKS = Difference("blanks at the end of an answer go; the template keeps them", _ends_blank)
THINKING = Difference(
    "reasoning is printed in [THINK]; the template of a model that does not reason drops it",
    lambda sample: any(message.get("reasoning_content") for message in _assistants(sample)),
)
NO_TOOLS = Difference(
    "tools and calls are printed; the templates know none",
    lambda sample: bool(sample.tools or sample.calls()),
)
JOINED = Difference("two user messages are one turn; the template prints two", _neighbours)
NONE = Difference(
    "an empty list of tools is none; the template prints an empty list",
    lambda sample: sample.tools == [],
)
REPEATED = Difference(
    "tools stand before the last user message; the template finds it by its text", _repeated
)
FIRST = Difference(
    "an answer at the beginning gets an empty question; the template prints none",
    lambda sample: sample.messages[0]["role"] == "assistant",
)
OLDEST = (JOINED, DEVELOPER, FIRST)
OLD = (
    *OLDEST,
    NONE,
    REPEATED,
    Difference("a tool's own strings are escaped; the template does not", _escaped),
    Difference("a result is JSON; the template puts the text there as it stands", _no_json),
    Difference(
        "the system text goes into the last user message; the template prints it only if that is "
        "the last message",
        lambda sample: _has(sample, "system") and sample.messages[-1]["role"] != "user",
    ),
)
EDGES = Difference(
    "only blanks at the end of an answer go; the template trims both ends", _has_edges
)
