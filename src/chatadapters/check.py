"""Checks before rendering: a conversation in, ``ConversationError`` out if it would be misread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import ConversationError
from .runtime import Message, Parser
from .runtime.scan import LONGEST_NAME

if TYPE_CHECKING:
    from .adapter import Adapter

ROLES = ("system", "user", "assistant", "tool")


def check_conversation(
    adapter: Adapter,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    options: Mapping[str, object],
    *,
    strict: bool,
) -> None:
    """Print each assistant message that holds something like a marker, read it back, and compare.

    ``messages`` are normalised. Raises ``ConversationError`` for the first difference.
    """
    asked = 0
    for index, message in enumerate(messages):
        if message["role"] == "user":
            asked = index  # what stands before the last question does not change the answer's print
        if strict:
            _check_carried(adapter, message, index)
        if message["role"] != "assistant":
            continue
        if _risky(adapter, message):
            text = adapter.output(messages[asked : index + 1], tools, **options)
            given = [dict(tool) for tool in tools] if tools else None
            parser = Parser({**adapter.table, "before": ""}, tools=given, unknown_tools=True)
            parser.feed(text)
            parser.close()
            _compare(adapter, message, parser.message, index, bool(tools))


def text_of(content: object, joint: str = "") -> str:
    """Return the text of a content: null, a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        texts = [part if isinstance(part, str) else part.get("text") or "" for part in content]
        return joint.join(texts)
    return ""


def reasoning_of(message: Mapping[str, Any]) -> str:
    """Return the reasoning of a message, under any of its names."""
    for key in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(message.get(key), str):
            return str(message[key])
    return ""


def markers(table: Mapping[str, Any]) -> frozenset[str]:
    """Return every text that the parser looks for anywhere in a text or a value."""
    found: set[str] = set(table["stop"])
    for state in table["states"]:
        found.update(state.get("cores", ()))
        for route in state["anchored"]:
            found.update(route["first"])
    for call in table["calls"]:
        found.update(call["table"].get("ends", ()))
        found.update(call["table"].get("cdata", {}).get("ends", ()))
        found.update(token for spelled in call["close"] for token in spelled)
        for delimiter, escapes in call["table"].get("quotes", ()):
            found.update(() if escapes else (delimiter,))
    return frozenset(marker.strip() for marker in found if marker.strip())


def _risky(adapter: Adapter, message: Mapping[str, Any]) -> bool:
    """Whether reading this message back could give anything else.

    Most messages hold nothing like a marker.
    """
    table = adapter.table
    texts = list(_texts(message))
    kinds = {call["payload"] for call in table["calls"]}
    if kinds & {"pairs", "elements", "literal"} and message.get("tool_calls"):
        return True
    if any(not _plain(_name(call)) for call in message.get("tool_calls") or ()):
        return True
    if any(not route["first"] for route in table["states"][0]["anchored"]):
        return True
    known = markers(table)
    if any(_name(call) in marker for call in message.get("tool_calls") or () for marker in known):
        return True
    return any(marker in text for marker in known for text in texts)


def _name(call: Mapping[str, Any]) -> str:
    return str(call.get("function", call)["name"])


def _plain(name: str) -> bool:
    """Whether a name is read back wherever it stands, also in no JSON string."""
    return len(name) <= LONGEST_NAME and re.fullmatch("[A-Za-z0-9_]+", name) is not None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


def _check_carried(adapter: Adapter, message: Mapping[str, Any], index: int) -> None:
    limits = adapter.declaration.limits
    calls = message.get("tool_calls") or []

    def refuse(field: str, what: str) -> ConversationError:
        return ConversationError(
            f"this format does not carry {what}", message_index=index, field=field
        )

    if message["role"] not in ROLES and adapter.declaration.prompt.other == "":
        raise refuse("role", f"messages of the role {message['role']!r}")
    if limits.calls is not None and len(calls) > limits.calls:
        raise refuse("tool_calls", f"more than {limits.calls} tool calls in one message")
    if calls and not limits.content_with_calls and text_of(message.get("content")).strip():
        raise refuse("content", "content beside tool calls")
    if not limits.reasoning and reasoning_of(message).strip():
        raise refuse("reasoning_content", "reasoning")


def _compare(
    adapter: Adapter, message: Mapping[str, Any], read: Message, index: int, typed: bool
) -> None:
    declaration = adapter.declaration
    calls = [call.get("function", call) for call in message.get("tool_calls") or []]
    content = text_of(message.get("content"), declaration.prompt.parts)
    inline = declaration.output.inline
    if inline and inline[1] in content:
        return  # the format itself takes reasoning out of the content

    def misread(field: str, reason: str) -> ConversationError:
        return ConversationError(reason, message_index=index, field=field)

    if len(read.tool_calls) > len(calls):
        field = "content" if content else "reasoning_content"
        raise misread(
            field,
            f"the text would be read as a call of the tool {read.tool_calls[-1].name!r}: "
            "take the marker out",
        )
    if _changed(reasoning_of(message), read.reasoning, not declaration.limits.reasoning):
        raise misread("reasoning_content", _ends(reasoning_of(message), read.reasoning, adapter))
    carried = declaration.limits.content_with_calls or not calls
    if _changed(content, read.content, not carried):
        raise misread("content", _ends(content, read.content, adapter))
    if len(read.tool_calls) < len(calls):
        raise misread(
            f"tool_calls[{len(read.tool_calls)}]", "the call would not be read back as a call"
        )
    for number, (call, back) in enumerate(zip(calls, read.tool_calls, strict=True)):
        field = f"tool_calls[{number}].function"
        if call["name"] != back.name:
            raise misread(
                f"{field}.name", f"the name {call['name']!r} would be read back as {back.name!r}"
            )
        _compare_arguments(
            adapter, call["arguments"], back.arguments, f"{field}.arguments", index, typed
        )


def _compare_arguments(
    adapter: Adapter, arguments: Mapping[str, Any], text: str, field: str, index: int, typed: bool
) -> None:
    try:
        back = json.loads(text)
    except ValueError:
        back = None
    if not isinstance(back, dict):
        raise ConversationError(
            "the arguments would not be read back", message_index=index, field=field
        )
    loose = not typed and any(
        call["payload"] == "pairs" and "typed" not in call["table"]
        for call in adapter.table["calls"]
    )
    for key in {**arguments, **back}:
        one, other = arguments.get(key), back.get(key)
        same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
        if (key in arguments) != (key in back) or not (
            same or (loose and not isinstance(one, str))
        ):
            raise ConversationError(
                f"the value {one!r:.80} would be read back as {other!r:.80}",
                message_index=index,
                field=f"{field}.{key}",
            )


def _changed(text: str, read: str, droppable: bool) -> bool:
    longer = len(read) > len(text)  # white space may be trimmed, and none is added
    text, read = text.strip(), read.strip()
    return (text != read or longer) and not (droppable and not read)


def _ends(text: str, read: str, adapter: Adapter) -> str:
    found = next(
        (m for m in sorted(markers(adapter.table), key=len, reverse=True) if m in text), ""
    )
    because = f": it contains the marker {found!r}" if found else ""
    return f"the text would be read back as {read!r:.80}{because}"
