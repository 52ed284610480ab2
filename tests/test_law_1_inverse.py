"""Law 1: what an adapter prints, its parser reads back."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, answer
from chatadapters.verify.laws import Refused, Unreachable, inverse
from tests.strategies import NAMES, answers, subject


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_parse_of_print_is_the_message(name: str, data: st.DataObject) -> None:
    sample = data.draw(answers(name))
    try:
        printed = subject(name).print(sample)
    except Refused:
        assume(False)
    assert inverse(subject(name), printed) is None


@pytest.mark.parametrize("name", NAMES)
def test_answers_without_markers_are_never_refused(name: str) -> None:
    about, choices, read = subject(name), Seeded(f"law 1 {name}"), 0
    for _ in range(300):
        try:
            printed = about.print(answer(choices, about.domain, exotic=False))
        except Unreachable:  # the prompt already says otherwise: thinking is off, for instance
            continue
        assert inverse(about, printed) is None
        read += 1
    assert read >= 100


@pytest.mark.parametrize("name", NAMES)
def test_without_a_prompt_the_default_start_is_taken(name: str) -> None:
    about = subject(name)
    choices = Seeded(f"no prompt {name}")
    for _ in range(60):
        sample = answer(choices, about.domain)
        sample = Conversation(sample.messages[-1:], sample.tools, False, {})
        sample.messages.insert(0, {"role": "user", "content": "Hello"})
        try:
            printed = about.print(sample)
        except Refused:
            continue
        printed.make = about.parsers(sample.tools)
        assert inverse(about, printed) is None


def test_a_wrong_reading_is_noticed() -> None:
    about = subject(NAMES[0])
    printed = about.good(Seeded(3))
    printed.conversation.messages[-1] = {"role": "assistant", "content": "something else"}
    assert inverse(about, printed) is not None
