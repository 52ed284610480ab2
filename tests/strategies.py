"""Hypothesis strategies: the package's one generator of conversations, driven by drawn choices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

import chatadapters
from chatadapters.verify import checks
from chatadapters.verify.conversations import Conversation, answer, conversation
from chatadapters.verify.laws import Subject

T = TypeVar("T")
EVERY = chatadapters.names()
CORPUS = Path(__file__).parent / "corpus"
# The formats that the whole suite is run with: those of which a corpus of answers was written.
# `adapters verify --all` tries the laws and the official templates of every one.
NAMES = [name for name in EVERY if (CORPUS / f"{name}.txt").is_file()]
# properties of tests that the summary prints
COMPARED, ENCODED, ABSENT = "reference compared", "encoder compared", "skipped"
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)


class Drawn:
    """Choices that Hypothesis makes and shrinks: to small numbers, no, and the first option."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def chance(self, share: float) -> bool:
        return bool(self.draw(st.integers(0, 99)) >= round(100 * (1 - share)))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def characters(self) -> str:
        return str(self.draw(CHARACTERS))


@cache
def subject(name: str) -> Subject:
    """Return an adapter with what its laws need, once per process."""
    return Subject(chatadapters.load(name))


@st.composite
def choices(draw: Any) -> Drawn:
    """Choices to hand to the package's own generators."""
    return Drawn(draw)


@st.composite
def answers(draw: Any, name: str, exotic: bool | None = None) -> Conversation:
    """Conversations whose last message is an answer that the adapter declares it can carry."""
    return answer(Drawn(draw), subject(name).domain, exotic=exotic)


@st.composite
def conversations(draw: Any, name: str) -> Conversation:
    """Conversations that typical official templates take."""
    return conversation(Drawn(draw), subject(name).domain)


@st.composite
def texts(draw: Any, name: str) -> str:
    """Arbitrary texts: marker soup, good answers gone bad, and anything at all."""
    drawn, about = Drawn(draw), subject(name)
    match drawn.integer(0, 2):
        case 0:
            return str(draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=60)))
        case 1:
            return checks.garbage(drawn, about.domain)
    good = [about.good(drawn).text for _ in range(2)]
    return checks.mutated(drawn, good[0], good[1], about.domain)
