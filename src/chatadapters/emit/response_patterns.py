"""Pieces of patterns for transformers' response parser: tokens and texts in, patterns out.

They are written for the ``regex`` module, which that parser uses: ``\\G`` is where a search begins,
``\\K`` drops what was matched before it, and a search may be told that more input can come. So no
pattern may end in a negative lookahead: at the end of a piece it would hold too early.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SPACE = r"[ \t\r\n]*"
START = r"\A" + SPACE + "+"
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
JSON_TEXT = rf'(?>[^"]|{_STRING})*?'  # as little JSON as may be, strings whole
# One JSON object; where it was read before more input came, the end of it is enough.
JSON_OBJECT = rf'(?:(?<=\}})|{SPACE}(\{{(?>[^{{}}"]|{_STRING}|(?1))*+\}}))'
NAME = r"[\w.:/-]++"
_SPECIAL = re.compile(r"[.^$*+?{}\[\]|()\\]")


def literal(text: str) -> str:
    """Return the pattern of a text.

    >>> literal("[a]\\n")
    '\\\\[a\\\\]\\n'
    """
    return _SPECIAL.sub(r"\\\g<0>", text)


def either(patterns: Iterable[str]) -> str:
    """Return the pattern of one of several, each once, the longest first.

    >>> either(["a", "ab", "a"])
    '(?:ab|a)'
    """
    found = sorted(dict.fromkeys(patterns), key=len, reverse=True)
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"


def chain(tokens: Sequence[Sequence[str]], *, space: bool = False) -> str:
    """Return the pattern of tokens, each in all its spellings, with any white space between.

    ``space`` also allows white space before the first.
    """
    found = [either(map(literal, spellings)) for spellings in tokens]
    return (SPACE if space and found else "") + SPACE.join(found)


def unnamed(pattern: str) -> str:
    """Return a pattern without its named groups, for a field that has no use for them."""
    plain = pattern.replace("(?P=name)", NAME).replace("(?P=id)", r"[^ \t\r\n]+?")
    return re.sub(r"\(\?P<\w+>", "(?:", plain)


def framing(texts: Iterable[str]) -> str:
    """Return the pattern of white space that is printed before a marker and may be left out."""
    found = [text for text in texts if text]
    return f"(?:{either(map(literal, found))})?" if found else ""


def lead(text: str) -> str:
    """Return the pattern of white space that is printed before a text, as far as it is there.

    >>> lead("\\n ")
    '(?:\\n(?: )?+)?+'
    """
    found = ""
    for char in reversed(text):
        found = f"(?:{literal(char)}{found})?+"
    return found
