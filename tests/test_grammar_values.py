"""Grammars of arguments, as texts: what is noted, what is refused, their order and their cost."""

from __future__ import annotations

import copy
import subprocess
import sys
import time

import pytest

from chatadapters import grammar, runtime
from chatadapters.emit.python import joined
from chatadapters.grammar.arguments import arguments_node, schema_notes
from chatadapters.grammar.schema import SchemaTooCostly
from tests.grammar_cases import COSTLY, ENCODINGS, TREE, encoding, fields

# -- what is noted


def nested(schema, **more):
    return {**fields(x=fields(y=schema)), **more}


NOTES = {
    "patternProperties is not enforced": {
        "type": "object",
        "patternProperties": {"a": {}, "b": {}},
    },
    "maxLength 50000 is not enforced": {"type": "string", "maxLength": 50000},
    "minLength 7 is enforced as 1": {"type": "string", "minLength": 7},
    "maxLength 9 is not enforced beside its pattern": {
        "type": "string",
        "pattern": "a",
        "maxLength": 9,
    },
    "maxItems 1000000 is not enforced": {"type": "array", "maxItems": 10**6},
    "minItems and maxItems do not fit; they are not enforced": {"type": "array", "minItems": -1},
    "minItems 3 is more than its schema allows": {
        "type": "array",
        "prefixItems": [{}],
        "items": False,
        "minItems": 3,
    },
    "uniqueItems is not enforced": {"type": "array", "uniqueItems": True},
    "contains is not enforced": {"type": "array", "contains": {"type": "null"}},
    "multipleOf 5 is not enforced": {"type": "integer", "multipleOf": 5},
    "no number is between its minimum and maximum; they are not enforced": {
        "type": "integer",
        "minimum": 5,
        "maximum": 4,
    },
    "not is not enforced": {"type": "string", "not": {"const": "a"}},
    "if is not enforced": {"type": "string", "if": {}, "then": {}},
    "oneOf is enforced as anyOf": {
        "oneOf": [{"type": "string"}, {"type": "string", "minLength": 1}]
    },
    "nullable allows null here, as in OpenAPI": {"type": "integer", "nullable": True},
    "type 'float' is no type of JSON Schema; it is not enforced": {"type": "float"},
    "$ref 'https://example.com/a' leads nowhere; it is not enforced": {
        "$ref": "https://example.com/a"
    },
    "$ref '#/$defs/gone' leads nowhere; it is not enforced": {"$ref": "#/$defs/gone"},
    "its schema allows no value; it is left out": {"allOf": [{"type": "null"}, {"type": "string"}]},
    "no value of its enum fits its other keywords; only the enum counts": {
        "type": "integer",
        "enum": ["1"],
    },
    "dependentRequired is not enforced": fields(a={}, b={}) | {"dependentRequired": {"a": ["b"]}},
    "minProperties 2 is not enforced": fields(a={}, b={}) | {"minProperties": 2},
    "maxProperties 1 is not enforced": fields(a={}, b={}) | {"maxProperties": 1},
    "of several pattern only the first is enforced": {
        "type": "string",
        "pattern": "^a+$",
        "allOf": [{"type": "string", "pattern": "^a$"}],
    },
    "the counts in pattern '^[a-z]{1,400}$' are not enforced": {
        "type": "string",
        "pattern": "^[a-z]{1,400}$",
    },
    "its schema is no object; any value is allowed": "string",
}


@pytest.mark.parametrize("name", ("json", "python", "pairs"))
@pytest.mark.parametrize("note", NOTES)
def test_what_is_not_enforced_is_noted_with_its_place(note, name):
    assert schema_notes(encoding(name).spec, nested(NOTES[note])) == [f"property 'x.y': {note}"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "description": "d", "default": 1, "examples": [1], "$comment": "c"},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"oneOf": [fields("k", k={"const": k}) for k in "abc"]},
        {"type": "integer", "minimum": 1, "maximum": 10, "multipleOf": 1},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "uri"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 500},
        fields("a", a={"type": "string"}) | {"minProperties": 1, "maxProperties": 1},
        {"type": "object", "patternProperties": {"^x-": {}}, "additionalProperties": False},
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
        {"$ref": "#/properties/x"},
    ],
)
def test_what_is_enforced_is_not_noted(schema):
    assert schema_notes(encoding("json").spec, nested(schema)) == []


def test_a_name_that_a_format_cannot_write_is_left_out_and_noted():
    schema = fields("a-b", "c", **{"a-b": {"type": "string"}, "c": {"type": "string"}})
    node = arguments_node(encoding("python").spec, schema, True)
    assert "a-b" not in node["grammar"] and '"c="' in node["grammar"]
    note = "property 'a-b': this format cannot write its name; it is left out"
    assert schema_notes(encoding("python").spec, schema) == [note]
    assert schema_notes(encoding("json").spec, schema) == []


