"""Values: a JSON Schema in, the types it allows out; raw text and those types in, JSON text out."""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

try:
    import _json  # CPython's accelerator; without it the table below does the same
except ImportError:
    _fast = None
else:
    _fast = _json.encode_basestring

TYPES = ("null", "boolean", "integer", "number", "object", "array", "string")
WORDS = {
    "true": "true",
    "True": "true",
    "false": "false",
    "False": "false",
    "null": "null",
    "None": "null",
}
_KINDS = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}
_CONTROL = {n: f"\\u{n:04x}" for n in range(32)} | {
    8: "\\b",
    9: "\\t",
    10: "\\n",
    12: "\\f",
    13: "\\r",
}
_QUOTED = _CONTROL | {34: '\\"', 92: "\\\\"}


def escape(text: str) -> str:
    """Return the text as the inside of a JSON string."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    if _fast is not None:
        return str(_fast(text)[1:-1])
    return text.translate(_QUOTED)


def escape_control(text: str) -> str:
    """Return a JSON string's inside with the control characters escaped that JSON forbids there."""
    return text if text.isprintable() else text.translate(_CONTROL)


def is_number(text: str) -> bool:
    """Tell whether a text is a JSON number."""
    body = text[1:] if text[:1] == "-" else text
    if not body[:1].isdigit() or not body.isascii():
        return False
    if body[0] == "0" and body[1:2].isdigit():
        return False
    if body.isdigit():
        return True
    mantissa, _, exponent = body.replace("E", "e").partition("e")
    if (
        "e" in body.lower()
        and not exponent.removeprefix("-" if exponent[:1] == "-" else "+").isdigit()
    ):
        return False
    whole, dot, fraction = mantissa.partition(".")
    return whole.isdigit() and (not dot or fraction.isdigit())


def python_number(text: str) -> str | None:
    """Return the JSON spelling of a number as Python writes it, or None."""
    if is_number(text):
        return text
    digits = text.lstrip("+-")
    if (
        len(text) > 400
        or not text.isascii()
        or digits[:1] not in ".0123456789"
        or len(text) - len(digits) > 1
    ):
        return None
    if digits[:1] == "0" and digits[1:2].isdigit():
        return None
    try:
        return str(int(text, 0))
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return None
    return repr(value) if value - value == 0 else None


def allowed_types(schema: Any, root: Any = None, depth: int = 0) -> frozenset[str]:
    """Return the JSON types that a schema allows; all of them where it does not say."""
    every = frozenset(TYPES)
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > 16:
        return every
    found = every
    if "$ref" in schema:
        found &= allowed_types(_pointed(schema["$ref"], root), root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, str):
        found &= frozenset((kind,))
    elif isinstance(kind, list):
        found &= frozenset(k for k in kind if isinstance(k, str))
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            found &= frozenset().union(
                *(allowed_types(option, root, depth + 1) for option in options)
            )
    for option in schema.get("allOf") or () if isinstance(schema.get("allOf"), list) else ():
        found &= allowed_types(option, root, depth + 1)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list) and values:
        kinds = frozenset(
            "null" if value is None else _KINDS.get(type(value), "string") for value in values
        )
        found &= kinds | {"number"} if "integer" in kinds else kinds
    if "number" in found:
        found |= {"integer"}
    if schema.get("nullable") is True:
        found |= {"null"}
    return found & every or every


def _pointed(ref: Any, root: Any) -> Any:
    """Return the schema that a reference names inside its root, or None."""
    target = root
    if not isinstance(ref, str) or not ref.startswith("#/"):
        return None
    for part in ref[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    return target


def inner_schema(schema: Any, root: Any, key: str | None, depth: int = 0) -> Any:
    """Return the schema of an object's property, or of a list's items; None where it says none."""
    if not isinstance(schema, dict) or depth > 16:
        return None
    properties = schema.get("properties")
    if key is None:
        found = schema.get("items")
    elif isinstance(properties, dict) and key in properties:
        found = properties[key]
    else:
        found = schema.get("additionalProperties")
    if isinstance(found, dict):
        return found
    others = [_pointed(schema["$ref"], root)] if "$ref" in schema else []
    for word in ("anyOf", "oneOf", "allOf"):
        options = schema.get(word)
        others += options if isinstance(options, list) else []
    inner = (inner_schema(other, root, key, depth + 1) for other in others)
    return next((one for one in inner if one is not None), None)


def property_types(parameters: Any) -> dict[str, frozenset[str]]:
    """Return the types that each parameter of a tool allows."""
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {key: allowed_types(schema, parameters) for key, schema in properties.items()}


def read_text(text: str, types: frozenset[str]) -> str | None:
    """Return a raw value's JSON text under the typing rule, or None if no allowed type reads it.

    Exactly a spelling of null is null where null is allowed; else the text is a string where a
    string is allowed; else the most specific type that reads.
    """
    word = WORDS.get(text.strip())
    if word == "null" and "null" in types and ("string" not in types or text == text.strip()):
        return "null"
    if "string" in types:
        return f'"{escape(text)}"'
    text = text.strip()
    if word in ("true", "false") and "boolean" in types:
        return word
    if is_number(text) and (
        "number" in types or ("integer" in types and text.removeprefix("-").isdigit())
    ):
        return text
    if text[:1] in ("{", "[", "("):
        return _container(text, types)
    return None


def _container(text: str, types: frozenset[str]) -> str | None:
    import json

    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        import ast

        try:
            value = ast.literal_eval(text)
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            value = json.loads(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return None
    kind = _KINDS.get(type(value), "null")
    return text if kind in types else None


def valid_json(text: str) -> bool:
    """Tell whether a text is one JSON value."""
    import json

    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
