"""Limits of the way back: answers in other spellings; what is lost when they are printed again.

A message does not say how it was spelled: an answer in another spelling is read, and is printed in
the format's own. The other spelling is found by trying texts, the shortest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from . import messages, report
from .bench import Bench, Tools
from .messages import KEY, Message
from .report import CHANGED, Certificate

_ALPHABETS: tuple[tuple[str, str, Any, Any, tuple[str, ...], int], ...] = (
    # kind, words, value, schema, pieces of other spellings, most pieces
    ("digits", "a number with more digits than it needs", 1.0, "number", ("1", ".", "0"), 4),
    ("exponent", "a number with an exponent", 1000.0, "number", ("1", "e", "E", "3"), 3),
    ("escape", "a character that is escaped where it need not be", ["é"],
     {"type": "array", "items": {"type": "string"}}, ("\\", "u", "00", "e9", "é"), 4),
    ("word", "another word for true, false or null", True, "boolean", ("true", "True"), 1),
    ("word", "another word for true, false or null", None, "null", ("null", "None"), 1),
)  # fmt: skip
_FIRST, _SECOND = "qa", "qb"
_SHORT = ("digits", "exponent", "escape", "word")


def wire(bench: Bench) -> Iterator[Certificate]:
    """Give what of an answer's spelling is lost when it is read and printed again."""
    if not bench.able["tools"]:
        return
    seen: set[str] = set()
    for kind, words, value, schema, pieces, most in _ALPHABETS:
        tools = [messages.tool({KEY: schema if isinstance(schema, dict) else {"type": schema}})]
        message = messages.arguments(value)
        texts = ("".join(p) for n in range(1, most + 1) for p in product(pieces, repeat=n))
        found = _respelled(bench, message, tools, value, sorted(dict.fromkeys(texts), key=len))
        if found is not None and kind not in seen:
            seen.add(kind)
            yield _certificate(bench, kind, f"the spelling: {words}", *found, tools)
    for kind, words, made in (
        ("space", "white space that is not printed between the parts of a call", _spaced(bench)),
        ("after", "content after a call: it is printed before it", _after(bench)),
        ("twice", "an argument that is written twice", _twice(bench)),
        ("positional", "arguments without their names", _positional(bench)),
    ):
        if made is not None:
            yield _certificate(bench, kind, words, *made)


def _respelled(
    bench: Bench, message: Message, tools: Tools, value: Any, texts: Iterable[str]
) -> tuple[str, str] | None:
    """Return an answer that is read as this message but spells its value otherwise."""
    printed = bench.output(message, tools)
    wanted = messages.said(messages.talk(message)[-1])
    known = [*texts]
    for old in ("1.0", "1000.0", "é", "\\u00e9", "true", "True", "null", "None"):
        at = printed.rfind(old)
        if at < 0 or not _spells(old, value):
            continue
        for text in known:
            other = printed[:at] + text + printed[at + len(old) :]
            if text != old and messages.read(bench.parse(other, tools)) == wanted:
                return other, printed
    return None


def _spells(text: str, value: Any) -> bool:
    means: dict[str, bool] = {
        "1.0": value == 1.0 and value is not True, "1000.0": value == 1000.0,
        "é": value == ["é"], "\\u00e9": value == ["é"],
        "true": value is True, "True": value is True, "null": value is None, "None": value is None,
    }  # fmt: skip
    return means[text]


def _spaced(bench: Bench) -> tuple[str, str, Tools] | None:
    message = messages.arguments("b")
    printed = bench.output(message)
    wanted = messages.said(messages.talk(message)[-1])
    for at in range(1, len(printed)):
        for space in " \n":
            other = printed[:at] + space + printed[at:]
            if messages.read(bench.parse(other)) == wanted:
                return other, printed, messages.TOOLS
    return None


def _after(bench: Bench) -> tuple[str, str, Tools] | None:
    """Return an answer with text after its call, and as what it is printed again."""
    said = bench.output({"content": "", "tool_calls": [messages.call("f")]})
    other = f"{said}b"
    back = bench.parse(other)
    if not said or not back.tool_calls:
        return None
    message = {"content": back.content, "tool_calls": [messages.call("f")]}
    printed = bench.output(message)
    return None if printed == other else (other, printed, messages.TOOLS)


def _twice(bench: Bench) -> tuple[str, str, Tools] | None:
    tools = [messages.tool({key: {"type": "integer"} for key in (_FIRST, _SECOND)})]
    call = messages.call("f", {_FIRST: 1, _SECOND: 2})
    printed = bench.output({"content": "", "tool_calls": [call]}, tools)
    other = printed.replace(_SECOND, _FIRST)
    return _again(bench, other, tools)


def _positional(bench: Bench) -> tuple[str, str, Tools] | None:
    if not any(call["table"].get("keywords") for call in bench.table["calls"]):
        return None
    other = bench.output(messages.arguments("b")).replace(f"{KEY}=", "")
    return _again(bench, other, messages.TOOLS)


def _again(bench: Bench, other: str, tools: Tools) -> tuple[str, str, Tools] | None:
    """Return an answer, and what its message is printed as, which has other words."""
    back = bench.parse(other, tools).to_openai()
    message = {"content": back.get("content") or "", "tool_calls": back.get("tool_calls") or []}
    printed = bench.output(message, tools)
    return (other, printed, tools) if printed != other else None


def _certificate(
    bench: Bench, kind: str, words: str, text: str, printed: str, tools: Tools
) -> Certificate:
    back = messages.read(bench.parse(text, tools))
    example, said = report.quoted(text), f"it is read as {report.shown(back)}"
    if kind in _SHORT:
        one, other = _difference(text, printed)
        example = f"{report.quoted(one)} in place of {report.quoted(other)}"
    return Certificate("wire", kind, words, example, CHANGED, said, None, tools, text, back)


def _difference(one: str, other: str) -> tuple[str, str]:
    """Return where two texts differ, up to the ends of the words there."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    while start and _in_word(one[start - 1]):
        start -= 1
    while end and _in_word(one[-end]):
        end -= 1
    return one[start : len(one) - end], other[start : len(other) - end]


def _in_word(char: str) -> bool:
    return char.isalnum() or char in ".\\"
