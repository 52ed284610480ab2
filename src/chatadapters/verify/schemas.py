"""Tools and arguments: choices and an adapter's bounds in, OpenAI tools and values for them out."""

from __future__ import annotations

from typing import Any

from .choices import Choices, cuts, text, without
from .domain import Domain

Json = dict[str, Any]

NAMES = (
    "get_weather",
    "get",
    "add-numbers",
    "write_file",
    "search",
    "Lookup",
    "f",
    "run_2",
    "a_b-C_3",
    "tool",
    "x" * 64,
)
WORDS = (
    "city",
    "path",
    "n",
    "unit",
    "content",
    "q",
    "Flag",
    "items",
    "opts",
    "value2",
    "_hidden",
    "deep_key",
    "B",
    "name",
)
PLAIN = (*WORDS, "with-dash", "a.b", "größe", "名前", "x1-y")
ANY = (*PLAIN, "with space", 'quo"te', "line\nbreak", "", "a'b", "{", "arguments")
KINDS = (
    "string",
    "string",
    "string",
    "integer",
    "number",
    "boolean",
    "array",
    "object",
    "enum",
    "nullable",
)
ENUMS = (["celsius", "fahrenheit"], ["a b", "c", "ü"], ["", "x"])
NUMBERS = (0.5, -1.25, 3.0, 1e-7, 1e22, 123456.789, -0.5, 2.0, 1e16)
DESCRIPTIONS = (
    "",
    "The city, e.g. Zürich",
    "Say \"hi\" <b>&'x'",
    "first line\nsecond",
    "北京 \\n {x}",
    "plain words",
    " spaced ",
)


def tool_set(choices: Choices, domain: Domain, *, most: int = 4) -> list[Json]:
    """Return one to ``most`` OpenAI tools with different names."""
    names: list[str] = []
    for _ in range(choices.integer(1, most)):
        name = choices.pick(NAMES)
        if choices.chance(0.2):
            letters = "abcXYZ012_-"
            name = "".join(choices.pick(letters) for _ in range(choices.integer(1, 20)))
        if name not in names:
            names.append(name)
    return [_tool(choices, domain, name) for name in names]


def call_arguments(
    choices: Choices, domain: Domain, tool: Json | None, *, exotic: bool = False
) -> Json:
    """Return arguments for a tool: some of its parameters, in any order, sometimes none."""
    if choices.chance(0.12):
        return {}
    properties = _properties(tool)
    if not properties:
        return {}
    keys = list(properties)
    for _ in range(choices.integer(0, 2)):  # another order than the schema's
        keys.append(keys.pop(choices.integer(0, len(keys) - 1)))
    count = choices.integer(1, len(keys))
    return {key: _value(choices, domain, properties[key], exotic, 0) for key in keys[:count]}


def _properties(tool: Json | None) -> Json:
    found = (tool or {}).get("function", {}).get("parameters", {}).get("properties", {})
    return found if isinstance(found, dict) else {}


def _tool(choices: Choices, domain: Domain, name: str) -> Json:
    properties: Json = {}
    for _ in range(choices.integer(0, 4) if choices.chance(0.9) else 0):
        properties[_key(choices, domain)] = _schema(choices, domain, 0)
    parameters: Json = {"type": "object", "properties": properties}
    if properties and choices.chance(0.6):
        parameters["required"] = list(properties)[: choices.integer(1, len(properties))]
    function = {"name": name, "description": choices.pick(DESCRIPTIONS), "parameters": parameters}
    return {"type": "function", "function": function}


def _key(choices: Choices, domain: Domain) -> str:
    return choices.pick({"any": ANY, "plain": PLAIN, "word": WORDS}[domain.keys])


def _schema(choices: Choices, domain: Domain, depth: int) -> Json:
    kind = choices.pick(KINDS if depth < 2 else KINDS[:6])
    schema: Json
    match kind:
        case "enum":
            schema = {"type": "string", "enum": choices.pick(ENUMS)}
        case "nullable":
            schema = {"type": [choices.pick(("integer", "boolean", "number", "string")), "null"]}
        case "array":
            schema = {"type": "array", "items": _schema(choices, domain, depth + 1)}
        case "object":
            inner = {
                _key(choices, domain): _schema(choices, domain, depth + 1)
                for _ in range(choices.integer(1, 2))
            }
            schema = {"type": "object", "properties": inner}
        case _:
            schema = {"type": kind}
    if choices.chance(0.6):
        schema["description"] = choices.pick(DESCRIPTIONS)
    return schema


def _value(choices: Choices, domain: Domain, schema: Json, exotic: bool, depth: int) -> Any:
    kind = schema["type"]
    if isinstance(kind, list):
        if choices.chance(0.4) and not domain.tree:
            return None
        kind = kind[0]
        value = _value(choices, domain, {"type": kind}, exotic, depth)
        told = domain.typed and (depth == 0 or domain.tree)
        return "some" if told and value in ("null", "None") else value
    if "enum" in schema:
        return choices.pick(schema["enum"])
    match kind:
        case "integer":
            return (
                choices.pick((0, 1, -1, 42, 10**12, 2**53 + 1))
                if choices.chance(0.5)
                else choices.integer(-999, 999)
            )
        case "number":
            return choices.pick(NUMBERS) if choices.chance(0.8) else choices.integer(-9, 9)
        case "boolean":
            return choices.chance(0.5)
        case "array":
            items = range(choices.integer(0, 3))
            return [_value(choices, domain, schema["items"], exotic, depth + 1) for _ in items]
        case "object":
            return {
                k: _value(choices, domain, s, exotic, depth + 1)
                for k, s in schema["properties"].items()
            }
    lookalikes = (*domain.markers, *cuts(domain.markers)) if exotic else cuts(domain.markers)
    value = text(choices, lookalikes, longest=5, spicy=0.5 if exotic else 0.2)
    return without(value, domain.delimiters if exotic else (*domain.markers, *domain.delimiters))
