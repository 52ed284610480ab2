"""Law 2: any partition of a text gives the same joined events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import split
from tests.strategies import NAMES, Drawn, subject, texts


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_pieces_of_good_answers(name: str, data: st.DataObject) -> None:
    about, drawn = subject(name), Drawn(data.draw)
    printed = about.good(drawn)
    assert split(about, printed.make, printed.text, drawn) is None


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_pieces_of_any_text(name: str, data: st.DataObject) -> None:
    about = subject(name)
    tools = data.draw(st.sampled_from([None, [], about.good(Seeded(1)).conversation.tools]))
    text = data.draw(texts(name))
    assert split(about, about.parsers(tools), text, Drawn(data.draw)) is None


def test_a_parser_that_depends_on_pieces_is_noticed() -> None:
    about = subject(NAMES[0])

    class Careless:
        message = None

        def feed(self, delta: str) -> list[object]:
            return [Said(len(delta))]

        def close(self) -> list[object]:
            return []

    class Said:
        def __init__(self, length: int) -> None:
            self.length = length

        def as_dict(self) -> dict[str, object]:
            return {"type": "call_end", "index": self.length, "span": (0, self.length)}

    assert split(about, Careless, "ab", Seeded(1)) is not None
