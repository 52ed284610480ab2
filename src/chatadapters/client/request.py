"""What is sent: the keyword arguments of ``create`` in, those of the server's endpoint out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .. import render
from ..errors import ChatAdaptersError, ConversationError, did_you_mean
from . import force
from .answer import Reader
from .plain import Plainer

if TYPE_CHECKING:
    from ..adapter import Adapter

MODES = ("messages", "completions")
SERVERS = ("vllm", "gguf", "other")
_OURS = ("messages", "tools", "tool_choice", "parallel_tool_calls")
# Parameters that /v1/completions takes under the same name.
_SHARED = (
    *("model", "temperature", "top_p", "n", "stop", "stream", "stream_options", "logit_bias"),
    *("presence_penalty", "frequency_penalty", "user", "seed", "max_tokens"),
    *("extra_headers", "extra_query", "extra_body", "timeout"),
)
# Bookkeeping of the vendor's own service, which does not change the answer.
_DROPPED = (
    *("metadata", "store", "service_tier", "safety_identifier"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
)
# Of a chat request's further body: what only a server's own template could do.
_TEMPLATING = (
    "add_generation_prompt",
    "chat_template",
    "continue_final_message",
    "documents",
    "echo",
)


@dataclass(frozen=True)
class Settings:
    """What ``wrap`` was told. ``extra_body`` None stands for what the server needs."""

    adapter: Adapter
    mode: str = "messages"
    options: Mapping[str, Any] = field(default_factory=dict)
    server: str = "vllm"
    extra_body: Mapping[str, Any] | None = None
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        for name, value, known in (("mode", self.mode, MODES), ("server", self.server, SERVERS)):
            if value not in known:
                raise ChatAdaptersError(
                    f"{name}={value!r} is unknown{did_you_mean(str(value), known)}: "
                    f"use one of {', '.join(map(repr, known))}"
                )
        declaration = self.adapter.declaration
        declared = {*declaration.options, *declaration.tokens, "date"}
        for name in self.options.keys() - declared:
            raise ChatAdaptersError(
                f"the format {self.adapter.name!r} has no option {name!r}"
                f"{did_you_mean(name, declared)}"
            )

    def body(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys beyond OpenAI's that a request needs."""
        if self.extra_body is not None:
            return dict(self.extra_body)
        body: dict[str, Any] = {}
        texts = self.mode == "completions"
        if self.server == "vllm":
            body = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
            body |= {"add_special_tokens": False} if texts else {}
        elif self.server == "gguf":
            body = {"preserved_tokens": list(self.adapter.declaration.special)}
        if options and not texts:
            body["chat_template_kwargs"] = dict(options)
        return body


@dataclass(frozen=True)
class Plan:
    """What to send, and how to read what comes back.

    ``begun`` is the beginning of the answer that the prompt holds already.
    """

    settings: Settings
    request: dict[str, Any]
    tools: list[dict[str, Any]]
    prompt: str
    parallel: bool = True
    begun: str = ""

    def reader(self, reasoned: bool = False) -> Reader:
        """Return a reader of one choice's answer.

        ``reasoned`` says that the server took the reasoning out itself, so that the content begins
        behind it.
        """
        prompt = "" if reasoned else self.prompt
        parser = self.settings.adapter.parser(tools=self.tools, prompt=prompt)
        return Reader(parser, self.begun, self.parallel)


@lru_cache(maxsize=32)
def _plainer(adapter: Adapter) -> Plainer:
    return Plainer(adapter)  # compiles a template, and an adapter may be wrapped often


def concerns(given: Mapping[str, Any]) -> bool:
    """Say whether a request has tools or calls or results in its messages."""
    if _present(given.get("tools")):
        return True
    messages = given.get("messages")
    if not isinstance(messages, list | tuple):
        return False
    return any(
        _get(message, "role") == "tool"
        or (_get(message, "role") == "assistant" and _get(message, "tool_calls"))
        for message in messages
    )


