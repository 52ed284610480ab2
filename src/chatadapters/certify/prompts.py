"""Limits of whole messages: what a format does not say in an answer or in a prompt, out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..check import check_conversation
from ..errors import ConversationError
from . import messages, report
from .bench import Bench, Tools
from .messages import KEY, Message
from .report import CHANGED, DROPPED, KEPT, REFUSED, UNPRINTED, Certificate

_WORD = "zq1"
UNTRAINED = "it can be printed and read, but the format is not made for it"


def whole_messages(bench: Bench) -> Iterator[Certificate]:
    """Give what is carried and what is not of calls, reasoning, ids, results and roles."""
    able = bench.able
    one, two = messages.call("f"), messages.call("g", None, 1)
    if able["tools"]:
        yield declared(
            bench, "calls", "number", "several tool calls in one message",
            {"tool_calls": [one, two]}, {"tool_calls": [one]}, able["parallel_calls"],
        )  # fmt: skip
        yield declared(
            bench, "calls", "content", "content beside tool calls",
            {"content": "a", "tool_calls": [one]}, {"tool_calls": [one]},
            able["content_with_calls"],
        )  # fmt: skip
    else:
        yield tried(bench, "calls", "none", "tool calls", {"tool_calls": [one]})
    said = {"content": "a", "reasoning_content": "b"}
    yield declared(
        bench, "reasoning", "none", "reasoning", said, {"content": "a"}, able["reasoning"]
    )
    if able["tools"]:
        if able["reasoning"]:
            message = {"reasoning_content": "b", "tool_calls": [one]}
            yield tried(bench, "reasoning", "calls", "reasoning before tool calls", message)
        yield _ids(bench)
        if able["parallel_calls"]:
            yield _results(bench)
        yield tried(bench, "calls", "empty", "calls without arguments", {"tool_calls": [one]})
        message = {"tool_calls": [messages.call("f", {"b": 1, KEY: 2})]}
        tools = [messages.tool({key: {"type": "integer"} for key in ("a", "b")})]
        yield tried(bench, "key", "order", "the order of the arguments", message, tools)
    yield from _roles(bench)


def tried(
    bench: Bench, hole: str, kind: str, words: str, message: Message, tools: Tools = None
) -> Certificate:
    """Return what becomes of a message: its certificate, or that it is carried."""
    tools = messages.TOOLS if tools is None else tools
    found = bench.run(message, tools)
    wanted, back, refusal = found.wanted, found.back, found.refusal
    if found.same and not refusal:
        return Certificate(hole, kind, words, report.shown(wanted), KEPT, "", message, tools)
    return Certificate(
        hole, kind, words, report.shown(wanted), report.fate(wanted, back, refusal),
        report.outcome(wanted, back, refusal), message, tools, None, back, refusal,
    )  # fmt: skip


def declared(
    bench: Bench, hole: str, kind: str, words: str, message: Message, less: Message, able: bool
) -> Certificate:
    """Tell of a thing that a declaration may say is not carried, though it can be printed."""
    found = tried(bench, hole, kind, words, message)
    if able or found.fate == REFUSED:
        return found
    refusal = _strictly(bench, message)
    if found.fate != KEPT and not refusal:
        return found
    outcome = found.outcome
    if found.fate == KEPT:
        same = bench.prompt(messages.talk(message)) == bench.prompt(messages.talk(less))
        outcome = "it would be read back, but a prompt does not say it" if same else UNTRAINED
    fate = REFUSED if refusal else found.fate
    if refusal:
        outcome = f"{outcome}; under strict=True render refuses it: {refusal}"
    return Certificate(
        hole, kind, words, found.example, fate, outcome, message, messages.TOOLS, None,
        found.back, refusal,
    )  # fmt: skip


def _strictly(bench: Bench, message: Message) -> str:
    try:
        check_conversation(
            bench.adapter, messages.talk(message), messages.TOOLS, bench.options, strict=True
        )
    except ConversationError as error:
        return error.reason
    return ""


def _ids(bench: Bench) -> Certificate:
    said = '"id": "call_1"'
    if bench.prints_ids:
        return Certificate("id", "none", "call ids", said, KEPT, "")
    message = {"tool_calls": [messages.call("f")]}
    other = {"tool_calls": [{**messages.call("f"), "id": "other"}]}
    same = bench.output(message) == bench.output(other)
    what = "not printed: the calls of an answer get new ids"
    return Certificate("id", "none", "call ids", said, DROPPED if same else KEPT, what, message)


def _results(bench: Bench) -> Certificate:
    """Tell whether a prompt says which of two calls a result answers."""
    what = "which of two calls a result answers"
    calls = [messages.call("f"), messages.call("g", None, 1)]
    talks: list[list[Message]] = []
    prompts: list[str | None] = []
    for first, second in ((0, 1), (1, 0)):
        told = [
            {"role": "tool", "tool_call_id": calls[n]["id"], "content": text}
            for n, text in ((first, "b"), (second, "c"))
        ]
        answer = {"role": "assistant", "content": "", "tool_calls": calls}
        talk: list[Message] = [{"role": "user", "content": "a"}, answer, *told]
        talks.append(talk)
        prompts.append(bench.prompt(talks[-1]))
    example = "f(), g(), then the result of g before that of f"
    if None in prompts or prompts[0] != prompts[1]:
        return Certificate("results", "order", what, example, KEPT, "")
    return Certificate(
        "results", "order", what, example, CHANGED,
        "their order alone says it: keep that of the calls", {"messages": talks[1]},
    )  # fmt: skip


def _roles(bench: Bench) -> Iterator[Certificate]:
    user, answer = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    for kind, what, role, before in (
        ("system", "a system message", "system", []),
        ("later system", "later system messages", "system", [user, answer]),
        ("other", "messages of other roles, such as developer", "developer", []),
    ):
        talk: list[Any] = [*before, {"role": role, "content": _WORD}, user]
        text = bench.prompt(talk)
        shown = f'{{"role": "{role}", "content": "a"}}'
        example = f"{shown} after an answer" if before else shown
        fate, said = KEPT, ""
        if text is None:
            fate, said = UNPRINTED, "the template refuses it"
        elif _WORD not in text:
            fate, said = DROPPED, "dropped"
        yield Certificate("roles", kind, what, example, fate, said, {"messages": talk})
