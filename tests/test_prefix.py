"""The prefix accountant, and the template that only appends."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import chatadapters
from chatadapters import prefix
from chatadapters.declaration import parse
from chatadapters.errors import ChatAdaptersError
from chatadapters.render import compile_template, render_text
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import conversation
from chatadapters.verify.laws import normalised
from tests.cli_run import adapters
from tests.strategies import subject
from tests.test_minijinja import second_engine

# Each rewrites history in a way of its own, or not at all.
SOME = ("chatglm3", "qwen3", "deepseek_v31", "gpt_oss", "mistral_v3", "command_r7b", "hunyuan_7b")
ONE_ANSWER = """
title = "t"
stop = ["</a>"]
[prompt]
user = "<u>{{ content }}</u>"
assistant = "<a>{{ output }}</a>"
generation = "<a>"
[output]
text = "{{ content }}"
"""


def adapter_of(source: str, **changes: str) -> chatadapters.Adapter:
    """Return an adapter of a declaration with some of its lines replaced."""
    for old, new in changes.items():
        line = next(line for line in source.split("\n") if line.startswith(f"{old} ="))
        source = source.replace(line, new)
    return chatadapters.Adapter(parse(source, name="made"))


@cache
def account(name: str) -> prefix.Prefix:
    return subject(name).adapter.prefix()


def found(adapter: chatadapters.Adapter, what: str) -> prefix.Case:
    case = adapter.prefix().case(what)
    assert case is not None
    return case


def test_a_format_without_rules_extends() -> None:
    made = adapter_of(ONE_ANSWER).prefix()
    assert made.extends and not made.unstable and len(made.cases) >= 3
    assert all(request.again == 0 for case in made.cases for request in case.requests)


def test_a_last_message_that_is_special_is_found() -> None:
    special = 'user = "{% if last %}<now>{% endif %}<u>{{ content }}</u>"'
    case = found(adapter_of(ONE_ANSWER, user=special), "chat without reasoning")
    assert case.rules == ("last",) and case.differs is not None
    assert case.differs[0].startswith("now>") and case.differs[1].startswith("u>")


def test_facts_about_all_messages_are_found() -> None:
    counted = 'user = "{{ messages | length }}<u>{{ content }}</u>"'
    assert found(adapter_of(ONE_ANSWER, user=counted), "chat without reasoning").rules == ("facts",)


def test_an_answer_that_is_printed_in_another_way_is_found() -> None:
    loud = """assistant = "<a>{% set content = content | upper %}{{ output }}</a>\""""
    made = adapter_of(ONE_ANSWER, assistant=loud).prefix()
    assert made.case("chat without reasoning").rules == ()  # type: ignore[union-attr]
    assert 'the next prompt has "HE SUM' in made.unstable.replace("0: T", "")


def test_a_trim_is_found_where_the_model_writes_white_space() -> None:
    made = adapter_of(ONE_ANSWER, text='text = "{{ content | trim }}"').prefix()
    assert made.extends
    assert made.case("white space around answers").rules == ("trims",)  # type: ignore[union-attr]


def test_a_clock_is_found() -> None:
    made = adapter_of(ONE_ANSWER, user='user = "{{ date }}<u>{{ content }}</u>"').prefix()
    case = made.case("a day that passes")
    assert made.extends and case is not None and case.rules == ("date",)


def test_what_is_read_again_is_counted() -> None:
    special = 'user = "{% if last %}<now>{% endif %}<u>{{ content }}</u>"'
    case = found(adapter_of(ONE_ANSWER, user=special), "chat without reasoning")
    first, second = case.requests[:2]
    assert first.again == 0 and first.read == first.prompt
    # behind the first "<": all but "now>" is read once more, with the answer
    assert second.read == second.prompt - 1
    assert 0 < second.again < second.read and case.share(1) < case.share(5)


