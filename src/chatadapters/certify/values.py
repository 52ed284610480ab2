"""Limits of values: values under schemas in; by the table of calls, which of them are lost out.

The typing rule is one: a string is preferred wherever the schema allows one. What is not said on
the wire is known from the schema alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..runtime.values import allowed_types, inner_schema
from . import messages
from .messages import KEY, Message

FLOATS = {"type": "array", "items": {"type": "number"}}
INFINITE, NOT_A_NUMBER = float("inf"), float("nan")
_NUMBERS = {"type": "array", "items": {"type": "integer"}}
_INNER = {"type": "object", "properties": {"b": {"type": "integer"}}}
NESTED = {"type": "object", "properties": {"b": {"type": "array", "items": _INNER}}}
_ITEM = {"type": "object", "properties": {"item": {"type": "integer"}}}
_MIXED: list[Any] = [1, "b", None, True]
# the least schema that says what a value is, and values of it, the shortest first
PRECISE: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    ("null", (None,)),
    ("boolean", (True, False)),
    ("integer", (1, 0, -1, 2**53 + 1, -(2**63), 10**25)),
    ("number", (0.5, 1.0, -0.0, 1e22, 1e-7, 5e-324, 1.7976931348623157e308)),
    (_NUMBERS, ([], [1], [1, 2])),
    ({"type": "array", "items": {"type": "string"}}, (["b"], ["1", ""], ["b\nc", " d "])),
    ({"type": "array", "items": {"type": ["integer", "null"]}}, ([None], [1, None])),
    ({"type": "array", "items": _NUMBERS}, ([[1]], [[], [2]])),
    ("array", ([],)),
    ("object", ({},)),
    (_INNER, ({}, {"b": 1})),
    (NESTED, ({"b": [{"b": 1}]}, {"b": []})),
    ({"type": "object", "properties": {"b": {"type": "null"}}}, ({"b": None},)),
    ({"type": ["integer", "null"]}, (1, None)),
    ({"type": ["number", "boolean"]}, (0.5, True)),
)
STRINGS = (
    *("b", "1", "", "{", "'", '"', "\\", "\\n", "[]", "{}", " b ", "\n", "b\n", "\nb", "0", "-1"),
    *("1.0", "1e3", "null", "None", "true", "True", "false", "NaN", '"b"', "'b'", "<", "&", "é"),
    *("b\nc", "b\\'c", "\t", "\u2028", "&amp;", "[1]", '{"b": 1}', "<b>", "]]>", "😀"),
)
_WORDS = {
    "union": "a number, boolean, list or object where the schema also allows a string, "
    "or says no type: it is a string",
    "null": "the string 'null' or 'None' where the schema allows both null and string",
    "missing": "null: its key is left out, and in a list it is empty, which is null only where the "
    "schema allows no string, list or object",
    "empty": "an empty list or object where the schema also allows a string, or says no type, "
    "or allows the other",
    "schema": "what a list or an object holds, where the schema does not say its type: it is a "
    "string",
    "item": "an object whose first key is {!r} where the schema allows a list too: it is a list",
    "begins": "a string that begins as an element does where the schema allows a list or an object",
    "infinite": "an infinite number, such as 1e400: no JSON value",
    "not a number": "NaN: no JSON value",
    "surrogate": "a string with a lone surrogate: no text in UTF-8",
}


@dataclass(frozen=True)
class Case:
    """One value of an argument under a schema; ``form`` says how precise the schema is.

    In the form ``additional`` the schema is that of all arguments which the tool does not name.
    """

    value: Any
    schema: dict[str, Any]
    form: str

    @property
    def message(self) -> Message:
        return messages.arguments(self.value)

    @property
    def tools(self) -> list[Message]:
        if self.form == "additional":
            return [messages.tool(additionalProperties=self.schema)]
        return [messages.tool({KEY: self.schema})]


def cases() -> Iterator[Case]:
    """Give values under schemas: one that is precise, some that allow a string too, and none."""
    for kind, values in PRECISE:
        exact = kind if isinstance(kind, dict) else {"type": kind}
        for value in values:
            yield Case(value, exact, "precise")
            yield from _loose(value, exact)
    for text in STRINGS:
        yield Case(text, {"type": "string"}, "precise")
        for other in ("null", "integer", "boolean", "object", "array"):
            yield Case(text, {"type": ["string", other]}, "type")
        yield Case(text, {}, "none")
    yield Case("1", {"enum": ["1", 1]}, "enum")
    yield Case(1, {"enum": ["1", 1]}, "enum")
    yield Case("b", {"enum": ["b", "c"]}, "enum")
    yield Case(_MIXED, {"type": "array"}, "items")
    yield Case([1], {"type": "array"}, "items")
    yield Case(["b"], {"type": "array"}, "items")
    yield Case({"b": 1}, {"type": "object"}, "properties")
    yield Case({"b": "c"}, {"type": "object"}, "properties")
    yield Case({"b": [1]}, {"type": "object"}, "properties")
    yield Case({"b": 1}, {"type": "object", "additionalProperties": {"type": "integer"}}, "precise")
    yield Case(1, {"type": "integer"}, "additional")
    yield Case("b", {"type": "string"}, "additional")
    yield Case({"item": 1}, {**_ITEM, "type": ["object", "array"]}, "item")
    yield Case({"item": 1}, {}, "none")


def _loose(value: Any, exact: Mapping[str, Any]) -> Iterator[Case]:
    kind = exact["type"]
    kinds = [*kind, "string"] if isinstance(kind, list) else [kind, "string"]
    yield Case(value, {**exact, "type": kinds}, "type")
    yield Case(value, {"oneOf": [dict(exact), {"type": "string"}]}, "oneOf")
    yield Case(value, {"anyOf": [dict(exact), {"type": "string"}]}, "anyOf")
    yield Case(value, {}, "none")


def odd_cases() -> Iterator[tuple[str, Case]]:
    """Give values that are no JSON, with the kind of the limit that they are beyond."""
    for kind, number in (("infinite", INFINITE), ("not a number", NOT_A_NUMBER)):
        yield kind, Case(number, {"type": "number"}, "precise")
    yield "surrogate", Case("\ud800", {"type": "string"}, "precise")


def words(kind: str, table: Mapping[str, Any]) -> str:
    """Return a limit of values in words."""
    items = [call["table"]["item"] for call in table["calls"] if call["payload"] == "elements"]
    return _WORDS[kind].format(*items[:1] or [""])


def lost(case: Case, table: Mapping[str, Any]) -> str:
    """Return the kind of the limit that a case is beyond, "" where it is carried."""
    found = (_lost(case.value, case.schema, case.form, call) for call in table["calls"])
    return next((kind for kind in found if kind), "")


def _lost(value: Any, schema: Any, form: str, call: Mapping[str, Any]) -> str:
    table = call["table"]
    if call["payload"] == "elements":
        return _element(value, schema, schema, table)
    if call["payload"] != "pairs" or "typed" in table or table["json"]:
        return ""
    types = allowed_types({} if form == "additional" else schema)  # of named arguments only
    return _leaf(value, types, table["nulls"])


def _leaf(value: Any, types: frozenset[str], nulls: tuple[str, ...]) -> str:
    """Return the limit of a raw text that a schema types."""
    if value is None:
        return "" if "null" in types else "union"
    if isinstance(value, str):
        return "null" if "null" in types and value in nulls else ""
    return "union" if "string" in types else ""


def _element(
    value: Any,
    schema: Any,
    root: Any,
    table: Mapping[str, Any],
    holder: type[Any] | None = None,
) -> str:
    types = allowed_types(schema, root)
    if value is None:
        empty = holder is list and "null" in types and not types & {"string", "array", "object"}
        return "" if empty else "missing"
    if isinstance(value, list | dict):
        return _container(value, schema, root, table, types)
    if isinstance(value, str):
        opened = value.lstrip(" \t\r\n").startswith(table["mark"] + "<")
        if opened and types & {"array", "object"}:
            return "begins"
        if not value and "string" in types:
            return ""
    found = _leaf(value, types, table["nulls"])
    unsaid = found == "union" and holder is not None and types == allowed_types({})
    return "schema" if unsaid else found


def _container(
    value: Any, schema: Any, root: Any, table: Mapping[str, Any], types: frozenset[str]
) -> str:
    if not value:
        other = isinstance(value, dict) and "array" in types
        return "empty" if "string" in types or other else ""
    if isinstance(value, dict):
        if "array" in types and next(iter(value)) == table["item"]:
            return "item"
        parts = [(item, inner_schema(schema, root, key)) for key, item in value.items()]
    else:
        parts = [(item, inner_schema(schema, root, None)) for item in value]
    found = (
        _element(item, {} if inner is None else inner, root, table, type(value))
        for item, inner in parts
    )
    return next((kind for kind in found if kind), "")


_TYPES = {
    bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
}  # fmt: skip
_WHERE = {
    "with its type": ("precise", "items", "properties", "item"),
    "with its type or a string": ("type", "oneOf", "anyOf"),
    "without a type": ("none",),
}


def domains(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give each JSON type, and under which schemas its values are carried, in words."""
    tried: dict[str, dict[str, set[bool]]] = {}
    for case in cases():
        kind = _TYPES.get(type(case.value), "null")
        for where, forms in _WHERE.items():
            if case.form in forms:
                kept = tried.setdefault(kind, {}).setdefault(where, set())
                kept.add(not lost(case, table))
    for kind, found in tried.items():
        said = {
            "carried": [where for where, some in found.items() if some == {True}],
            "some carried": [where for where, some in found.items() if len(some) == 2],
            "lost": [where for where, some in found.items() if some == {False}],
        }
        if len(said["carried"]) == len(found):
            yield kind, "carried whatever the schema says"
        else:
            words = (f"{how} {', '.join(where)}" for how, where in said.items() if where)
            yield kind, "; ".join(words)


def size(case: Case) -> tuple[int, int]:
    """Return what makes a case small: its value's text, then its schema's."""
    return len(json.dumps(case.value)), len(json.dumps(case.schema))
