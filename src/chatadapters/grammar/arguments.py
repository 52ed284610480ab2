"""The arguments of a tool's call: a JSON Schema and an encoding in, a structural tag's node out.

The node generates texts that the encoding's printer writes for values that are valid under the
schema, and that its reader takes. Properties come in the order of the schema, or sorted where the
printer sorts them; those that are not required may be left out, and none comes twice. Further ones
come only where the schema declares none of its own. White space is as printed. Without ``strict``
any arguments go that the encoding can spell.

All encodings have grammars of our own. xgrammar's node for JSON takes any white space, as much as
a model likes; its strings with a maxLength take seconds to compile; and what it ignores differs.
"""

from __future__ import annotations

from ..runtime.values import allowed_types, property_types
from .dialect import LONGEST_WRITTEN_KEY
from .ebnf import NOTHING, either, literal, maybe, none_of, repeat, without
from .elements import Elements, any_elements
from .encodings import dialect_of
from .objects import entries, members, open_to, properties, rules_of
from .quoted import filled
from .simples import kind_of
from .strings import MOST_COUNTED
from .values import PLAIN_SCHEMA, Values, is_texts

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .dialect import Dialect
    from .schema import Path
    from .simples import Simple

    Types = frozenset[str]

_ANY_TYPE = frozenset(("null", "boolean", "integer", "number", "object", "array", "string"))
_ANY_KEYWORD = '[a-zA-Z_] [a-zA-Z0-9_]* "="'
_FREE: Simple = {"type": "object"}


def arguments_node(
    spec: Mapping[str, Any], parameters: Any, strict: bool, counted: int = MOST_COUNTED
) -> dict[str, Any]:
    """Return the node of a tool's arguments, plain data of xgrammar's structural tags.

    ``spec`` is the encoding: ``kind`` (``json``, ``python``, ``literal`` or ``pairs``), ``options``
    of its codec; pairs also have ``codec`` and the texts ``open``, ``middle``, ``close``, ``ends``.
    ``counted`` is the sum of the maxLengths that may be enforced. Raises ``SchemaTooCostly``.
    """
    return {"type": "grammar", "grammar": _grammar(spec, parameters, strict, None, counted)}


def schema_notes(
    spec: Mapping[str, Any], parameters: Any, counted: int = MOST_COUNTED
) -> list[str]:
    """Return what the grammar does not enforce of a schema, a sentence each.

    Raises ``SchemaTooCostly``.
    """
    notes: list[str] = []
    _grammar(spec, parameters, True, notes, counted)
    return notes


def _grammar(
    spec: Mapping[str, Any], parameters: Any, strict: bool, notes: list[str] | None, counted: int
) -> str:
    top, kind = dialect_of(spec), spec["kind"]
    if kind == "elements":
        return _elements(spec, top, parameters, strict, notes, counted)
    values = Values(top, parameters, notes, counted)
    alternatives = _objects(values, parameters) if strict else [_FREE]
    typed = "typed" in spec or spec.get("codec") != "text"
    types = {} if strict or typed else property_types(parameters)
    if types:
        found = [_loose_pairs(values, spec, types)]
        found += [literal(spec["empty"])] if "empty" in spec else []
    elif kind == "pairs":
        found = [_pairs(values, spec, one, parameters) for one in alternatives]
        if "empty" in spec and not all(one.get("required") for one in alternatives):
            found.append(literal(spec["empty"]))
    elif kind == "python":
        found = [_keywords(values, one) for one in alternatives]
    else:
        found = [values.object(one, top, None) for one in alternatives]
    return values.text(either(found))


def _elements(
    spec: Mapping[str, Any],
    top: Dialect,
    parameters: Any,
    strict: bool,
    notes: list[str] | None,
    counted: int,
) -> str:
    values = Elements(spec["options"], top, parameters, notes, counted)
    found = [one for one in _objects(values, parameters) if open_to(one) is None]
    if not strict or not found:
        return values.text(any_elements(values, spec))
    return values.text(either([values.object(one, top, None) for one in found]))


def _objects(values: Values, parameters: Any) -> list[Simple]:
    """Return the alternatives of the parameters that are objects."""
    if parameters is None:
        return [_FREE]
    alternatives = values.schemas.flat(values.schemas.target(parameters), None)
    found = [one for one in alternatives if one.get("type") == "object"]
    if not found and not any(one.get("type") == "any" for one in alternatives):
        values.schemas.note(None, "their schema allows no object; any arguments are allowed")
    return found or [_FREE]


# -- Python keywords


def _keywords(values: Values, one: Simple) -> str:
    top = values.top
    if open_to(one) is not None:
        return entries(values, one, top, None, _ANY_KEYWORD, False)
    return members(values, properties(values, one, top, None, _keyword), top.comma)


def _keyword(name: str) -> str | None:
    fits = name.isidentifier() and len(name) <= LONGEST_WRITTEN_KEY
    return literal(f"{name}=") if fits else None


# -- marked pairs


