"""The grammars of arguments, compiled by xgrammar: what they accept, and what comes out of them.

The vocabulary is one token a byte and a few longer ones; texts are drawn from the token masks.
"""

from __future__ import annotations

import json
import random
from functools import cache

import jsonschema
import pytest
import xgrammar

from chatadapters.grammar.arguments import arguments_node, schema_notes
from tests.grammar_cases import COSTLY, ENCODINGS, MARKS, TREE, Encoding, encoding, fields
from tests.grammar_schemas import Schemas

LONG = (
    *(">\n", "', '", '", "', '": "', "</value>", "</key><value>", "</key>"),
    *("\n</parameter>\n", MARKS, "12"),
)
WORDS = [bytes([byte]) for byte in range(256)] + [word.encode() for word in LONG] + [b"<eos>"]
END = len(WORDS) - 1
PRINTED, DRAWN = 60, 25


@cache
def compiler() -> xgrammar.GrammarCompiler:
    kind = xgrammar.VocabType.RAW
    info = xgrammar.TokenizerInfo(WORDS, vocab_type=kind, stop_token_ids=[END])
    return xgrammar.GrammarCompiler(info, max_threads=2)


def compiled(node: dict) -> xgrammar.CompiledGrammar:
    tag = {"type": "structural_tag", "format": node}
    return compiler().compile_structural_tag(xgrammar.StructuralTag.from_json(tag))


def accepts(grammar: xgrammar.CompiledGrammar, text: str) -> bool:
    matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
    return matcher.accept_string(text) and matcher.is_terminated()


def draw(grammar: xgrammar.CompiledGrammar, made: Encoding, r: random.Random) -> str | None:
    """Return a text that the grammar generates; None where it would not end."""
    closers = {n for n, word in enumerate(WORDS) if word.decode("latin-1") in made.closers}
    matcher = xgrammar.GrammarMatcher(grammar)
    mask = xgrammar.allocate_token_bitmask(1, len(WORDS))
    out, soon = bytearray(), r.choice((5, 40, 150))
    for step in range(2500):
        matcher.fill_next_token_bitmask(mask)
        bits = mask[0].tolist()
        allowed = [n for n in range(len(WORDS)) if bits[n >> 5] >> (n & 31) & 1]
        assert allowed, f"nothing can follow {bytes(out)!r}"
        if END in allowed:
            allowed.remove(END)
            if not allowed or step > soon or r.random() < 0.3:
                return out.decode("utf-8", "replace")
        if step > soon:
            some = [n for n in allowed if n in closers]
        else:
            some = [n for n in allowed if 32 <= n < 127 or n > 255]
        token = r.choice(some if some and r.random() < 0.9 else allowed)
        assert matcher.accept_token(token)
        out += WORDS[token]
    return None


def errors(parameters: object, arguments: object) -> list[str]:
    found = jsonschema.Draft202012Validator(parameters).iter_errors(arguments)
    return [error.message for error in found]


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_the_printer_writes_is_generated(name):
    made, tried = encoding(name), 0
    for seed in range(PRINTED):
        schemas = Schemas(seed, made)
        parameters = schemas.parameters()
        try:
            arguments = schemas.value(parameters)
        except LookupError:
            continue
        if errors(parameters, arguments):
            continue  # a union's other branch can make one invalid
        text = made.written(arguments, parameters)
        status, read = made.read(text, parameters)
        if status != "complete" or json.loads(read) != arguments:
            continue  # outside what the format carries
        tried += 1
        node = arguments_node(made.spec, parameters, True)
        assert accepts(compiled(node), text), (parameters, text, node["grammar"])
    assert tried > PRINTED * 0.7


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_is_generated_reads_back_as_valid_arguments(name):
    made, checked, valid = encoding(name), 0, 0
    for seed in range(1000, 1000 + DRAWN):
        parameters = Schemas(seed, made).parameters()
        grammar = compiled(arguments_node(made.spec, parameters, True))
        noted = schema_notes(made.spec, parameters)
        r = random.Random(seed)
        for _ in range(3):
            text = draw(grammar, made, r)
            if text is None:
                continue
            checked += 1
            status, read = made.read(text, parameters)
            assert status == "complete", (parameters, text)
            wrong = errors(parameters, json.loads(read))
            assert not wrong or noted, (parameters, text, wrong)
            valid += not wrong
    assert checked > 2 * DRAWN
    assert valid > 0.8 * checked


@pytest.mark.parametrize("name", ENCODINGS)
def test_without_strict_any_arguments_are_generated(name):
    made = encoding(name)
    for seed in range(2000, 2000 + DRAWN):
        schemas = Schemas(seed, made)
        parameters = schemas.parameters()
        grammar = compiled(arguments_node(made.spec, parameters, False))
        text = draw(grammar, made, random.Random(seed))
        if text is not None:
            status, _ = made.read(text, parameters)
            assert status == "complete", (parameters, text)
        if not made.typed:
            try:
                arguments = schemas.value(Schemas(seed + 1, made).parameters())
            except LookupError:
                continue
            assert accepts(grammar, made.written(arguments, parameters)), arguments


