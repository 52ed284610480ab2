"""What the peers are asked to read: an adapter in, its printed answers out, simplest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chatadapters.adapter import Adapter
from chatadapters.errors import ChatAdaptersError
from chatadapters.runtime import Parser
from chatadapters.verify import laws
from chatadapters.verify.conversations import Conversation
from chatadapters.verify.laws import Refused, Subject, inverse

Json = dict[str, Any]
USER = {"role": "user", "content": "Hello"}

# label: the value of a string argument, or (value, JSON Schema of it)
STRINGS = {
    "string: double quotes": 'say "hi"',
    "string: apostrophe": "it's",
    "string: line break": "one\ntwo",
    "string: tab": "one\ttwo",
    "string: backslash": "C:\\new\\table",
    "string: other scripts": "Zürich 北京 \U0001f642",
    "string: empty": "",
    "string: one space": " ",
    "string: spaces around": "  padded  ",
    "string: line breaks around": "\none\n",
    "string: digits": "42",
    "string: leading zero": "02134",
    "string: true": "true",
    "string: null": "null",
    "string: a JSON object": '{"a": 1}',
    "string: a JSON list": "[1, 2]",
    "string: brackets and commas": "f(x=1), [y]",
    "string: closing braces": "}}",
    "string: angle brackets": "<b>x</b> & y",
    "string: entities": "&lt;tag&gt; &amp;",
    "string: Jinja and shell": "{{ x }} $HOME %s",
    "string: code with braces": 'if (a) { return "}"; }',
}
VALUES: dict[str, tuple[Any, Json]] = {
    "integer": (7, {"type": "integer"}),
    "negative integer": (-3, {"type": "integer"}),
    "large integer": (12345678901234567890, {"type": "integer"}),
    "number": (2.5, {"type": "number"}),
    "small number": (1e-07, {"type": "number"}),
    "true": (True, {"type": "boolean"}),
    "false": (False, {"type": "boolean"}),
    "null": (None, {"type": ["string", "null"]}),
    "object": ({"a": 1, "b": "x"}, {"type": "object"}),
    "empty object": ({}, {"type": "object"}),
    "list": ([1, "two", None, True], {"type": "array"}),
    "empty list": ([], {"type": "array"}),
    "list of objects": (
        [{"a": [1, {"b": "c"}]}, {}],
        {"type": "array", "items": {"type": "object"}},
    ),
    "object with quotes": ({"q": 'a "b" it\'s\n}'}, {"type": "object"}),
}
CONTENTS = {
    "content": "Hello.",
    "content: several lines": "One.\n\n- two\n- three",
    "content: quotes": 'She said "no" and it\'s fine.',
    "content: other scripts": "Zürich 北京 \U0001f642",
    "content: a JSON object": 'Here: {"a": 1} done.',
    "content: a list": "[1, 2] is a list.",
    "content: angle brackets": "Use <b>bold</b> & 1 < 2.",
    "content: code fence": "Run\n```python\nf(x=1)\n```",
}
TOOL, THOUGHT = "get_weather", "I think."


@dataclass(frozen=True)
class Case:
    """An assistant's message and the tools that it was given."""

    name: str
    message: Json
    tools: list[Json]


@dataclass(frozen=True)
class Printed:
    """A case as an adapter prints it.

    ``text`` is the whole answer to ``prompt``, which ``options`` were given for and which may have
    ``opened`` the reasoning; ``rest`` is what follows the reasoning, as a tool parser gets it;
    ``end`` is the stop string with which the answer ends, "" if the format declares none.
    """

    case: Case
    prompt: str
    options: Json
    opened: bool
    text: str
    rest: str
    end: str


def tool(name: str, properties: Json) -> Json:
    """Return an OpenAI tool."""
    parameters = {"type": "object", "properties": properties}
    function = {"name": name, "description": "A tool.", "parameters": parameters}
    return {"type": "function", "function": function}


def cases() -> Iterator[Case]:
    """Give every case, the simplest first."""
    city = {"city": {"type": "string"}}
    weather = tool(TOOL, city)
    for label, content in CONTENTS.items():
        yield _case(label, content, [], [weather])
    yield _case("call", "", [(TOOL, {"city": "Paris"})], [weather])
    yield _case("call without arguments", "", [(TOOL, {})], [tool(TOOL, {})])
    two = tool(TOOL, {**city, "days": {"type": "integer"}})
    yield _case("two arguments", "", [(TOOL, {"city": "Paris", "days": 2})], [two])
    yield _case("content and call", "I look.", [(TOOL, {"city": "Paris"})], [weather])
    pair = [(TOOL, {"city": "Paris"}), (TOOL, {"city": "Rome"})]
    yield _case("two calls", "", pair, [weather])
    other = tool("get_time", {"zone": {"type": "string"}})
    mixed = [(TOOL, {"city": "Paris"}), ("get_time", {"zone": "CET"}), (TOOL, {"city": "Rome"})]
    yield _case("three calls of two tools", "", mixed, [weather, other])
    yield _case("content and two calls", "I look.", pair, [weather])
    empty = [(TOOL, {}), (TOOL, {"city": "Paris"})]
    yield _case("two calls, one without arguments", "", empty, [weather])
    yield _case("same call twice", "", [pair[0], pair[0]], [weather])
    for label, text in STRINGS.items():
        yield _case(label, "", [("f", {"s": text})], [tool("f", {"s": {"type": "string"}})])
    for label, (value, schema) in VALUES.items():
        yield _case(label, "", [("f", {"v": value})], [tool("f", {"v": schema})])
    named = [("user-id", "argument name with a dash"), ("first name", "argument name with a space")]
    for key, label in named:
        yield _case(label, "", [("f", {key: "x"})], [tool("f", {key: {"type": "string"}})])
    for name in ("get-weather", "weather.get", "f2"):
        yield _case(f"tool name {name}", "", [(name, {"city": "Paris"})], [tool(name, city)])
    quoted = 'It is {"a": 1}, "so".'
    yield _case("content with JSON and call", quoted, [(TOOL, {"city": "Paris"})], [weather])
    long = {"s": "word " * 60 + "end"}
    yield _case("long string", "", [("f", long)], [tool("f", {"s": {"type": "string"}})])
    thought = THOUGHT
    yield _case("reasoning", "Hello.", [], [weather], thought)
    yield _case("reasoning and call", "", [(TOOL, {"city": "Paris"})], [weather], thought)
    yield _case(
        "reasoning, content and call", "I look.", [(TOOL, {"city": "Paris"})], [weather], thought
    )
    lines = "One.\n\nTwo: 1 < 2."
    yield _case("reasoning of several lines", "Hello.", [], [weather], lines)


