"""Law 6 both ways: what a grammar generates parses into calls that fit, what is printed is in it.

`adapters verify` tries it on every adapter; here are those of the corpus.
"""

from __future__ import annotations

import json
import re
from functools import cache

import jsonschema
import lark
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.lark import from_lark

from chatadapters.cfg import lark as llguidance
from chatadapters.cfg.lark import quoted
from chatadapters.cfg.plain import plain
from chatadapters.emit import grammars as emitted
from chatadapters.verify import grammars
from chatadapters.verify.choices import Seeded
from chatadapters.verify.derive import Texts
from tests.formats import CALLING
from tests.strategies import NAMES, subject

STRINGS = 60


def printed(about, choices, count=20):
    return [about.good(choices) for _ in range(count)]


@pytest.mark.parametrize("name", CALLING)
def test_grammars_generate_what_is_read_and_accept_what_is_printed(name):
    about, choices = subject(name), Seeded(f"law 6 {name}")
    result = grammars.grammars(about, printed(about, choices), choices, STRINGS)
    assert result.ok and result.checked > STRINGS, result.failures
    assert f"{STRINGS} generated and read" in result.note
    for target in ("structural_tag", "lark", "gbnf"):
        (said,) = re.findall(rf"\b{target} accepts (\d+) of (\d+)", result.note)
        taken, asked = map(int, said)
        assert taken == asked > 15, result.note


def test_what_is_generated_fits_the_schema_by_another_program_too():
    """The law's own check of schemas knows few keywords; jsonschema knows all."""
    about, choices, calls = subject("qwen3"), Seeded("fits"), 0
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "unit": {"enum": ["c", "f", None]},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 3},
        },
        "required": ["city", "days"],
        "$defs": {
            "tag": {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^[a-z]+$"}]}
        },
    }
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    texts = Texts(emitted.grammar(about.adapter, tools=tools, tool_choice="required"))
    for _ in range(60):
        message = about.adapter.parse(texts.draw(choices), tools=tools)
        for call in message.tool_calls:
            jsonschema.validate(call.value(), schema)
            calls += 1
    assert calls >= 60


def test_a_grammar_that_is_another_language_breaks_the_law(monkeypatch):
    about, choices, made = subject("qwen3"), Seeded("spoiled"), emitted.tag

    def wrong(adapter, **request):
        text = json.dumps(made(adapter, **request))
        return json.loads(text.replace('arguments\\"', 'argument\\"'))

    monkeypatch.setattr(grammars, "tag", wrong)
    result = grammars.grammars(about, printed(about, choices), choices, 30)
    assert not result.ok and any("is generated, but" in failure for failure in result.failures)
    result = grammars.grammars(about, printed(about, choices, 100), choices, 0)
    assert not result.ok and any("does not accept" in failure for failure in result.failures)


def test_a_target_that_is_printed_wrong_breaks_the_law(monkeypatch):
    about, choices = subject("qwen3"), Seeded("misprint")
    assert quoted("\n") == '"\\n"'
    monkeypatch.setattr(llguidance, "quoted", lambda text: quoted(text.replace("\n", " ")))
    llguidance._regular.cache_clear()
    result = grammars.grammars(about, printed(about, choices), choices, 30)
    llguidance._regular.cache_clear()
    assert not result.ok and all("lark does not accept" in one for one in result.failures)


@cache
def request_of(name):
    """One small tool: Hypothesis takes a second for a hundred rules."""
    schema = {
        "type": "object",
        "properties": {"unit": {"enum": ["c", "f"]}, "exact": {"type": "boolean"}},
        "required": ["unit"],
    }
    tool = {"name": "get", "description": "Get.", "parameters": schema}
    tools = [{"type": "function", "function": tool}]
    return grammars.Request(subject(name), tools, "required", True, None)


@pytest.mark.parametrize("name", ["qwen3", "chatglm3"])
def test_texts_that_hypothesis_derives_from_the_plain_lark_are_read(name):
    request = request_of(name)
    made = lark.Lark(plain(request.grammar), start="start")

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(from_lark(made, start="start"))
    def is_read(text):
        assert request.problem(text) is None, text

    is_read()


def test_the_corpus_has_formats_that_call():
    assert set(CALLING) <= set(NAMES) and len(CALLING) > 5
