"""JSON Schema, flattened: a schema in, the simple alternatives that it allows out.

A simple alternative is a dict with one ``type`` (``any`` is one of them) and the keywords that hold
for it, or with an ``enum``. References, ``allOf``, ``anyOf`` and lists of types are gone at this
level; schemas inside are as they were. What is not expressed is noted, with its path.
"""

from __future__ import annotations

from .simples import GROUP_OF, KINDS, admits, has_kind, is_number_value, required_names

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .simples import Simple

    Path = tuple[Any, str] | None  # (path of the parent, what to add), None for the parameters

_UNSAID = ("not", "if", "$dynamicRef", "$recursiveRef")
_COMBINED = frozenset(("$ref", "anyOf", "oneOf", "allOf", *_UNSAID))
_BESIDE = frozenset((*GROUP_OF, *_COMBINED, "type", "enum", "const", "nullable")) - {"$ref"}
_TIGHTER = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
_ANYTHING: Simple = {"type": "any"}
_DEEPEST_SCHEMA = 40
_MOST_ALTERNATIVES = 256
MOST_PARTS = 10_000


class SchemaTooCostly(ValueError):
    """A tool's parameters would make a grammar that takes too long to compile."""


class Schemas:
    """The schemas of one tool's parameters. ``notes`` gathers what is not expressed, if given."""

    def __init__(self, root: Any, notes: list[str] | None) -> None:
        self.root = root
        self.depth = 0
        self._notes = notes
        self._flat: dict[int, tuple[Any, list[Simple]]] = {}  # by id; the schema keeps its id
        self._both: dict[tuple[int, int], Simple] = {}
        self._parts = 0

    def note(self, path: Path, text: str) -> None:
        """Note something about the schema at a path, once."""
        if self._notes is not None:
            said = f"{_where(path)}: {text}"
            if said not in self._notes:
                self._notes.append(said)

    def count(self, more: int = 1) -> None:
        """Count a part of the grammar. Raises ``SchemaTooCostly`` after the last one allowed."""
        self._parts += more
        if self._parts > MOST_PARTS:
            raise SchemaTooCostly(
                f"the parameters have more than {MOST_PARTS} enum values and alternatives, a "
                "property counting as 10: the grammar would take too long to compile. Shorten the "
                "schema, or set `strict` to false"
            )

    def flat(self, schema: Any, path: Path) -> list[Simple]:
        """Return the alternatives of a schema; none where no value is allowed."""
        if not isinstance(schema, dict):
            if schema is not True and schema is not False:
                self.note(path, "its schema is no object; any value is allowed")
            return [] if schema is False else [_ANYTHING]
        known = self._flat.get(id(schema))
        if known is not None:
            return known[1]
        if self.too_deep(path):
            return [_ANYTHING]
        self._flat[id(schema)] = (schema, [])  # what a reference to itself adds: nothing
        self.depth += 1
        found = self._product(schema, path)
        self.depth -= 1
        self._flat[id(schema)] = (schema, found)
        return found

    def too_deep(self, path: Path) -> bool:
        """Tell whether schemas are nested too deep here, and note it."""
        if self.depth >= _DEEPEST_SCHEMA:
            self.note(path, f"nested deeper than {_DEEPEST_SCHEMA}; any value is allowed here")
            return True
        return False

    def target(self, schema: Any) -> Any:
        """Follow a schema that is nothing but a reference; return what it refers to."""
        for _ in range(_DEEPEST_SCHEMA):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                break
            if not _BESIDE.isdisjoint(schema):
                break
            found = self._resolve(schema["$ref"])
            if found is None:
                break
            schema = found
        return schema

    def _resolve(self, reference: str) -> Any:
        """Return the schema that a reference within the parameters points to, or None."""
        if reference[:1] != "#" or reference[1:2] not in ("", "/"):
            return None
        found = self.root
        for part in reference[2:].split("/") if reference[2:] else ():
            name = part.replace("~1", "/").replace("~0", "~")
            if "%" in name:
                from urllib.parse import unquote

                name = unquote(name)
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found

    def _product(self, schema: Simple, path: Path) -> list[Simple]:
        found = self._own(schema, path)
        if _COMBINED.isdisjoint(schema):
            return found
        for options in self._parts_of(schema, path):
            self.count(len(found) * len(options))
            made = (self._merge(a, b, path) for a in found for b in options)
            found = [one for one in made if one is not None]
            if len(found) > _MOST_ALTERNATIVES:
                raise SchemaTooCostly(
                    f"{_where(path)} has more than {_MOST_ALTERNATIVES} alternatives: combine "
                    "fewer anyOf, oneOf and allOf, or set `strict` to false"
                )
        return found

    def _parts_of(self, schema: Simple, path: Path) -> Iterator[list[Simple]]:
        """Give the alternatives of every part that must hold too."""
        reference = schema.get("$ref")
        if reference is not None:
            target = self._resolve(reference) if isinstance(reference, str) else None
            if target is None:
                self.note(path, f"$ref {reference!r} leads nowhere; it is not enforced")
            else:
                yield self.flat(target, path)
        for key in ("anyOf", "oneOf"):
            options = schema.get(key)
            if isinstance(options, list) and options:
                each = [self.flat(option, path) for option in options]
                if key == "oneOf" and not self._disjoint(each):
                    self.note(path, "oneOf is enforced as anyOf")
                yield [one for group in each for one in group]
        every = schema.get("allOf")
        for option in every if isinstance(every, list) else ():
            yield self.flat(option, path)
        for key in _UNSAID:
            if key in schema:
                self.note(path, f"{key} is not enforced")

    def _own(self, schema: Simple, path: Path) -> list[Simple]:
        """Return the alternatives that a schema's own keywords leave, without its combinations."""
        kinds = schema.get("type")
        listed = "const" in schema or bool(schema.get("enum"))
        if isinstance(kinds, str):
            if kinds in KINDS and not listed and "nullable" not in schema:
                return [schema]
            kinds = [kinds]
        kinds = [kind for kind in kinds if kind != "any"] if isinstance(kinds, list) else []
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            self.note(path, f"type {unknown[0]!r} is no type of JSON Schema; it is not enforced")
            kinds = []
        nullable = schema.get("nullable") is True
        if listed:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return [{"enum": self._listed(schema, values, kinds, nullable, path)}]
        if not kinds:
            kinds = list(dict.fromkeys(GROUP_OF[key] for key in schema if key in GROUP_OF))
            if not kinds:
                return [_ANYTHING]
        if "number" in kinds:
            kinds = [kind for kind in kinds if kind != "integer"]
        found = [self._limited(kind, schema) for kind in dict.fromkeys(kinds)]
        if nullable and "null" not in kinds:
            self.note(path, "nullable allows null here, as in OpenAPI")
            found.append({"type": "null"})
        return found

    def _limited(self, kind: str, schema: Simple) -> Simple:
        group = "number" if kind == "integer" else kind
        return {"type": kind} | {k: schema[k] for k in schema if GROUP_OF.get(k) == group}

    def _listed(
        self, schema: Simple, values: Any, kinds: list[str], nullable: bool, path: Path
    ) -> list[Any]:
        """Return the values of an enum that its other keywords allow; all if none."""
        values = values if isinstance(values, list) else [values]
        fitting = [value for value in values if not kinds or has_kind(value, kinds)]
        limits = {key: value for key, value in schema.items() if key in GROUP_OF}
        if limits:
            fitting = [value for value in fitting if admits(limits, value)]
        if not fitting:
            self.note(path, "no value of its enum fits its other keywords; only the enum counts")
            fitting = values
        return [*fitting, None] if nullable and None not in fitting else fitting

    def _merge(self, one: Simple, other: Simple, path: Path) -> Simple | None:
        """Return the alternative that meets both, or None where nothing does."""
        if other is _ANYTHING or one is other:
            return one
        if one is _ANYTHING:
            return other
        if "enum" in one or "enum" in other:
            listed, rule = (one, other) if "enum" in one else (other, one)
            values = [value for value in listed["enum"] if admits(rule, value)]
            return {"enum": values} if values else None
        kinds = {one["type"], other["type"]}
        if len(kinds) > 1 and kinds != {"integer", "number"}:
            return None
        merged = dict(one)
        merged["type"] = "integer" if len(kinds) > 1 else one["type"]
        for key, value in other.items():
            mine = merged.get(key)
            if key not in GROUP_OF or mine == value:
                continue
            if key not in merged:
                merged[key] = value
            elif key in _TIGHTER and is_number_value(mine) and is_number_value(value):
                merged[key] = _TIGHTER[key](mine, value)
            elif key == "required" and isinstance(mine, list) and isinstance(value, list):
                merged[key] = [*mine, *(name for name in value if name not in mine)]
            elif key == "properties" and isinstance(mine, dict) and isinstance(value, dict):
                shared = {
                    name: self._conjunction(mine[name], value[name])
                    for name in value
                    if name in mine
                }
                merged[key] = {**mine, **value, **shared}
            elif key in ("items", "additionalProperties"):
                merged[key] = self._conjunction(mine, value)
            else:
                self.note(path, f"of several {key} only the first is enforced")
        for closed in (one, other):
            if closed.get("additionalProperties") is False and "properties" in merged:
                names = closed.get("properties") or ()
                merged["properties"] = {k: v for k, v in merged["properties"].items() if k in names}
        return merged

    def _conjunction(self, one: Any, other: Any) -> Any:
        """Return the schema that says both; the same one for the same two."""
        if one is False or other is False:
            return False
        if not isinstance(one, dict) or one is other:
            return other
        if not isinstance(other, dict):
            return one
        return self._both.setdefault((id(one), id(other)), {"allOf": [one, other]})

    def _disjoint(self, groups: list[list[Simple]]) -> bool:
        """Tell whether no value can meet alternatives of two groups."""
        return not any(
            self._meet(a, b)
            for n, group in enumerate(groups)
            for later in groups[n + 1 :]
            for a in group
            for b in later
        )

    def _meet(self, one: Simple, other: Simple, deep: bool = True) -> bool:
        """Tell whether a value may meet both alternatives; when in doubt it may."""
        if "enum" in one or "enum" in other:
            listed, rule = (one, other) if "enum" in one else (other, one)
            return any(admits(rule, value) for value in listed["enum"])
        kinds = {one["type"], other["type"]}
        if len(kinds) > 1:
            return "any" in kinds or kinds == {"integer", "number"}
        if not deep or kinds != {"object"}:
            return True
        for name in required_names(one) & required_names(other):
            sides = [
                self.flat((side.get("properties") or {}).get(name, True), None)
                for side in (one, other)
            ]
            if not any(self._meet(a, b, False) for a in sides[0] for b in sides[1]):
                return False
        return True


def _where(path: Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    name = "".join(reversed(steps)).lstrip(".")
    return f"property {name!r}" if name else "the parameters"
