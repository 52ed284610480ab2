"""openai-harmony, OpenAI's renderer of gpt-oss, with the vocabulary that quicktok-v1 carries."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import struct
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import openai_harmony as harmony

from chatadapters.verify.conversations import Conversation
from chatadapters.verify.schemas import Json
from tests.encoders_run import NOW, Difference, Encoder, RefusedError

VARIABLE = "TIKTOKEN_ENCODINGS_BASE"
INSTRUCTING = ("system", "developer")


def ranks() -> bytes | None:
    """Return o200k_base.tiktoken, made of quicktok's copy; harmony checks its sha256. Or None."""
    spec = importlib.util.find_spec("quicktok")
    if spec is None or spec.origin is None:
        return None
    data = (Path(spec.origin).parent / "data" / "o200k.vocab").read_bytes()
    (count,), at, lines = struct.unpack_from("<I", data), 4, []
    for _ in range(count):
        (size,) = struct.unpack_from("<H", data, at)
        token = data[at + 2 : at + 2 + size]
        (rank,) = struct.unpack_from("<I", data, at + 2 + size)
        lines.append((rank, base64.b64encode(token)))
        at += 6 + size
    return b"".join(b"%s %d\n" % (token, rank) for rank, token in sorted(lines))


@cache
def encoding() -> harmony.HarmonyEncoding:
    with TemporaryDirectory() as folder:
        (Path(folder) / "o200k_base.tiktoken").write_bytes(ranks() or b"")
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = folder
        try:
            return harmony.load_harmony_encoding(harmony.HarmonyEncodingName.HARMONY_GPT_OSS)
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before


def told(sample: Conversation) -> list[harmony.Message]:
    """Return a conversation as harmony's messages, as the guide of the format says.

    Reasoning goes once a final answer follows; results are JSON strings, as in the template.
    """
    system = harmony.SystemContent.new().with_conversation_start_date(f"{datetime.now():%Y-%m-%d}")
    said = [harmony.Message.from_role_and_content(harmony.Role.SYSTEM, system)]
    developer, rest = harmony.DeveloperContent.new(), list(sample.messages)
    if rest[0]["role"] in INSTRUCTING:
        developer = developer.with_instructions(rest.pop(0)["content"])
    if sample.tools:
        described = [
            harmony.ToolDescription.new(f["name"], f.get("description") or "", f.get("parameters"))
            for f in (tool["function"] for tool in sample.tools)
        ]
        developer = developer.with_function_tools(described)
    if developer.instructions or sample.tools:
        said.append(harmony.Message.from_role_and_content(harmony.Role.DEVELOPER, developer))
    finals = [n for n, m in enumerate(rest) if m["role"] == "assistant" and not m.get("tool_calls")]
    names: dict[str, str] = {}
    for number, message in enumerate(rest):
        shown = not sample.add_generation_prompt and number == len(rest) - 1  # to be trained on
        said += _message(message, names, shown or number > max(finals, default=-1))
    return said


def _message(message: Json, names: dict[str, str], reasons: bool) -> list[harmony.Message]:
    role, content = message["role"], message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part["text"] for part in content)
    if role == "tool":
        name = f"functions.{names[message['tool_call_id']]}"
        author = harmony.Author.new(harmony.Role.TOOL, name)
        result = json.dumps(content, ensure_ascii=False)
        made = harmony.Message.from_author_and_content(author, result)
        return [made.with_channel("commentary").with_recipient("assistant")]
    if role == "user":
        return [harmony.Message.from_role_and_content(harmony.Role.USER, content)]
    if role != "assistant":
        raise RefusedError(f"no place for a message of the role {role!r}")
    calls = message.get("tool_calls") or []
    said = [(message.get("reasoning_content") if reasons else "", "analysis")]
    said += [(content, "commentary")] if calls else []
    made = [_said(text, channel) for text, channel in said if text]
    for call in calls:
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        names[call.get("id")] = name
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        to = _said(arguments, "commentary").with_recipient(f"functions.{name}")
        made.append(to.with_content_type("json"))
    return made if calls else [*made, _said(content, "final")]


def _said(text: str, channel: str) -> harmony.Message:
    made = harmony.Message.from_role_and_content(harmony.Role.ASSISTANT, text)
    return made.with_channel(channel)


def encode(sample: Conversation) -> tuple[str, list[int]]:
    conversation = harmony.Conversation.from_messages(told(sample))
    keep = harmony.RenderConversationConfig(auto_drop_analysis=False)  # done in ``told``
    try:
        if sample.add_generation_prompt:
            role = harmony.Role.ASSISTANT
            ids = encoding().render_conversation_for_completion(conversation, role, keep)
        else:
            ids = encoding().render_conversation_for_training(conversation, keep)
    except harmony.HarmonyError as error:
        raise RefusedError(str(error)) from error
    return encoding().decode_utf8(ids), ids


def found(text: str) -> list[int]:
    return encoding().encode(text, allowed_special="all")


