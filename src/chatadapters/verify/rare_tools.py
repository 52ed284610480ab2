"""Tools as some clients declare them: a list of unusual ones in, conversations that offer them out.

Templates that print a schema key by key ask for ``default``, ``oneOf``, ``nullable`` and many more,
each of which needs a tool that has it, alone and beside others, on every level.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from ..declaration import Declaration
from ..fragments import texts
from .conversations import Conversation
from .domain import Domain
from .schemas import Json

SCHEMAS: tuple[Json, ...] = (
    {"type": "string", "default": "abc"},
    {"type": "string", "default": "", "description": "May be empty."},
    {"type": "string", "default": None, "description": "May be null."},
    {"type": "integer", "default": 5, "description": "How many.", "minimum": 1, "maximum": 10},
    {"type": "integer", "minimum": 0, "exclusiveMaximum": 9, "multipleOf": 3},
    {"type": "number", "default": 0.5, "description": "Share. ", "minimum": 0.0},
    {"type": "boolean", "default": False, "description": "Or not"},
    {"type": "boolean", "default": True},
    {"type": "array", "items": {"type": "string"}, "default": ["a", "b"], "minItems": 1},
    {"type": "array", "items": {"type": "integer"}, "default": [], "maxItems": 4},
    {"type": "object", "properties": {"a": {"type": "string"}}, "default": {"a": "b"}},
    {"type": "string", "enum": ["low", "high"], "default": "low", "description": "Which one."},
    {"type": "string", "enum": ["only"]},
    {"type": "integer", "enum": [1, 2, 3], "description": "One of three"},
    {"type": "number", "enum": [0.5, 1.5]},
    {"type": "boolean", "enum": [True]},
    {"type": ["string", "null"], "enum": ["a", None]},
    {"enum": ["a", 1, None, True]},
    {"const": "fixed"},
    {"type": "string", "const": "fixed", "title": "Fixed"},
    {"type": "string", "nullable": True, "description": "May be missing"},
    {"type": "integer", "nullable": True, "default": None},
    {"type": "array", "items": {"type": "string", "nullable": True}, "nullable": True},
    {"type": "object", "properties": {"a": {"type": "number"}}, "nullable": True},
    {"type": "string", "format": "date-time", "description": "When"},
    {"type": "string", "format": "date", "default": "2024-01-01"},
    {"type": "string", "format": "email", "title": "Mail"},
    {"type": "string", "format": "uuid", "minLength": 36, "maxLength": 36, "pattern": "^[a-f-]+$"},
    {"type": "integer", "format": "int64"},
    {"type": "number", "format": "float", "title": "Ratio", "examples": [0.1, 0.2]},
    {"type": "string", "examples": ["x", "y"], "description": "Line one.\nLine two.", "title": "T"},
    {"type": ["string", "integer"], "description": "Either"},
    {"type": ["string", "number", "null"]},
    {"type": ["string"]},
    {"type": "null"},
    {"type": "any", "description": "Whatever"},
    {"type": "array"},
    {"type": "array", "description": "A list of anything"},
    {"type": "array", "items": {}},
    {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "description": "Some."},
    {"type": "array", "items": {"type": "string", "description": "One of it"}, "uniqueItems": True},
    {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    {"type": "array", "items": {"type": "boolean"}},
    {"type": "array", "items": {"type": ["integer", "null"]}},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
    {
        "type": "array",
        "description": "Points",
        "items": {
            "type": "object",
            "properties": {
                "x": {"type": "number", "description": "Across"},
                "y": {"type": "number", "default": 1},
            },
            "required": ["x"],
        },
    },
    {"type": "array", "items": {"type": "object"}},
    {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
    {"type": "object"},
    {"type": "object", "description": "Free"},
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": []},
    {
        "type": "object",
        "title": "Range",
        "description": "From and to",
        "properties": {
            "from": {"type": "integer", "description": "First", "default": 0},
            "to": {"type": "integer", "enum": [1, 2]},
            "inner": {
                "type": "object",
                "properties": {"deep": {"type": "boolean"}, "b": {"type": "string"}},
                "required": ["deep"],
                "description": "Inner",
            },
        },
        "required": ["to", "inner"],
        "additionalProperties": False,
    },
    {"type": "object", "additionalProperties": {"type": "string"}},
    {"type": "object", "additionalProperties": True},
    {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "string"}}},
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}},
    {"oneOf": [{"type": "string"}, {"type": "integer", "description": "A number"}]},
    {"oneOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}], "description": "Or none"},
    {"oneOf": [{"type": "string"}, {"type": "number"}], "default": "a", "description": "Or so"},
    {"type": "object", "oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]},
    {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Name"},
    {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "integer"}]},
    {"allOf": [{"type": "string"}, {"minLength": 1}], "description": "Both"},
    {"not": {"type": "string"}},
    {"$ref": "#/$defs/Point"},
    {"$ref": "#/$defs/Point", "description": "Where"},
    {"type": "array", "items": {"$ref": "#/$defs/Point"}},
    {},
    {"description": "No type is told"},
    {"title": "Bare", "default": 1},
)  # fmt: skip

POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
NO_PARAMETERS: tuple[Json, ...] = (
    {},
    {"parameters": None},
    {"parameters": {}},
    {"parameters": {"type": "object"}},
    {"parameters": {"type": "object", "properties": {}, "required": []}},
)
SOME = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FUNCTIONS: tuple[Json, ...] = (
    *({"description": "Does it.", **given} for given in NO_PARAMETERS),
    {"parameters": SOME},
    {"description": None, "parameters": SOME},
    {"description": "", "parameters": SOME},
    {"description": "Strict.", "parameters": SOME, "strict": True},
    {"description": "Returns.", "parameters": SOME, "return": {"type": "string"}},
    {
        "description": "Responds.",
        "parameters": SOME,
        "response": {"type": "object", "properties": {"b": {"type": "integer", "title": "B"}}},
    },
)  # fmt: skip
TOGETHER = 6  # properties in each tool that has several


def with_rare_tools(declaration: Declaration, domain: Domain) -> Iterator[Conversation]:
    """Give a question for each schema in a list, in an object and beside others.

    Where the fragments print a schema key by key, each schema is also the only one.
    """
    if domain.calls == 0:
        return
    if declaration.prompt.use or any("properties" in text for text in texts(declaration).values()):
        for number, schema in enumerate(SCHEMAS):
            for how, told in _wrapped(schema, number % 2):
                yield _asked([_tool({"p": told}, number % 2)], f"schema {number} {how}")
    for at in range(0, len(SCHEMAS), TOGETHER):
        for number, how in enumerate(("as it is", "in a list", "in an object")):
            chosen = [dict(_wrapped(schema, 1))[how] for schema in SCHEMAS[at : at + TOGETHER]]
            first = _tool(dict(zip("abcdefgh", chosen, strict=False)), number)
            second = _tool({"z": chosen[-1], "a": chosen[0]}, 1, "second")
            yield _asked([first, second], f"schemas {at} to {at + len(chosen) - 1} {how}")
    for number, given in enumerate(FUNCTIONS):
        function = {"name": "first", **copy.deepcopy(given)}
        tool = {"type": "function", "function": function}
        yield _asked([tool], f"function {number}")
        yield _asked([tool, _tool({"a": SCHEMAS[0]}, 0, "second")], f"function {number} of two")
    for tools in ([_tool({"a": SCHEMAS[0]}, 1)], [_tool({"a": SCHEMAS[4]}, 0), _tool({}, 0, "b")]):
        yield _asked([tool["function"] for tool in tools], f"{len(tools)} without wrappers")


def _wrapped(schema: Json, required: int) -> list[tuple[str, Json]]:
    inner: Json = {"type": "object", "properties": {"one": schema, "n": {"type": "integer"}}}
    if required:
        inner["required"] = ["one"]
    listed = {"type": "array", "items": schema}
    return [("as it is", schema), ("in a list", listed), ("in an object", inner)]


def _tool(properties: Json, required: int, name: str = "first") -> Json:
    parameters: Json = {"type": "object", "properties": properties}
    if "$ref" in repr(properties):
        parameters["$defs"] = {"Point": POINT}
    if required:
        parameters["required"] = list(properties)[:required]
    function = {"name": name, "description": "Does it.", "parameters": parameters}
    return {"type": "function", "function": copy.deepcopy(function)}


def _asked(tools: list[Json], name: str) -> Conversation:
    return Conversation([{"role": "user", "content": "Hi"}], tools, name=name)