def listed(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with messages and tools that can be read more than once."""
    again = dict(given)
    for key in ("messages", "tools"):
        value = given.get(key)
        if value and not isinstance(value, list | tuple | str | bytes | Mapping):
            again[key] = list(value)
    return again


def plan(settings: Settings, given: dict[str, Any]) -> Plan:
    """Return what to send for these arguments of ``create``. Raises ``ConversationError``."""
    adapter = settings.adapter
    messages = [_plain(message) for message in given.get("messages") or ()]
    tools = [_plain(tool) for tool in given.get("tools") or ()]
    render.check_tools(tools)
    if tools and not adapter.table["calls"]:
        raise ConversationError(f"the format {adapter.name!r} has no tool calls", field="tools")
    for key in ("functions", "function_call"):
        if _present(given.get(key)):
            raise ConversationError("write it as `tools` and `tool_choice`", field=key)
    asked = given.get("tool_choice")
    chosen = force.choice(asked if _present(asked) else None, tools)
    known = [tool for tool in tools if chosen.kind != "none"]
    if chosen.name:
        known = [tool for tool in known if tool.get("function", tool)["name"] == chosen.name]
    request = {key: value for key, value in given.items() if key not in _OURS}
    body = dict(given.get("extra_body") or {})
    options = {**settings.options, **_mapping(body.pop("chat_template_kwargs", None))}
    request["extra_body"] = {**settings.body(options), **body}
    if not request["extra_body"]:
        del request["extra_body"]
    request["stop"] = _stops(adapter, given.get("stop"))
    if not request["stop"]:
        del request["stop"]
    parallel = given.get("parallel_tool_calls") is not False
    wanted = force.sentence(chosen, tools)
    if settings.mode == "messages":
        request["messages"] = _plainer(adapter).messages(messages, tools or None, options, wanted)
        prompt = adapter.render_template(request["messages"], **options)
        return Plan(settings, request, known, prompt, parallel)
    _texts_only(messages)
    prompt = adapter.render(messages, tools or None, **options)
    begun = ""
    if chosen.forced:
        begun = force.beginning(adapter, messages, tools, options, prompt, chosen.name)
        if not begun:
            messages = _with_sentence(messages, wanted)
            prompt = adapter.render(messages, tools, **options)
    request = _for_texts(settings, request)
    request["prompt"] = _prompt(settings, prompt) + begun
    return Plan(settings, request, known, prompt, parallel, begun)


def _for_texts(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``completions.create`` that stand for those of a chat."""
    done: dict[str, Any] = {}
    for key, value in request.items():
        if key in _SHARED:
            done[key] = value
        elif key in ("messages", *_DROPPED) or not _present(value):
            continue
        elif key == "max_completion_tokens":
            done["max_tokens"] = value
        elif key == "logprobs":
            done |= {"logprobs": request.get("top_logprobs") or 0} if value else {}
        elif key == "top_logprobs":
            if not request.get("logprobs"):
                raise ConversationError("top_logprobs needs logprobs=True", field=key)
        elif not (key == "response_format" and _get(value, "type") == "text"):
            raise ConversationError(
                'mode="completions" sends a prompt to /v1/completions, which has nothing like it: '
                'leave it out, or wrap with mode="messages"',
                field=key,
            )
    for key in _TEMPLATING:
        if key in (done.get("extra_body") or ()):
            raise ConversationError(
                'mode="completions" renders the prompt itself: leave it out',
                field=f"extra_body.{key}",
            )
    if not _present(done.get("max_tokens")):
        done["max_tokens"] = settings.max_tokens
    return done


def _prompt(settings: Settings, prompt: str) -> str:
    """Return the prompt as the server wants it: with its first token unless the server adds it."""
    first = settings.adapter.declaration.tokens.get("bos_token", "")
    return prompt if settings.server == "vllm" else prompt.removeprefix(first)


def _stops(adapter: Adapter, given: object) -> list[str]:
    own = [given] if isinstance(given, str) else list(given) if _present(given) else []  # type: ignore[call-overload]
    return list(dict.fromkeys([*own, *adapter.declaration.stop]))


def _texts_only(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list | tuple) else ()):
            if isinstance(part, Mapping) and part.get("type") not in ("text", None):
                raise ConversationError(
                    "/v1/completions carries text only",
                    message_index=index,
                    field=f"content[{number}]",
                )


def _with_sentence(messages: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Return the messages with a sentence behind the leading system text."""
    if messages and messages[0].get("role") == "system":
        first = messages[0]
        content = first.get("content")
        if isinstance(content, list | tuple):
            said: object = [*content, {"type": "text", "text": f"\n\n{wanted}"}]
        else:
            said = f"{content}\n\n{wanted}" if content else wanted
        return [{**first, "content": said}, *messages[1:]]
    return [{"role": "system", "content": wanted}, *messages]


def _present(value: object) -> bool:
    """Say whether an argument was given: the SDK's marks for absent ones are false."""
    return value is not None and (bool(value) or isinstance(value, int | float))


def _get(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    """Return a message or a tool as plain data; the SDK's own objects are taken as well."""
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    return value if dump is None else dump(exclude_none=True)
