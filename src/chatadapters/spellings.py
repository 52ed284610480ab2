"""Literals as tokens: a text in, its words in all the spellings that ``[accept]`` names out."""

from __future__ import annotations

import re

from .declaration import Declaration
from .errors import DeclarationError

Tokens = tuple[tuple[str, ...], ...]
KEY = "output.text"


class Spellings:
    """The literals of a declaration with the other spellings that ``[accept]`` names."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.unused = {spelling.for_ for spelling in declaration.accept.spellings}

    def of(self, literal: str) -> tuple[str, ...]:
        """Return all spellings of a literal, the printed one first."""
        found = [literal]
        for spelling in self.declaration.accept.spellings:
            if spelling.for_ == literal:
                self.unused.discard(literal)
                found.append(spelling.read)
        return tuple(dict.fromkeys(found))

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of a literal, each in all its spellings.

        It is split at white space, and around the quotes of a JSON key that is a hole.
        """
        words = re.sub(r'(?<=\{)(?="$)|(?<=^")(?=:)', " ", text.strip()).split()
        return tuple(self.of(word) for word in words)

    def check_all_used(self) -> None:
        for literal in sorted(self.unused):
            spelling = next(s for s in self.declaration.accept.spellings if s.for_ == literal)
            raise DeclarationError(
                f"another spelling is given for {literal!r}, which the output fragment does not "
                "print",
                place=self.declaration.place("accept.spellings"),
                quote=f"{{ for = {literal!r}, read = {spelling.read!r} }}",
                fixes=[
                    "write the literal as the fragment has it, from one white space to the next",
                    "remove it",
                ],
            )
