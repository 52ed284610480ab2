"""Conversations in, prompt text out: the compiled template, run in the sandbox that servers use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import ConversationError

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from .declaration import Declaration

Message = dict[str, Any]


def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment in which transformers and vLLM run chat templates."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
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
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> str:
    from jinja2 import TemplateError

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
    """Render a conversation as a server does: nothing checked, nothing rewritten.

    Raises ``ConversationError`` where the template refuses it.
    """
    from jinja2 import TemplateError

    given: dict[str, object] = dict(declaration.tokens) if declaration is not None else {}
    given.update(options or {})
    given.update(messages=messages, tools=tools, add_generation_prompt=add_generation_prompt)
    try:
        return compiled.render(given)
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise ConversationError(f"the template refuses this conversation: {error}") from error


def normalise(messages: object, declaration: Declaration) -> list[Message]:
    """Return the conversation with arguments decoded, text parts joined and ids in their form.

    The input stays as it is. Raises ``ConversationError`` for what is no OpenAI message.
    """
    if not isinstance(messages, list | tuple):
        raise ConversationError(f"messages must be a list, not {type(messages).__name__}")
    joiner = declaration.prompt.parts
    done = [_message(message, index, joiner) for index, message in enumerate(messages)]
    if declaration.ids is not None:
        _rewrite_ids(done, _Ids(declaration.ids.pattern))
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
            shape = '{"type": "function", "function": {"name": ..., "parameters": {...}}}'
            raise ConversationError(f"tools[{index}] is not an OpenAI tool: write {shape}")


def _message(message: object, index: int, joiner: str) -> Message:
    def fail(reason: str, field: str = "") -> ConversationError:
        return ConversationError(reason, message_index=index, field=field)

    if not isinstance(message, Mapping):
        raise fail(f"a message is an object with a role and a content, not {message!r:.60}")
    if not isinstance(message.get("role"), str):
        raise fail("a message needs a role, such as 'user'", "role")
    done = dict(message)
    content, calls = done.get("content"), done.get("tool_calls")
    if isinstance(content, list | tuple):
        done["content"] = _parts(content, index, joiner)
    elif content is not None and not isinstance(content, str):
        kind = type(content).__name__
        raise fail(f"a content is a string, null or a list of parts, not {kind}", "content")
    if calls is not None and not isinstance(calls, list | tuple):
        raise fail("tool_calls must be a list", "tool_calls")
    if calls:
        done["tool_calls"] = [_call(call, index, number) for number, call in enumerate(calls)]
    return done


def _parts(parts: Sequence[object], index: int, joiner: str) -> object:
    """Return the text of parts that are all texts; others stay, and the template drops them."""
    texts = []
    for number, part in enumerate(parts):
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            texts.append(text)
        elif not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise ConversationError(
                'a content part is an object such as {"type": "text", "text": "..."}',
                message_index=index,
                field=f"content[{number}]",
            )
    return joiner.join(texts) if len(texts) == len(parts) else list(parts)


def _call(call: object, index: int, number: int) -> Message:
    def fail(reason: str, field: str = "") -> ConversationError:
        path = f"tool_calls[{number}]{field}"
        return ConversationError(reason, message_index=index, field=path)

    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise fail('a tool call is an object such as {"function": {"name": ..., "arguments": ...}}')
    path = ".function" if "function" in call else ""
    if not isinstance(function.get("name"), str):
        raise fail("a tool call needs a name", f"{path}.name")
    arguments = function.get("arguments")
    if isinstance(arguments, str) and arguments:
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            message = f"the arguments are a string that is not JSON: {error}"
            raise fail(message, f"{path}.arguments") from None
    if arguments is None or arguments == "":
        arguments = {}
    if not isinstance(arguments, Mapping):
        kind = type(arguments).__name__
        raise fail(f"the arguments must be an object, not {kind}", f"{path}.arguments")
    decoded = {**function, "arguments": dict(arguments)}
    return {**call, "function": decoded} if "function" in call else decoded


class _Ids:
    """The declared form of ids: whether an id has it, and one that has it."""

    def __init__(self, pattern: str) -> None:
        pieces = re.split(r"(\{[a-z]+(?::\d+)?\})", pattern)
        self.pieces = [piece for piece in pieces if piece]

    def fits(self, given: object, name: str) -> bool:
        form = "".join(_form(piece, name) for piece in self.pieces)
        return isinstance(given, str) and re.fullmatch(form, given) is not None

    def make(self, name: str, index: int, ordinal: int) -> str:
        values = {"{name}": name, "{index}": str(index), "{ordinal}": str(ordinal)}
        made = []
        for piece in self.pieces:
            alnum = re.fullmatch(r"\{alnum:(\d+)\}", piece)
            made.append(f"{ordinal:0{alnum.group(1)}d}" if alnum else values.get(piece, piece))
        return "".join(made)


def _form(piece: str, name: str) -> str:
    alnum = re.fullmatch(r"\{alnum:(\d+)\}", piece)
    if alnum:
        return f"[A-Za-z0-9]{{{alnum.group(1)}}}"
    forms = {"{name}": re.escape(name), "{index}": "[0-9]+", "{ordinal}": "[0-9]+"}
    return forms.get(piece, re.escape(piece))


def _rewrite_ids(messages: list[Message], ids: _Ids) -> None:
    ordinal, answered = 0, list[tuple[object, str]]()
    for message in messages:
        if message["role"] == "tool":
            _answer(message, answered)
            continue
        answered = []
        for index, call in enumerate(message.get("tool_calls") or []):
            given, name = call.get("id"), call.get("function", call)["name"]
            made = str(given) if ids.fits(given, name) else ids.make(name, index, ordinal)
            answered.append((given, made))
            call["id"] = made
            ordinal += 1


def _answer(message: Message, calls: list[tuple[object, str]]) -> None:
    """Give a result the id of the call that it answers: by its own id, else the next in order."""
    given = message.get("tool_call_id")
    same = (at for at, (old, _) in enumerate(calls) if given is not None and given == old)
    if calls:
        message["tool_call_id"] = calls.pop(next(same, 0))[1]
