"""Certificates: what the compiler claims of a format is what runs of render and parse find."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

import chatadapters
from chatadapters import ConversationError
from chatadapters.certify import prove, proving
from chatadapters.certify.bench import Bench
from chatadapters.certify.limits import Limit, contains
from chatadapters.certify.report import KEPT, REFUSED
from chatadapters.cli import main
from tests.tiny import JSON_CALLS, NAMED_CALLS, PAIRS, THINKING, adapter

# Each statement of section 4 of the catalogue of formats (`formats/README.md` beside the reference
# folder), by the beginning of its row or paragraph and its words: an adapter that shows it, the
# hole and the kind of the certificate, and whether the format loses it or, unlike the parsers that
# the catalogue measured, carries it.
LOST, CARRIED = False, True
STATED = (
    ("| E1 JSON", "NaN", "hermes", "value", "not a number", LOST),
    ("| E1 JSON", "Infinity", "hermes", "value", "infinite", LOST),
    ("| E1 JSON", "duplicate keys", "hermes", "wire", "twice", LOST),
    ("| E1 JSON", "lone surrogates", "hermes", "value", "surrogate", LOST),
    ("| E1 JSON", "`1.0` vs `1.00`", "hermes", "wire", "digits", LOST),
    ("| E1 JSON", "`1e3`", "hermes", "wire", "exponent", LOST),
    ("| E1 JSON", "`\\u00e9` vs `é`", "hermes", "wire", "escape", LOST),
    ("| E1 JSON", "key order when `sort_keys`", "inkling", "key", "order", LOST),
    ("| E1 + fence", "when a string contains the closer", "hermes", "value", "closers", CARRIED),
    ("| E7", "strings containing the delimiter", "gemma4", "string", "quote", LOST),
    ("| E7", "keys with space", "gemma4", "key", "word", LOST),
    ("| E7", "key order (sorted)", "gemma4", "key", "order", LOST),
    ("| E7", "null spelled `None`", "gemma4", "wire", "word", LOST),
    ("| E3 Kwargs, escaped", "keys must be identifiers", "lfm2_v2", "key", "word", LOST),
    ("| E3 Kwargs, escaped", "duplicate kwargs", "lfm2_v2", "wire", "twice", LOST),
    ("| E3 Kwargs, escaped", "`1e400`", "lfm2_v2", "value", "infinite", LOST),
    ("| E3 Kwargs, escaped", "positional args", "lfm2_v2", "wire", "positional", LOST),
    ("| E3 Kwargs, unescaped", "fails for `'` and `\\`", "olmo3", "value", "quotes", CARRIED),
    ("| E3 Kwargs, unescaped", "a literal `\\n`", "lfm2_v1", "value", "quotes", CARRIED),
    ("| E4 Raw, JSON", "a string containing its closer", "glm45", "string", "close", LOST),
    ("| E4 Raw, JSON", "they come back as text", "glm45", "value", "union type", LOST),
    ("| E4 Raw, JSON", "all 25 fail", "glm45", "value", "union none", LOST),
    ("| E4 Raw, JSON", '`"null"` vs null', "glm45", "value", "null type", LOST),
    ("| E4 Raw, JSON", 'loses `" x "`', "glm45", "value", "spaces", CARRIED),
    ("| E4 Raw, Python", "as above", "seed_oss", "string", "close", LOST),
    ("| E4 Raw, Python", "as above", "qwen3_coder", "value", "union none", LOST),
    ("| E4 Raw, Python", "accept Python and JSON spellings", "qwen3_coder", "wire", "word", LOST),
    ("| E4 + CDATA", "`</param>` is safe", "minicpm5", "value", "closers", CARRIED),
    ("| E4 + CDATA", "`]]>` needs the split trick", "minicpm5", "string", "close", LOST),
    ("| E4 + CDATA", "as E4", "minicpm5", "value", "union type", LOST),
    ("| E5", "a string containing the closer", "deepseek_v32", "string", "close", LOST),
    ("| E5", "six-valued in K3", "kimi_k3", "string", "close", LOST),
    ("| E6", "need the full nested schema", "minimax_m3", "value", "schema properties", LOST),
    ("| E6", "every scalar is text", "minimax_m3", "value", "union type", LOST),
    ("| E6", "arrays become", "minimax_m3", "value", "schema none", LOST),
    ("| E6", "null is omitted", "minimax_m3", "value", "missing precise", LOST),
    ("| E6", '`[]` ≡ `{}` ≡ `""`', "minimax_m3", "value", "empty none", LOST),
    ("| E6", "an object with a repeated key ≡ list", "minimax_m3", "value", "item none", LOST),
    ("| E6", "keys must be tag-safe", "minimax_m3", "key", "word", LOST),
    ("What schema", '`["integer","null"]`', "glm45", "value", "nullable", CARRIED),
    ("What schema", '`["string", T]`', "qwen3_coder", "value", "union type", LOST),
    ("What schema", "untyped", "qwen3_coder", "value", "union none", LOST),
    ("What schema", "`additionalProperties`", "glm45", "value", "union additional", LOST),
    ("What schema", "`oneOf` with string", "glm45", "value", "union oneOf", LOST),
    ("What schema", 'enum mixing `"1"` and `1`', "glm45", "value", "union enum", LOST),
    ("Floats", "`1.0` in E4/E5", "glm45", "value", "whole float", CARRIED),
    ("Floats", "`1.0` in E4/E5", "deepseek_v32", "value", "whole float", CARRIED),
    ("Floats", "`1e22`/`-0.0` survive", "qwen3_coder", "value", "floats", CARRIED),
    ("Floats", "`ensure_ascii` affects bytes only", "reka_edge", "wire", "escape", LOST),
    ("Empty args", "representable in all", "glm45", "calls", "empty", CARRIED),
    ("Empty args", "no key marker", "gemma4", "calls", "empty", CARRIED),
    ("Call level", "id identity is NOT preserved", "glm45", "id", "none", LOST),
    ("Call level", "matched by order", "glm45", "results", "order", LOST),
    ("Call level", "Text after calls", "glm45", "wire", "after", LOST),
)
STATES = {row for row, *_ in STATED}
SHOWN = sorted({row[2] for row in STATED})


@cache
def proof(name):
    return prove(chatadapters.load(name), samples=30)


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_claimed_of_a_format_is_what_runs_find(name):
    found = proof(name)
    assert not found.failures
    assert all(one.tried for one in found.searched) and any(one.lost for one in found.searched)


@pytest.mark.parametrize(
    ("row", "said", "name", "hole", "kind", "carried"), STATED, ids=lambda part: str(part)[:24]
)
def test_each_statement_of_the_catalogue_is_shown_by_a_run(row, said, name, hole, kind, carried):
    found = proof(name).carried if carried else proof(name).certificates
    assert (hole, kind) in {(one.hole, one.kind) for one in found}


def test_the_statements_are_those_of_the_catalogue():
    path = Path(os.environ.get("CHATADAPTERS_REFERENCE", "reference")).parent / "formats/README.md"
    if not path.is_file():
        pytest.skip("the catalogue of formats is not beside the reference folder")
    section = path.read_text(encoding="utf-8").partition("\n## 4. ")[2].partition("\n## ")[0]
    lines = section.splitlines()
    for row, said, *_ in STATED:
        assert any(line.startswith(row) for line in lines) and said in section, (row, said)
    rows = [line for line in lines if line.startswith("| E")]
    assert len(rows) > 8 and all(line.startswith(tuple(STATES)) for line in rows)


def test_more_is_found_than_the_catalogue_says():
    said = {(hole, kind) for _, _, _, hole, kind, _ in STATED}
    found = {(one.hole, one.kind) for name in SHOWN for one in proof(name).certificates}
    assert {("content", "stop"), ("content", "call"), ("reasoning", "end")} <= found - said
    assert ("name", "word") in found - said and ("nested key", "close") in found - said


@pytest.mark.parametrize("name", ["glm45", "gemma4", "hermes", "minimax_m3"])
def test_each_certificate_holds_when_it_is_run_again(name):
    made = chatadapters.load(name)
    bench, tried = Bench(made), 0
    for one in made.certificates():
        if one.message is None or one.back is None or "messages" in one.message:
            continue
        talk = [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "", **one.message},
        ]
        options = {"strict": "strict=True" in one.outcome}
        if one.fate == REFUSED:
            with pytest.raises(ConversationError) as refused:
                made.render(talk, one.tools, **options)
            assert refused.value.reason == one.refusal
        else:
            made.render(talk, one.tools)
            found = bench.read(one.message, one.tools, "ids" in one.back)
            assert found.back == one.back and not found.same, one.limit
        tried += 1
    assert tried > 5


def test_a_grammar_excludes_the_strings_that_it_must():
    found = {(one.hole, one.kind): one.grammar for one in proof("glm45").certificates}
    assert found["string", "close"] is True and found["nested", "close"] is True
    assert found["content", "stop"] is None


@pytest.mark.parametrize(
    ("fragment", "hole", "kind", "example"),
    [
        (JSON_CALLS, "content", "stop", '"content": "<end>"'),
        (JSON_CALLS, "content", "call", '"content": "<call>{\\"name\\":\\"f\\""'),
        (NAMED_CALLS, "content", "call", '"content": "<call>f<args>"'),
        (PAIRS, "string", "close", 'f({"a": "</value><end>"})'),
        (PAIRS, "key", "word", 'f({"\\n": "b"})'),
        (
            THINKING + JSON_CALLS,
            "reasoning",
            "end",
            '"reasoning_content": "</think>", "content": "a"',
        ),
        (
            JSON_CALLS.replace("{{ content }}", "{{ content | trim }}"),
            "content",
            "trim",
            '"content": "\\n"',
        ),
    ],
)
def test_the_shortest_counter_example_is_found(fragment, hole, kind, example):
    found = {(one.hole, one.kind): one.example for one in adapter(fragment).certificates()}
    assert found[hole, kind] == example


def _altered(monkeypatch, alter):
    known = proving.limits
    monkeypatch.setattr(proving, "limits", lambda bench: alter(known(bench)))


def test_a_claim_that_is_missing_is_noticed(monkeypatch):
    _altered(monkeypatch, lambda known: [one for one in known if one.hole != "string"])
    failures = prove(adapter(PAIRS), samples=200).failures
    assert any(said.startswith('string "') and "within every limit" in said for said in failures)


def test_a_claim_that_no_run_confirms_is_noticed(monkeypatch):
    wrong = Limit("string", "close", "strings with a vowel", contains("aeiou"), contains("aeiou"))
    _altered(monkeypatch, lambda known: [*known, wrong])
    failures = prove(adapter(JSON_CALLS), samples=200).failures
    assert "string: no text was found that is lost by this: strings with a vowel" in failures
    assert any("is carried, though: strings with a vowel" in said for said in failures)


def test_the_command_prints_a_proof(capsys):
    assert main(["prove", "chatglm3", "--samples", "20"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("chatglm3: ") and "no contradiction" in said
    assert "- argument names that are no Python identifiers\n" in said
    assert "render refuses it: " in said and "carried: " in said


def test_the_command_prints_json_and_fails_where_something_is_against_a_claim(capsys, monkeypatch):
    _altered(monkeypatch, lambda known: [one for one in known if one.kind != "stop"])
    assert main(["prove", "chatglm3", "--json", "--samples", "120"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["ok"] and said["failures"]
    assert {"hole", "kind", "limit", "example", "fate", "back"} <= set(said["certificates"][0])
    assert all(one["fate"] == KEPT for one in said["carried"])


def test_the_command_wants_one_name_or_all(capsys):
    assert main(["prove"]) == 2 and main(["prove", "chatglm3", "--all"]) == 2
    assert "give one NAME, or --all" in capsys.readouterr().err
