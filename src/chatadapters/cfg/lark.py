"""llguidance's dialect of Lark: a grammar in, its text out.

What needs no recursion is one terminal, as long as it goes: llguidance's lexer takes the longest
match of all terminals that may come, so that text before a marker must be in one with the marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ..grammar.ebnf import outside, points
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
    used,
)
from .runs import is_solid, solid_rules, whole_runs
from .special import kept_out, with_tokens
from .spelling import braces, char_class

__all__ = ["free_tokens", "kept_out", "lark", "quoted"]

HEAD = "%llguidance {}"
_ANY = "/(?s:.*)/"
_SPELLED = re.compile(r"<[^<>\s]+>")  # how a special token may be written by its name


def lark(
    grammar: Grammar,
    special: Mapping[str, int | None] | None = None,
    written: Iterable[str] = (),
) -> str:
    """Return the text of a grammar.

    ``special`` are the markers that the tokenizer has as special tokens, with their ids: only as
    tokens can a model write them. All others are text, of whichever tokens. ``written`` are those
    of them that an answer may hold outside of its calls.
    """
    rules = used(grammar.rules)
    if special:
        free = free_tokens(special, written)
        rules = used(with_tokens(rules, special, free, grammar.triggers))
    solid = solid_rules(rules)
    return _Printer(used(whole_runs(rules, solid)), solid, special or {}).text()


def free_tokens(special: Mapping[str, int | None], written: Iterable[str]) -> list[str]:
    """Return which of the written markers are special tokens that can be spelled."""
    return [
        one
        for one in dict.fromkeys(written)
        if special.get(one) is not None or (one in special and _SPELLED.fullmatch(one))
    ]


class _Printer:
    def __init__(
        self, rules: dict[str, Node], solid: set[str], special: Mapping[str, int | None]
    ) -> None:
        self.rules = rules
        self.solid = solid
        self.special = special
        self.lines: list[str] = []
        self.terminals: dict[str, str] = {}

    def text(self) -> str:
        for name, node in self.rules.items():
            if name in self.solid:
                if name == START:
                    self.lines.append(f"start: {self._terminal(node)}")
            else:
                self.lines.append(f"{_lower(name)}: {self._rule(node)}")
        for name in self.rules:
            if name in self.solid and name != START:
                self.lines.append(f"{_upper(name)}: {_regular(self.rules[name])}")
        self.lines += [f"{name}: {text}" for text, name in self.terminals.items()]
        return "\n".join((HEAD, *self.lines, ""))

    def _is_solid(self, node: Node) -> bool:
        return is_solid(node, self.solid)

    def _terminal(self, node: Node) -> str:
        """Return the name of a terminal for a node that needs no recursion."""
        if isinstance(node, Rule):
            return _upper(node.name)
        text = _regular(node)
        return text if isinstance(node, Text) else self.terminals.setdefault(
            text, f"PART_{len(self.terminals) + 1}"
        )  # fmt: skip

    def _rule(self, node: Node) -> str:
        """Return the expression of a node, made so that it can stand in a choice."""
        if self._is_solid(node):
            return self._terminal(node)
        match node:
            case Sequence(parts):
                return self._sequence(parts)
            case Choice(options):
                solid = [one for one in options if self._is_solid(one)]
                found = [self._rule(one) for one in options if one not in solid]
                if solid:
                    found.append(self._terminal(solid[0] if len(solid) == 1 else Choice((*solid,))))
                return " | ".join(found)
            case Repeat(part, least, most):
                return f"({self._rule(part)}){braces(least, most)}"
            case Token(text):
                return self._token(text)
            case Rule(name):
                return _lower(name)
        raise AssertionError(node)

    def _sequence(self, parts: tuple[Node, ...]) -> str:
        found, run = list[str](), list[Node]()
        for part in (*parts, None):
            if part is not None and self._is_solid(part):
                run.append(part)
                continue
            found += self._run(run)
            run = []
            if part is not None:
                text = self._rule(part)
                found.append(f"({text})" if isinstance(part, Choice) else text)
        return " ".join(found)

    def _run(self, run: list[Node]) -> list[str]:
        """Return the terminals of parts that need no recursion, as few as can be.

        What may be left out or come again at the end is one for itself: the lexer would go on in
        it as far as its beginning is like that of what follows, and not find back.
        """
        size = len(run)
        while size and isinstance(run[size - 1], Repeat):
            size -= 1
        found = [self._terminal(run[0] if size == 1 else Sequence((*run[:size],)))] if size else []
        for part in run[size:]:
            assert isinstance(part, Repeat)
            one = part.part
            whole = isinstance(one, Chars)
            count = braces(part.least, part.most)
            found.append(self._terminal(part) if whole else f"({self._terminal(one)}){count}")
        return found

    def _token(self, text: str) -> str:
        if _SPELLED.fullmatch(text):
            return text
        number = self.special[text]
        if number is None:
            raise ValueError(
                f"the special token {text!r} can only be written with its id: give special_tokens "
                "as a mapping of texts to ids"
            )
        return f"<[{number}]>"


def _upper(name: str) -> str:
    return name.replace("-", "_").upper()


def _lower(name: str) -> str:
    return "start" if name == START else name.replace("-", "_")


@lru_cache(maxsize=4096)
def _regular(node: Node) -> str:
    """Return the expression of a terminal, made so that it can stand in a choice."""
    match node:
        case Text(text):
            return quoted(text)
        case Chars(ranges):
            return f"/{characters(ranges)}/"
        case Sequence(parts):
            inner = (f"({_regular(p)})" if isinstance(p, Choice) else _regular(p) for p in parts)
            return " ".join(inner) or '""'
        case Choice(options):
            return " | ".join(map(_regular, options))
        case Repeat(part, least, most):
            if isinstance(part, Chars):
                return f"/{characters(part.ranges)}{braces(least, most)}/"
            return f"({_regular(part)}){braces(least, most)}"
        case Without(texts):
            return _without(texts)
        case Rule(name):
            return _upper(name)
    raise AssertionError(node)


@lru_cache(maxsize=512)
def _without(texts: tuple[str, ...]) -> str:
    single = points(text for text in texts if len(text) == 1)
    plain = f"/{characters(outside(single))}*/" if single else _ANY
    longer = " | ".join(quoted(text) for text in texts if len(text) > 1)
    return f"({plain} & ~({_ANY} ({longer}) {_ANY}))" if longer else plain


@lru_cache(maxsize=1024)
def characters(ranges: Ranges) -> str:
    """Return the class of these characters, in a regular expression of Rust."""
    return char_class(ranges, _character, "(?s:.)")


def _character(code: int) -> str:
    return chr(code) if code < 128 and chr(code).isalnum() else f"\\x{{{code:x}}}"


_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 0x7F, 0x85, 0x2028, 0x2029)} | {
    10: "\\n",
    9: "\\t",
    34: '\\"',
    92: "\\\\",
}


@lru_cache(maxsize=1024)
def quoted(text: str) -> str:
    """Return a text as both dialects of Lark spell it."""
    return f'"{text.translate(_ESCAPES)}"'
