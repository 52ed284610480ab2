"""``adapters compile`` and what is told of a request: what is refused, and what is printed."""

from __future__ import annotations

import json

import pytest

from chatadapters.emit.hf import CONFIG
from tests.cli_run import adapters


@pytest.fixture
def tools(tmp_path):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([{"name": "find", "parameters": {"type": "object"}}]))
    return path


def test_both_files_of_a_grammar_are_told_apart_and_their_losses_printed(tmp_path, tools):
    ran = adapters("compile", "qwen3", "-o", tmp_path, "-t", "gbnf", "--tools", tools)
    assert ran.status == 0, ran.err
    said = [line.split("  ", 1)[1].strip() for line in ran.out.splitlines()]
    assert said == ["grammar in GBNF", "the same, asleep until a call begins: fields of a request"]
    assert "a call that the reasoning quotes wakes the grammar, too" in ran.err
    given = ["compile", "qwen3", "-o", tmp_path, "-t", "gbnf", "--tools", tools]
    ran = adapters(*given, "--tool-choice", "required")
    assert ran.status == 0, ran.err
    assert "wakes" not in ran.err and "asleep" not in ran.out


def test_a_tool_choice_without_a_grammar_is_refused():
    ran = adapters("compile", "qwen3", "-t", "jinja", "--tool-choice", "required")
    assert ran.status == 2 and "--tool-choice is for grammars: add --target lark" in ran.err


@pytest.mark.parametrize(
    "added", [[1], [{"content": "<a>"}], [{"id": 1, "special": True}], [{"id": "1", "content": ""}]]
)
def test_added_tokens_that_are_none_are_refused(tmp_path, tools, added):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    given = ["compile", "qwen3", "-o", tmp_path / "build", "-t", "lark", "--tools", tools]
    ran = adapters(*given, "--model", tmp_path)
    assert ran.status == 2 and "Traceback" not in ran.err
    assert "tokenizer.json, added_tokens[0]: no token with a content and an id: " in ran.err
    assert not (tmp_path / "build").exists()


def test_half_of_a_character_in_a_config_is_refused(tmp_path):
    (tmp_path / CONFIG).write_text('{"eos_token": "\\ud800"}')
    ran = adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf")
    assert ran.status == 2 and "Traceback" not in ran.err
    assert f"{CONFIG} cannot be used: '\\ud800' in it is half of a character" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == [CONFIG]