def plainer(sample: Conversation) -> Conversation:
    """Return a conversation with instructions, one call at a time and plainly described tools."""
    sample.tools = [_plain(tool) for tool in sample.tools or [NOW]]
    if sample.messages[0]["role"] not in INSTRUCTING:
        sample.messages.insert(0, {"role": "system", "content": "Be brief."})
    kept = set()
    for message in sample.messages:
        if calls := message.get("tool_calls"):
            message["tool_calls"] = calls[:1]
            kept.add(calls[0].get("id"))
    sample.messages = [
        m for m in sample.messages if m["role"] != "tool" or m["tool_call_id"] in kept
    ]
    return sample


def _plain(tool: Json) -> Json:
    function = tool["function"]
    properties = (function.get("parameters") or {}).get("properties") or {}
    flat = {
        name: {"type": spec["type"], "description": _line(spec.get("description", ""))}
        for name, spec in properties.items()
        if spec.get("type") in ("string", "integer", "number", "boolean")
    }
    flat = flat or {"zone": {"type": "string"}}
    parameters = {**(function.get("parameters") or {}), "properties": flat}
    said = _line(function.get("description") or "")
    plain = {**function, "description": said, "parameters": parameters}
    return {"type": "function", "function": plain}


def _line(text: str) -> str:
    return " ".join(text.split()) or "Does it."


def _properties(parameters: Json | None) -> list[Json]:
    return list(((parameters or {}).get("properties") or {}).values())


def _nested(spec: Json) -> list[Json]:
    """Return a schema and all in it."""
    inner = [*_properties(spec), spec.get("items") or {}]
    return [spec] + [one for item in inner if item for one in _nested(item)]


def _types(spec: Json) -> list[str]:
    return spec["type"] if isinstance(spec.get("type"), list) else []


def _tool(holds: Callable[[Json], bool]) -> Callable[[Conversation], bool]:
    return lambda sample: any(holds(tool["function"]) for tool in sample.tools or [])


def _parameter(holds: Callable[[Json], bool]) -> Callable[[Conversation], bool]:
    return _tool(lambda function: any(map(holds, _properties(function.get("parameters")))))


INSTRUCTIONS = Difference(
    "instructions without tools end with themselves; the template adds an empty line",
    lambda s: s.messages[0]["role"] in INSTRUCTING and not s.tools,
)
TOOLS_FIRST = Difference(
    "tools without instructions begin at once; the template puts an empty line first",
    lambda s: s.messages[0]["role"] not in INSTRUCTING and bool(s.tools),
)
TOOLS = (
    Difference(
        "each line of a tool's description is a comment; the template marks only the first",
        _tool(lambda f: "\n" in (f.get("description") or "")),
    ),
    Difference(
        "a tool without a description has no comment; the template prints an empty one",
        _tool(lambda f: not f.get("description")),
    ),
    Difference(
        "an empty description of a parameter is an empty comment; the template prints none",
        _parameter(lambda spec: spec.get("description") == ""),
    ),
    Difference(
        "no parameters are an object without any; the template prints ()",
        _tool(lambda f: not (f.get("parameters") or {"properties": 1}).get("properties")),
    ),
    Difference(
        "nested objects are indented and commented; the template prints them in its own way",
        _parameter(lambda spec: any(one.get("type") == "object" for one in _nested(spec))),
    ),
    Difference(
        "lists of enumerated strings name the strings; the template says string[]",
        _parameter(lambda spec: any("enum" in (o.get("items") or {}) for o in _nested(spec))),
    ),
)
SPECS = (
    Difference(
        "an integer that may be null is a number; the template says integer",
        _parameter(lambda spec: any("integer" in _types(one) for one in _nested(spec))),
    ),
    Difference(
        "a default ends its line; the template puts a comma behind it",
        _parameter(lambda spec: "default" in spec),
    ),
)
SEVERAL = Difference(
    "several calls are several messages; the template prints the first",
    lambda s: any(len(m.get("tool_calls") or []) > 1 for m in s.messages),
)


def _asked(**spec: object) -> Conversation:
    parameters = {"type": "object", "properties": {"zone": spec}}
    function = {"name": "now", "description": "Tell the time", "parameters": parameters}
    tools = [{"type": "function", "function": function}]
    return Conversation([{"role": "user", "content": "Now?"}], tools, name=f"a tool with {spec}")


MORE = (
    _asked(type=["integer", "null"]),
    _asked(type="integer", default=3),
    _asked(type="string", enum=["a", "b"]),
    _asked(type="string", nullable=True),
)


def encoders() -> list[Encoder]:
    """Return openai-harmony as the encoder of the adapters of its format."""
    return [
        Encoder(
            name,
            "openai-harmony",
            encode,
            (*differences, *TOOLS, *SPECS, SEVERAL),
            plainer=plainer,
            ids=found,
            more=MORE,
        )
        for name, differences in (
            ("gpt_oss", (INSTRUCTIONS,)),
            ("gpt_oss_safeguard", (TOOLS_FIRST,)),
        )
    ]
