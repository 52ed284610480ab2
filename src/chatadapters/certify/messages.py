"""Messages as small as can be, and what they say: texts and values in, plain data out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runtime import Message as Read

Message = dict[str, Any]
KEY = "a"  # of the one argument


def content(text: str) -> Message:
    return {"content": text}


def reasoning(text: str) -> Message:
    return {"content": "a", "reasoning_content": text}


def arguments(value: object, key: str = KEY) -> Message:
    return {"content": "", "tool_calls": [call("f", {key: value})]}


def talk(message: Message) -> list[Message]:
    return [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", **message}]


def call(name: str, arguments: object = None, number: int = 0) -> Message:
    function = {"name": name, "arguments": {} if arguments is None else arguments}
    return {"id": f"call_{number + 1}", "type": "function", "function": function}


def tool(properties: dict[str, Any] | None = None, name: str = "f", **more: Any) -> Message:
    parameters = {"type": "object", "properties": properties or {}, **more}
    function = {"name": name, "description": "", "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = [tool({KEY: {"type": "string"}}), tool({}, "g")]


def said(message: Mapping[str, Any]) -> Message:
    """Return what an OpenAI message says: its texts, and its calls as names and arguments."""
    calls = [one["function"] for one in message.get("tool_calls") or ()]
    return {
        "reasoning": message.get("reasoning_content") or "",
        "content": message.get("content") or "",
        "calls": [(one["name"], json.dumps(one["arguments"], ensure_ascii=False)) for one in calls],
    }


def read(message: Read) -> Message:
    """Return what a message that was read says; arguments that are no JSON stay as they are."""
    return {
        "reasoning": message.reasoning,
        "content": message.content,
        "calls": [(call.name, _json(call.arguments)) for call in message.tool_calls],
    }


def _json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
