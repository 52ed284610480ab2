"""What a text could forge: a declaration in, the markers of its format out, and how to break them.

Markers are what the tokenizer or the engine reads as its own (``special``, ``stop``, tokens), and
what the fragments of turns print around texts: tags such as ``<tool_response>`` and turn headers
such as ``USER:``. The examples in an opening and code fences are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import nodes

from . import fragments
from .declaration import Declaration

Kind = Literal["special", "stop", "token", "tag", "header"]
# A space stays what it is in every normaliser, and everybody sees it; zero-width characters are
# taken out by some, which puts the marker together again (docs/injection.md).
BREAK = " "
_TURNS = ("system", "user", "assistant", "tool", "other", "generation")
_DECLARED = "\0"  # stands for a declared marker, which neither a tag nor a header holds
_TAG = re.compile(r"</?[^\s<>{}\"'`/\0]+>?|\[/?[A-Z][A-Z_]+\]")
_HEADER = re.compile(r"^[^\w\s\"'{\0]*[^\S\n]*[\w ]+[^\w\s\"'{}\0]*[:\uff1a]$")


@dataclass(frozen=True)
class Marker:
    """A text that means something to the format, and what it is."""

    text: str
    kind: Kind

    @property
    def broken(self) -> str:
        """The marker as it stands where it may not be one: with a space inside."""
        return self.text[: self.place] + BREAK + self.text[self.place :]

    @property
    def place(self) -> int:
        """Where the space goes: after the first character, in a word before what ends it."""
        if self.text[0].isalnum() and not self.text[-1].isalnum():
            return len(re.match(r"[\w ]+", self.text).group().rstrip())  # type: ignore[union-attr]
        return 1


def markers(declaration: Declaration) -> tuple[Marker, ...]:
    """Return the markers of a format, the longest first.

    A marker is given without the white space around it. One of a single character cannot be broken
    and is left out; no declaration here has one.
    """
    found: dict[str, Kind] = {}
    declared: Sequence[tuple[Kind, Iterable[str]]] = (
        ("special", declaration.special),
        ("stop", declaration.stop),
        ("token", declaration.tokens.values()),
    )
    for kind, texts in declared:
        for text in texts:
            found.setdefault(text.strip(), kind)
    whole = sorted(filter(None, found), key=len, reverse=True)
    for literal in _literals(declaration):
        rest = literal
        for text in whole:
            rest = rest.replace(text, _DECLARED)
        for tag in _TAG.findall(rest):
            if re.search(r"\w", tag):
                found.setdefault(tag, "tag")
        for line in rest.split("\n"):
            if _HEADER.match(line.strip()):
                found.setdefault(line.strip(), "header")
    headers = [text for text, kind in found.items() if kind == "header"]
    kept = [
        Marker(text, kind)
        for text, kind in found.items()
        if len(text) > 1
        and not (kind == "header" and any(one in text for one in headers if one != text))
    ]
    return tuple(sorted(kept, key=lambda one: (-len(one.text), one.text)))


def _literals(declaration: Declaration) -> Iterator[str]:
    parsed = fragments.parse_all(declaration)
    for key in (*(f"prompt.{turn}" for turn in _TURNS), "output.text"):
        if key in parsed:
            for node in parsed[key].tree.find_all(nodes.TemplateData):
                yield node.data


def restore(text: str, known: Iterable[Marker]) -> str:
    """Return a text with its broken markers whole again.

    The inverse of breaking, for a text that did not hold the broken spelling before.
    """
    for marker in known:
        text = text.replace(marker.broken, marker.text)
    return text
