"""Law 3: nothing of any text is lost, repeated or invented."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import conservation
from tests.strategies import NAMES, subject, texts


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_text(name: str, data: st.DataObject) -> None:
    about = subject(name)
    good = about.good(Seeded(data.draw(st.integers(0, 50))))
    text = data.draw(texts(name))
    tools = data.draw(st.sampled_from([None, [], good.conversation.tools]))
    assert conservation(about, about.parsers(tools), text) is None
    assert conservation(about, good.make, text) is None


@pytest.mark.parametrize("name", NAMES)
def test_no_tools_allowed_means_no_call(name: str) -> None:
    about = subject(name)
    choices = Seeded(f"no tools {name}")
    for _ in range(40):
        text = about.good(choices).text
        assert not about.adapter.parse(text, tools=[]).tool_calls
        assert conservation(about, about.parsers([]), text) is None


class _Message:
    content, reasoning = "ab", ""


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "text", "text": "ab", "span": (0, 2)}],  # loses the rest
        [{"type": "text", "text": "ab", "span": (1, 3)}],  # not what stands there
        [{"type": "text", "text": "ab", "span": (0, 2)}] * 2,  # repeats
        [
            {"type": "text", "text": "ab", "span": (0, 2)},
            {"type": "call_start", "index": 0, "span": (2, 4)},
        ],
        [{"type": "text", "text": "a", "span": (0, 1)}],  # the message says more than the events
    ],
)
def test_every_kind_of_loss_is_noticed(events: list[dict[str, Any]]) -> None:
    for name in NAMES:
        assert subject(name).conservation.problem("ab, cd", events, _Message()) is not None
