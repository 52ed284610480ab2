"""A file of sample texts in (tests/samples/README.md); where an adapter differs from them out.

The texts come from sources that know nothing of our declarations, so that a mistake that is printed
and read alike shows. The tests ask them, and tools/mutate_declarations.py.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from chatadapters.adapter import Adapter
from chatadapters.errors import ChatAdaptersError
from chatadapters.verify.checks import run, same_id

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "samples"
SHARED = "shared"  # no adapter's file: tools and conversations that several files use
HELLO = [{"role": "user", "content": "Hello"}]
Json = dict[str, Any]


@dataclass(frozen=True)
class Common:
    """What answers and prompts have: a name, who says so, tools and template options."""

    name: str
    source: str
    tools: list[Json] | None = None
    options: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Answer(Common):
    """What a model writes after ``messages``, and what that means; ``calls`` are (name, value)."""

    text: str = ""
    content: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    messages: tuple[Json, ...] = ()
    printed: bool = False  # the message is printed as the same text

    def problem(self, adapter: Adapter) -> str:
        """Return how an adapter reads or prints it otherwise, or nothing."""
        prompt = adapter.render(self.messages, self.tools, **self.options)
        wanted = (self.reasoning, self.content, _spelled(self.calls))
        for pieces in ([self.text], list(self.text)):
            got = _read(adapter, prompt, self.tools, pieces)
            if got != wanted:
                how = "whole" if len(pieces) == 1 else "in characters"
                return f"{self.name}: read {how} as {got!r}, not as {wanted!r}"
        if not self.printed:
            return ""
        said = _assistant(self.content, self.reasoning, self.calls, 0)
        printed = adapter.output([*self.messages, said], self.tools, **self.options)
        printed = printed.removeprefix(adapter.begun(prompt))
        return "" if printed == self.text else f"{self.name}: {_differ(printed, self.text)}"


@dataclass(frozen=True)
class Prompt(Common):
    """A conversation and the whole text that stands before the model's answer (or all of it)."""

    text: str = ""
    messages: tuple[Json, ...] = ()
    generation: bool = True  # ends with the generation prompt

    def problem(self, adapter: Adapter) -> str:
        """Return how an adapter renders it otherwise, or nothing."""
        got = adapter.render(
            self.messages, self.tools, add_generation_prompt=self.generation, **self.options
        )
        return "" if got == self.text else f"{self.name}: {_differ(got, self.text)}"


@dataclass(frozen=True)
class Samples:
    """All samples of one adapter. ``stop`` and ``special`` are markers that it must declare."""

    adapter: str
    answers: tuple[Answer, ...]
    prompts: tuple[Prompt, ...]
    stop: tuple[str, ...] = ()
    special: tuple[str, ...] = ()

    def problems(self, adapter: Adapter) -> Iterator[str]:
        """Give where an adapter differs from the samples."""
        for kind in ("stop", "special"):
            known = getattr(adapter.declaration, kind)
            for marker in getattr(self, kind):
                if marker not in known:
                    yield f"{kind} lacks {marker!r}"
        every: tuple[Answer | Prompt, ...] = (*self.answers, *self.prompts)
        for sample in every:
            try:
                if how := sample.problem(adapter):
                    yield how
            except ChatAdaptersError as error:
                yield f"{sample.name}: {error}"


def names() -> list[str]:
    """Return the adapters that have samples."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != SHARED)


@cache
def shared() -> Json:
    """Return the tools and the conversations that a file names instead of writing them."""
    return tomllib.loads((FOLDER / f"{SHARED}.toml").read_text(encoding="utf-8"))


@cache
def samples(name: str) -> Samples | None:
    """Return the samples of an adapter, or None if it has no file.

    Raises ``KeyError`` or ``ValueError`` where the file is not as tests/samples/README.md says.
    """
    path = FOLDER / f"{name}.toml"
    if name == SHARED or not path.is_file():
        return None
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    common: Json = {key: table.pop(key) for key in ("source", "tools", "options") if key in table}
    answers = [_answer({**common, **one}) for one in table.pop("answer", [])]
    prompts = [_prompt({**common, **one}) for one in table.pop("prompt", [])]
    stop, special = table.pop("stop", []), table.pop("special", [])
    if table:
        raise ValueError(f"{path}: unknown key {min(table)!r}")
    return Samples(name, tuple(answers), tuple(prompts), tuple(stop), tuple(special))


def _answer(table: Json) -> Answer:
    table["calls"] = tuple(map(_call, table.get("calls", [])))
    table["messages"] = _messages(table.get("messages")) or tuple(HELLO)
    return Answer(**_common(table))


def _prompt(table: Json) -> Prompt:
    table["messages"] = _messages(table["messages"])
    return Prompt(**_common(table))


def _common(table: Json) -> Json:
    tools = table.get("tools")
    if isinstance(tools, str):
        table["tools"] = json.loads(shared()["tools"].get(tools, tools)) or None
    return table


def _call(text: str) -> tuple[str, Any]:
    name, _, value = text.partition(" ")
    return name, json.loads(value)


def _messages(given: str | list[Json] | None) -> tuple[Json, ...]:
    """Return OpenAI's messages for a row of ``{ROLE = TEXT}``; results answer calls in order."""
    turns: list[Json] = shared()["conversations"][given] if isinstance(given, str) else given or []
    made: list[Json] = []
    calls, results = 0, 0
    for turn in turns:
        role = next(iter(turn))
        content = turn[role]
        if role == "assistant":
            own = [_call(text) for text in turn.get("calls", [])]
            made.append(_assistant(content, turn.get("reasoning", ""), own, calls))
            calls += len(own)
        elif role == "tool":
            made.append({"role": role, "tool_call_id": f"call_{results}", "content": content})
            results += 1
        else:
            made.append({"role": role, "content": content})
    return tuple(made)


def _assistant(content: str, reasoning: str, calls: Iterable[tuple[str, Any]], first: int) -> Json:
    message: Json = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning_content"] = reasoning
    made = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": value}}
        for number, (name, value) in enumerate(calls, first)
    ]
    return {**message, "tool_calls": made} if made else message


def _read(
    adapter: Adapter, prompt: str, tools: list[Json] | None, pieces: Iterable[str]
) -> tuple[Any, ...]:
    """Return reasoning, content and calls as read; a call that is not complete says so."""
    _, message = run(lambda: adapter.parser(tools=tools, prompt=prompt, make_id=same_id), pieces)
    calls = tuple(
        (call.name, call.value() if call.status == "complete" else {call.status: call.arguments})
        for call in message.tool_calls
    )
    return message.reasoning, message.content, _spelled(calls)


def _spelled(calls: Iterable[tuple[str, Any]]) -> list[str]:
    """Return calls as texts, which tell 1 from true and from 1.0."""
    return [
        f"{name} {json.dumps(value, ensure_ascii=False, sort_keys=True)}" for name, value in calls
    ]


def _differ(got: str, wanted: str) -> str:
    """Say where two texts part."""
    at = next((n for n, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), None)
    at = min(len(got), len(wanted)) if at is None else at
    begin = max(at - 30, 0)
    return f"prints {got[begin : at + 60]!r}, not {wanted[begin : at + 60]!r} (at {at})"
