"""A second template engine: compiled templates give the same text in minijinja."""

import re
from collections.abc import Callable
from typing import Any

import minijinja
import pytest

from chatadapters.errors import ConversationError
from chatadapters.render import tojson
from chatadapters.verify import references
from chatadapters.verify.agreement import with_own_ids
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from tests.strategies import ABSENT, NAMES, subject

SEPARATORS = re.compile(r"\\x1[c-f]")  # Python strips these as white space, Rust does not
# Where a format prints numbers without JSON, engines spell some floats differently: 2.0 and 2,
# 1e+16.
DIFFERENT = re.compile(r"\\x1[c-f]|\d\.0\b|\de\+\d")


class Raised(Exception):
    """What ``raise_exception`` raises in the second engine."""


def _raise(message: str) -> str:
    raise Raised(message)


def second_engine(source: str, declaration: Any) -> Callable[[Conversation], str]:
    """Return a renderer in minijinja, set up as servers do: tojson and raise_exception."""
    engine = minijinja.Environment(trim_blocks=True, lstrip_blocks=True)
    engine.add_filter("tojson", tojson)
    engine.add_function("raise_exception", _raise)

    def render(sample: Conversation) -> str:
        return engine.render_str(
            source,
            messages=sample.messages,
            tools=sample.tools,
            add_generation_prompt=sample.add_generation_prompt,
            **declaration.tokens,
            **sample.options,
        )

    return render


def samples(name: str) -> list[Conversation]:
    """Return the reference conversations where they are here, and generated ones."""
    about = subject(name)
    known = [
        Conversation(c["messages"], c["tools"], c["add_generation_prompt"], c["kwargs"], c["name"])
        for c in references.conversations() or []
    ]
    choices = Seeded(f"engines {name}")
    generated = [conversation(choices, about.domain) for _ in range(60)]
    json_numbers = about.domain.arguments is not None and about.domain.arguments.name == "json"
    unlike = SEPARATORS if json_numbers else DIFFERENT
    generated = [sample for sample in generated if not unlike.search(str(sample.messages))]
    return [with_own_ids(about.adapter, sample) for sample in [*known, *generated]]


def differences(name: str, source: str) -> list[str]:
    """Return the names of the conversations on which the engines disagree."""
    adapter = subject(name).adapter
    render, found = second_engine(source, adapter.declaration), []
    for sample in samples(name):
        try:
            wanted = adapter.render_template(
                sample.messages,
                sample.tools,
                add_generation_prompt=sample.add_generation_prompt,
                **sample.options,
            )
        except ConversationError:
            wanted = None
        try:
            got = render(sample)
        except (Raised, minijinja.TemplateError):
            got = None
        if wanted != got:
            found.append(sample.name)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_same_text(name: str, record_property: Callable[[str, object], None]) -> None:
    if references.conversations() is None:
        record_property(ABSENT, f"{name}: the reference conversations, for the second engine")
    assert differences(name, subject(name).adapter.template()) == []


def test_another_template_is_noticed() -> None:
    source = subject(NAMES[0]).adapter.template()
    assert differences(NAMES[0], source + "!")
