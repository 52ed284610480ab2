"""Random texts of a grammar: choices in, texts that the grammar generates out."""

from __future__ import annotations

from functools import lru_cache

from ..cfg.nodes import (
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
from .choices import Choices, cuts, text, without

_DEEPEST = 40  # rules inside each other, before the shortest way out is taken
_MOST_EXTRA = 4  # repetitions more than there must be
_NEAR = "abcxyzABC0123456789 _-.,:/é北\n\"'<>{}[]()=|&"


class Texts:
    """Generates texts of one grammar; every option and every optional part comes in turn."""

    def __init__(self, grammar: Grammar) -> None:
        self.rules = grammar.rules
        self.heights: dict[str, int] = {}
        while True:  # of the lowest tree of each rule
            found = {name: self._height(node) for name, node in self.rules.items()}
            if found == self.heights:
                break
            self.heights = found

    def draw(self, choices: Choices) -> str:
        """Return a text."""
        return self._write(self.rules[START], choices, 0)

    def _height(self, node: Node) -> int:
        match node:
            case Sequence(parts):
                return max(map(self._height, parts), default=0)
            case Choice(options):
                return min(map(self._height, options))
            case Repeat(part, least):
                return self._height(part) if least else 0
            case Rule(name):
                return min(self.heights.get(name, _DEEPEST * 9), _DEEPEST * 9) + 1
        return 0

    def _write(self, node: Node, choices: Choices, depth: int) -> str:
        match node:
            case Text(said) | Token(said):
                return said
            case Chars(ranges):
                return _character(ranges, choices)
            case Sequence(parts):
                return "".join(self._write(part, choices, depth) for part in parts)
            case Choice(options):
                if depth > _DEEPEST:
                    return self._write(min(options, key=self._height), choices, depth)
                return self._write(choices.pick(options), choices, depth)
            case Repeat(part, least, most):
                count = least + self._more(least, most, choices, depth)
                return "".join(self._write(part, choices, depth + 1) for _ in range(count))
            case Without(texts):
                said = text(choices, cuts(texts), longest=6)
                return without(said, texts) if texts else said
            case Rule(name):
                return self._write(self.rules[name], choices, depth + 1)

    def _more(self, least: int, most: int | None, choices: Choices, depth: int) -> int:
        if depth > _DEEPEST or most == least:
            return 0
        return choices.integer(0, min(_MOST_EXTRA, _MOST_EXTRA if most is None else most - least))


@lru_cache(maxsize=1024)
def _near(ranges: Ranges) -> str:
    return "".join(c for c in _NEAR if any(a <= ord(c) <= b for a, b in ranges))


def _character(ranges: Ranges, choices: Choices) -> str:
    near = _near(ranges)
    if near and not choices.chance(0.1):
        return choices.pick(near)
    first, last = choices.pick(ranges)
    return chr(choices.integer(first, last))
