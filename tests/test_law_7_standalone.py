"""Law 7: the emitted single file behaves as the library, with nothing installed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import Printed
from chatadapters.verify.standalone import alone, differs, load
from tests.strategies import NAMES, Drawn, subject, texts

MODULES = {name: load(subject(name).adapter.emit("python")) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_2000_answers_in_random_pieces(name: str) -> None:
    about, choices = subject(name), Seeded(f"law 7 {name}")
    for _ in range(2000):
        printed = about.good(choices)
        assert differs(about, MODULES[name], printed, printed.text, choices) is None


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_text(name: str, data: st.DataObject) -> None:
    about = subject(name)
    printed = about.good(Seeded(data.draw(st.integers(0, 50))))
    assert differs(about, MODULES[name], printed, data.draw(texts(name)), Drawn(data.draw)) is None


@pytest.mark.parametrize("name", NAMES)
def test_alone_in_a_bare_python(name: str) -> None:
    about, choices = subject(name), Seeded(f"alone {name}")
    assert alone(about, [about.good(choices) for _ in range(30)], choices) is None


def test_a_difference_is_noticed() -> None:
    name = NAMES[0]
    about = subject(name)
    printed = about.good(Seeded(1))
    other = Printed(printed.conversation, printed.text, printed.prompt, MODULES[name].Parser)
    right = differs(about, MODULES[name], printed, "plain text", Seeded(1))

    class Cut(MODULES[name].Parser):  # type: ignore[name-defined, misc]
        def feed(self, delta: str) -> list[object]:
            return list(super().feed(delta.replace("t", "")))

    other.make = Cut
    assert right is None
    assert differs(about, MODULES[name], other, "plain text", Seeded(1)) is not None
