"""FIRST sets: a grammar and a rule in, the characters with which its texts begin out."""

from __future__ import annotations

from ..grammar.ebnf import outside, points, tidy
from .nodes import (
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
    is_nullable,
    nullable_rules,
)

_MOST_LISTED = 64


def first_ranges(rules: dict[str, Node], node: Node) -> Ranges:
    """Return the characters that may come first in the texts of a node."""
    known = nullable_rules(rules)
    seen: set[str] = set()

    def of(node: Node) -> Ranges:
        match node:
            case Text(text) | Token(text):
                return points(text[:1])
            case Chars(ranges):
                return ranges
            case Sequence(parts):
                found: Ranges = ()
                for part in parts:
                    found = tidy((*found, *of(part)))
                    if not is_nullable(part, known):
                        break
                return found
            case Choice(options):
                return tidy(span for option in options for span in of(option))
            case Repeat(part):
                return of(part)
            case Without(texts):
                return outside(points(text for text in texts if len(text) == 1))
            case Rule(name):
                if name in seen:
                    return ()
                seen.add(name)
                return of(rules[name])

    return of(node)


def first_characters(grammar: Grammar, rule: str) -> list[str]:
    """Return the characters that may come first, where they can be listed; else none."""
    ranges = first_ranges(grammar.rules, Rule(rule))
    count = sum(last - first + 1 for first, last in ranges)
    if count > _MOST_LISTED:
        return []
    return [chr(code) for first, last in ranges for code in range(first, last + 1)]
