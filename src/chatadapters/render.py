"""Conversations in, prompt text out: the compiled template run in the sandbox that servers use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .declaration import Declaration
from .errors import ConversationError

Message = dict[str, Any]


def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment in which transformers and vLLM run chat templates."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = _raise_exception
    made.globals["strftime_now"] = _strftime_now
    return made


def tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Return JSON as transformers' ``tojson`` prints it: no HTML escapes, keys in their order."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> str:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    from datetime import datetime

    return datetime.now().strftime(form)


def compile_template(text: str) -> Template:
    """Compile a chat template."""
    return environment().from_string(text)


def render_text(
    compiled: Template,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
    declaration: Declaration | None = None,
    options: Mapping[str, object] | None = None,
) -> str:
    """Render a conversation as a server does: no checks, nothing rewritten. Raises ``ConversationError``."""
    given = dict(declaration.tokens) if declaration is not None else {}
    given |= dict(options or {})
    try:
        return compiled.render(
            messages=messages, tools=tools, add_generation_prompt=add_generation_prompt, **given
        )
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        raise ConversationError(f"the template refuses this conversation: {error}") from error


def normalise(messages: object, declaration: Declaration) -> list[Message]:
    """Return the conversation with arguments decoded and ids in the declared form; the input stays as it is.

    Raises ``ConversationError`` where it is not made of OpenAI messages.
    """
    if not isinstance(messages, list | tuple):
        raise ConversationError(f"messages must be a list, not {type(messages).__name__}")
    ids = _Ids(declaration.ids.pattern) if declaration.ids else None
    done = [_message(message, index) for index, message in enumerate(messages)]
    if ids is not None:
        _rewrite_ids(done, ids)
    return done


def check_tools(tools: object) -> None:
    """Check that tools are OpenAI tools. Raises ``ConversationError``."""
    if tools is None:
        return
    if not isinstance(tools, list | tuple):
        raise ConversationError(f"tools must be a list, not {type(tools).__name__}")
    for index, tool in enumerate(tools):
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ConversationError(
                f'tools[{index}] is not an OpenAI tool: write {{"type": "function", "function": {{"name": ...}}}}'
            )


def _message(message: object, index: int) -> Message:
    if not isinstance(message, Mapping):
        raise ConversationError(
            f"a message must be an object with a role, not {message!r:.60}", message_index=index
        )
    if not isinstance(message.get("role"), str):
        raise ConversationError("a message needs a role, such as 'user'", message_index=index, field="role")
    done = dict(message)
    content = done.get("content")
    if isinstance(content, list | tuple):
        for number, part in enumerate(content):
            if not isinstance(part, str) and not (isinstance(part, Mapping) and ("text" in part or "type" in part)):
                raise ConversationError(
                    "a content part is an object with a type and a text", message_index=index, field=f"content[{number}]"
                )
    elif content is not None and not isinstance(content, str):
        raise ConversationError(
            f"content must be a string, null or a list of parts, not {type(content).__name__}",
            message_index=index,
            field="content",
        )
    calls = done.get("tool_calls")
    if calls:
        if not isinstance(calls, list | tuple):
            raise ConversationError("tool_calls must be a list", message_index=index, field="tool_calls")
        done["tool_calls"] = [_call(call, index, f"tool_calls[{n}]") for n, call in enumerate(calls)]
    return done


def _call(call: object, index: int, field: str) -> Message:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise ConversationError("a tool call is an object with a function", message_index=index, field=field)
    if not isinstance(function.get("name"), str):
        raise ConversationError("a tool call needs a name", message_index=index, field=f"{field}.function.name")
    decoded = {**function, "arguments": _arguments(function.get("arguments"), index, f"{field}.function.arguments")}
    return {**call, "function": decoded} if "function" in call else decoded


def _arguments(value: object, index: int, field: str) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ConversationError(
                f"the arguments are a string that is not JSON: {error}", message_index=index, field=field
            ) from None
    if not isinstance(value, Mapping):
        raise ConversationError(
            f"the arguments must be an object, not {type(value).__name__}", message_index=index, field=field
        )
    return dict(value)


class _Ids:
    """The declared form of ids: tells whether an id has it, and makes one."""

    def __init__(self, pattern: str) -> None:
        pieces = re.split(r"(\{[a-z]+(?::\d+)?\})", pattern)
        self.pieces = [piece for piece in pieces if piece]
        self.form = re.compile("".join(map(_form, self.pieces)))

    def fits(self, given: object) -> bool:
        return isinstance(given, str) and self.form.fullmatch(given) is not None

    def make(self, name: str, index: int, ordinal: int) -> str:
        values = {"{name}": name, "{index}": str(index), "{ordinal}": str(ordinal)}
        done = []
        for piece in self.pieces:
            alnum = re.fullmatch(r"\{alnum:(\d+)\}", piece)
            done.append(f"{ordinal:0{alnum.group(1)}d}" if alnum else values.get(piece, piece))
        return "".join(done)


def _form(piece: str) -> str:
    alnum = re.fullmatch(r"\{alnum:(\d+)\}", piece)
    if alnum:
        return f"[A-Za-z0-9]{{{alnum.group(1)}}}"
    return {"{name}": ".+", "{index}": "[0-9]+", "{ordinal}": "[0-9]+"}.get(piece, re.escape(piece))


def _rewrite_ids(messages: list[Message], ids: _Ids) -> None:
    ordinal, open_calls = 0, list[tuple[object, str]]()
    for message in messages:
        if message["role"] == "tool":
            _answer(message, open_calls)
            continue
        open_calls = []
        calls = message.get("tool_calls") or []
        for index, call in enumerate(calls):
            name = call.get("function", call)["name"]
            given = call.get("id")
            made = str(given) if ids.fits(given) else ids.make(name, index, ordinal)
            open_calls.append((given, made))
            call["id"] = made
            ordinal += 1


def _answer(message: Message, open_calls: list[tuple[object, str]]) -> None:
    """Give a result the id of the call it answers: by its own id, else the next call in order."""
    given = message.get("tool_call_id")
    at = next((n for n, (old, _) in enumerate(open_calls) if given is not None and old == given), 0)
    if open_calls:
        message["tool_call_id"] = open_calls.pop(at)[1]
