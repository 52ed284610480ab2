"""What vLLM makes of a request before its template sees it: messages and tools in, and out.

Written after vllm/renderers/chat_utils.py and hf.py, for templates whose content format is
``string``. If vLLM changes what it hands over, the comparison of prompts says so.
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
KEPT = ("role", "content", "name", "tool_calls", "tool_call_id", "reasoning")


class Rejected(Exception):
    """vLLM answers such a request with 400 before any template runs."""


def messages(given: list[Json], template: str) -> list[Json]:
    """Return the messages as the template gets them. Raises ``Rejected``."""
    done = [_message(message) for message in given]
    if "developer" in template and ("'developer'" in template or '"developer"' in template):
        return done
    if not any(message["role"] == "developer" for message in done):
        return done
    leading = [m for m in done if m["role"] in ("system", "developer")]
    text = "\n\n".join(m["content"] for m in leading if m["content"])
    rest = [m for m in done if m["role"] not in ("system", "developer")]
    return [{"role": "system", "content": text}, *rest]


def tools(given: list[Json] | None) -> list[Json] | None:
    """Return the tools as the template gets them: what is absent is null. Raises ``Rejected``."""
    if given is None:
        return None
    if not given:
        raise Rejected("an empty list of tools")
    return [_tool(tool) for tool in given]


def _tool(tool: Json) -> Json:
    function = tool["function"]
    shown = {key: function.get(key) for key in ("name", "description", "parameters")}
    more = {key: value for key, value in function.items() if key not in shown}
    return {"type": tool["type"], "function": {**shown, **more}}


def _message(given: Json) -> Json:
    message: Json = {"role": given["role"], "content": _text(given)}
    if given["role"] == "assistant":
        if given.get("tool_calls"):
            message["tool_calls"] = [_call(call) for call in given["tool_calls"]]
        reasoning = given.get("reasoning", given.get("reasoning_content"))
        if reasoning is not None:
            message["reasoning"] = message["reasoning_content"] = reasoning
    if given["role"] == "tool" and given.get("tool_call_id") is not None:
        message["tool_call_id"] = given["tool_call_id"]
    if given.get("name") is not None:
        message["name"] = given["name"]
    return message


def _text(message: Json) -> str:
    content = message.get("content")
    if content is None:
        if message["role"] != "assistant":
            raise Rejected("content that is null")
        return ""
    if isinstance(content, str):
        return content
    if any(part.get("type") != "text" for part in content):
        raise Rejected("a picture")
    return "\n".join(part["text"] for part in content)


def _call(call: Json) -> Json:
    function = call.get("function")
    if function is None:
        raise Rejected("a call without a function")
    arguments = function["arguments"]
    if arguments is None:
        raise Rejected("arguments that are null")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:  # no text at all, or a text that was cut off
            arguments = None
    read = arguments if isinstance(arguments, dict) else {}
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"arguments": read, "name": function["name"]},
    }
