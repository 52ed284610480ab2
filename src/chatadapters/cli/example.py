"""The worked example of an adapter: an adapter in; a prompt, an answer and their parts out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .facts import capabilities
from .sample import conversation

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


def example(adapter: Adapter) -> Example:
    """Return an example that shows all that the format carries, under default options if it can."""
    from ..render import normalise

    messages, tools = conversation(capabilities(adapter))
    messages = [dict(message) for message in normalise(messages, adapter.declaration)]
    wanted = messages[-1].get("reasoning_content", "")
    found = [
        e for options in _options(adapter) if (e := _example(adapter, messages, tools, options))
    ]
    for each in found:
        if adapter.parse(each.answer, tools=tools, prompt=each.prompt).reasoning == wanted:
            return each
    plain = [*messages[:-1], {**messages[-1], "reasoning_content": ""}]
    return _example(adapter, plain, tools, {}) or found[0]


def _example(
    adapter: Adapter, messages: Any, tools: Any, options: dict[str, Any]
) -> Example | None:
    prompt = adapter.render(messages[:-1], tools, **options)
    answer = adapter.output(messages, tools, **options)
    starts = [pair for pair in adapter.table["starts"] if prompt.endswith(pair[0])]
    begun = max(starts, key=lambda pair: len(pair[0]))[1] if starts else ""
    if not answer.startswith(begun):
        return None
    return Example(adapter, messages[:-1], tools, options, prompt, answer[len(begun) :])


def _options(adapter: Adapter) -> Iterator[dict[str, Any]]:
    """Give the default options, then each switch turned on or over."""
    yield {}
    for key, value in adapter.declaration.options.items():
        if isinstance(value, bool):
            yield {key: not value}
        elif value == {}:
            yield {key: True}


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


def _cut(text: str, kinds: dict[str, str]) -> Iterator[Part]:
    words = sorted((word for word in kinds if word), key=len, reverse=True)
    pattern = "|".join(map(re.escape, words))
    for piece in re.split(f"({pattern})", text) if pattern else [text]:
        if piece:
            yield kinds.get(piece, "framing"), piece
