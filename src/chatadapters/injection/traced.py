"""Texts that know where each character comes from: str methods in, the same texts traced out.

Losing the trace is the safe side: a plain ``str`` counts as a text that anybody may have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, SupportsIndex


@dataclass(frozen=True)
class Origin:
    """Where an untrusted text stands: a message (from 0; None: the tools), its role, its field."""

    index: int | None = None
    role: str = ""
    field: str = ""


UNKNOWN = Origin()
OWN = None  # the origin of what the template, or a trusted role, says
Runs = tuple[tuple[int, Origin | None], ...]  # lengths that add up to the text's, and origins


class Traced(str):
    """A text with the origin of each character; equal to the plain text in every way.

    Methods that are not here give plain texts, and so do those whose result cannot be traced.
    """

    # A template in the sandbox cannot reach a name that begins with an underscore.
    __slots__ = ("_runs",)
    _runs: Runs

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> str:
        return join((self, other)) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> str:
        return join((other, self)) if isinstance(other, str) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> str:
        return join([self] * times.__index__())

    __rmul__ = __mul__

    def __getitem__(self, key: SupportsIndex | slice[Any, Any, Any]) -> str:
        plain = super().__getitem__(key)
        if not isinstance(key, slice):
            at = key.__index__()
            return cut(self, at % len(self), at % len(self) + 1)
        start, stop, step = key.indices(len(self))
        return cut(self, start, max(start, stop)) if step == 1 else plain

    def __iter__(self) -> Iterator[str]:
        return (cut(self, at, at + 1) for at in range(len(self)))

    def strip(self, chars: str | None = None, /) -> str:
        return self.lstrip(chars).rstrip(chars)

    def lstrip(self, chars: str | None = None, /) -> str:
        return cut(self, len(self) - len(super().lstrip(chars)), len(self))

    def rstrip(self, chars: str | None = None, /) -> str:
        return cut(self, 0, len(super().rstrip(chars)))

    def removeprefix(self, prefix: str, /) -> str:
        return cut(self, len(self) - len(super().removeprefix(prefix)), len(self))

    def removesuffix(self, suffix: str, /) -> str:
        return cut(self, 0, len(super().removesuffix(suffix)))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        parts = super().split(sep, maxsplit)
        return _found(self, parts) if sep is None else _placed(self, parts, sep)

    def rsplit(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return _placed(self, super().rsplit(sep, maxsplit), sep)

    def splitlines(self, keepends: bool = False) -> list[str]:
        whole = _placed(self, super().splitlines(keepends=True), "")
        bare = super().splitlines()
        return whole if keepends else [cut(a, 0, len(b)) for a, b in zip(whole, bare, strict=True)]

    def partition(self, sep: str, /) -> tuple[str, str, str]:
        one, two, three = _placed(self, super().partition(sep), "")
        return one, two, three

    def rpartition(self, sep: str, /) -> tuple[str, str, str]:
        one, two, three = _placed(self, super().rpartition(sep), "")
        return one, two, three

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str:
        if not old:
            return super().replace(old, new, count)
        return join(_placed(self, super().split(old, count), old), new)

    def join(self, iterable: Iterable[str], /) -> str:
        return join(iterable, self)

    def upper(self) -> str:
        return _same_length(self, super().upper())

    def lower(self) -> str:
        return _same_length(self, super().lower())

    def capitalize(self) -> str:
        return _same_length(self, super().capitalize())

    def title(self) -> str:
        return _same_length(self, super().title())


def traced(text: str, origin: Origin | None) -> Traced:
    """Return a text, all of it of one origin."""
    return _made(text, ((len(text), origin),))


def runs(text: str) -> Runs:
    """Return the origins of a text; all of a plain one is ``UNKNOWN``."""
    return text._runs if isinstance(text, Traced) else ((len(text), UNKNOWN),)


def join(pieces: Iterable[str], between: str = "") -> Traced:
    """Return texts joined, each with its origins."""
    texts = list(pieces)
    given = [run for text in texts for run in (*runs(between), *runs(text))]
    made: list[tuple[int, Origin | None]] = []
    for length, origin in given[len(runs(between)) :]:
        if made and made[-1][1] == origin:
            made[-1] = (made[-1][0] + length, origin)
        elif length:
            made.append((length, origin))
    return _made(str.join(between, texts), tuple(made))


def cut(text: str, start: int, stop: int) -> Traced:
    """Return the part of a text between two places of it, 0 <= start <= stop."""
    kept, at = list[tuple[int, Origin | None]](), 0
    for length, origin in runs(text):
        inside = min(at + length, stop) - max(at, start)
        if inside > 0:
            kept.append((inside, origin))
        at += length
    return _made(str.__getitem__(text, slice(start, stop)), tuple(kept))


def spelled(text: str, spell: Callable[[str], str]) -> Traced:
    """Return a text whose characters are spelled one by one, such as the inside of JSON."""
    at, done = 0, list[str]()
    for length, origin in runs(text):
        done.append(traced(spell(str.__getitem__(text, slice(at, at + length))), origin))
        at += length
    return join(done)


def _made(text: str, of: Runs) -> Traced:
    made = str.__new__(Traced, text)
    made._runs = of
    return made


def _same_length(text: Traced, changed: str) -> str:
    return _made(changed, text._runs) if len(changed) == len(text) else changed


def _placed(text: Traced, parts: Iterable[str], sep: str | None) -> list[str]:
    """Return the parts of a text as its stretches; ``sep`` stands between each two of them."""
    if sep is None:
        return list(parts)
    at, placed = 0, list[str]()
    for part in parts:
        placed.append(cut(text, at, at + len(part)))
        at += len(part) + len(sep)
    return placed


def _found(text: Traced, parts: list[str]) -> list[str]:
    """Return the parts of a text as its stretches, found one after the other."""
    at, placed = 0, list[str]()
    for part in parts:
        at = str.find(text, part, at)
        placed.append(cut(text, at, at + len(part)))
        at += len(part)
    return placed
