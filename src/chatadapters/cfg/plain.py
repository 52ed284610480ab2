"""Plain Lark, as the Python package of that name reads it: a grammar in, its text out.

It is for tools that know nothing of engines: parsers and generators of test data.
"""

from __future__ import annotations

from functools import lru_cache

from .automaton import automaton
from .lark import quoted
from .nodes import (
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
    needs,
    used,
)
from .spelling import char_class, sign


def plain(grammar: Grammar) -> str:
    """Return the text of a grammar; the first rule is called ``start``."""
    rules = used(grammar.rules)
    states: dict[str, Node] = {}
    for node in rules.values():
        for texts in needs(node).withouts:
            states |= automaton(texts)[1]
    return "".join(f"{_name(name)}: {_printed(node)}\n" for name, node in (rules | states).items())


def _name(name: str) -> str:
    return "start" if name == START else name.replace("-", "_")


@lru_cache(maxsize=4096)
def _printed(node: Node) -> str:
    """Return the expression of a node, made so that it can stand in a choice."""
    match node:
        case Text(text) | Token(text):
            return quoted(text) if text else ""
        case Chars(ranges):
            return f"/{_characters(ranges)}/"
        case Sequence(parts):
            inner = (f"({_printed(p)})" if isinstance(p, Choice) else _printed(p) for p in parts)
            return " ".join(inner)
        case Choice(options):
            return " | ".join(map(_printed, options))
        case Repeat(part, least, most):
            return _repeated(f"({_printed(part)})", least, most)
        case Without(texts):
            return _printed(automaton(texts)[0])
        case Rule(name):
            return _name(name)


def _repeated(one: str, least: int, most: int | None) -> str:
    short = sign(least, most)
    if short:
        return one + short
    return f"{one}~{least} {one}*" if most is None else f"{one}~{least}..{most}"


@lru_cache(maxsize=1024)
def _characters(ranges: Ranges) -> str:
    return char_class(ranges, _character, r"[\s\S]")


def _character(code: int) -> str:
    char = chr(code)
    if code < 128 and char.isprintable():
        return char if char.isalnum() else f"\\{char}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
