"""What ``emit`` and ``losses`` take alike, whom they blame, and reports of nothing at all."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

import chatadapters
from chatadapters import prefix
from chatadapters.adapter import Adapter
from chatadapters.emit import REQUEST_TARGETS, grammars
from chatadapters.errors import ChatAdaptersError, ConversationError
from chatadapters.verify import grammars as law
from chatadapters.verify.choices import Seeded
from chatadapters.verify.witness import Said, explained
from tests.strategies import subject
from tests.test_fragments import declare

MADE = subject("qwen3").adapter
TOOLS_FOLDER = Path(__file__).resolve().parent.parent / "tools"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]


@pytest.mark.parametrize(
    ("target", "request_", "said"),
    [
        ("gbnf", {"tools": [1]}, r"tools\[0\] is not an OpenAI tool"),
        ("gbnf", {"tools": 5}, "tools must be a list, not int"),
        ("lark", {"tools": [{"function": "x"}]}, r"tools\[0\] is not an OpenAI tool"),
        ("gbnf", {"tools": TOOLS, "special_tokens": ["<s>"]}, "'gbnf' takes no 'special_tokens'"),
        ("lark", {"tools": TOOLS, "lazy": True}, "'lark' takes no 'lazy'"),
        ("gbnf", {"tools": TOOLS, "lasy": True}, "did you mean 'lazy'"),
        ("gbfn", {}, "did you mean 'gbnf'"),
        ("response_template", {"tools": TOOLS}, "the same for every request: leave out tools"),
    ],
)
def test_what_is_not_taken_is_refused_alike(target: str, request_: dict[str, Any], said: str):
    for ask in (MADE.emit, MADE.losses):
        with pytest.raises(ChatAdaptersError, match=said):
            ask(target, **request_)


def test_losses_takes_what_emit_takes_and_a_folder_too():
    assert MADE.emit("lark", tools=TOOLS, plain_lark=True)
    plain = MADE.losses("lark", tools=TOOLS, plain_lark=True)
    assert len(plain) == 1 and plain[0].startswith("tool 'look': any arguments are allowed")
    assert MADE.losses("hf") == MADE.losses("response_template")
    with pytest.raises(ChatAdaptersError, match="no target is called 'hf'"):
        MADE.emit("hf")
    for target in REQUEST_TARGETS:
        assert MADE.losses(target, tools=TOOLS, parallel_tool_calls=False, prompt="")


def test_a_sleeping_grammar_loses_more_where_there_is_one():
    note = "a call that the reasoning quotes wakes the grammar, too"
    assert note in MADE.losses("gbnf", tools=TOOLS, lazy=True)
    forced = {"tools": TOOLS, "tool_choice": "required"}
    assert MADE.emit("gbnf", lazy=True, **forced) == "null"
    assert note not in MADE.losses("gbnf", lazy=True, **forced)


def test_no_tool_is_blamed_for_a_wrong_choice_or_format(monkeypatch):
    for choice in ("any", {"function": {"name": "gone"}}, {"function": {}}):
        with pytest.raises(ChatAdaptersError, match=r"^qwen3: tool_choice "):
            MADE.emit("gbnf", tools=TOOLS, tool_choice=choice)
    plain = Adapter(declare())
    with pytest.raises(ChatAdaptersError, match=r"^example: this format carries no tool calls"):
        monkeypatch.setattr(grammars, "_check_names", lambda *_: None)
        plain.emit("gbnf", tools=TOOLS)


def test_the_tool_that_is_to_blame_is_named(monkeypatch):
    made = grammars.structural_tag

    def only(shape: Any, some: Any, *given: Any, **more: Any) -> Any:
        if any((tool.get("function") or tool)["name"] == "bad" for tool in some):
            raise ValueError("cannot be written")
        return made(shape, some, *given, **more)

    monkeypatch.setattr(grammars, "structural_tag", only)
    bad = {"type": "function", "function": {"name": "bad", "parameters": SCHEMA}}
    for tools in ([bad], [*TOOLS, bad]):
        with pytest.raises(ChatAdaptersError, match=r"^qwen3: tool 'bad': cannot be written"):
            MADE.emit("gbnf", tools=tools)


def test_tools_that_are_none_are_a_conversation_error():
    with pytest.raises(ConversationError):
        MADE.emit("structural_tag", tools="x")


# -- Ollama: what Go cannot read


def modelfile(user: str) -> str:
    return Adapter(declare({"user": user})).emit("ollama")


def test_a_brace_before_an_action_is_an_action():
    assert '<u>{{ "{" }}{{ .Content }}' in modelfile("<u>{{ '{' }}{{ content }}")
    assert '{{ "{{{" }}a{b' in modelfile("{{ '{{{a{b' }}{{ content }}")
    assert '{{ "{" }}{{ "\\"\\"\\"" }}' in modelfile('{{ \'{"""\' }}{{ content }}')


