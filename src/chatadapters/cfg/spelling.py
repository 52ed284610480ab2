"""What the notations of grammars share: classes of characters, and signs of repetition."""

from __future__ import annotations

from collections.abc import Callable

from ..grammar.ebnf import outside
from .nodes import Ranges

SIGNS: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}
_SHORT = {counts: sign for sign, counts in SIGNS.items()}
_LAST = 0x10FFFF


def char_class(ranges: Ranges, character: Callable[[int], str], anything: str) -> str:
    """Return the class of these characters, the shorter way round.

    ``character`` spells a code point of the class, ``anything`` is the class of all of them.
    """
    negated = ranges[-1][1] == _LAST
    listed = outside(ranges) if negated else ranges
    spans = (
        character(first) if first == last else f"{character(first)}-{character(last)}"
        for first, last in listed
    )
    return f"[{'^' if negated else ''}{''.join(spans)}]" if listed else anything


def sign(least: int, most: int | None) -> str:
    """Return the sign for so many repetitions, nothing where there is none."""
    return _SHORT.get((least, most), "")


def braces(least: int, most: int | None) -> str:
    """Return the sign for so many repetitions, or their numbers in braces."""
    numbers = f"{least}" if least == most else f"{least},{'' if most is None else most}"
    return sign(least, most) or f"{{{numbers}}}"