def _pairs(values: Values, spec: Mapping[str, Any], one: Simple, parameters: Any) -> str:
    close = literal(spec["close"])
    declared = parameters.get("properties") if isinstance(parameters, dict) else None
    declared = declared if isinstance(declared, dict) else {}

    def value(name: str, schema: Any, path: Path) -> str | None:
        if "typed" in spec:
            found = _typed_value(values, spec, schema, path)
            return None if found is None else f"{found} {close}"
        found = _plain_value(values, schema, path)
        if found is None:
            types = allowed_types(declared[name], parameters) if name in declared else _ANY_TYPE
            found = _pair_value(values, spec, schema, types, path)
        return None if found is None else f"{found} {close}"

    opened = open_to(one)
    if opened is not None:
        inside = (None, ".*")
        text = (
            _typed_value(values, spec, opened[0], inside)
            if "typed" in spec
            else _pair_value(values, spec, opened[0], _ANY_TYPE, inside)
        )
        least, most = values.counts(one, "Properties", None)
        return (
            NOTHING
            if text is None
            else repeat(f"{_any_key(values, spec)} {text} {close}", least, most)
        )
    found = properties(values, one, values.top, None, _keys(spec), value)
    texts = rules_of(values, found)
    parts = [t if needed else maybe(t) for t, (_, needed) in zip(texts, found, strict=True)]
    return " ".join(parts) or NOTHING


def _plain_value(values: Values, schema: Any, path: Path) -> str | None:
    """Return the expression of a value whose schema says a type, or texts, and no more."""
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type")
    if PLAIN_SCHEMA.issuperset(schema):
        if isinstance(kind, str) and kind != "any" and kind in values.top.simple:
            return values.block(values.top.simple[kind])
        return None
    return values.value(schema, values.top, path) if is_texts(schema) else None


def _pair_value(
    values: Values, spec: Mapping[str, Any], schema: Any, types: Types, path: Path
) -> str | None:
    """Return the expression of a pair's value, as far as its text reads back as what it is."""
    if spec["codec"] == "json":
        return values.value(schema, values.top, path)
    alternatives = values.schemas.flat(values.schemas.target(schema), path)
    text = "string" in types
    nulls = ("null", "None") if "null" in types else ()
    kept: list[Simple] = []
    for one in alternatives:
        if "enum" in one:
            fitting = [v for v in one["enum"] if v is None or isinstance(v, str) == text]
            fitting = [v for v in fitting if v not in nulls]
            if fitting:
                kept.append(one if len(fitting) == len(one["enum"]) else {"enum": fitting})
        elif one["type"] == "null" or (one["type"] in ("string", "any")) == text:
            kept.append(one)
    if not kept:
        values.schemas.note(path, "it reads back as text, which its schema does not allow")
    elif kept != alternatives:
        only = "only text is written" if text else "no text is written"
        values.schemas.note(path, f"{only}, as text is {'all' if text else 'not'} that can be read")
    return values.any_of(kept or alternatives, values.top, path)


def _typed_value(values: Values, spec: Mapping[str, Any], schema: Any, path: Path) -> str | None:
    """Return the expression of a type's word and a value of that type."""
    words, after = spec["typed"]["words"], spec["typed"]["after"]
    grouped: dict[str, list[Simple]] = {}
    for one in values.schemas.flat(values.schemas.target(schema), path):
        for kind, part in _by_kind(one, "integer" in words):
            grouped.setdefault(words[kind], []).append(part)
    found = []
    for word, parts in grouped.items():
        text = values.any_of(parts, values.top, path)
        if text is not None:
            found.append(f"{literal(word + after)} {text}")
    return either(found) if found else None


def _by_kind(one: Simple, integers: bool) -> list[tuple[str, Simple]]:
    """Return the parts of an alternative, each with the kind of its values."""
    if "enum" in one:
        kinds = dict.fromkeys(_written_kind(value, integers) for value in one["enum"])
        return [
            (kind, {"enum": [v for v in one["enum"] if _written_kind(v, integers) == kind]})
            for kind in kinds
        ]
    if one["type"] == "any":
        return [
            part
            for kind in ("string", "number", "boolean", "null", "object", "array")
            for part in _by_kind({"type": kind}, integers)
        ]
    if one["type"] == "integer" and not integers:
        return [("number", one)]
    if one["type"] == "number" and integers:
        return [("number", one), ("integer", {**one, "type": "integer"})]
    return [(one["type"], one)]


def _written_kind(value: Any, integers: bool) -> str:
    kind = kind_of(value)
    return "number" if kind == "integer" and not integers else kind


def _keys(spec: Mapping[str, Any]) -> Callable[[str], str | None]:
    """Return what spells a key with its markers, None where it does not read back."""
    end = spec["middle"].split()[0]
    before, after = literal(spec["open"])[:-1], literal(spec["middle"])[1:]

    def key(name: str) -> str | None:
        if "escaped" in spec:
            name = name.replace("&", "&amp;").replace('"', "&quot;")
        fits = 0 < len(name) <= LONGEST_WRITTEN_KEY and "\n" not in name and end not in name
        return f"{before}{literal(name)[1:-1]}{after}" if fits else None

    return key


def _any_key(values: Values, spec: Mapping[str, Any]) -> str:
    ends = (spec["middle"].split()[0], "\n")
    plain = none_of("".join(end[0] for end in ends))
    key = filled(ends, plain, values.rule(without(ends)))
    return f"{literal(spec['open'])} {key} {literal(spec['middle'])}"


def _loose_pairs(values: Values, spec: Mapping[str, Any], types: Mapping[str, Types]) -> str:
    """Return any pairs of the declared keys, each with any value of its types."""
    found, spell = [], _keys(spec)
    for name, allowed in types.items():
        key = spell(name)
        if key is not None:
            kinds = ["any"] if allowed == _ANY_TYPE else sorted(allowed)
            schema = {"anyOf": [{"type": kind} for kind in kinds]}
            text = _pair_value(values, spec, schema, allowed, (None, f".{name}"))
            found.append(f"{key} {text} {literal(spec['close'])}")
    return repeat(either(found)) if found else NOTHING
