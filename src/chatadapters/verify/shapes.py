"""The shapes that clients send: a plain conversation in, the same one spelled otherwise out."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..check import ROLES
from ..declaration import Declaration
from ..fragments import compared_with
from .choices import Choices
from .conversations import Conversation
from .schemas import Json

Shape = Callable[[Choices, Conversation], None]

PADDING = ("", " ", "\n", "\n\n", " \n\t")
PADDED = 40  # conversations whose texts get white space around them
EACH_VALUE = 12  # conversations for each value of an option, or each role


def reshaped(choices: Choices, sample: Conversation, tags: tuple[str, ...]) -> Conversation:
    """Return a conversation with one or two things in another shape: null, parts, JSON strings, ...

    ``tags`` are texts such as ``<x>`` that the prompt prints around things.
    """
    made = copy.deepcopy(sample)
    for _ in range(choices.integer(1, 2)):
        choices.pick(SHAPES)(choices, made)
    if tags and choices.chance(0.1):
        _wrapped(choices, made, tags)
    return made


def plainer(sample: Conversation) -> Iterator[Conversation]:
    """Give a conversation as clients send it: results with the names of their tools, arguments as
    JSON text, and null beside calls.

    Some official templates take nothing else.
    """
    if not sample.calls():
        return
    yield _with_names(sample)
    for null in (False, True):
        made = copy.deepcopy(sample)
        _as_text(made)
        for message in made.messages:
            if null and message.get("tool_calls") and not message.get("content"):
                message["content"] = None
        yield made


def _with_names(sample: Conversation) -> Conversation:
    """Return the conversation with the name of the called tool on every result."""
    made = copy.deepcopy(sample)
    names: dict[str, str] = {}
    for message in made.messages:
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
        if message["role"] == "tool" and message.get("tool_call_id") in names:
            message["name"] = names[message["tool_call_id"]]
    return made


def padded(choices: Choices, sample: Conversation) -> Conversation:
    """Return the conversation with white space around one text of each message."""
    made = copy.deepcopy(sample)
    for message in made.messages:
        keys = [key for key in ("content", "reasoning_content") if message.get(key)]
        if keys:
            key = choices.pick(keys)
            message[key] = f"{choices.pick(PADDING)}{message[key]}{choices.pick(PADDING)}"
    made.name = f"padded {sample.name}"
    return made


def with_options(
    declaration: Declaration, samples: Sequence[Conversation]
) -> Iterator[Conversation]:
    """Give conversations under values of the options that are no switches, a few for each value.

    A text that no fragment compares with anything may be an option of ours alone: it stays.
    """
    for name, default in declaration.options.items():
        if isinstance(default, bool):
            continue
        values: list[object] = [
            text for text in compared_with(declaration, name) if text != default
        ]
        if isinstance(default, int):
            values = [default + 1, default + 1000]
        elif default == {}:
            values += [True, False]
        for value in values:
            for sample in samples[:EACH_VALUE]:
                yield replace(
                    sample,
                    options={**sample.options, name: value},
                    name=f"{name}={value!r} {sample.name}",
                )


def with_roles(declaration: Declaration, samples: Sequence[Conversation]) -> Iterator[Conversation]:
    """Give conversations with a message of each other role that a fragment asks for."""
    for role in compared_with(declaration, "role"):
        for sample in samples[:EACH_VALUE] if role not in ("", *ROLES) else ():
            made = copy.deepcopy(sample)
            made.messages.insert(len(made.messages) // 2, {"role": role, "content": "Note this."})
            made.name = f"{role} in {sample.name}"
            yield made


def tags(prompt_text: str) -> tuple[str, ...]:
    """Return the tags of a fragment that have a closing one.

    >>> tags("<a>{{ content }}</a><b>")
    ('a',)
    """
    closed = re.findall(r"</([^<>\s{}]+)>", prompt_text)
    return tuple(dict.fromkeys(tag for tag in closed if f"<{tag}>" in prompt_text))


def _some(choices: Choices, sample: Conversation, *roles: str) -> Json:
    found = [message for message in sample.messages if message["role"] in roles]
    return choices.pick(found) if found else {}


def _call(choices: Choices, sample: Conversation) -> Json:
    calls = sample.calls()
    return choices.pick(calls) if calls else {}


def _null_content(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "assistant")
    if message.get("tool_calls"):
        message["content"] = None


def _no_content(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "assistant")
    if message.get("tool_calls"):
        message.pop("content", None)


def _any_null(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "tool", "tool", "assistant", "user", "system")
    if message:
        message["content"] = None


def _parts(choices: Choices, sample: Conversation) -> None:
    role = choices.pick(("system", "user", "assistant", "tool"))
    message = _some(choices, sample, role)
    content = message.get("content")
    if isinstance(content, str):
        at = choices.integer(0, len(content)) if choices.chance(0.5) else len(content)
        texts = [piece for piece in (content[:at], content[at:]) if piece] or [""]
        message["content"] = [{"type": "text", "text": piece} for piece in texts]


def _image(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "user")
    if isinstance(message.get("content"), str):
        image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
        picture = choices.pick((image, {"type": "image"}))
        message["content"] = [{"type": "text", "text": message["content"]}, picture]


def _string_arguments(choices: Choices, sample: Conversation) -> None:
    _as_text(sample)


def _as_text(sample: Conversation) -> None:
    for call in sample.calls():
        function = call.get("function", call)
        if isinstance(function["arguments"], dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)


def _no_arguments(choices: Choices, sample: Conversation) -> None:
    call = _call(choices, sample)
    if call:
        call.get("function", call)["arguments"] = choices.pick((None, "", "{}"))


def _order_of_keys(choices: Choices, sample: Conversation) -> None:
    call = _call(choices, sample)
    if "function" in call:
        call["function"] = dict(reversed(call["function"].items()))


def _bare_call(choices: Choices, sample: Conversation) -> None:
    for message in sample.messages:
        for call in message.get("tool_calls") or []:
            if "function" in call:
                call.update(call.pop("function"))


def _empty_calls(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "assistant")
    if message and not message.get("tool_calls"):
        message["tool_calls"] = choices.pick((None, []))


def _other_reasoning(choices: Choices, sample: Conversation) -> None:
    for message in sample.messages:
        if "reasoning_content" in message:
            message[choices.pick(("reasoning", "thinking"))] = message.pop("reasoning_content")


def _assistant_first(choices: Choices, sample: Conversation) -> None:
    sample.messages.insert(0, {"role": "assistant", "content": "Welcome."})


def _assistant_again(choices: Choices, sample: Conversation) -> None:
    sample.messages.append({"role": "assistant", "content": "And more."})


def _late_system(choices: Choices, sample: Conversation) -> None:
    at = choices.integer(1, len(sample.messages))
    sample.messages.insert(at, {"role": "system", "content": "Be brief."})


def _developer(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "system")
    if message:
        message["role"] = "developer"


def _interrupted(choices: Choices, sample: Conversation) -> None:
    at = [n for n, message in enumerate(sample.messages) if message["role"] == "tool"]
    if at:
        sample.messages.insert(choices.pick(at), {"role": "user", "content": "Hurry up."})


def _named(choices: Choices, sample: Conversation) -> None:
    message = _some(choices, sample, "user", "assistant", "system")
    if message:
        message["name"] = "alice"


def _no_tools(choices: Choices, sample: Conversation) -> None:
    sample.tools = choices.pick((None, []))


def _wrapped(choices: Choices, sample: Conversation, tags: tuple[str, ...]) -> None:
    message = _some(choices, sample, "user")
    tag = choices.pick(tags)
    if isinstance(message.get("content"), str):
        message["content"] = f"<{tag}>{message['content']}</{tag}>"


SHAPES: tuple[Shape, ...] = (
    _null_content, _no_content, _any_null, _parts, _parts, _image, _string_arguments, _no_arguments,
    _order_of_keys, _bare_call, _empty_calls, _other_reasoning, _assistant_first, _assistant_again,
    _late_system, _developer, _interrupted, _named, _no_tools,
)  # fmt: skip
