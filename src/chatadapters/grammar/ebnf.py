"""xgrammar's EBNF: texts, characters and parts of expressions in, expressions and rules out.

This is the only module that knows the notation; expressions are plain strings, made so that they
can stand in a sequence.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Ranges = tuple[tuple[int, int], ...]  # code points, first to last, ascending, apart

NOTHING = '""'
_LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_UNSEEN = (*range(32), 0x7F, 0x85, 0x2028, 0x2029)
_IN_LITERAL = {code: f"\\u{code:04x}" for code in _UNSEEN} | {
    9: "\\t",
    10: "\\n",
    13: "\\r",
    34: '\\"',
    92: "\\\\",
}
_IN_CLASS = _IN_LITERAL | {ord(char): f"\\{char}" for char in "]^-["} | {34: '"'}


def literal(text: str) -> str:
    """Return the expression of exactly this text."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{text.translate(_IN_LITERAL)}"'


def one_of(ranges: Ranges) -> str:
    """Return the expression of one character in these ranges, which are not empty."""
    if ranges[-1][1] == _LAST:
        return f"[^{''.join(map(_range, outside(ranges)))}]"
    return f"[{''.join(map(_range, ranges))}]"


def none_of(characters: str) -> str:
    """Return the expression of one character that is none of these."""
    return one_of(outside(points(characters)))


def _range(span: tuple[int, int]) -> str:
    first, last = (_code(code) for code in span)
    return first if first == last else f"{first}-{last}"


def _code(code: int) -> str:
    if code < 0xA0:
        return _IN_CLASS.get(code, chr(code) if code < 0x7F else f"\\u{code:04x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def points(characters: Iterable[str]) -> Ranges:
    """Return the ranges of these characters."""
    return tidy((ord(char), ord(char)) for char in characters)


def tidy(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the ranges ascending and apart."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def outside(ranges: Ranges) -> Ranges:
    """Return all characters that are in none of the ranges; surrogates are no characters."""
    found, start = list[tuple[int, int]](), 0
    for first, last in tidy((*ranges, _SURROGATES)):
        if first > start:
            found.append((start, first - 1))
        start = last + 1
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)


def either(options: Iterable[str]) -> str:
    """Return the expression of any of the options, of which there is one at least."""
    found = list(dict.fromkeys(options))
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"


def maybe(expression: str) -> str:
    """Return the expression of something or nothing."""
    return f"({expression})?"


def repeat(expression: str, least: int = 0, most: int | None = None) -> str:
    """Return the expression of so many of these; without ``most``, of any number."""
    one = expression if expression.isidentifier() else f"({expression})"
    if most is None:
        return one + ("*" if not least else "+" if least == 1 else f"{{{least},}}")
    if least == most:
        return NOTHING if not most else expression if most == 1 else f"{one}{{{most}}}"
    return f"{one}{{{least},{most}}}"


def without(excluded: Sequence[str]) -> str:
    """Return the body of a rule for any text, also none, that has none of these in it.

    It must be a rule of its own.
    """
    return f"TagDispatch(excludes=({' '.join(f'{literal(text)},' for text in excluded)}))"


def rule(name: str, body: str) -> str:
    """Return the line that defines a rule."""
    return f"{name} ::= {body}"