CARD, CASH = (
    fields("kind", kind={"const": kind}, **more)
    for kind, more in (("card", {"number": {"type": "integer"}}), ("cash", {}))
)
KEYWORDS = fields("a", a={"type": "integer"}, b={"type": "string"})
# parameters, arguments that are valid, arguments that are not
CASES = {
    "required": (KEYWORDS, [{"a": 1}, {"a": 1, "b": "x"}], [{}, {"b": "x"}]),
    "type": (KEYWORDS, [{"a": -7}], [{"a": "x"}, {"a": 1.5}, {"a": None}, {"a": [1]}, {"a": True}]),
    "closed": (KEYWORDS, [], [{"a": 1, "c": 2}]),
    "no properties": ({"type": "object", "properties": {}}, [{}], [{"a": 1}]),
    "optional": (
        fields(a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
        [
            {},
            {"a": 1},
            {"b": True},
            {"c": None},
            {"a": 1, "c": None},
            {"a": 1, "b": False, "c": None},
        ],
        [{"a": True}, {"c": 0}],
    ),
    "many optional": (
        fields(**{f"p{n}": {"type": "integer"} for n in range(20)}),
        [{}, {"p0": 1, "p19": 2}, {f"p{n}": n for n in range(20)}, {"p7": 7}],
        [{"p20": 1}, {"p3": "x"}],
    ),
    "in the middle": (
        fields("c", **{name: {"type": "integer"} for name in "abcde"}),
        [{"c": 1}, {"a": 1, "c": 2}, {"b": 1, "c": 2, "e": 3}, dict.fromkeys("abcde", 0)],
        [{"a": 1, "b": 2}, {"d": 1}],
    ),
    "enum": (
        fields("u", u={"type": "string", "enum": ["celsius", "it's", 'a "b"']}),
        [{"u": "celsius"}, {"u": "it's"}, {"u": 'a "b"'}],
        [{"u": "kelvin"}, {"u": "celsiu"}, {"u": ""}, {"u": 1}],
    ),
    "integer bounds": (
        fields("n", n={"type": "integer", "minimum": -3, "exclusiveMaximum": 120}),
        [{"n": -3}, {"n": 0}, {"n": 9}, {"n": 99}, {"n": 119}],
        [{"n": -4}, {"n": 120}, {"n": 1200}, {"n": -30}],
    ),
    "number bounds": (
        fields("n", n={"type": "number", "exclusiveMinimum": 0, "maximum": 0.75}),
        [{"n": 0.01}, {"n": 0.5}, {"n": 0.75}, {"n": 0.7}],
        [{"n": 0}, {"n": 0.76}, {"n": 1}, {"n": -0.5}, {"n": 0.0}],
    ),
    "array": (
        fields(
            "x", x={"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}
        ),
        [{"x": [1, 2]}, {"x": [1, 2, 3]}],
        [{"x": []}, {"x": [1]}, {"x": [1, 2, 3, 4]}, {"x": ["a", "b"]}],
    ),
    "tuple": (
        fields(
            "x",
            x={
                "type": "array",
                "prefixItems": [{"type": "boolean"}, {"type": "integer"}],
                "items": {"type": "null"},
                "minItems": 1,
            },
        ),
        [{"x": [True]}, {"x": [True, 1]}, {"x": [False, 2, None, None]}],
        [{"x": []}, {"x": [1]}, {"x": [True, None]}, {"x": [True, 1, 2]}],
    ),
    "recursive": (
        TREE,
        [{"tree": {"name": "a", "kids": [{"name": "b", "kids": [{"name": "c"}]}, {"name": "d"}]}}],
        [{"tree": {"name": "a", "kids": [{"kids": []}]}}, {"tree": {"name": 1}}, {"tree": []}],
    ),
    "one of": (
        fields("pay", pay={"oneOf": [CARD, CASH]}),
        [{"pay": {"kind": "card", "number": 1}}, {"pay": {"kind": "cash"}}],
        [{"pay": {"kind": "cash", "number": 1}}, {"pay": {"kind": "gold"}}, {"pay": {}}],
    ),
    "all of": (
        {"allOf": [KEYWORDS, fields("b", a={"type": "integer", "minimum": 5})]},
        [{"a": 5, "b": "x"}],
        [{"a": 4, "b": "x"}, {"a": 5}],
    ),
    "pattern": (
        fields("s", s={"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}),
        [{"s": "AB-1"}, {"s": "XY-987"}],
        [{"s": "A-1"}, {"s": "AB-"}, {"s": "AB-1 "}],
    ),
    "lengths": (
        fields("s", s={"type": "string", "minLength": 2, "maxLength": 3}),
        [{"s": "ab"}, {"s": "abc"}],
        [{"s": "a"}, {"s": "abcd"}, {"s": ""}],
    ),
    "map": (
        fields("m", m={"type": "object", "additionalProperties": {"type": "integer"}}),
        [{"m": {}}, {"m": {"x": 1, "y": 2}}],
        [{"m": {"x": "1"}}, {"m": {"x": None}}],
    ),
}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("case", CASES)
def test_valid_arguments_are_generated_and_others_are_not(case, name):
    parameters, good, bad = CASES[case]
    made = encoding(name)
    grammar = compiled(arguments_node(made.spec, parameters, True))
    for arguments in good:
        assert not errors(parameters, arguments)
        assert accepts(grammar, made.written(arguments, parameters)), arguments
    for arguments in bad:
        text = made.written(arguments, parameters)
        _, read = made.read(text, parameters)
        if json.loads(read) == arguments:  # else the format reads it as something that is valid
            assert not accepts(grammar, text), arguments
        else:
            assert made.typed


@pytest.mark.parametrize("name", ("json", "python", "literal", "pairs"))
@pytest.mark.parametrize("case", COSTLY)
def test_no_schema_hangs_the_compiler(case, name):
    made = encoding(name)
    grammar = compiled(arguments_node(made.spec, COSTLY[case], True))
    text = draw(grammar, made, random.Random(case))
    if text is not None:
        assert made.read(text, COSTLY[case])[0] == "complete"
