"""What was printed, read again: the text of a GBNF or of llguidance's Lark in, a grammar out.

It reads what ``gbnf`` and ``lark`` print, and no more of the two notations, so that a printed text
can be held against answers without an engine.
"""

from __future__ import annotations

import json
import re

from ..grammar.ebnf import outside, tidy
from .expressions import expression, rules_of
from .nodes import (
    NOTHING,
    START,
    Chars,
    Choice,
    Grammar,
    Node,
    Ranges,
    Repeat,
    Rule,
    Sequence,
    Text,
    Token,
    Without,
)
from .spelling import SIGNS

_EVERYTHING: Ranges = outside(())
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")|/(?P<regex>(?:[^/\\]|\\.)*)/|(?P<token><[^<>\s]+>)'
    r"|(?P<name>\w+)|\{(?P<count>[0-9,]+)\}|(?P<sign>[()|?*+&~])"
)
_CLASS = re.compile(r"\[(\^?)(.*)\](.*)")
_CODE = re.compile(r"(\\x\{[0-9a-f]+\}|.)(?:-(\\x\{[0-9a-f]+\}|.))?")


def read_gbnf(text: str) -> Grammar:
    """Return the grammar of a text that ``gbnf`` printed."""
    return Grammar({name: expression(body, str) for name, body in rules_of(text)})


def read_lark(text: str) -> Grammar:
    """Return the grammar of a text that ``lark`` printed."""
    lines = [line.split(": ", 1) for line in text.splitlines()[1:]]
    rules = {name: _Reader(body).choice() for name, body in lines}
    return Grammar({START: rules.pop("start"), **rules})


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in _TOKEN.finditer(text)]
        self.tokens.append(("end", ""))
        self.at = 0

    def choice(self) -> Node:
        options = [self.conjunction()]
        while self.tokens[self.at] == ("sign", "|"):
            self.at += 1
            options.append(self.conjunction())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def conjunction(self) -> Node:
        found = self.sequence()
        if self.tokens[self.at] != ("sign", "&"):
            return found
        self.at += 2  # what follows is a negation, of texts with anything around them
        assert self.tokens[self.at - 1] == ("sign", "~")
        denied = self.repeated()
        assert isinstance(denied, Sequence) and isinstance(denied.parts[0], Without)
        listed = denied.parts[1]
        texts = listed.options if isinstance(listed, Choice) else (listed,)
        words = tuple(one.text for one in texts if isinstance(one, Text))
        if isinstance(found, Repeat) and isinstance(found.part, Chars):
            single = outside(found.part.ranges)
            words += tuple(chr(code) for a, b in single for code in range(a, b + 1))
        return Without(words)

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.tokens[self.at][0] != "end" and self.tokens[self.at] not in (
            ("sign", "|"),
            ("sign", ")"),
            ("sign", "&"),
        ):
            parts.append(self.repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts)) if parts else NOTHING

    def repeated(self) -> Node:
        kind, text = self.tokens[self.at]
        self.at += 1
        found: Node
        if kind == "text":
            found = Text(json.loads(text))
        elif kind == "regex":
            found = _regex(text)
        elif kind == "token":
            found = Token(text)
        elif kind == "name":
            found = Rule(START if text == "start" else text)
        else:
            assert text == "(", text
            found = self.choice()
            self.at += 1
        kind, text = self.tokens[self.at]
        if kind == "count" or (kind == "sign" and text in SIGNS):
            self.at += 1
            return Repeat(found, *_counts(text))
        return found


def _counts(text: str) -> tuple[int, int | None]:
    if text in SIGNS:
        return SIGNS[text]
    first, comma, last = text.strip("{}").partition(",")
    return int(first), int(last) if last else None if comma else int(first)


def _regex(text: str) -> Node:
    if text == "(?s:.*)":
        return Without(())
    if text == "(?s:.)":
        return Chars(_EVERYTHING)
    found = _CLASS.fullmatch(text)
    assert found is not None, text
    negated, inner, count = found.groups()
    spans = tidy((_code(one[1]), _code(one[2] or one[1])) for one in _CODE.finditer(inner))
    chars = Chars(outside(spans) if negated else spans)
    return Repeat(chars, *_counts(count)) if count else chars


def _code(text: str) -> int:
    return int(text[3:-1], 16) if len(text) > 1 else ord(text)
