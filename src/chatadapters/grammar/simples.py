"""Simple alternatives of a schema and JSON values: what they are and whether they fit."""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

    Simple = dict[str, Any]

_KEYWORDS = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "object": (
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
        "dependencies",
    ),
    "array": (
        *("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"),
        "contains",
    ),
}
KINDS = ("null", "boolean", "integer", "number", "object", "array", "string")
GROUP_OF = {keyword: group for group, keywords in _KEYWORDS.items() for keyword in keywords}


def kind_of(value: Any) -> str:
    """Return the type of a JSON value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    for kind, known in (("string", str), ("integer", int), ("number", float), ("array", list)):
        if isinstance(value, known):
            return kind
    return "object"


def is_number_value(value: Any) -> bool:
    """Tell whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def has_kind(value: Any, kinds: list[str]) -> bool:
    """Tell whether a value has one of these types."""
    kind = kind_of(value)
    return kind in kinds or (kind == "integer" and "number" in kinds)


def admits(rule: Simple, value: Any) -> bool:
    """Tell whether an alternative allows a value, as far as one sees without looking into it."""
    if "enum" in rule:
        return any(
            v == value and isinstance(v, bool) == isinstance(value, bool) for v in rule["enum"]
        )
    kind = rule.get("type", "any")
    if kind != "any" and not has_kind(value, [kind]):
        return False
    low: Any
    high: Any
    if isinstance(value, str):
        low, high, size = rule.get("minLength"), rule.get("maxLength"), len(value)
    elif is_number_value(value):
        low, high, size = rule.get("minimum"), rule.get("maximum"), value
    else:
        return True
    fits = not is_number_value(low) or size >= low
    return fits and (not is_number_value(high) or size <= high)


def required_names(one: Simple) -> set[str]:
    """Return the names that an alternative requires."""
    names = one.get("required")
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
