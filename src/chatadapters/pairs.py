"""A loop over arguments in the IR in; the texts and codecs of one key and its value out."""

from __future__ import annotations

from dataclasses import dataclass

from .ir import Codec, Hole, Lit, Rep


@dataclass(frozen=True)
class Pair:
    """One pair: its texts and codecs; ``typed`` is the type's codec, ``after`` the text behind."""

    opening: str
    key: Codec
    middle: str
    typed: Codec | None
    after: str
    value: Codec
    closing: str

    @property
    def kinds(self) -> dict[str, str]:
        """Return the kinds of values with their words; integers only where they have their own."""
        options = dict(self.typed.options) if self.typed else {}
        others = options.pop("others", None)
        return {
            kind: str(others) if others and kind != "string" else str(word)
            for kind, word in options.items()
            if word is not None
        }

    @property
    def words(self) -> dict[str, str]:
        """Return the words for types on the wire, each with ``text`` or ``json``."""
        found = {word: "json" for kind, word in self.kinds.items() if kind != "string"}
        return {**found, self.kinds["string"]: "text"} if self.kinds else {}


def pair_of(rep: Rep) -> Pair | None:
    """Return the parts of a loop over arguments, or None where it has another shape."""
    match rep.body:
        case (
            Lit(opening),
            Hole(field="key", codec=key),
            Lit(middle),
            Hole(field="value", codec=value),
            Lit(closing),
        ):
            return Pair(opening, key, middle, None, "", value, closing)
        case (
            Lit(opening),
            Hole(field="key", codec=key),
            Lit(middle),
            Hole(field="type", codec=typed),
            Lit(after),
            Hole(field="value", codec=value),
            Lit(closing),
        ):
            return Pair(opening, key, middle, typed, after, value, closing)
    return None
