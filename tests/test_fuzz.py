"""A hundred thousand bad texts: no exception, no lost character, for every adapter."""

import pytest

from chatadapters.verify.checks import garbage, mutated
from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import conservation
from tests.strategies import NAMES, subject

TOTAL = 100_000
EACH = -(-TOTAL // len(NAMES))
SLICES = 2  # so that two processes share the work evenly


@pytest.mark.parametrize("slice_", range(SLICES))
@pytest.mark.parametrize("name", NAMES)
def test_garbage_and_mutated_answers(name: str, slice_: int) -> None:
    about, choices = subject(name), Seeded(f"fuzz {name} {slice_}")
    good = [about.good(choices) for _ in range(120)]
    good = [printed for printed in good if len(printed.text) < 300] or good
    tried = 0
    while tried < EACH / SLICES:
        printed = choices.pick(good)
        text = garbage(choices, about.domain)
        if choices.chance(0.6):
            text = mutated(choices, printed.text, choices.pick(good).text, about.domain)
        assert conservation(about, printed.make, text) is None
        tried += 1
    assert tried * SLICES * len(NAMES) >= TOTAL
