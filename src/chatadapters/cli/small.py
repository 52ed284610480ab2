"""Messages as small as can be: what to say in, OpenAI messages and words for them out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Make = Callable[[str], Message]


@dataclass(frozen=True)
class Loss:
    """One thing that is not carried: what it is, the smallest example, what becomes of it."""

    what: str
    example: str
    outcome: str


def content(text: str) -> Message:
    return {"content": text}


def reasoning(text: str) -> Message:
    return {"content": "a", "reasoning_content": text}


def argument(text: str) -> Message:
    return {"tool_calls": [call("f", {"a": text})]}


def talk(message: Message) -> list[Message]:
    return [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", **message}]


def call(name: str, arguments: object, number: int = 0) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{number + 1}", "type": "function", "function": function}


def tool(properties: dict[str, Any], name: str = "f") -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties}
    function = {"name": name, "description": "", "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = [tool({"a": {"type": "string"}}), tool({}, "g")]


def plain(message: Message) -> Message:
    """Return what a message says: its texts, and its calls as names and arguments."""
    calls = [one["function"] for one in message.get("tool_calls") or ()]
    return {
        "reasoning": message.get("reasoning_content") or "",
        "content": message.get("content") or "",
        "calls": [(one["name"], _json(one["arguments"])) for one in calls],
    }


def _json(arguments: object) -> str:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return str(arguments)
    return json.dumps(arguments, ensure_ascii=False)


def code(text: str) -> str:
    """Return a text as Markdown code.

    >>> code("a"), code("`")
    ('`a`', '`` ` ``')
    """
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (max(map(len, re.findall("`+", text))) + 1)
    return f"{fence} {text} {fence}"


def shown(said: Message) -> str:
    """Return a message as code: ``"content": "a", f({})``."""
    names = (("reasoning", "reasoning_content"), ("content", "content"))
    texts = [f'"{name}": {_text(said[key])}' for key, name in names if said[key]]
    return code(", ".join([*texts, *_calls(said)]))


def outcome(wanted: Message, read: Message, refused: bool) -> str:
    """Return in words how what is read back differs from what was meant."""
    become, words = "would be" if refused else "is", []
    for key in ("reasoning", "content"):
        if read[key] and read[key] != wanted[key]:
            words.append(f"the {key} {become} read back as {code(_text(read[key]))}")
        elif read[key] != wanted[key]:
            words.append(f"the {key} {become} lost")
    if read["calls"] != wanted["calls"]:
        made = code(", ".join(_calls(read)))
        if not read["calls"]:
            words.append(f"the call {become} lost")
        elif not wanted["calls"]:
            words.append(f"it {become} read as the call {made}")
        else:
            words.append(f"it {become} read back as {made}")
    said = " and ".join(words)
    return f"`render` refuses it: {said}" if refused else said


def _calls(said: Message) -> list[str]:
    """Return calls as ``f({"a": 1})``, and one that is cut off as ``f({"a": ...``."""
    found = []
    for name, arguments in said["calls"]:
        try:
            json.loads(arguments)
            found.append(f"{name}({arguments})")
        except ValueError:
            found.append(f"{name}({arguments}...")
    return found


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
