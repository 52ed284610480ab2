"""Ask one peer about one adapter, in a process of its own: printed answers in, findings out."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance_cases import Printed
from conformance_peers import Peer, Pieces, Read
from conformance_tokens import Tokenizer

from chatadapters.verify.checks import same

SECONDS = 5  # of processor time for one answer, read in one way
WAYS = ("whole", "tokens", "pieces")
_LONGEST = 300


@dataclass
class Finding:
    """What a peer read otherwise: in which way, of what kind, and what it said."""

    case: str
    way: str
    kind: str
    got: str


@dataclass
class Row:
    """One adapter and one peer: how many answers were fed, what was read otherwise."""

    adapter: str
    peer: str  # engine:name
    reasoning: str = ""  # the reasoning parser beside it
    fed: list[str] = field(default_factory=list)
    spaces: list[str] = field(default_factory=list)  # cases whose contents differ at their ends
    findings: list[Finding] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # what was fed, where it was misread
    problem: str = ""  # why the peer could not be asked


class TooSlow(BaseException):
    """An answer took longer than ``SECONDS``; no parser's ``except Exception`` hides it."""


def ask(
    row: Row, make: Callable[[Tokenizer], Peer], printed: list[Printed], tokenizer: Tokenizer
) -> Row:
    """Fill a row in a forked process, so that what a parser keeps or breaks stays there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with contextlib.suppress(Exception), os.fdopen(writing, "w", encoding="utf-8") as out:
            _fill(row, make, printed, tokenizer)
            json.dump(as_json(row), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        text = told.read()
    os.waitpid(child, 0)
    if not text:
        row.problem = "its process ended without an answer"
        return row
    return from_json(json.loads(text))


def _fill(
    row: Row, make: Callable[[Tokenizer], Peer], printed: list[Printed], tokenizer: Tokenizer
) -> None:
    signal.signal(signal.SIGPROF, _too_slow)
    try:
        peer = make(tokenizer)
    except Exception as error:
        row.problem = f"it cannot be built here: {_short(error)}"
        return
    for one in printed:
        if one.case.name.startswith("reasoning") and not row.reasoning:
            continue
        text = peer.text(one)
        tokens = tokenizer.tokens(text)
        row.fed.append(one.case.name)
        for way in WAYS:
            found, spaces = _try(peer, one, way, tokens)
            if spaces and one.case.name not in row.spaces:
                row.spaces.append(one.case.name)
            if found is not None:
                row.findings.append(found)
                row.texts[one.case.name] = text


def _try(
    peer: Peer, one: Printed, way: str, tokens: list[tuple[str, list[int]]]
) -> tuple[Finding | None, bool]:
    name = one.case.name
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        if way == "whole":
            got = peer.whole(one, [i for _, ids in tokens for i in ids])
        else:
            got = peer.stream(one, tokens if way == "tokens" else pieces(tokens, name))
    except TooSlow:
        return Finding(name, way, "slow", f"not done after {SECONDS} s"), False
    except Exception as error:
        return Finding(name, way, "raises", _short(error)), False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    kind = difference(one, got)
    spaces = not kind and got.content != one.case.message["content"]
    return (Finding(name, way, kind, shown(got, kind)) if kind else None), spaces


def pieces(tokens: list[tuple[str, list[int]]], seed: str) -> Pieces:
    """Return tokens joined into pieces of two to five, the same ones in every run."""
    draw, made, at = random.Random(seed), [], 0
    while at < len(tokens):
        part = tokens[at : at + draw.randint(2, 5)]
        made.append(("".join(text for text, _ in part), [i for _, ids in part for i in ids]))
        at += len(part)
    return made


def difference(one: Printed, got: Read) -> str:
    """Return the kind of the first difference, or "". White space around a text is none."""
    message = one.case.message
    wanted = [call["function"] for call in message.get("tool_calls") or []]
    if len(got.calls) != len(wanted):
        more = "more calls" if len(got.calls) > len(wanted) else "fewer calls"
        return more if got.calls else "no call"
    if [name for name, _ in got.calls] != [call["name"] for call in wanted]:
        return "name"
    for (_, arguments), call in zip(got.calls, wanted, strict=True):
        try:
            value = json.loads(arguments)
        except ValueError:
            return "arguments are no JSON"
        if not same(value, call["arguments"]):
            return "arguments"
    if got.reasoning.strip() != message.get("reasoning_content", "").strip() and (
        got.reasoning or one.case.name.startswith("reasoning")
    ):
        return "reasoning"
    return "" if got.content.strip() == message["content"].strip() else "content"


def shown(got: Read, kind: str) -> str:
    """Return the part of a reading that a finding is about."""
    if kind in ("content", "reasoning"):
        return repr(getattr(got, kind))[:_LONGEST]
    calls = ", ".join(f"{name}({arguments})" for name, arguments in got.calls)
    said = f"; content {got.content!r}" if got.content.strip() else ""
    return f"{calls or 'no call'}{said}"[:_LONGEST]


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]


def _too_slow(*_: object) -> None:
    raise TooSlow


def as_json(row: Row) -> dict[str, Any]:
    """Return a row as plain data."""
    return {**vars(row), "findings": [vars(finding) for finding in row.findings]}


def from_json(data: dict[str, Any]) -> Row:
    """Return a row from plain data."""
    return Row(**{**data, "findings": [Finding(**finding) for finding in data["findings"]]})


def markers(adapter: Any, extra: list[str]) -> Iterator[str]:
    """Give an adapter's markers and some more, longest first, each once."""
    declared = adapter.declaration
    yield from sorted({*declared.special, *declared.stop, *extra} - {""}, key=len, reverse=True)