@pytest.mark.parametrize(
    ("name", "what", "rules"),
    [
        ("qwen3", "tool loop", None),
        ("qwen3", "chat", ("history", "facts")),
        ("deepseek_v31", "tool loop", ("history",)),
        ("gpt_oss", "chat", ("history", "last", "generation_prompt")),
        ("mistral_v3", "tool loop without reasoning", ("last",)),
    ],
)
def test_known_rules(name: str, what: str, rules: tuple[str, ...] | None) -> None:
    case = account(name).case(what)
    assert case is not None
    assert case.extends if rules is None else case.rules == rules


@pytest.mark.parametrize("name", SOME)
def test_the_stable_template_extends_every_generated_conversation(name: str) -> None:
    """What was read of a conversation is where its next prompt begins, after any turn."""
    about, choices = subject(name), Seeded(f"stable {name}")
    adapter, checked = about.adapter, 0
    compiled = compile_template(adapter.stable_template())

    def render(messages: list[Any], tools: Any, options: Any) -> str:
        return render_text(compiled, messages, tools, True, adapter.declaration, options)

    for _ in range(40):
        sample = conversation(choices, about.domain, official=True)
        messages = normalised(adapter, sample.messages)
        read = ""
        for at, message in enumerate(messages):
            if message["role"] != "assistant" or messages[at - 1]["role"] == "assistant":
                continue
            prompt = render(messages[:at], sample.tools, sample.options)
            answer = adapter.output(messages[: at + 1], sample.tools, **sample.options)
            assert prompt.startswith(read)
            checked += bool(read)
            begun = about.begun(prompt)
            if not answer.startswith(begun):
                break  # no model writes this answer to this prompt
            read = prompt + answer[len(begun) :]
    assert checked >= 20


@pytest.mark.parametrize("name", ["qwen3", "gpt_oss", "deepseek_v31", "hunyuan_7b"])
def test_the_stable_template_is_the_same_in_a_second_engine(name: str) -> None:
    about, choices = subject(name), Seeded(f"stable engines {name}")
    declaration, text = about.adapter.declaration, about.adapter.stable_template()
    compiled, other = compile_template(text), second_engine(text, declaration)
    for _ in range(15):
        sample = conversation(choices, about.domain, official=True)
        sample.options["strftime_now"] = lambda form: "2026-01-02"
        given = (sample.messages, sample.tools, sample.add_generation_prompt)
        assert other(sample) == render_text(compiled, *given, declaration, sample.options)


@pytest.mark.parametrize("name", ["chatglm3", "hermes", "kimi_k2", "devstral2"])
def test_the_stable_template_is_the_plain_one_where_that_extends(name: str) -> None:
    about, choices = subject(name), Seeded(f"same {name}")
    adapter = about.adapter
    assert account(name).extends
    compiled = compile_template(adapter.stable_template())
    for _ in range(25):
        sample = conversation(choices, about.domain, official=True)
        messages, given = normalised(adapter, sample.messages), sample.options
        made = render_text(compiled, messages, sample.tools, True, adapter.declaration, given)
        assert made == adapter.render_template(messages, sample.tools, **given)


def test_a_format_without_a_stable_template_says_why() -> None:
    class Known(chatadapters.Adapter):
        def prefix(self) -> prefix.Prefix:
            return account("gemma4")

    why, last = account("gemma4").unstable, account("gemma4").sentences()[-1]
    assert why and f"no template that only appends was found ({why})" in last
    said = f"no template of this format only appends: {why}"
    with pytest.raises(ChatAdaptersError, match=re.escape(said)):
        Known(subject("gemma4").adapter.declaration).emit("stable")


def test_the_command_line_shows_it_and_writes_the_template(tmp_path: Path) -> None:
    shown = adapters("show", "deepseek_v31", "--prefix")
    assert "Prefix cache" in shown.out and "past reasoning is dropped: 28%" in shown.out
    made = adapters("compile", "deepseek_v31", "-o", tmp_path, "-t", "stable", "-t", "training")
    assert made.status == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "deepseek_v31_stable.jinja",
        "deepseek_v31_training.jinja",
    }
    text = (tmp_path / "deepseek_v31_stable.jinja").read_text(encoding="utf-8")
    about = subject("deepseek_v31").adapter
    assert text == about.stable_template() != about.template()
