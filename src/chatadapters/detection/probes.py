"""The probe conversations: nothing in, short conversations that tell formats apart out."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

LOOK = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": 'The weather of a "city", <b>now</b> & later\nin 北京',
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": 'Its "name"'},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "In"},
                "days": {"type": "integer", "description": "How many"},
                "tags": {"type": "array", "items": {"type": "string"}, "description": "Any"},
            },
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add-numbers",
        "description": "Add",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "first"},
                "b": {"type": "number", "description": "second"},
            },
            "required": ["a", "b"],
        },
    },
}
RICH = {  # what many templates that take schemas apart do not expect
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find",
        "parameters": {
            "type": "object",
            "properties": {
                "near": {
                    "type": "object",
                    "properties": {"lat": {"type": "number", "minimum": -90}},
                    "required": ["lat"],
                },
                "most": {"type": ["integer", "null"], "default": 3},
                "kind": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/kind"}]},
                "exact": {"type": "boolean"},
            },
            "$defs": {"kind": {"enum": [1, 2]}},
            "additionalProperties": False,
        },
        "strict": True,
    },
}
BARE = {
    "type": "function",
    "function": {
        "name": "ping",
        "description": "Ping",
        "parameters": {"type": "object", "properties": {}},
    },
}
TOOLS: list[Json] = [LOOK, ADD, BARE]
ARGUMENTS = {
    "city": 'Zürich "北" it\'s\n</x>',
    "days": 3,
    "where": {"lat": -4.5, "far": [True, None, []]},
    "tags": ["a", "b"],
    "sure": False,
}


@dataclass(frozen=True)
class Probe:
    """A conversation, and how it is rendered."""

    name: str
    messages: list[Json]
    tools: list[Json] | None = None
    prompt: bool = True
    options: Json = field(default_factory=dict)
    extra: bool = False  # beyond what adapters promise: it only decides between those that fit

    def with_ids(self, ids: list[str]) -> Probe:
        """Return the probe with these ids for its calls, in their order."""
        messages = copy.deepcopy(self.messages)
        calls = [call for message in messages for call in message.get("tool_calls") or []]
        new = {call["id"]: one for call, one in zip(calls, ids, strict=True)}
        for call in calls:
            call["id"] = new[call["id"]]
        for message in messages:
            if "tool_call_id" in message:
                message["tool_call_id"] = new[message["tool_call_id"]]
        return Probe(self.name, messages, self.tools, self.prompt, self.options, self.extra)


def system(text: object) -> Json:
    return {"role": "system", "content": text}


def user(text: object) -> Json:
    return {"role": "user", "content": text}


def part(text: str) -> Json:
    return {"type": "text", "text": text}


def said(content: object = "", *calls: Json, thought: str = "") -> Json:
    message: Json = {"role": "assistant", "content": content}
    if thought:
        message["reasoning_content"] = thought
    return message | ({"tool_calls": list(calls)} if calls else {})


def call(number: int, name: str, arguments: object) -> Json:
    function = {"name": name, "arguments": arguments}
    return {"id": f"callA000{number}", "type": "function", "function": function}


def result(number: int, name: str, content: object) -> Json:
    tool_call_id = f"callA000{number}"
    return {"role": "tool", "tool_call_id": tool_call_id, "name": name, "content": content}


def probes() -> list[Probe]:
    """Return the probes under default options, the telling ones first."""
    look, add = call(1, "get_weather", ARGUMENTS), call(2, "add-numbers", {"a": 41, "b": -1.5})
    ping = call(3, "ping", {})
    texts = call(1, "get_weather", json.dumps(ARGUMENTS, ensure_ascii=False))
    sky, sum_ = result(1, "get_weather", "21 °C"), result(2, "add-numbers", '{"sum": 39.5}')
    ask, more = user("Hi there"), user("And tomorrow?")
    rules = system("Be brief.")
    chat = [rules, ask, said("Hello."), more]
    agent = [ask, said("", look), sky]
    done = [rules, *agent, said("It is warm.")]
    deep = said("Hello.", thought="They greet.")
    deep_call = said("", look, thought="I must look.")
    return [
        Probe("a question", [ask]),
        Probe("a question, no generation prompt", [ask], prompt=False),
        Probe("a system message", [rules, ask]),
        Probe("two turns", [ask, said("Hello."), more]),
        Probe("two turns after a system message", chat),
        Probe("an answer", [ask, said("Hello.")], prompt=False),
        Probe("tools", [ask], TOOLS),
        Probe("one tool", [rules, ask], [BARE]),
        Probe("tools and a system message", [rules, ask], TOOLS),
        Probe("tools in the second turn", chat, TOOLS),
        Probe("no tools in the list", [ask], []),
        Probe("a tool with more in its schema", [ask], [RICH], extra=True),
        Probe("a call", [ask, said("", look)], TOOLS, prompt=False),
        Probe("a call without arguments", [ask, said("", ping)], TOOLS, prompt=False),
        Probe("a call with text", [ask, said("I look.", add)], TOOLS, prompt=False),
        Probe("two calls", [ask, said("", look, add)], TOOLS, prompt=False),
        Probe("a call with null content", [ask, said(None, look)], TOOLS, prompt=False),
        Probe("a call in JSON text", [ask, said("", texts)], TOOLS, prompt=False),
        Probe("a result", agent, TOOLS),
        Probe("two results", [ask, said("", look, add), sky, sum_], TOOLS),
        Probe("two results, swapped", [ask, said("", look, add), sum_, sky], TOOLS),
        Probe("an answer after a result", done, TOOLS, prompt=False),
        Probe("two calls in a row", [*agent, said("", add), sum_], TOOLS),
        Probe("a turn after a result", [*done, more], TOOLS),
        Probe("a question after a result", [*agent, more], TOOLS),
        Probe("a call, no tools", agent),
        Probe("reasoning", [ask, deep], prompt=False),
        Probe("past reasoning", [ask, deep, more]),
        Probe("reasoning after a question again", [ask, deep, more, deep], prompt=False),
        Probe("reasoning with a call", [ask, deep_call, sky], TOOLS),
        Probe("reasoning with a call, in the past", [ask, deep_call, sky, deep, more], TOOLS),
        Probe(
            "reasoning in the content",
            [ask, said("<think>\nThey greet.\n</think>\n\nHello."), more],
        ),
        Probe("a part of text", [user([part("Hi")])]),
        Probe("parts of text", [user([part("Hi"), part("there")]), said("Hello."), more]),
        Probe("a picture", [user([{"type": "image"}, part("What is it?")])], extra=True),
        Probe("a video", [user([part("What is it?"), {"type": "video"}])], extra=True),
        Probe("white space", [system(" Be\n\n"), user("\n Hi \n\n"), said("\n Hello. \n\n"), more]),
        Probe("an empty system message", [system(""), ask]),
        Probe("an empty answer", [ask, said(""), more]),
        Probe("an answer first", [said("Hello."), ask]),
        Probe("two questions", [ask, more]),
        Probe("two system messages", [rules, system("Be kind."), ask]),
        Probe("a late system message", [ask, said("Hello."), rules, more]),
        Probe("a developer message", [{"role": "developer", "content": "Be brief."}, ask]),
        Probe(
            "metadata",
            [
                ask,
                {"role": "assistant", "metadata": "get_weather", "content": "x"},
                {"role": "observation", "content": "21"},
            ],
        ),
    ]


WITH_OPTIONS = (
    Probe("a question", [user("Hi there")]),
    Probe(
        "past reasoning beside tools",
        [
            system("Be brief."),
            user("Hi there"),
            said("Hello.", thought="They greet."),
            user("And tomorrow?"),
            said("Fine.", thought="They go on."),
        ],
        TOOLS,
        prompt=False,
    ),
)
# What vendors' templates read most often; a registry's declarations add their own.
OPTIONS: dict[str, tuple[object, ...]] = {"reasoning_effort": ("low", "high")}


def all_probes(options: Mapping[str, Iterable[object]]) -> Iterator[tuple[str, str, Probe]]:
    """Give every probe as (key, key of the same one under default options, probe)."""
    for probe in (*probes(), WITH_OPTIONS[1]):
        yield probe.name, probe.name, probe
    for option, values in options.items():
        for value in values:
            for probe in WITH_OPTIONS:
                key = f"{probe.name}, {option}={json.dumps(value)}"
                made = Probe(key, probe.messages, probe.tools, probe.prompt, {option: value})
                yield key, probe.name, made


def digest() -> str:
    """Return a hash of the probes: renderings of other probes cannot be compared."""
    found = [(key, vars(probe)) for key, _, probe in all_probes(OPTIONS)]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
