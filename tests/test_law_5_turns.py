"""Law 5: a rendered conversation is its prompt, the printed answer and the end of the turn."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import answer
from chatadapters.verify.laws import Refused, turn
from tests.strategies import NAMES, answers, subject


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_render_is_prompt_and_answer_and_end(name: str, data: st.DataObject) -> None:
    about = subject(name)
    try:
        assert turn(about, about.print(data.draw(answers(name, exotic=False)))) is None
    except Refused:
        assume(False)


@pytest.mark.parametrize("name", NAMES)
def test_most_answers_obey_it(name: str) -> None:
    about, choices = subject(name), Seeded(f"law 5 {name}")
    obeyed = 0
    for _ in range(100):
        try:
            failure = turn(about, about.print(answer(choices, about.domain, exotic=False)))
        except Refused:
            continue
        assert failure is None
        obeyed += 1
    assert obeyed >= 10
