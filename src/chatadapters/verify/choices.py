"""Where generated things come from: choices (seeded, or drawn by a test library) in, texts out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeVar

T = TypeVar("T")

WORDS = (
    "the", "weather", "in", "Zürich", "北京", "is", "fine", "run", "tests", "file", "name", "a",
    "I", "write_file", "x", "42", "3.14", "true", "null", "None", "ok", "Привет", "data", "more",
    "please", "now", "and", "then",
)  # fmt: skip
SPICE = (
    '"', "\n", "\n\n", "  ", "\t", "{", "}", "[", "]", "<", ">", "</", "`", "```", "{{ x }}", "{%",
    "%}", "\U0001f642\u200d\U0001f469", "é", "\u00a0", "\r\n", "\u2028", "&amp;", "%s", ":", ",",
    "=", "(", ")", "#", "/", "|", '{"a": 1}', "[1, 2]", "\x85",
)  # fmt: skip
QUOTES = ("'", "\\", "\\n", "it's", "'''", "\\'")  # what quoted string literals must escape


class Choices(Protocol):
    """Where choices come from."""

    def integer(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        ...

    def chance(self, share: float) -> bool:
        """Return True in about this share of the cases."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        ...

    def characters(self) -> str:
        """Return a short free text."""
        ...


class Seeded:
    """Choices of a seeded generator: the same seed, the same choices."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Sequence[T]) -> T:
        return options[self.random.randrange(len(options))]

    def characters(self) -> str:
        draw = self.random
        picks = (
            draw.randint(32, 126),
            draw.randint(0xA0, 0x24F),
            draw.randint(0x4E00, 0x4EFF),
            draw.randint(1, 31),
        )
        return "".join(chr(draw.choice(picks)) for _ in range(draw.randint(1, 3)))


def text(
    choices: Choices, lookalikes: Sequence[str] = (), *, longest: int = 9, spicy: float = 0.2
) -> str:
    """Return a text of words with some quotes, line breaks, marker look-alikes and odd characters.

    >>> text(Seeded(1)) == text(Seeded(1))
    True
    """
    pieces: list[str] = []
    for _ in range(choices.integer(0, longest)):
        if not choices.chance(spicy):
            piece = choices.pick(WORDS)
        elif lookalikes and choices.chance(0.35):
            piece = choices.pick(lookalikes)
        elif choices.chance(0.06):
            piece = choices.pick(QUOTES)
        elif choices.chance(0.08):
            piece = choices.characters()
        else:
            piece = choices.pick(SPICE)
        pieces.append(piece)
        if choices.chance(0.8):
            pieces.append(" ")
    if pieces and pieces[-1] == " " and not choices.chance(0.1):
        pieces.pop()
    return "".join(pieces)


def without(said: str, markers: Sequence[str]) -> str:
    """Return a text in which no marker stands whole.

    >>> without("a<<b>b>", ["<b>"])
    'a'
    """
    while any(marker in said for marker in markers):
        for marker in markers:
            said = said.replace(marker, "")
    return said


@cache
def cuts(markers: tuple[str, ...]) -> tuple[str, ...]:
    """Return markers without their first or last characters: look-alikes that are no markers.

    >>> cuts(("<a>",))
    ('<a', 'a>', '<')
    """
    whole = set(markers)
    found: dict[str, None] = {}
    for marker in markers:
        for piece in (marker[:-1], marker[1:], marker[: len(marker) // 2]):
            if piece and not any(m in piece for m in whole):
                found[piece] = None
    return tuple(found)