def test_a_name_that_ends_with_its_branch_in_go_is_an_error():
    with pytest.raises(ChatAdaptersError, match="a name that is set under a condition"):
        modelfile("{% set a = 'x' %}{% if tools %}{% set b = content %}{% endif %}{{ content }}")
    assert ":=" in modelfile("{% set a = content %}{% if tools %}{{ a }}{% endif %}{{ content }}")


# -- nothing was tried


def test_a_format_of_which_no_conversation_can_be_played_has_no_stable_template(monkeypatch):
    made = Adapter(declare({"generation": "<a>"}))
    assert not prefix.account(made, turns=1).unstable
    monkeypatch.setattr(prefix._Player, "main", lambda *_: [])
    assert prefix.account(made).unstable == "no conversation could be played"
    assert prefix.account(made).sentences() == ["no conversation could be played"]
    with pytest.raises(ChatAdaptersError, match="no conversation could be played"):
        made.emit("stable")


def test_law_6_does_not_hold_of_nothing():
    about = subject("qwen3")
    nothing = law.grammars(about, [], Seeded("none"), 0)
    assert not nothing.ok and "no text was tried" in nothing.failures[0]
    one = law.grammars(about, [], Seeded("one"), 1)
    assert one.ok and one.checked == len(law.REQUESTS)


def test_an_answer_that_no_grammar_is_asked_about_is_not_counted(monkeypatch):
    about, choices = subject("qwen3"), Seeded("skipped")
    printed = [about.good(choices) for _ in range(20)]
    monkeypatch.setattr(law, "_answer", lambda *_: None)
    assert law.grammars(about, printed, choices, 5).checked == len(law.REQUESTS)


def test_a_lost_call_explains_no_other_difference():
    call = {"name": "f", "arguments": {}}
    wanted, losses = Said("", "b", [call]), ["calls: unread"]
    assert explained(losses, wanted, Said("f()", "b", []))
    assert not explained(losses, wanted, Said("f()", "c", []))
    assert not explained(losses, wanted, Said("", "b", [{"name": "g", "arguments": {}}]))
    assert not explained(losses, wanted, None)


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS_FOLDER))
    return importlib.import_module


def test_engines_that_are_not_here_are_no_success(tool, monkeypatch, capsys):
    portability = tool("portability")
    monkeypatch.setattr(portability, "conversations", lambda _: [object()])
    monkeypatch.setattr(portability, "available", lambda _: ())
    monkeypatch.setattr(portability, "run", lambda *_: [])
    monkeypatch.setattr(sys, "argv", ["portability.py", "--check"])
    assert portability.main() == 1
    assert "no engine is here: nothing was compared" in capsys.readouterr().err
    for found, status in ((None, 0), ([], 1)):
        monkeypatch.setattr(portability, "conversations", lambda _, found=found: found)
        assert portability.main() == status
        assert "not compared" in capsys.readouterr().out


def test_how_many_texts_are_printed_is_written_again(tool, monkeypatch):
    portability = tool("portability")
    engine = tool("portability_engines").Sandbox()
    samples = [chatadapters.verify.conversations.Conversation(
        [{"role": "user", "content": "a"}], None, True, {}, "chat"
    )]  # fmt: skip
    written: dict[str, Any] = {}
    monkeypatch.setattr(portability, "keep", written.update)
    known = {"qwen3": {"template": portability.sha256(MADE.template()), "engines": {}}}
    assert portability.run({"jinja2": engine}, ["qwen3"], samples, known, False) == []
    assert written["qwen3"]["printed"] == 1


def test_a_draw_without_any_judged_mutation_is_no_success(tool, monkeypatch, capsys):
    mutate = tool("mutate_declarations")
    witness = tool("mutate_declarations_witness")
    one = witness.mutations_of("qwen3")[0]
    monkeypatch.setattr(sys, "argv", ["mutate_declarations.py", "qwen3"])
    for by, status in ((witness.REFUSED, 1), (witness.SAME, 1), ("laws", 0)):
        monkeypatch.setattr(mutate, "tried", lambda *_, by=by: [[witness.Outcome(one, by)]])
        assert mutate.main() == status
        assert ("no mutation could be judged" in capsys.readouterr().out) == bool(status)


def test_an_error_without_words_is_an_error_too(tool):
    def fails(_: Any) -> str:
        raise ValueError

    assert tool("portability_engines")._tried(fails, {}).error == "ValueError: "
