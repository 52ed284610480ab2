"""Law 9: what is held stays bounded, and the work (calls, not seconds) grows with the text."""

import pytest

from chatadapters.verify.choices import Seeded
from chatadapters.verify.linear import ADVERSARIAL, linear, openers
from tests.strategies import NAMES, subject


@pytest.mark.parametrize("kind", ADVERSARIAL)
@pytest.mark.parametrize("name", NAMES)
def test_adversarial_text(name: str, kind: str) -> None:
    about = subject(name)
    for opener in openers(about, Seeded(f"law 9 {name}")):
        assert linear(about, opener, kind, 800) is None


def test_a_quadratic_parser_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    about = subject(NAMES[0])

    class Quadratic:
        held = 0

        def __init__(self) -> None:
            self.seen = 0

        def feed(self, delta: str) -> list[object]:
            self.seen += len(delta)
            for _ in range(self.seen):
                len(delta)
            return []

    class Hoarder(Quadratic):
        def feed(self, delta: str) -> list[object]:
            self.held += len(delta)
            return []

    for parser in (Quadratic, Hoarder):
        monkeypatch.setattr(about.adapter, "parser", lambda parser=parser, **_: parser())
        assert linear(about, "", "white space", 400) is not None
