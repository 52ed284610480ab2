"""Objects under a schema: their keywords and a way to write keys in; expressions of members out."""

from __future__ import annotations

from .ebnf import NOTHING, either, maybe

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .dialect import Dialect
    from .schema import Path
    from .simples import Simple
    from .values import Values

    Member = tuple[str, bool]  # (expression of key and value, whether it must be there)
    Key = Callable[[str], str | None]
    Value = Callable[[str, Any, Path], str | None]

_RARE = frozenset(
    (
        *("patternProperties", "propertyNames", "minProperties", "maxProperties"),
        *("dependentRequired", "dependentSchemas", "dependencies"),
    )
)
_COST = 10  # of a property, as against a value of an enum
NO_VALUE = "its schema allows no value; any is allowed"
_FEW = 8  # of more members each is a rule: the automaton of one long sequence grows too fast


def open_to(one: Simple) -> tuple[Any] | None:
    """Return the schema of an object's entries; None where only declared ones are written.

    An object that declares properties, or says that it has none, is closed to others.
    """
    if one.get("properties") or one.get("required"):
        return None
    extra = one.get("additionalProperties", "properties" not in one)
    return None if extra is False and not one.get("patternProperties") else (extra,)


def properties(
    values: Values, one: Simple, dialect: Dialect, path: Path, key: Key, value: Value | None = None
) -> list[Member]:
    """Return the members of an object that declares its properties, in the order of writing.

    ``key`` spells a name and what follows it, ``value`` what comes then, by default the value;
    None is for what cannot be written.
    """

    def plain(name: str, schema: Any, path: Path) -> str | None:
        return values.value(schema, dialect, path)

    write = value or plain
    declared, listed = one.get("properties"), one.get("required")
    declared = declared if isinstance(declared, dict) else {}
    required = (
        [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    )
    extra = one.get("additionalProperties", True)
    names = [*declared, *(name for name in required if name not in declared)]
    values.schemas.count(_COST * len(names))
    if not _RARE.isdisjoint(one):
        _note_rare(values, one, len(required), len(names), path)
    found = []
    for name in sorted(names, key=dialect.order) if dialect.order else names:
        needed, inside = name in required, (path, f".{name}")
        spelled = key(name)
        if spelled is None:
            values.schemas.note(inside, "this format cannot write its name; it is left out")
            continue
        schema = declared.get(name, extra)
        text = write(name, schema, inside)
        if text is None and needed:
            values.schemas.note(inside, NO_VALUE)
            text = write(name, True, inside)
        if text is not None:
            found.append((f"{spelled} {text}", needed))
        elif schema is not False:
            values.schemas.note(inside, "its schema allows no value; it is left out")
    return found


def members(values: Values, found: Sequence[Member], comma: str) -> str:
    """Return the expression of members in this order, with commas between those there are."""
    first = next((n for n, (_, needed) in enumerate(found) if needed), None)
    if first is not None:
        texts = rules_of(values, found)
        before = [maybe(f"{text} {comma}") for text in texts[:first]]
        after = [
            f"{comma} {text}" if needed else maybe(f"{comma} {text}")
            for text, (_, needed) in zip(texts[first + 1 :], found[first + 1 :], strict=True)
        ]
        return " ".join((*before, texts[first], *after))
    options, rest = list[str](), ""
    for text, _ in reversed(found):
        name = values.rule(text)
        options.append(f"{name} {rest}".rstrip())
        rest = values.rule(f"{maybe(f'{comma} {name}')} {rest}".rstrip())
    return maybe(either(reversed(options))) if options else NOTHING


def rules_of(values: Values, found: Sequence[Member]) -> list[str]:
    """Return the expressions of members, as rules where there are many."""
    return [values.rule(text) if len(found) > _FEW else text for text, _ in found]


def entries(
    values: Values, one: Simple, dialect: Dialect, path: Path, key: str, text_keys: bool
) -> str:
    """Return the entries of an object that declares none; ``key`` ends with the colon."""
    (schema,) = open_to(one) or (True,)
    names, patterns = one.get("propertyNames"), one.get("patternProperties")
    note, inside = values.schemas.note, (path, ".*")
    if isinstance(patterns, dict) and patterns:
        if len(patterns) == 1 and text_keys and schema is False:
            ((pattern, schema),) = patterns.items()
            names = {"pattern": pattern}
        else:
            note(path, "patternProperties is not enforced")
            schema = True if schema is False else schema
    if isinstance(names, dict):
        if text_keys:
            text = values.sure({**names, "type": "string"}, dialect, inside)
            key = f"{text} {dialect.colon}"
        else:
            note(path, "propertyNames is not enforced")
    least, most = values.counts(one, "Properties", path)
    value = values.value(schema, dialect, inside)
    pair = None if value is None else f"{key} {value}"
    return values.items([], pair, least, most, dialect.comma)


def _note_rare(values: Values, one: Simple, required: int, names: int, path: Path) -> None:
    note = values.schemas.note
    for key in ("dependentRequired", "dependentSchemas", "dependencies"):
        if one.get(key):
            note(path, f"{key} is not enforced")
    for key in ("patternProperties", "propertyNames"):
        if one.get(key) not in (None, True, {}):
            note(path, f"{key} is not enforced; only declared properties are written")
    least, most = values.counts(one, "Properties", path)
    if least > required:
        note(path, f"minProperties {least} is not enforced")
    if most is not None and most < names:
        note(path, f"maxProperties {most} is not enforced")
