"""The grammars inside a structural tag: the text of an EBNF in, nodes out.

It reads the notation that ``grammar.ebnf`` writes, and no more of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ..grammar.ebnf import outside, tidy
from .nodes import NOTHING, Chars, Choice, Node, Ranges, Repeat, Rule, Sequence, Text, Without, walk
from .spelling import SIGNS

_TOKEN = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"'
    r"|\[(?P<chars>(?:[^\]\\]|\\.)*)\]"
    r"|TagDispatch\(excludes=\((?P<excludes>.*?),\)\)(?=\s|$)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|\{(?P<count>[0-9,]+)\}"
    r"|(?P<sign>[()|?*+])"
)
_LISTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_WORDS = {"t": "\t", "n": "\n", "r": "\r"}
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.|.", re.DOTALL)


def rules_of(text: str) -> list[tuple[str, str]]:
    """Return the rules of a grammar as names and expressions."""
    pairs = [line.split(" ::= ", 1) for line in text.split("\n") if line]
    return [(name, expression) for name, expression in pairs]


def expression(text: str, name: Callable[[str], str]) -> Node:
    """Return the node of an expression; ``name`` says what the rules in it are called."""
    return _Reader(text, name).whole()


@lru_cache(maxsize=4096)
def shared(text: str) -> Node:
    """Return the node of an expression whose rules are called the same in every grammar."""
    return expression(text, str)


@lru_cache(maxsize=4096)
def shared_rule(name: str, text: str) -> Node:
    """Return the node of such a rule; one that goes on with itself at the end becomes a loop."""
    node = expression(text, str)
    options = node.options if isinstance(node, Choice) else (node,)
    again: list[Node] = []
    last: list[Node] = []
    for option in options:
        parts = option.parts if isinstance(option, Sequence) else (option,)
        ends = bool(parts) and isinstance(parts[-1], Rule) and parts[-1].name == name
        before = parts[:-1] if ends else parts
        if any(isinstance(n, Rule) and n.name == name for one in before for n in walk(one)):
            return node
        (again if ends else last).append(before[0] if len(before) == 1 else Sequence(before))
    if not again:
        return node
    loop = Repeat(_either(again))
    ends_with_nothing = all(isinstance(one, Sequence) and not one.parts for one in last)
    return loop if ends_with_nothing else Sequence((loop, _either(last)))


def _either(options: list[Node]) -> Node:
    return options[0] if len(options) == 1 else Choice(tuple(options))


class _Reader:
    def __init__(self, text: str, name: Callable[[str], str]) -> None:
        self.tokens = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in _TOKEN.finditer(text)]
        self.tokens.append(("end", ""))
        self.at = 0
        self.name = name

    def whole(self) -> Node:
        found = self.choice()
        if self.tokens[self.at][0] != "end":
            raise ValueError(f"this expression cannot be read from {self.tokens[self.at][1]!r} on")
        return found

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.tokens[self.at] == ("sign", "|"):
            self.at += 1
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while True:
            kind, text = self.tokens[self.at]
            part: Node
            if kind == "text":
                part = Text(unescaped(text)) if text else NOTHING
            elif kind == "name":
                part = Rule(self.name(text))
            elif kind == "chars":
                part = Chars(_ranges(text))
            elif text == "(":
                self.at += 1
                part = self.choice()
            elif kind == "excludes":
                part = Without(tuple(unescaped(m[1]) for m in _LISTED.finditer(text)))
            else:
                break
            self.at += 1
            if self.tokens[self.at][1] in SIGNS or self.tokens[self.at][0] == "count":
                part = self.repeated(part)
            if part is NOTHING:
                continue
            if isinstance(part, Text) and parts and isinstance(parts[-1], Text):
                parts[-1] = Text(parts[-1].text + part.text)
            else:
                parts.append(part)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts)) if parts else NOTHING

    def repeated(self, part: Node) -> Node:
        while True:
            kind, text = self.tokens[self.at]
            most: int | None
            if kind == "sign" and text in SIGNS:
                least, most = SIGNS[text]
            elif kind == "count":
                first, comma, last = text.partition(",")
                least = int(first)
                most = int(last) if last else None if comma else least
            else:
                return part
            self.at += 1
            part = NOTHING if part is NOTHING else Repeat(part, least, most)


def unescaped(text: str) -> str:
    """Return what a literal stands for."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    short, long, char = found.groups()
    return chr(int(short or long, 16)) if char is None else _WORDS.get(char, char)


@lru_cache(maxsize=1024)
def _ranges(text: str) -> Ranges:
    negated = text.startswith("^")
    pieces = _CHARACTER.findall(text[1:] if negated else text)
    found, at = list[tuple[int, int]](), 0
    while at < len(pieces):
        first = last = ord(unescaped(pieces[at]))
        if pieces[at + 1 : at + 2] == ["-"] and at + 2 < len(pieces):
            last = ord(unescaped(pieces[at + 2]))
            at += 2
        found.append((first, last))
        at += 1
    return outside(tuple(found)) if negated else tidy(found)
