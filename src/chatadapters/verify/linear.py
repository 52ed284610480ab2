"""Law 9: an adapter and adversarial texts in, where its parser hoards or repeats work out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..runtime.literals import LONGEST_ATOM
from ..runtime.scan import MOST_HELD
from .choices import Choices

if TYPE_CHECKING:
    from .laws import Subject

ADVERSARIAL = (
    "white space",
    "near markers",
    "unclosed name",
    "brackets",
    "quotes",
    "markers",
    "line breaks",
)


def adversary(subject: Subject, kind: str, length: int) -> str:
    """Return a text that makes careless parsers slow."""
    markers = subject.domain.markers or ("<x>",)
    body = {
        "white space": " ",
        "near markers": "".join(marker[:-1] for marker in markers),
        "unclosed name": "".join(markers[:1]) + "a" * length,
        "brackets": '{"a":[',
        "quotes": "\"'\\",
        "markers": "".join(markers),
        "line breaks": "\n",
    }[kind]
    return (body * (length // len(body) + 1))[:length]


def linear(subject: Subject, opener: str, kind: str, length: int = 450) -> str | None:
    """Law 9: what is held stays under its bound; twice the text is at most 2.3 times the work."""
    work = []
    longest = max((len(marker) for marker in subject.domain.markers), default=0)
    bound = 2 * longest + 320  # a marker, white space before it (64), a name (128) and its id
    payloads = {call["payload"] for call in subject.adapter.table["calls"]}
    if payloads & {"literal", "python"}:
        bound = max(bound, LONGEST_ATOM + longest + 1)  # a number
    if kind in ("brackets", "quotes") and "object" in payloads:
        bound += MOST_HELD  # values of an object that come before its name
    for size in (length, 2 * length, 4 * length):
        parser = subject.parsers(None)()
        steps = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal steps
            steps += 1

        parser.feed(opener)
        text = adversary(subject, kind, size)
        previous = sys.getprofile()
        sys.setprofile(count)
        try:
            for character in text:
                parser.feed(character)
                if parser.held > bound:
                    sys.setprofile(previous)
                    return f"{parser.held} held, more than {bound}, on {kind} after {opener!r}"
        finally:
            sys.setprofile(previous)
        work.append(steps)
        if len(work) == 2 and work[1] <= 2.3 * work[0]:
            return None  # else the beginning may have been cheaper: what follows decides
    if work[2] > 2.3 * work[1]:
        return (
            f"{work[2] / work[1]:.2f} times the work for twice the text, on {kind} after {opener!r}"
        )
    return None


def openers(subject: Subject, choices: Choices, count: int = 6) -> list[str]:
    """Return beginnings of good answers: states to begin an adversarial text in."""
    found = [""]
    for _ in range(count):
        text = subject.good(choices).text
        found.append(text[: choices.integer(0, len(text))])
    return found
