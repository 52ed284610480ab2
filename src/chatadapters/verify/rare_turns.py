"""What clients send seldom: conversations in, ones with pictures, all options at once or odd
orders of turns out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

from jinja2 import nodes

from ..check import ROLES
from ..declaration import Declaration
from ..fragments import compared_with, parse_all, texts
from .choices import Choices, Seeded
from .conversations import Conversation
from .domain import Domain
from .rare_tools import with_rare_tools
from .schemas import Json

TOGETHER = 40  # conversations with several options set at once
ORDERS = 60  # conversations with turns in any order
CONTENTS = ("", " ", "\n", "Hi", "Tell me", " so \n", "a\n\nb")
AROUND = ("{}", "{} a", "a {} b", "a {}")
ORPHANS = 30  # conversations whose first result answers no call
URL = "https://example.org/a"
MEDIA = {
    "image": (
        {"type": "image"},
        {"type": "image", "image": URL},
        {"type": "image_url", "image_url": {"url": URL}},
    ),
    "video": (
        {"type": "video"},
        {"type": "video", "video": URL},
        {"type": "video_url", "video_url": {"url": URL}},
    ),
    "audio": (
        {"type": "audio"},
        {"type": "audio", "audio": URL},
        {"type": "audio_url", "audio_url": {"url": URL}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ),
}
DOCUMENTS = [{"title": "One", "text": "First."}, {"title": "Two", "text": "Second."}]
FORMATS = (
    {"type": "json_object", "functions": "All of them."},
    {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
)


def rare(
    choices: Choices, declaration: Declaration, domain: Domain, samples: Sequence[Conversation]
) -> Iterator[Conversation]:
    """Give all conversations that clients send seldom; ``samples`` are usual ones."""
    yield from with_rare_tools(declaration, domain)
    yield from with_media(declaration)
    yield from with_options_together(choices, declaration, samples)
    yield from with_inline_reasoning(declaration)
    yield from with_orphans(samples)
    yield from in_any_order(choices, declaration, domain)
    yield from with_other_contents(declaration, domain)


def with_media(declaration: Declaration) -> Iterator[Conversation]:
    """Give conversations with pictures, films and sounds, as far as a fragment names them."""
    known = " ".join(texts(declaration).values())
    parts = [part for kind, found in MEDIA.items() if kind in known for part in found]
    said: Json = {"type": "text", "text": "Look: "}
    for number, part in enumerate(parts):
        other = parts[(number + 1) % len(parts)]
        for chosen in ([part], [part, said], [said, part, said], [part, other, said, part]):
            asked = {"role": "user", "content": copy.deepcopy(chosen)}
            again = {"role": "user", "content": copy.deepcopy([other, said])}
            answer = {"role": "assistant", "content": "I see."}
            name = f"{part['type']} {number} of {len(chosen)} parts"
            yield Conversation([asked, answer, again], name=name)


def with_options_together(
    choices: Choices, declaration: Declaration, samples: Sequence[Conversation]
) -> Iterator[Conversation]:
    """Give conversations in which several options have other values than their defaults."""
    values = {name: _values(declaration, name) for name in declaration.options}
    if not any(values.values()):
        return
    for number, sample in enumerate(samples[:TOGETHER]):
        chosen = {
            name: choices.pick(known)
            for name, known in values.items()
            if known and choices.chance(0.7)
        }
        made = replace(sample, options=chosen, name=f"options {number} {chosen} {sample.name}")
        yield replace(made, add_generation_prompt=choices.chance(0.5))


def _values(declaration: Declaration, name: str) -> list[object]:
    default = declaration.options[name]
    history = declaration.output.history
    policies = history.get(name, {}) if isinstance(history, dict) else {}
    known: list[object] = [*compared_with(declaration, name), *policies]
    match default:
        case bool():
            return [True, False]
        case int():
            return [default, default + 1, 0, *_whole_numbers(declaration)]
        case {}:
            return [*known, True, False, *_of_its_kind(declaration, name)]
    return [*known, default] if known else []


def _of_its_kind(declaration: Declaration, name: str) -> list[object]:
    """Return values for an option as the fragments use it: to go over, to look into, to print."""
    trees = [fragment.tree for fragment in parse_all(declaration).values()]
    read = [node.node for tree in trees for node in tree.find_all(nodes.Getattr)]
    if any(inner.name == name for node in read for inner in _names(node)):
        return list(FORMATS)
    return [DOCUMENTS, ["one", "two"], "words"]


def _names(node: nodes.Node) -> list[nodes.Name]:
    return [node] if isinstance(node, nodes.Name) else list(node.find_all(nodes.Name))


def _whole_numbers(declaration: Declaration) -> list[int]:
    """Return the numbers that fragments compare with, and the next ones."""
    found = dict.fromkeys(
        node.expr.value
        for fragment in parse_all(declaration).values()
        for node in fragment.tree.find_all(nodes.Operand)
        if isinstance(node.expr, nodes.Const) and type(node.expr.value) is int
    )
    return [number + more for number in found for more in (0, 1)]


def with_inline_reasoning(declaration: Declaration) -> Iterator[Conversation]:
    """Give one whose reasoning stands in the content, as servers without a parser send it."""
    if declaration.output.inline is None:
        return
    opening, closing = declaration.output.inline
    said = f"{opening}\nHm.\n{closing}\n\nYes."
    asked, answered = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": said}
    yield Conversation([asked, answered, dict(asked)], name="inline")


def with_orphans(samples: Sequence[Conversation]) -> Iterator[Conversation]:
    """Give conversations of which the client cut off the beginning, down to the first result."""
    cut = (
        (sample, number)
        for sample in samples
        for number, message in enumerate(sample.messages)
        if message["role"] == "tool" and sample.messages[number - 1]["role"] == "assistant"
    )
    for at, (sample, number) in enumerate(list(cut)[:ORPHANS]):
        rest = copy.deepcopy(sample.messages[number:])
        messages: list[Json] = [{"role": "user", "content": "Hi"}, *(rest[:1] if at % 3 else rest)]
        tools = None if at % 3 == 1 else sample.tools
        yield replace(sample, messages=messages, tools=tools, name=f"orphan {sample.name}")


def in_any_order(
    choices: Choices, declaration: Declaration, domain: Domain
) -> Iterator[Conversation]:
    """Give short conversations of turns that follow each other as they come."""
    roles = [role for role in compared_with(declaration, "role") if role not in ("", *ROLES)]
    sought = _sought(declaration)
    for number in range(ORDERS):
        messages: list[Json] = []
        for _ in range(choices.integer(1, 6)):
            messages += _turn(choices, domain, roles, len(messages))
        if sought and choices.chance(0.5):
            message = choices.pick(messages)
            message["content"] = choices.pick(AROUND).format(choices.pick(sought))
        if not any(message["role"] == "user" for message in messages):
            messages.append({"role": "user", "content": "Hi"})
        tools = [_TOOL] if choices.chance(0.5) and domain.calls != 0 else None
        yield Conversation(
            messages, copy.deepcopy(tools), choices.chance(0.5), name=f"order {number}"
        )


def with_other_contents(declaration: Declaration, domain: Domain) -> Iterator[Conversation]:
    """Give conversations in which one turn has no content, or one in parts: each role in turn."""
    roles = [role for role in compared_with(declaration, "role") if role not in ("", *ROLES)]
    spoken = [{"role": role, "content": "So."} for role in ("system", "user", *roles, "assistant")]
    calling = {"role": "assistant", "content": "", "tool_calls": [_call(Seeded("one"), 0)]}
    asked = {"role": "user", "content": "Hi"}
    turns: list[Json] = [*spoken, asked]
    if domain.calls != 0:
        turns += [calling, _result("call_0000", "So."), asked]
    parts = [{"type": "text", "text": "Well. "}, {"type": "text", "text": "So."}]
    for number, turn in enumerate(turns[:-1]):
        for content in (None, parts[1:], parts):
            for tools in (None, [_TOOL]) if domain.calls != 0 else (None,):
                messages = copy.deepcopy(turns)
                messages[number]["content"] = copy.deepcopy(content)
                name = f"content {content} of {turn['role']} {number}"
                yield Conversation(messages, copy.deepcopy(tools), name=name)


_TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look it up.",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}


def _sought(declaration: Declaration) -> list[str]:
    """Return the texts that fragments look for inside of others."""
    found: dict[str, None] = {}
    for key, fragment in parse_all(declaration).items():
        if key.startswith("deviations"):
            continue
        for node in fragment.tree.find_all(nodes.Compare):
            text = node.expr.value if isinstance(node.expr, nodes.Const) else None
            if isinstance(text, str) and any(one.op in ("in", "notin") for one in node.ops):
                found[text] = None
    inline = declaration.output.inline or ()
    return [text for text in found if text and text not in inline]


def _turn(choices: Choices, domain: Domain, roles: Sequence[str], at: int) -> list[Json]:
    role = choices.pick(
        ("system", "user", "user", "assistant", "assistant", "calls", "calls", "tool", *roles)
    )
    content = choices.pick(CONTENTS)
    if role == "tool" and at:
        return [_result(f"call_{at:04d}", content)]
    role = "user" if role == "tool" else role
    message: Json = {"role": "assistant" if role == "calls" else role, "content": content}
    if message["role"] == "assistant" and domain.reasoning and choices.chance(0.5):
        message["reasoning_content"] = choices.pick(("Hm.", "Hm.", "", " ", "\nHm.\n"))
    if role != "calls" or domain.calls == 0:
        return [message]
    if not domain.content_with_calls:
        message["content"] = ""
    most = 2 if domain.calls is None or domain.calls > 1 else 1
    message["tool_calls"] = [_call(choices, at + n) for n in range(choices.integer(1, most))]
    results = [
        _result(call["id"], choices.pick(CONTENTS))
        for call in message["tool_calls"]
        if choices.chance(0.85)
    ]
    if choices.chance(0.2):
        results.reverse()
    return [message, *results]


def _result(number: str, content: str) -> Json:
    return {"role": "tool", "tool_call_id": number, "name": "look", "content": content}


def _call(choices: Choices, number: int) -> Json:
    arguments = choices.pick(({}, {"a": "b"}, {"a": ""}, {"a": " x "}, {"a": "b\nc"}))
    function = {"name": "look", "arguments": dict(arguments)}
    return {"id": f"call_{number:04d}", "type": "function", "function": function}
