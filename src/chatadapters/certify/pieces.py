"""Texts that mean something to a format: an adapter in; its markers and pieces of answers out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from ..check import markers
from .bench import Bench
from .limits import Limit

NOISE = (
    *(" ", "\n", "\n\n", "\t", '"', "'", "\\", "\\n", "{", "}", "[", "]", "(", ")", ",", ":", "="),
    *(
        "<",
        ">",
        "/",
        "&",
        "`",
        "0",
        "1",
        "-1",
        "1.0",
        "null",
        "None",
        "true",
        "True",
        "a",
        "f",
        "é",
    ),
    *("]]>", '{"name": "f"', "name", "user", "\r\n", "\u3000", "😀", "a b"),
)


class Pieces:
    """The pieces of one format, read off its table and off the answers that it prints."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.markers = sorted(_markers(bench.table) | set(bench.adapter.declaration.special))
        spellings = bench.adapter.declaration.accept.spellings
        other = (
            answer.replace(one.for_, one.read) for answer in bench.answers for one in spellings
        )
        self.answers = list(dict.fromkeys([*bench.answers, *other]))

    def about(self, limit: Limit) -> list[str]:
        """Return texts to try for a limit, the shortest first."""
        found = {*limit.marks, *(f"a{mark}b" for mark in limit.marks), "a", " a", "a b", "é"}
        for answer in self.answers:
            starts = [m.start() for mark in limit.marks if mark.strip()
                      for m in re.finditer(re.escape(mark), answer)]  # fmt: skip
            starts = starts if limit.marks else [0]
            for start in starts:
                found.update(beginnings(answer[start:]))
        found |= {text.strip() for text in found if text.strip()}
        return sorted(filter(limit.near, found), key=lambda text: (len(text), text))

    def alphabet(self) -> list[str]:
        """Return pieces to make texts of: markers, what they begin and end with, and noise."""
        cut = [part for marker in self.markers for part in _cuts(marker)]
        return list(dict.fromkeys([*self.markers, *NOISE, *cut]))

    def pairs(self) -> list[str]:
        """Return each two markers, one after the other."""
        return [one + other for one in self.markers for other in self.markers]


def beginnings(text: str) -> list[str]:
    """Return the text up to the end of each of its words."""
    return [text[: piece.end()] for piece in re.finditer(r"\w+|\s+|[^\w\s]", text)]


def _cuts(marker: str) -> Iterator[str]:
    if len(marker) > 1:
        yield from (marker[:-1], marker[1:], marker[: len(marker) // 2])


def _markers(table: dict[str, Any]) -> set[str]:
    """Return every literal that the parser looks for."""
    found = set(markers(table))
    for state in table["states"]:
        for route in chain(state["anchored"], state.get("routes", {}).values()):
            for one in (route, *route.get("others", ())):
                found.update(chain(one["first"], *one["tokens"]))
    for call in table["calls"]:
        for step in call["header"]:
            found.update(_texts(step[1:]))
        found.update(chain(*call["close"]))
        for key in ("open", "middle", "ends", "follow", "until"):
            found.update(_texts(call["table"].get(key, ())))
        found.update(_texts(call["table"].get("cdata", {}).get("ends", ())))
        if "mark" in call["table"]:
            found.update((call["table"]["mark"] + "<", call["table"]["mark"] + "</a>"))
    return {text for text in found if text.strip()}


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return chain.from_iterable(map(_texts, value)) if isinstance(value, tuple | list) else ()
