"""Law 6, grammars both ways: an adapter and printed answers in, what breaks the law out.

What a grammar generates parses without recovery, into calls that fit the tools' schemas and that
print again; what is printed is accepted by the grammar, and by the text of each target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..cfg import Grammar, gbnf, lark, read
from ..cfg.matcher import farthest
from ..cfg.read_back import read_gbnf, read_lark
from ..emit.grammars import reserved, tag
from ..errors import ChatAdaptersError
from ..grammar.encodings import NO_GRAMMAR
from .checks import Event, run, same
from .choices import Choices
from .derive import Texts
from .laws import LawResult, Printed, Subject, normalised
from .schemas import Json, tool_set

_HELLO = {"role": "user", "content": "Hello"}
# How calls are asked for: the tool choice, parallel calls, and whether the tools are strict.
REQUESTS = (
    ("auto", True, True),
    ("auto", True, False),
    ("required", True, None),
    ("required", False, None),
    ("named", True, None),
)
_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_EACH = 5  # of so many texts, one is tried on the text of every target
_TARGETS: dict[str, Callable[[Grammar], Grammar]] = {
    "structural_tag": lambda grammar: grammar,
    "lark": lambda grammar: read_lark(lark.lark(grammar)),
    "gbnf": lambda grammar: read_gbnf(gbnf.gbnf(grammar)),
}


class Request:
    """What a server is asked for: tools and a choice, and the grammar of the answers."""

    def __init__(
        self, subject: Subject, tools: list[Json], choice: str, parallel: bool, strict: bool | None
    ) -> None:
        if strict is not None:
            tools = [{**tool, "function": {**tool["function"], "strict": strict}} for tool in tools]
        self.subject, self.tools, self.choice = subject, tools, choice
        self.once = choice == "named" or not parallel
        self.enforced = strict is not False
        self.prompt = subject.adapter.render_template([_HELLO], tools)
        name = tools[0]["function"]["name"]
        named = {"type": "function", "function": {"name": name}}
        self.asked: Json = {
            "tools": tools,
            "tool_choice": named if choice == "named" else choice,
            "parallel_tool_calls": parallel,
        }
        found = tag(subject.adapter, prompt=self.prompt, **self.asked)
        assert found is not None
        self.grammar = read(found)
        self.alike = [0, 0]  # calls that are printed again letter by letter, of how many

    def problem(self, text: str) -> str | None:
        """Return what is wrong with a generated text, or None."""
        make = self.subject.parsers(self.tools, self.prompt)
        events, got = run(make, [text])
        wrong = [event for event in events if event["type"] == "malformed"]
        if wrong:
            return f"{wrong[0]['text']!r} in it is {wrong[0]['reason']}"
        lost = self.subject.conservation.problem(text, events, got) or self._calls(got)
        return lost or self._again(text, events, got, make)

    def _calls(self, got: Any) -> str | None:
        schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in self.tools}
        for call in got.tool_calls:
            if call.status != "complete" or call.name not in schemas:
                return f"its call of {call.name!r} is {call.status}"
            try:
                value = call.value()
            except ValueError as error:
                return f"the arguments are read as {call.arguments!r}: {error}"
            if self.enforced and not fits(schemas[call.name], value):
                return f"{call.arguments} does not fit the schema {schemas[call.name]}"
        count = len(got.tool_calls)
        if self.once and count > 1:
            return f"{count} calls, though one is asked for"
        if self.choice != "auto" and not count:
            return "no call, though one is forced"
        return None

    def _again(self, text: str, events: list[Event], got: Any, make: Any) -> str | None:
        """Print what a text says, and compare its calls: what they say, and how."""
        adapter = self.subject.adapter
        if not got.tool_calls:
            return None
        begun = self.subject.begun(self.prompt)
        messages = normalised(adapter, [_HELLO, got.to_openai()])
        try:
            printed = adapter.output(messages, self.tools)
        except ChatAdaptersError as error:
            return f"what it says cannot be printed: {error}"
        if not printed.startswith(begun):
            return None  # the prompt has begun a block that is left out where it is empty
        printed = printed[len(begun) :]
        printed_events, back = run(make, [printed])
        calls = [[[one.name, _value(one)] for one in said.tool_calls] for said in (got, back)]
        if not same(*calls):
            if self._is_refused(messages):
                return None
            return f"it says {calls[0]}, but printed again, {printed!r} says {calls[1]}"
        spans = (_spans(text, events, got), _spans(printed, printed_events, back))
        for one, other in zip(*spans, strict=True):
            alike = _fit(one, other) or _fit(other, one)
            self.alike[0] += alike
            self.alike[1] += 1
            if not alike and self._has_one_spelling(one[0]):
                return f"its call {one[0]!r} is printed again as {other[0]!r}"
        return None

    def _is_refused(self, messages: list[Json]) -> bool:
        """Tell whether ``render`` says that what is read cannot be written."""
        try:
            self.subject.adapter.render(messages, self.tools, add_generation_prompt=False)
        except ChatAdaptersError:
            return True
        return False

    def _has_one_spelling(self, call: str) -> bool:
        """Tell whether a call has nothing in it that could be written in another way."""
        calls = self.subject.adapter.shape["calls"]
        spelling = calls["arguments"]
        if any(kind in ("id", "count") for kind, _ in calls["pieces"]) or "\\" in call:
            return False
        if spelling["options"].get("ascii") and not call.isascii():
            return False
        indented = spelling["options"].get("indent") is not None
        if not self.enforced or spelling["kind"] != "json" or indented:
            return False  # a key may be there twice, and there may be white space
        numbers = _NUMBER.findall(call)
        return all(json.dumps(json.loads(one)) == one for one in numbers if _reads(one))


def _value(call: Any) -> Any:
    try:
        return call.value()
    except ValueError:
        return f"no JSON: {call.arguments}"


def _spans(text: str, events: list[Event], got: Any) -> list[tuple[str, str]]:
    """Return what stands for each call, and that from its name on.

    A marker in front may have the name in it, so the last one of the header is the name.
    """
    heads = [event["span"] for event in events if event["type"] == "call_start"]
    ends = [event["span"] for event in events if event["type"] == "call_end"]
    found = []
    for (_, head), (start, end), call in zip(heads, ends, got.tool_calls, strict=True):
        name = max(text.rfind(call.name, start, head), start)
        found.append((text[start:end].strip(), text[name:end].strip()))
    return found


def _fit(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two calls are alike but for what their places in the message ask for."""
    return one[0].endswith(other[0]) or one[1].startswith(other[1])


