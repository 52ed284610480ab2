"""Elements named by keys: a schema in, the expression of the elements that it allows out."""

from __future__ import annotations

from .dialect import LONGEST_WRITTEN_KEY, Dialect, new_blocks, written
from .ebnf import NOTHING, literal, maybe, repeat, without
from .objects import open_to, properties, rules_of
from .raw import add_endless
from .values import Values

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .schema import Path
    from .simples import Simple

_CLOSED = "the names of its entries are not declared; only an empty one is written"


def elements_dialect(options: Mapping[str, Any]) -> Dialect:
    """Return the leaves of elements: text as it is, without a tag in it; other values as JSON."""
    import json

    made = Dialect("e", new_blocks())
    made.open = made.close = ""
    made.words = {"boolean": '("true" | "false")'}
    end = f"{options['mark']}<"

    def dump(value: Any) -> str:
        if isinstance(value, str) and end not in value:
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value, allow_nan=False)
        raise ValueError("no leaf")

    made.spell = lambda value: written(dump, value)
    add_endless(made, [end])
    made.simple["any"] = made.string()
    return made


class Elements(Values):
    """Writes the grammar of elements; see ``Values``."""

    def __init__(
        self,
        options: Mapping[str, Any],
        top: Dialect,
        parameters: Any,
        notes: list[str] | None,
        counted: int,
    ) -> None:
        super().__init__(top, parameters, notes, counted)
        self.mark, self.item = str(options["mark"]), str(options["item"])

    def any_of(self, alternatives: Sequence[Simple], dialect: Dialect, path: Path) -> str | None:
        """Return the alternatives that read back: text where a string is allowed, and no null."""
        texts = any(_is_text(one) for one in alternatives)
        kept: list[Simple] = []
        for one in alternatives:
            if "enum" in one:
                fitting = [v for v in one["enum"] if v is not None and isinstance(v, str) == texts]
                kept += [{"enum": fitting}] if fitting else []
            elif one["type"] in ("object", "array") or _is_text(one) == texts:
                kept += [one] if one["type"] != "null" else []
        if len(kept) < len(alternatives):
            self.schemas.note(path, "null, and what would read back as text, are not written")
        return super().any_of(kept, dialect, path) if kept else None

    def object(self, one: Simple, dialect: Dialect, path: Path) -> str:
        """Return the expression of an object's elements."""
        if open_to(one) is not None:
            self.schemas.note(path, _CLOSED)
            return NOTHING

        def key(name: str) -> str | None:
            fits = 0 < len(name) <= LONGEST_WRITTEN_KEY and not any(c in "/<>\n" for c in name)
            return literal(f"{self.mark}<{name}>") if fits else None

        def value(name: str, schema: Any, inside: Path) -> str | None:
            text = self.value(schema, dialect, inside)
            return None if text is None else f"{text} {literal(f'{self.mark}</{name}>')}"

        found = properties(self, one, dialect, path, key, value)
        texts = zip(rules_of(self, found), found, strict=True)
        return " ".join(t if needed else maybe(t) for t, (_, needed) in texts) or NOTHING

    def _array(self, one: Simple, dialect: Dialect, path: Path) -> str:
        least, most = self.counts(one, "Items", path)
        items = one.get("items", True)
        text = self.value(items if not isinstance(items, list) else True, dialect, (path, "[]"))
        if text is None:
            return NOTHING
        around = literal(f"{self.mark}<{self.item}>"), literal(f"{self.mark}</{self.item}>")
        return repeat(f"{around[0]} {text} {around[1]}", least, most)


def any_elements(values: Values, spec: Mapping[str, Any]) -> str:
    """Return any text up to the end of the call: names that are not known cannot be matched."""
    return values.rule(without([spec["until"]]))


def _is_text(one: Simple) -> bool:
    if "enum" in one:
        return any(isinstance(value, str) for value in one["enum"])
    return one["type"] in ("string", "any")
