"""Numbers between bounds, patterns and formats: what their expressions match."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal

import jsonschema
import pytest

from chatadapters.grammar.arguments import schema_notes
from chatadapters.grammar.encodings import dialect_of
from chatadapters.grammar.numerals import INTEGER, NUMBER, bounded
from chatadapters.grammar.patterns import FORMATS, Pattern
from tests import grammar_schemas
from tests.grammar_cases import ENCODINGS, encoding, fields
from tests.grammar_schemas import PATTERNS

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|\{[0-9,]+\}|[()|*+?]|\s+')
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def regular(expression: str) -> re.Pattern:
    """Return the regular expression that an expression without rules stands for."""
    parts, place = [], 0
    while place < len(expression):
        found = TOKEN.match(expression, place)
        assert found, expression[place:]
        text, place = found[0], found.end()
        if text[0] == '"':
            text = re.sub(r"\\u(....)", lambda m: chr(int(m[1], 16)), text[1:-1])
            text = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text)
            text = f"(?:{re.escape(text)})"
        parts.append("(?:" if text == "(" else "" if text.isspace() else text)
    return re.compile("".join(parts))


def noted() -> tuple[list[str], object]:
    notes: list[str] = []
    return notes, notes.append


# -- numbers


def test_integers_between_bounds_are_exactly_those():
    r = random.Random(1)
    for _ in range(300):
        low, high = sorted(
            r.choice((1, 12, 150, 3000)) * r.randint(-9, 9) + r.randint(0, 9) for _ in "ab"
        )
        rule = {"type": "integer", "minimum": low, "maximum": high}
        for key in r.sample(("minimum", "maximum"), r.randint(0, 1)):
            del rule[key]
        expression = regular(bounded(rule, pytest.fail))
        for number in {
            low - 1,
            low,
            low + 1,
            high - 1,
            high,
            high + 1,
            *r.sample(range(-30000, 30000), 99),
        }:
            valid = rule.get("minimum", number) <= number <= rule.get("maximum", number)
            assert bool(expression.fullmatch(str(number))) == valid, (rule, number)
        for text in ("", "-", "-0", "01", "1.0", "+1"):
            assert not expression.fullmatch(text), (rule, text)


def test_decimals_between_bounds_are_within_them():
    r = random.Random(2)
    for _ in range(400):
        digits = r.randint(0, 3)
        low = Decimal(r.randint(-2000, 2000)).scaleb(-digits)
        high = low + Decimal(r.randint(1, 3000)).scaleb(-r.randint(0, 3))
        rule: dict = {"type": "number"}
        if r.random() < 0.8:
            rule[r.choice(("minimum", "exclusiveMinimum"))] = float(low)
        if r.random() < 0.8 or len(rule) == 1:
            rule[r.choice(("maximum", "exclusiveMaximum"))] = float(high)
        expression = regular(bounded(rule, pytest.fail))
        validator = jsonschema.Draft202012Validator(rule)
        near = [
            bound + Decimal(step).scaleb(-4) for bound in (low, high) for step in range(-12, 13)
        ]
        for number in (
            *near,
            *(Decimal(r.randint(-9000, 9000)).scaleb(-r.randint(0, 4)) for _ in "a" * 99),
        ):
            text = f"{number:f}"
            fits = bool(expression.fullmatch(text))
            valid = validator.is_valid(json.loads(text))
            assert fits == valid or text.startswith("-0"), (rule, text)
            assert valid or not fits, (rule, text)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"minimum": 0, "exclusiveMinimum": True}, ["1", "20"], ["0", "-1"]),
        ({"minimum": 1.5, "maximum": 3.5}, ["2", "3"], ["1", "4"]),
        ({"exclusiveMinimum": 2, "exclusiveMaximum": 4}, ["3"], ["2", "4"]),
        ({"minimum": -0.0}, ["0", "7"], ["-1"]),
        (
            {"minimum": 10**17, "maximum": 10**17 + 5},
            ["100000000000000003"],
            ["1", "100000000000000006"],
        ),
    ],
)
def test_bounds_of_integers_in_every_way_of_saying_them(rule, good, bad):
    expression = regular(bounded({"type": "integer", **rule}, pytest.fail))
    assert [text for text in (*good, *bad) if expression.fullmatch(text)] == good


def test_numbers_without_bounds_are_json_with_an_end():
    integer, number = regular(INTEGER), regular(NUMBER)
    for text in ("0", "-1", "42", "9" * 31):
        assert integer.fullmatch(text) and number.fullmatch(text)
    for text in ("-0.5", "1e22", "1e-07", "1.5E+3", "3.0", "-0"):
        assert number.fullmatch(text) and json.loads(text) is not None
    for text in ("01", "1.", ".5", "1e", "NaN", "1e999", "9" * 32, "-"):
        assert not number.fullmatch(text)
    assert json.loads("9" * 31 + "e99") < float("inf")


@pytest.mark.parametrize("bound", [True, "3", 10**30, [], 1e-30, {}])
def test_a_bound_that_is_no_usable_number_is_noted(bound):
    notes, note = noted()
    assert bounded({"type": "number", "minimum": bound}, note) is None
    assert notes == [f"minimum {bound!r} is not enforced"]


# -- patterns


@pytest.mark.parametrize("source", [p for p in PATTERNS if p[0] == "^" and p[-1] == "$"])
def test_a_pattern_means_what_it_means_to_python(source):
    dialect = dialect_of({"kind": "json", "options": {}})
    branches = Pattern(source, dialect.character, True).branches
    assert all(begins and ends for begins, _, ends in branches)
    expression = regular(" | ".join(part.text for _, part, _ in branches))
    r, meant = random.Random(source), re.compile(source, re.ASCII)
    texts = [*PATTERNS[source], *grammar_schemas.TEXTS]
    texts += [
        "".join(r.choice('abAZ 09-@.:/+()"é') for _ in range(r.randint(0, 8))) for _ in range(2000)
    ]
    for text in texts:
        matches = bool(expression.fullmatch(json.dumps(text, ensure_ascii=False)[1:-1]))
        assert matches == bool(meant.fullmatch(text)), text


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        (r"^\d+(?:\.\d+)?$", ["1", "12.5"], ["1.", "a"]),
        (r"^(?<year>\d{4})$", ["2024"], ["24"]),
        (r"^[\w-]+?$", ["a-b"], ["a b", ""]),
        (r"^\x41\u0042\/\.$", ["AB/."], ["AB/x"]),
        (r"^[^a-z]$", ["A", "é"], ["b"]),
        (r"^\D\S\W$", ["ab!"], ["1b!", "abc", "a !"]),
        (r"^a{0}b{2,}$", ["bb", "bbb"], ["b", "abb"]),
        (r"^[\]\-^]$", ["]", "-", "^"], ["a"]),
        (r"^(a|b|)$", ["a", "b", ""], ["c"]),
    ],
)
def test_patterns_in_the_notation_of_schemas(source, good, bad):
    dialect = dialect_of({"kind": "json", "options": {}})
    ((_, part, _),) = Pattern(source, dialect.character, True).branches
    expression = regular(part.text)
    assert [text for text in (*good, *bad) if expression.fullmatch(text)] == good


UNSAID = (
    *("(?=a)b", r"\bword", r"(a)\1", "a**", "[z-a]", "a{2,1}", "(", "[", "a)", "\\", r"\p{L}"),
    *("^(^a)", "a{5000}", "(?<name", "[]", "(" * 99 + ")" * 99, r"\u12", "x^", "$x"),
)


@pytest.mark.parametrize("source", UNSAID)
def test_a_pattern_that_cannot_be_expressed_is_noted(source):
    schema = fields("s", s={"type": "string", "pattern": source})
    for name in ENCODINGS:
        (note,) = schema_notes(encoding(name).spec, schema)
        assert note.startswith(f"property 's': pattern {source!r:.80} is not enforced: ")


def test_formats_are_patterns_of_what_they_are():
    dialect = dialect_of({"kind": "json", "options": {}})
    for name, pattern in FORMATS.items():
        ((begins, part, ends),) = Pattern(pattern, dialect.character, True).branches
        assert begins and ends
        for text in grammar_schemas.FORMATS[name]:
            assert regular(part.text).fullmatch(text), (name, text)
    for name, text in (("date", "2023-02-29"), ("ipv4", "256.1.1.1"), ("date-time", "2024-01-01")):
        ((_, part, _),) = Pattern(FORMATS[name], dialect.character, True).branches
        assert not regular(part.text).fullmatch(text)
