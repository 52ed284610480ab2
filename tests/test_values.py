"""The typing rule of raw values (docs/codecs.md): a text and a schema in, a JSON value out."""

import json

import pytest

from chatadapters.runtime.values import (
    TYPES,
    allowed_types,
    escape,
    is_number,
    property_types,
    python_number,
    read_text,
    valid_json,
)

REFUSED = object()


def read(text, *types):
    found = read_text(text, frozenset(types or TYPES))
    return REFUSED if found is None else json.loads(found)


def same(left, right):
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("text", ["null", "None"])
def test_exactly_null_is_null_where_null_is_allowed(text):
    assert read(text, "null", "string") is None
    assert read(text, "null", "integer") is None
    assert read(text, "string") == text
    assert read(text, "integer") is REFUSED


@pytest.mark.parametrize("text", [" null", "null\n", "Null", "NULL", "nul", "none", "nullable"])
def test_what_is_not_exactly_null_is_a_string_where_strings_are_allowed(text):
    assert read(text, "null", "string") == text


def test_a_string_is_preferred_over_every_other_type():
    for text in ("1", "1.0", "true", "True", "[1]", '{"a": 1}', '"x"', "", " x ", "02134", "-"):
        assert read(text, "string", "integer", "boolean", "array", "object", "number") == text
        assert read(text) == text


def test_leading_zeros_stay_where_a_string_is_allowed_and_are_no_number():
    assert read("02134", "string", "integer") == "02134"
    assert read("02134", "integer") is REFUSED
    assert read("-01", "number") is REFUSED


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("true", ("boolean",), True),
        ("True", ("boolean",), True),
        ("false", ("boolean", "integer"), False),
        ("False", ("boolean",), False),
        (" true\n", ("boolean",), True),
        ("TRUE", ("boolean",), REFUSED),
        ("1", ("boolean",), REFUSED),
        ("1", ("boolean", "integer"), 1),
        ("3", ("integer",), 3),
        ("3", ("number",), 3),
        (" -3 ", ("integer",), -3),
        ("-0", ("integer",), 0),
        ("3.0", ("integer",), REFUSED),
        ("3.0", ("number",), 3.0),
        ("1.0", ("number", "integer"), 1.0),
        ("1e3", ("number",), 1000.0),
        ("1E-2", ("number",), 0.01),
        (".5", ("number",), REFUSED),
        ("1.", ("number",), REFUSED),
        ("1e", ("number",), REFUSED),
        ("+1", ("number",), REFUSED),
        ("١", ("integer",), REFUSED),
        ("NaN", ("number",), REFUSED),
        ("Infinity", ("number",), REFUSED),
        ("three", ("integer",), REFUSED),
        ("", ("integer",), REFUSED),
        ("[1, null]", ("array",), [1, None]),
        ("[1, None, 'a']", ("array",), [1, None, "a"]),
        ('{"a": [true]}', ("object",), {"a": [True]}),
        ("{'a': True}", ("object",), {"a": True}),
        ("[1]", ("object",), REFUSED),
        ("{}", ("array",), REFUSED),
        ("{", ("object",), REFUSED),
        ("[NaN]", ("array",), REFUSED),
        ("[__import__('os')]", ("array",), REFUSED),
        ("a b", ("array", "object", "number", "null", "boolean"), REFUSED),
    ],
)
def test_else_the_most_specific_type_that_reads(text, types, value):
    assert same(read(text, *types), value)


def test_deep_nesting_is_no_exception():
    assert read("[" * 100_000, "array") is REFUSED


@pytest.mark.parametrize(
    ("schema", "allowed"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        ({"type": "number"}, {"number", "integer"}),
        ({"type": "integer", "nullable": True}, {"integer", "null"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"integer", "null"}),
        ({"oneOf": [{"type": "array"}, {"type": "object"}]}, {"array", "object"}),
        ({"allOf": [{"type": ["string", "integer"]}, {"type": "integer"}]}, {"integer"}),
        ({"enum": ["a", "b"]}, {"string"}),
        ({"enum": ["a", None]}, {"string", "null"}),
        ({"enum": [True]}, {"boolean"}),
        ({"const": 1}, {"integer", "number"}),
        ({"type": "string", "enum": ["1", "2"]}, {"string"}),
        ({"$ref": "#/$defs/size"}, {"integer"}),
        ({"anyOf": [{"$ref": "#/$defs/size"}, {"type": "boolean"}]}, {"integer", "boolean"}),
        ({"$ref": "#/$defs/a~1b"}, {"array"}),
    ],
)
def test_a_schema_says_which_types_it_allows(schema, allowed):
    root = {"$defs": {"size": {"type": "integer"}, "a/b": {"type": "array"}}}
    assert allowed_types(schema, root) == allowed


@pytest.mark.parametrize(
    "schema",
    [
        {},
        None,
        True,
        {"description": "x"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/x"},
        {"type": "date"},
        {"type": 7},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"enum": []},
        {"anyOf": "x"},
    ],
)
def test_a_schema_that_does_not_say_allows_everything(schema):
    assert allowed_types(schema) == frozenset(TYPES)


def test_a_schema_that_refers_to_itself_ends():
    root = {"$defs": {"a": {"$ref": "#/$defs/a", "type": ["string", "null"]}}}
    assert allowed_types(root["$defs"]["a"], root) == {"string", "null"}


def test_each_parameter_has_its_own_types():
    found = property_types({"properties": {"a": {"type": "integer"}, "b": {}}})
    assert found == {"a": frozenset({"integer"}), "b": frozenset(TYPES)}
    assert property_types(None) == property_types({"properties": []}) == {}


def test_numbers_as_python_writes_them_become_json():
    wanted = {
        "1": "1",
        "-1.5": "-1.5",
        "1e5": "1e5",
        "1_000": "1000",
        "0x10": "16",
        ".5": "0.5",
        "+3": "3",
    }
    assert {text: python_number(text) for text in wanted} == wanted
    for text in ("inf", "nan", "01", "--1", "x", "", "-", "١", "1" * 401 + "x"):
        assert python_number(text) is None


def test_only_json_is_a_json_number():
    good = ["0", "-0", "10", "0.5", "1e5", "1E+5", "1.25e-3"]
    bad = ["", "-", "01", "1.", ".1", "1e", "e1", "0x1", "+1", "1_0", "inf", "²"]
    assert [is_number(text) for text in good + bad] == [True] * len(good) + [False] * len(bad)
    assert all(valid_json(text) for text in good)
    assert not any(valid_json(text) for text in bad)


def test_every_character_can_stand_in_a_json_string():
    text = "".join(map(chr, [*range(0x300), 0x2028, 0xFFFF, 0x1F600]))
    assert json.loads(f'"{escape(text)}"') == text


def test_nothing_but_json_is_valid():
    assert valid_json('{"a": 1}')
    for text in ("", "{", "{'a': 1}", "NaN", "[Infinity]", "1 2", "[" * 100_000):
        assert not valid_json(text)
