"""Asking through the SDK: one request in; its whole answer and its joined stream out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from openai import OpenAI

AT_ONCE = 64  # requests: a step of the engine costs little more for many than for one
LIMIT = 180.0  # seconds for one answer
KEY = "-"


@dataclass
class Reply:
    """What one answer says, whole or joined from its stream."""

    content: str | None = None
    reasoning: str | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)  # id, name, arguments (JSON text)
    finish: str | None = None
    ids: list[int] = field(default_factory=list)  # tokens of the answer
    prompt_ids: list[int] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    deltas: int = 0  # 0: it came whole
    problems: list[str] = field(default_factory=list)  # what no SDK could join

    def said(self) -> dict[str, Any]:
        """Return all that must be the same whole and streamed; ids of calls are made anew."""
        return {
            "content": self.content or "",
            "reasoning": self.reasoning or "",
            "calls": [(call["name"], call["arguments"]) for call in self.calls],
            "finish": self.finish,
        }

    def values(self) -> list[tuple[str, Any]]:
        """Return the calls with their arguments read. Raises ``ValueError``."""
        return [(call["name"], json.loads(call["arguments"])) for call in self.calls]


def client(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key=KEY, timeout=LIMIT, max_retries=0)


def ask(sdk: Any, stream: bool, /, **body: Any) -> Reply:
    """Send one chat request and return what came back. Raises the SDK's errors."""
    extra = {"return_token_ids": True, **body.pop("extra_body", {})}
    if not stream:
        return whole(sdk.chat.completions.create(**body, extra_body=extra).model_dump())
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = sdk.chat.completions.create(**body, **options, extra_body=extra)
    return joined([chunk.model_dump() for chunk in chunks])


def pair(sdk: Any, **body: Any) -> tuple[Reply, Reply]:
    """Send the same request whole and streamed, at the same time."""
    first, second = together([lambda s=s: ask(sdk, s, **body) for s in (False, True)])
    return first, second


def together(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run requests side by side and return their results in order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def whole(response: dict[str, Any]) -> Reply:
    choice = response["choices"][0]
    message = choice["message"]
    return Reply(
        content=message["content"],
        reasoning=message.get("reasoning") or message.get("reasoning_content"),
        calls=[{"id": call["id"], **call["function"]} for call in message.get("tool_calls") or []],
        finish=choice["finish_reason"],
        ids=choice.get("token_ids") or [],
        prompt_ids=response.get("prompt_token_ids") or [],
        usage=response.get("usage") or {},
    )


def joined(chunks: list[dict[str, Any]]) -> Reply:
    """Join a recorded stream the way SDKs do, and note what they would stumble over."""
    reply = Reply(deltas=len(chunks))
    texts: dict[str, list[str]] = {"content": [], "reasoning": []}
    for chunk in chunks:
        reply.usage = chunk.get("usage") or reply.usage
        reply.prompt_ids += chunk.get("prompt_token_ids") or []
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if reply.finish is not None:
                reply.problems.append(f"a delta after the end: {choice}")
            reply.finish = choice["finish_reason"] or reply.finish
            reply.ids += choice.get("token_ids") or []
            texts["content"].append(delta.get("content") or "")
            texts["reasoning"].append(
                delta.get("reasoning") or delta.get("reasoning_content") or ""
            )
            for part in delta.get("tool_calls") or []:
                _add(reply, part)
    reply.content, reply.reasoning = ("".join(texts[key]) for key in ("content", "reasoning"))
    return reply


def _add(reply: Reply, part: dict[str, Any]) -> None:
    function = part.get("function") or {}
    index, last = part["index"], len(reply.calls) - 1
    if index == last + 1:
        if not part.get("id") or not function.get("name") or part.get("type") != "function":
            reply.problems.append(f"a call begins without id, name or type: {part}")
        reply.calls.append({"id": part.get("id"), "name": function.get("name"), "arguments": ""})
    elif index != last:
        reply.problems.append(f"call {index} after call {last}")
        return
    elif part.get("id") or function.get("name"):
        reply.problems.append(f"call {index} is named twice: {part}")
    reply.calls[-1]["arguments"] += function.get("arguments") or ""


def split_problem(first: Reply, second: Reply) -> str | None:
    """Return where a stream, joined, is not the whole answer, or None."""
    if second.problems:
        return f"the stream cannot be joined: {second.problems[:3]}"
    one, other = first.said(), second.said()
    found = [f"{key}: whole {one[key]!r}, streamed {other[key]!r}" for key in one]
    return "; ".join(f for f, key in zip(found, one, strict=True) if one[key] != other[key]) or None


def schema_problem(calls: list[tuple[str, Any]], tools: list[dict[str, Any]]) -> str | None:
    """Return the first call that is no call of these tools, or None."""
    schemas = {tool["function"]["name"]: tool["function"].get("parameters") for tool in tools}
    for name, arguments in calls:
        if name not in schemas:
            return f"{name!r} is none of {sorted(schemas)}"
        try:
            jsonschema.validate(arguments, schemas[name] or {"type": "object"})
        except jsonschema.ValidationError as error:
            return f"{name}({json.dumps(arguments, ensure_ascii=False)}): {error.message}"
    return None
