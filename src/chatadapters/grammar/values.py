"""Values under a schema: dialects and schemas in; expressions and rules of a grammar out."""

from __future__ import annotations

from .ebnf import NOTHING, either, literal, maybe, repeat, rule
from .numerals import bounded
from .objects import NO_VALUE, entries, members, open_to, properties
from .schema import Schemas
from .simples import kind_of
from .strings import string

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .dialect import Dialect
    from .schema import Path
    from .simples import Simple

_ANNOTATIONS = ("type", "description", "title", "default", "examples")
PLAIN_SCHEMA = frozenset(_ANNOTATIONS)
_PLAIN_ENUM = frozenset((*_ANNOTATIONS, "enum"))
_LONG = 60  # an expression that is longer and stands twice becomes a rule
_MOST_ITEMS = 100_000
_MOST_IN_ENUM = 40_000  # characters


def is_texts(schema: Simple) -> bool:
    """Tell whether a schema lists texts and says no more."""
    if schema.get("type") != "string" or "enum" not in schema:
        return False
    values = schema["enum"]
    plain = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return plain and _PLAIN_ENUM.issuperset(schema) and values != []


class Values:
    """The rules of one tool's grammar, as they come to be needed."""

    def __init__(self, top: Dialect, root: Any, notes: list[str] | None, counted: int) -> None:
        self.schemas = Schemas(root, notes)
        self.counted = counted  # how many characters of strings may still be counted
        self.top = top
        self._rules: list[str] = []
        self._used: set[str] = set()
        self._bodies: dict[str, str] = {}
        self._named: dict[tuple[int, str], str] = {}
        self._recursive: set[str] = set()
        self._names = 0

    # -- rules

    def text(self, root: str) -> str:
        """Return the grammar whose root is this expression."""
        shared = self.top.shared(frozenset(self._used))
        return "\n".join((rule("root", root), *self._rules, shared))

    def rule(self, body: str) -> str:
        """Add a rule and return its name; the same for the same."""
        name = self._bodies.get(body)
        if name is None:
            name = self._bodies[body] = self._name()
            self._rules.append(rule(name, body))
        return name

    def _name(self) -> str:
        self._names += 1
        return f"r{self._names}"

    def _short(self, expression: str) -> str:
        return expression if len(expression) <= _LONG else self.rule(expression)

    def block(self, name: str) -> str:
        """Return the name of a shared rule, and remember that it is needed."""
        self._used.add(name)
        return name

    # -- any value

    def value(self, schema: Any, dialect: Dialect, path: Path) -> str | None:
        """Return the expression of the values that a schema allows; None where it allows none."""
        if isinstance(schema, dict):
            kind = schema.get("type")
            if isinstance(kind, str):
                if PLAIN_SCHEMA.issuperset(schema):
                    name = dialect.simple.get(kind)
                    if name is not None:
                        self._used.add(name)
                        return name
                    if kind in dialect.words:
                        return dialect.words[kind]
                elif is_texts(schema):
                    return self._enum(schema["enum"], dialect, path)
            if "$ref" in schema:
                schema = self.schemas.target(schema)
        key = (id(schema), dialect.prefix)
        name = self._named.get(key)
        if name is not None:
            self._recursive.add(name)
            return name
        alternatives = self.schemas.flat(schema, path)
        if not any(one.get("type") in ("object", "array") for one in alternatives):
            return self.any_of(alternatives, dialect, path)
        if self.schemas.too_deep(path):
            return self.block(dialect.simple["any"])
        self._named[key] = name = self._name()
        self.schemas.depth += 1
        body = self.any_of(alternatives, dialect, path) or NOTHING
        self.schemas.depth -= 1
        if name in self._recursive:
            self._rules.append(rule(name, body))
        else:
            self._named[key] = name = self.rule(body)
        return name

    def sure(self, schema: Any, dialect: Dialect, path: Path) -> str:
        """Return the expression of a value; of any value where the schema allows none."""
        found = self.value(schema, dialect, path)
        if found is None:
            self.schemas.note(path, NO_VALUE)
            found = self.block(dialect.simple["any"])
        return found

    def any_of(self, alternatives: Sequence[Simple], dialect: Dialect, path: Path) -> str | None:
        """Return the expression of any of the alternatives, or None where there is none."""
        self.schemas.count(len(alternatives) + 1)
        found = [self._alternative(one, dialect, path) for one in alternatives]
        options = [one for one in found if one is not None]
        return either(options) if options else None

    def _alternative(self, one: Simple, dialect: Dialect, path: Path) -> str | None:
        if "enum" in one:
            return self._enum(one["enum"], dialect, path)
        kind = one["type"]
        if kind == "object":
            return self.object(one, dialect.objects, path)
        if kind == "array":
            return self._array(one, dialect.arrays, path)
        if kind in dialect.words:
            return dialect.words[kind]
        if kind != "any" and not PLAIN_SCHEMA.issuperset(one):
            if kind == "string":
                return string(self, one, dialect, path)
            found = bounded(one, lambda text: self.schemas.note(path, text))
            if found is not None:
                return found
        return self.block(dialect.simple[kind])

    def _enum(self, values: Sequence[Any], dialect: Dialect, path: Path) -> str | None:
        self.schemas.count(len(values))
        if sum(len(value) for value in values if isinstance(value, str)) > _MOST_IN_ENUM:
            self.schemas.note(
                path, f"its enum is too long ({len(values)} values); only types count"
            )
            kinds = dict.fromkeys(kind_of(value) for value in values)
            return self.any_of([{"type": kind} for kind in kinds], dialect, path)
        found = []
        for value in values:
            text = dialect.spell(value)
            if text is None:
                self.schemas.note(path, f"this format cannot write {value!r:.80}; it is left out")
            else:
                found.append(literal(text))
        return either(found) if found else None

    # -- arrays

    def _array(self, one: Simple, dialect: Dialect, path: Path) -> str:
        for key in ("contains", "uniqueItems"):
            if one.get(key) not in (None, False) and one.get("maxItems") not in (0, 1):
                self.schemas.note(path, f"{key} is not enforced")
        least, most = self.counts(one, "Items", path)
        first, rest = one.get("prefixItems"), one.get("items", "prefixItems" not in one)
        if isinstance(rest, list):  # before draft 2020-12
            first, rest = rest, one.get("additionalItems", False)
        leading = first if isinstance(first, list) else []
        inside = (path, "[]")
        found = [self.sure(schema, dialect, inside) for schema in leading[:most]]
        more = None if most is None else most - len(found)
        tail = self.value(rest, dialect, inside) if more != 0 else None
        if tail is None and least > len(found):
            self.schemas.note(path, f"minItems {least} is more than its schema allows")
            least = len(found)
        self._gap(dialect)
        content = self.items(found, tail, least, more, dialect.comma)
        return f"{dialect.brackets[0]} {content} {dialect.brackets[1]}"

    def items(
        self, leading: list[str], tail: str | None, least: int, more: int | None, comma: str
    ) -> str:
        """Return the expression of items: certain ones first, then ``more`` equal ones at most."""
        content = ""
        if tail is not None and not leading:
            tail = self._short(tail)
            rest = repeat(f"{comma} {tail}", max(least - 1, 0), None if more is None else more - 1)
            content = tail if more == 1 else f"{tail} {rest}"
            return content if least else maybe(content)
        if tail is not None:
            content = repeat(f"{comma} {tail}", max(least - len(leading), 0), more)
        for place in range(len(leading) - 1, -1, -1):
            separator = f"{comma} " if place else ""
            content = f"{separator}{leading[place]} {content}".rstrip()
            if place >= least:
                content = maybe(content)
        return content or NOTHING

    def counts(self, one: Simple, what: str, path: Path) -> tuple[int, int | None]:
        """Return how many items, properties or characters there are: at least, at most."""
        least, most = one.get(f"min{what}", 0), one.get(f"max{what}")
        whole = type(least) is int and (most is None or type(most) is int)
        if not whole or least < 0 or (most is not None and most < least):
            self.schemas.note(path, f"min{what} and max{what} do not fit; they are not enforced")
            return 0, None
        if what != "Length" and most is not None and most > _MOST_ITEMS:
            self.schemas.note(path, f"max{what} {most} is not enforced")
            most = None
        if what != "Length" and least > _MOST_ITEMS:
            self.schemas.note(path, f"min{what} {least} is enforced as {_MOST_ITEMS}")
            least = _MOST_ITEMS
        return least, most

    def _gap(self, dialect: Dialect) -> None:
        if "gap" in dialect.blocks:
            self._used.add("gap")

    # -- objects

    def object(self, one: Simple, dialect: Dialect, path: Path) -> str:
        """Return the expression of an object, braces and all."""
        self._gap(dialect)
        if open_to(one) is None:
            found = properties(self, one, dialect, path, dialect.member)
            content = members(self, found, dialect.comma)
        else:
            key = f"{self.block(f'{dialect.prefix}_key')} {dialect.colon}"
            content = entries(self, one, dialect, path, key, dialect.text_keys)
        return f"{dialect.braces[0]} {content} {dialect.braces[1]}"
