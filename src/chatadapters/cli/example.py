"""The worked example of an adapter: an adapter in; a prompt, an answer and their parts out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..abilities import CLOCK, capabilities, known_options
from ..errors import ConversationError
from .sample import ANSWER, conversation

if TYPE_CHECKING:
    from ..adapter import Adapter
    from ..runtime import Event, Parser

Part = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """A prompt and the model's answer to it, with what they were made of."""

    adapter: Adapter
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    options: dict[str, Any]
    prompt: str
    answer: str
    answered: dict[str, Any]  # the message that the answer is

    def parser(self) -> Parser:
        """Return a parser of the answer that makes the same ids each time."""
        return self.adapter.parser(
            tools=self.tools, prompt=self.prompt, make_id=lambda index, _name: f"call_{index + 1}"
        )

    def read_back(self) -> dict[str, Any]:
        """Return the message that the answer is."""
        parser = self.parser()
        parser.feed(self.answer)
        parser.close()
        return dict(parser.message.to_openai())

    def next_messages(self) -> list[dict[str, Any]]:
        """Return the conversation with the answer, and with what the caller says to it."""
        calls = self.answered.get("tool_calls") or []
        said = [_result(call, number) for number, call in enumerate(calls)]
        later = said or [{"role": "user", "content": "Thank you."}]
        return [*self.messages, self.answered, *later]

    def prompt_parts(self) -> list[Part]:
        """Return the prompt cut into framing, markers and the texts of the messages."""
        declared = self.adapter.declaration
        kinds = dict.fromkeys((*declared.special, *declared.stop), "marker")
        kinds.update({message["content"]: "content" for message in self.messages})
        return list(_cut(self.prompt, kinds))

    def answer_parts(self) -> list[Part]:
        """Return the answer cut where the parser's own events say."""
        parser = self.parser()
        events = [*parser.feed(self.answer), *parser.close()]
        parts: list[Part] = []
        end = 0
        for start, stop, kind in sorted(_spans(events, self.answer)):
            if start >= end:
                _append(parts, "framing", self.answer[end:start])
                _append(parts, kind, self.answer[start:stop])
                end = stop
        _append(parts, "framing", self.answer[end:])
        return parts


def example(adapter: Adapter, calls: int = 1) -> Example:
    """Return an example that shows all that the format carries, under default options if it can.

    ``calls`` is how many tool calls the answer has, where the format carries so many.
    """
    from ..render import normalise

    able = capabilities(adapter)
    messages, tools = conversation(able)
    if calls > 1 and able["parallel_calls"]:
        messages[-1]["tool_calls"] = [
            _again(messages[-1]["tool_calls"][0], n) for n in range(calls)
        ]
    messages = [dict(message) for message in normalise(messages, adapter.declaration)]
    plain = [*messages[:-1], {**messages[-1], "reasoning_content": ""}]
    for said in (messages, plain):
        for options in known_options(adapter):
            made = _example(adapter, said, tools, options)
            if made is not None and _holds(made, said[-1]):
                return made
    return _made(adapter, plain, tools, {}, "")


def _again(call: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a call like the first one, of another city."""
    if not number:
        return call
    function = {**call["function"], "arguments": {"city": "Rome"}}
    return {**call, "id": f"call_{number + 1}", "function": function}


def _result(call: dict[str, Any], number: int) -> dict[str, Any]:
    said = ANSWER if not number else "It rains."
    return {"role": "tool", "tool_call_id": call.get("id"), "content": said}


def _holds(made: Example, wanted: dict[str, Any]) -> bool:
    """Whether the answer is read back as a message with this reasoning and its calls."""
    read = made.adapter.parse(made.answer, tools=made.tools, prompt=made.prompt)
    same = len(read.tool_calls) == len(wanted.get("tool_calls") or ())
    return same and read.reasoning == wanted.get("reasoning_content", "")


def _example(
    adapter: Adapter, messages: Any, tools: Any, options: dict[str, Any]
) -> Example | None:
    try:
        made = _made(adapter, messages, tools, options, "")
    except ConversationError:  # an option that is no switch
        return None
    begun = adapter.begun(made.prompt)
    if made.answer.startswith(begun):
        return _made(adapter, messages, tools, options, begun)
    return made if made.prompt.endswith(begun) and not begun.isspace() else None


def _made(
    adapter: Adapter, messages: Any, tools: Any, options: dict[str, Any], begun: str
) -> Example:
    prompt = adapter.render(messages[:-1], tools, **options, **CLOCK)
    answer = adapter.output(messages, tools, **options, **CLOCK).removeprefix(begun)
    return Example(adapter, messages[:-1], tools, options, prompt, answer, messages[-1])


def _append(parts: list[Part], kind: str, text: str) -> None:
    if parts and parts[-1][0] == kind:
        parts[-1] = (kind, parts[-1][1] + text)
    elif text:
        parts.append((kind, text))


def _spans(events: list[Event], answer: str) -> Iterator[tuple[int, int, str]]:
    kinds = {"text": "content", "reasoning": "reasoning", "call_arguments": "arguments"}
    for event in events:
        start, stop = event.span
        plain = event.as_dict()
        if plain["type"] == "call_start":  # its span is the whole header
            spelled = json.dumps(plain["name"])[1:-1]
            start = answer.find(spelled, start, stop)
            if start >= 0:
                yield start, start + len(spelled), "name"
        elif plain["type"] in kinds and stop > start:
            yield start, stop, kinds[plain["type"]]
        elif plain["type"] == "call_arguments" and plain["json_delta"].strip(",:{} "):
            size = len(plain["json_delta"])  # a value that was known at its end
            if answer[start - size : start] == plain["json_delta"]:
                yield start - size, start, "arguments"


def _cut(text: str, kinds: dict[str, str]) -> Iterator[Part]:
    words = sorted((word for word in kinds if word), key=len, reverse=True)
    pattern = "|".join(map(re.escape, words))
    for piece in re.split(f"({pattern})", text) if pattern else [text]:
        if piece:
            yield kinds.get(piece, "framing"), piece
