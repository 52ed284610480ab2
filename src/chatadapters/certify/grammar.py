"""Whether the emitted grammar excludes a counter-example: a message in, yes, no or unknown out."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ChatAdaptersError
from . import messages
from .bench import Bench, Tools
from .messages import Message


def excludes(bench: Bench, message: Message, tools: Tools) -> bool | None:
    """Whether the grammar of a forced call excludes what a message is printed as.

    None where there is no grammar for it, or where it does not take a plain call either.
    """
    from ..cfg.matcher import accepts

    calls: list[Message] = message.get("tool_calls") or []
    if len(calls) != 1 or not tools or message.get("content"):
        return None
    name = calls[0]["function"]["name"]
    plain = bench.output({"content": "", "tool_calls": [messages.call(name)]}, tools)
    text = bench.output(message, tools)
    for prompt in ("", bench.prompt(messages.talk({})[:1]) or ""):
        begun = bench.adapter.begun(prompt)
        grammar = _grammar(bench, tools, prompt)
        if grammar is not None and text and accepts(grammar, plain.removeprefix(begun)):
            return not accepts(grammar, text.removeprefix(begun))
    return None


def _grammar(bench: Bench, tools: Tools, prompt: str) -> Any:
    from ..cfg import read

    given = [{**one, "function": {**one["function"], "strict": True}} for one in tools or ()]
    request = {"tool_choice": "required", "parallel_tool_calls": False, "prompt": prompt}
    try:
        return read(json.loads(bench.adapter.emit("structural_tag", tools=given, **request)))
    except ChatAdaptersError:
        return None