def test_the_characters_that_are_counted_are_shared_by_a_request():
    spec, text = encoding("json").spec, {"type": "string", "maxLength": 3}
    schema = fields(x=text, y=text)
    assert "{0,3}" in arguments_node(spec, schema, True)["grammar"]
    assert schema_notes(spec, schema) == ["property 'y': maxLength 3 is not enforced"]
    assert schema_notes(spec, schema, 6) == []
    assert "{0,3}" not in arguments_node(spec, schema, True, 2)["grammar"]


def test_a_raw_value_that_reads_as_text_is_written_as_text():
    spec = encoding("pairs").spec
    schema = fields("x", x={"type": ["string", "integer"]})
    assert schema_notes(spec, schema) == [
        "property 'x': only text is written, as text is all that can be read"
    ]
    assert "n_int" not in arguments_node(spec, schema, True)["grammar"]


# -- what there is none of, and what is refused


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("parameters", [None, {}, True, {"type": "object"}, {"description": "d"}])
def test_no_schema_is_any_arguments(parameters, name):
    spec = encoding(name).spec
    assert arguments_node(spec, parameters, True) == arguments_node(spec, None, False)
    assert schema_notes(spec, parameters) == []


@pytest.mark.parametrize("parameters", ["x", 7, [], {"type": "string"}, False, {"enum": [1]}])
def test_a_schema_of_something_else_is_any_arguments_and_noted(parameters):
    spec = encoding("json").spec
    assert arguments_node(spec, parameters, True) == arguments_node(spec, None, False)
    (note,) = schema_notes(spec, parameters)
    assert note.startswith("the parameters: ")


@pytest.mark.parametrize("name", ENCODINGS)
def test_no_properties_are_no_arguments(name):
    spec = encoding(name).spec
    text = arguments_node(spec, {"type": "object", "properties": {}}, True)["grammar"]
    assert text.split("\n")[0] in (
        'root ::= "{" "" "}"',
        'root ::= ""',
        'root ::= "{" gap "" gap "}"',
    )


def test_the_members_stand_in_the_order_of_the_schema_or_sorted():
    schema = fields("b", "a", b={"type": "null"}, a={"type": "null"}, B={"type": "null"})
    text = arguments_node(encoding("json").spec, schema, True)["grammar"]
    a, b, c = (f'"\\"{name}\\": " "null"' for name in "baB")
    assert text == f'root ::= "{{" {a} ", " {b} (", " {c})? "}}"\n'
    for name, names in (("json-sorted", "Bab"), ("literal", "abB")):
        text = arguments_node(encoding(name).spec, schema, True)["grammar"]
        assert "".join(char for char in text if char in "abB") == names


TEXTS = [str(number) for number in range(9000)]
LARGE = {
    "properties": fields(**{f"p{n}": {"type": "string"} for n in range(1500)}),
    "enums": fields(x={"enum": TEXTS}, y={"enum": TEXTS}),
    "product": {
        "allOf": [
            {"anyOf": [fields(**{f"{side}{n}": {"type": "null"}}) for n in range(40)]}
            for side in "ab"
        ]
    },
}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("case", LARGE)
def test_a_schema_that_is_too_large_is_refused_with_what_to_do(case, name):
    spec = encoding(name).spec
    for made in (
        lambda: arguments_node(spec, LARGE[case], True),
        lambda: schema_notes(spec, LARGE[case]),
    ):
        with pytest.raises(SchemaTooCostly, match="set `strict` to false"):
            made()
    arguments_node(spec, LARGE[case], False)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("case", COSTLY)
def test_no_schema_takes_long_or_gives_a_long_text(case, name):
    spec = encoding(name).spec
    start = time.perf_counter()
    text = arguments_node(spec, COSTLY[case], True)["grammar"]
    schema_notes(spec, COSTLY[case])
    assert time.perf_counter() - start < 2
    assert len(text) < 300_000


# -- the modules


def test_a_schema_is_left_as_it_is():
    for case in (*COSTLY.values(), TREE, *map(nested, NOTES.values())):
        before = copy.deepcopy(case)
        for name in ENCODINGS:
            arguments_node(encoding(name).spec, case, True)
        assert case == before


def test_one_file_of_the_standard_library_holds_the_modules_and_does_the_same():
    imports, body = joined((runtime, grammar))
    names = {line.split()[1].split(".")[0] for line in imports.splitlines()}
    assert names <= sys.stdlib_module_names
    alone: dict = {"__name__": "alone"}
    exec(compile(f"from __future__ import annotations\n{imports}\n{body}", "alone", "exec"), alone)
    for name in ENCODINGS:
        spec = encoding(name).spec
        assert alone["arguments_node"](spec, TREE, True) == arguments_node(spec, TREE, True)


def test_the_text_is_the_same_in_every_process():
    program = (
        "from tests.grammar_cases import *\n"
        "from chatadapters.grammar.arguments import arguments_node\n"
        "for name in ENCODINGS:\n"
        "    for case in (TREE, COSTLY['pattern'], COSTLY['properties']):\n"
        "        print(arguments_node(encoding(name).spec, case, True)['grammar'])\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1 and texts.pop()
