"""Plain Lark, as the Python package of that name reads it: a grammar in, its text out.

It is for tools that know nothing of engines: parsers and generators of test data.
"""

from __future__ import annotations

from functools import lru_cache

from ..grammar.ebnf import outside
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

_LAST = 0x10FFFF


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
            return f"({_printed(part)}){_counted(least, most)}"
        case Without(texts):
            return _printed(automaton(texts)[0])
        case Rule(name):
            return _name(name)


def _counted(least: int, most: int | None) -> str:
    short = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))
    return short or f"~{least}..{least if most is None else most}"


@lru_cache(maxsize=1024)
def _characters(ranges: Ranges) -> str:
    negated = ranges[-1][1] == _LAST
    inner = "".join(map(_range, outside(ranges) if negated else ranges))
    return f"[{'^' if negated else ''}{inner}]" if inner else r"[\s\S]"


def _range(span: tuple[int, int]) -> str:
    first, last = map(_character, span)
    return first if span[0] == span[1] else f"{first}-{last}"


def _character(code: int) -> str:
    char = chr(code)
    if code < 128 and char.isprintable():
        return char if char.isalnum() else f"\\{char}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
