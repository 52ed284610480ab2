"""The worked example of `show` and the docs: what a format carries in, a conversation out."""

from __future__ import annotations

from typing import Any

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "The city's name."},
                    "days": {"type": "integer"},
                },
                "required": ["city"],
            },
        },
    }
]

SYSTEM = "You are a helpful assistant."
QUESTION = "What is the weather in Paris?"
REASONING = "The user wants the weather, so I look it up."
CONTENT = "I will look it up."
ANSWER = "It is sunny in Paris, 21 degrees."


def conversation(can: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return messages that end in an answer, and tools, for a format with these capabilities."""
    opening = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    answer: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if can["tools"]:
        function = {"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}
        answer["content"] = CONTENT if can["content_with_calls"] else ""
        answer["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    if can["reasoning"]:
        answer["reasoning_content"] = REASONING
    return [*opening, answer], TOOLS if can["tools"] else None