def _case(
    name: str,
    content: str,
    calls: list[tuple[str, Json]],
    tools: list[Json],
    reasoning: str = "",
) -> Case:
    message: Json = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call{number:05}",
                "type": "function",
                "function": {"name": called, "arguments": arguments},
            }
            for number, (called, arguments) in enumerate(calls)
        ]
    return Case(name, message, tools)


def printed(adapter: Adapter) -> tuple[list[Printed], list[str]]:
    """Return what an adapter prints for each case, and the names of those that it cannot carry.

    A case is carried where the adapter reads back what it printed. Where every prompt opens the
    reasoning, a case without reasoning is given some.
    """
    subject = Subject(adapter)
    done, left = [], []
    for case in cases():
        made = _print(subject, case)
        if made is None and subject.domain.reasoning and not case.message.get("reasoning_content"):
            thoughtful = {**case.message, "reasoning_content": THOUGHT}
            made = _print(subject, Case(case.name, thoughtful, case.tools))
        if made is None:
            left.append(case.name)
        else:
            done.append(made)
    return done, left


def _print(subject: Subject, case: Case) -> Printed | None:
    domain = subject.domain
    calls = case.message.get("tool_calls") or []
    if domain.calls is not None and len(calls) > domain.calls:
        return None
    if calls and case.message["content"] and not domain.content_with_calls:
        return None
    if case.message.get("reasoning_content") and not domain.reasoning:
        return None
    for options in _options(subject):
        sample = Conversation([USER, case.message], case.tools, False, options)
        try:
            prompt, begun, text = _texts(subject, sample)
        except (Refused, ChatAdaptersError):
            continue
        make = subject.parsers(case.tools, prompt)
        if inverse(subject, laws.Printed(sample, text, prompt, make)) is None:
            opened = bool(begun) and _thinks(make)
            rest = _rest(text, case, make)
            end = _end(subject, sample, text)
            return Printed(case, prompt, options, opened, text, rest, end)
    return None


def _texts(subject: Subject, sample: Conversation) -> tuple[str, str, str]:
    """Return the prompt, what it has begun of the answer, and the rest of the answer.

    Raises ``Refused`` and ``ChatAdaptersError``.
    """
    adapter, options = subject.adapter, sample.options
    adapter.render(sample.messages, sample.tools, add_generation_prompt=False, **options)
    messages = laws.normalised(adapter, sample.messages)
    whole = adapter.output(messages, sample.tools, **options)
    prompt = adapter.render_template(messages[:-1], sample.tools, **options)
    begun = subject.begun(prompt)
    while not whole.startswith(begun):  # a header may stand before what belongs to the answer
        begun = begun[1:]
    if not begun and subject.begun(prompt) and subject.domain.reasoning:
        raise Refused("the prompt has opened the reasoning")
    return prompt, begun, whole[len(begun) :]


def _end(subject: Subject, sample: Conversation, text: str) -> str:
    adapter = subject.adapter
    whole = adapter.render_template(
        laws.normalised(adapter, sample.messages),
        sample.tools,
        add_generation_prompt=False,
        **sample.options,
    )
    after, stops = whole.rpartition(text)[2].lstrip(), adapter.declaration.stop
    return next((stop for stop in stops if after.startswith(stop)), stops[0] if stops else "")


def _thinks(make: Callable[[], Parser]) -> bool:
    """Tell whether a text right after the prompt is reasoning."""
    parser = make()
    parser.feed("x")
    parser.close()
    return bool(parser.message.reasoning)


def _rest(text: str, case: Case, make: Callable[[], Parser]) -> str:
    """Return what follows the reasoning, as a reasoning parser hands it on."""
    parser = make()
    parser.feed(text)
    if not case.message.get("reasoning_content") or not parser.reasoned:
        return text
    return text[parser.reasoned :].lstrip("\n")


def _options(subject: Subject) -> Iterator[Json]:
    """Give the default options, then each switch turned over."""
    yield {}
    for name, default in subject.domain.options:
        yield {name: not default}
    for name, default in subject.adapter.declaration.options.items():
        if default == {}:
            yield {name: True}
            yield {name: False}