def _reads(number: str) -> bool:
    try:
        return json.loads(number) is not None
    except ValueError:
        return False  # it is a part of some text


def grammars(
    subject: Subject, printed: Sequence[Printed], choices: Choices, count: int
) -> LawResult:
    """Try the law on ``count`` generated texts and on printed answers."""
    result = LawResult("grammar")
    shape = subject.adapter.shape
    if shape["calls"] is None:
        result.note = "the format carries no calls"
        return result
    if shape["calls"]["arguments"]["options"].get("string"):
        result.note = NO_GRAMMAR.format("JSON in a string")
        return result
    generated, alike = 0, [0, 0]
    accepted = {name: [0, 0] for name in _TARGETS}
    for choice, parallel, strict in REQUESTS:
        tools = tool_set(choices, subject.domain, most=3)
        request = Request(subject, tools, choice, parallel, strict)
        texts, targets = Texts(request.grammar), _printed_targets(request.grammar)
        for number in range(-(-count // len(REQUESTS))):
            text = texts.draw(choices)
            generated += 1
            problem = request.problem(text)
            if problem is None and number % _EACH == 0:
                problem = _accepted(targets, text, accepted)
            result.add(problem and f"{choice}: {text!r} is generated, but {problem}")
        alike = [a + b for a, b in zip(alike, request.alike, strict=True)]
    for one in printed[::_EACH]:
        before = accepted["structural_tag"][1]
        problem = _answer(subject, one, accepted)
        if accepted["structural_tag"][1] > before:  # else it was not asked of any grammar
            result.add(problem)
    if not result.checked:
        result.failures.append("no text was tried: ask for more samples")
    said = [f"{name} accepts {n} of {of}" for name, (n, of) in accepted.items()]
    result.note = (
        f"{generated} generated and read, {alike[0]} of their {alike[1]} calls printed "
        f"again letter by letter; {', '.join(said)}"
    )
    return result


def _printed_targets(grammar: Grammar) -> dict[str, Grammar]:
    return {name: back(grammar) for name, back in _TARGETS.items()}


def _accepted(targets: dict[str, Grammar], text: str, accepted: dict[str, list[int]]) -> str | None:
    wrong = None
    for name, grammar in targets.items():
        place = farthest(grammar, text)
        accepted[name][0] += place is None
        accepted[name][1] += 1
        if place is not None:
            wrong = f"{name} does not accept {text!r}: it stops before {text[place:][:40]!r}"
    return wrong


def _answer(subject: Subject, one: Printed, accepted: dict[str, list[int]]) -> str | None:
    """Try a printed answer on the grammars of a request: calls are forced if it has nothing else.

    Its arguments come in any order, so that the tools are not strict.
    """
    tools = [
        {**t, "function": {**t["function"], "strict": False}} for t in one.conversation.tools or ()
    ]
    said = one.conversation.messages[-1]
    values = [call["function"]["arguments"] for call in said.get("tool_calls") or ()]
    given = json.dumps(
        [said.get("content"), said.get("reasoning_content"), *values], ensure_ascii=False
    )
    if any(marker in given for marker in subject.domain.markers):
        return None  # a grammar may leave out a text that holds a marker, though it reads back
    forced = said.get("tool_calls") and not said.get("content")
    asked: Json = {"tools": tools, "tool_choice": "required" if forced else "auto"}
    found = tag(subject.adapter, prompt=one.prompt, **asked)
    if found is None:
        return None
    texts, first = reserved(subject.adapter, found)
    content, reasoning = said.get("content") or "", said.get("reasoning_content") or ""
    if any(text in part for text in texts for part in (content, reasoning)):
        return None  # so, too, a text that begins a call
    if first and not forced and content.lstrip().startswith(first):
        return None
    wrong = _accepted(_printed_targets(read(found)), one.text, accepted)
    return wrong and f"{asked['tool_choice']}: {wrong}"


def fits(schema: Any, value: Any) -> bool:
    """Tell whether a value is valid, by the keywords that generated schemas have."""
    kinds = schema.get("type")
    if kinds is not None and not any(
        _is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ):
        return False
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        return False
    if isinstance(value, list):
        return all(fits(schema.get("items", {}), item) for item in value)
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        there = all(name in value for name in schema.get("required", ()))
        return there and all(fits(inner[name], v) for name, v in value.items() if name in inner)
    return True


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
    return isinstance(value, dict)
