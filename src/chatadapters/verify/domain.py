"""What an adapter can carry: its declaration and tree in, the bounds of generated messages out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import ir
from ..certify.limits import trims


@dataclass(frozen=True)
class Domain:
    """The bounds that a generator keeps to for one adapter."""

    calls: int | None = None  # most calls in one message
    content_with_calls: bool = True
    reasoning: bool = True
    markers: tuple[str, ...] = ()  # everything that means something to the parser
    trims: tuple[tuple[str, str, str | None], ...] = ()  # (field, method of str, characters)
    arguments: ir.Codec | None = None  # the codec of whole arguments
    value: ir.Codec | None = None  # the codec of one value, where arguments are a repetition
    tagged: bool = False  # the type of a value stands on the wire
    ids: bool = False  # ids stand on the wire
    inline: tuple[str, ...] = ()  # markers that split a content into reasoning and content
    options: tuple[tuple[str, Any], ...] = ()  # options that are switches, with their defaults

    @property
    def typed(self) -> bool:
        """Whether values are raw text that the tool's schema types."""
        if self.tree:
            return True
        return not self.tagged and self.value is not None and self.value.name in ("text", "raw")

    @property
    def tree(self) -> bool:
        """Whether arguments are elements, which do not carry null."""
        return self.arguments is not None and self.arguments.name == "elements"

    @property
    def keys(self) -> str:
        """Which argument names are carried: 'any', 'plain' (no marker, no line break) or 'word'."""
        codec = self.arguments
        if codec is not None and codec.name == "json":
            return "any"
        if self.tree:
            return "plain"
        return "plain" if self.value is not None and self.value.name != "literal" else "word"

    @property
    def delimiters(self) -> tuple[str, ...]:
        """Strings that no value may hold."""
        found = (
            codec for codec in (self.arguments, self.value) if codec and codec.name == "literal"
        )
        return tuple(str(dict(codec.options).get("quote", '<|"|>')) for codec in found)

    def trimmed(self, field: str, text: str) -> str:
        """Return the text as the output fragment leaves it: what it trims is not carried."""
        before = None
        while text != before:
            before = text
            for name, method, characters in self.trims:
                if name == field:
                    text = getattr(text, method)(characters)
        return text


def domain(adapter: Any) -> Domain:
    """Return the bounds of an adapter."""
    declaration = adapter.declaration
    codecs = {hole.field: hole.codec for hole in _holes(adapter.ir)}
    return Domain(
        calls=declaration.limits.calls,
        content_with_calls=declaration.limits.content_with_calls,
        reasoning=declaration.limits.reasoning,
        markers=tuple(markers(adapter)),
        trims=tuple(trims(declaration.output.text)),
        arguments=codecs.get("arguments"),
        value=codecs.get("value"),
        tagged="type" in codecs,
        ids="id" in codecs and not _id_may_miss(adapter.ir),
        inline=declaration.output.inline or (),
        options=tuple((n, v) for n, v in declaration.options.items() if isinstance(v, bool)),
    )


def _id_may_miss(tree: ir.Seq) -> bool:
    objects = (node for node in ir.walk(tree) if isinstance(node, ir.Obj))
    named = ((node.optional, key, value) for node in objects for key, value in node.fields)
    return any(
        key in optional and isinstance(value, ir.Hole) and value.field == "id"
        for optional, key, value in named
    )


def markers(adapter: Any) -> list[str]:
    """Return every text that means something: special tokens, stop strings, literals."""
    declaration = adapter.declaration
    found = dict.fromkeys((*declaration.special, *declaration.stop))
    for text in literals(adapter):
        for word in text.split():
            if len(word) > 1 and re.search(r"\W", word):
                found[word] = None
    return [m for m in found if m.strip()]


def literals(adapter: Any) -> list[str]:
    """Return the literals of the output fragment, accepted spellings and stop strings included."""
    accepted = (spelling.read for spelling in adapter.declaration.accept.spellings)
    return [*_literals(adapter.ir), *accepted, *adapter.declaration.stop]


def _holes(sequence: ir.Seq) -> Iterator[ir.Hole]:
    return (node for node in ir.walk(sequence) if isinstance(node, ir.Hole))


def _literals(sequence: ir.Seq) -> Iterator[str]:
    for node in ir.walk(sequence):
        match node:
            case ir.Lit(text=text):
                yield text
            case ir.Obj(fields=((key, _), *_)):
                yield f'{{"{key}"'
