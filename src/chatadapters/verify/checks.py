"""Small questions about parsers: events, texts and values in, what is wrong with them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .choices import Choices, cuts
from .domain import Domain, literals

Event = dict[str, Any]
MakeParser = Callable[[], Any]


def same_id(index: int, name: str) -> str:
    """Make the same id in every run, so that two runs can be compared."""
    return f"call_{index}"


def run(make: MakeParser, pieces: Iterable[str]) -> tuple[list[Event], Any]:
    """Feed pieces to a new parser; return its events as plain data and its message."""
    parser = make()
    events = [event.as_dict() for piece in pieces for event in parser.feed(piece)]
    events += [event.as_dict() for event in parser.close()]
    return events, parser.message


def joined(events: Iterable[Event]) -> list[Event]:
    """Return events with neighbouring pieces of one text or one call's arguments put together.

    >>> said = [{"type": "text", "text": "a", "span": (n, n + 1)} for n in range(2)]
    >>> joined(said)
    [{'type': 'text', 'text': 'aa', 'span': (0, 2)}]
    """
    found: list[Event] = []
    for event in events:
        event = {**event, "span": tuple(event["span"])}
        last = found[-1] if found else None
        if last is not None and _continues(last, event):
            key = "json_delta" if event["type"] == "call_arguments" else "text"
            last[key] += event[key]
            last["span"] = (last["span"][0], event["span"][1])
        else:
            found.append(event)
    return found


def _continues(last: Event, event: Event) -> bool:
    if last["type"] != event["type"]:
        return False
    match event["type"]:
        case "text" | "reasoning":
            return bool(last["span"][1] == event["span"][0])
        case "malformed":
            return bool(last["span"][1] == event["span"][0] and last["reason"] == event["reason"])
        case "call_arguments":
            return bool(last["index"] == event["index"])
    return False


class Conservation:
    """Says whether events lose, repeat or invent anything of the text that they came from."""

    def __init__(self, adapter: Any, domain: Domain) -> None:
        words = {_solid(word) for text in literals(adapter) for word in (text, *text.split())}
        words |= {_solid(marker) for marker in domain.markers}
        ordered = sorted((w for w in words if w), key=len, reverse=True)
        self.framing = (
            re.compile(f"(?:{'|'.join(map(re.escape, ordered))})*") if ordered else re.compile("")
        )

    def problem(self, text: str, events: Sequence[Event], message: Any) -> str | None:
        """Return what is wrong, or None."""
        end = 0
        covered: list[tuple[int, int]] = []
        content: list[str] = []
        reasoning: list[str] = []
        open_calls: set[int] = set()
        for event in events:
            start, stop = event["span"]
            if not 0 <= start <= stop <= len(text):
                return f"the span of {event} is not in the text"
            kind = event["type"]
            if kind in ("text", "reasoning", "malformed") and text[start:stop] != event["text"]:
                return f"{event} is not what stands there: {text[start:stop]!r}"
            if kind in ("text", "reasoning", "call_end"):
                if start < end:
                    return f"{event} overlaps or comes before what ends at {end}"
                end = stop
            if kind in ("text", "reasoning", "call_end", "malformed"):
                covered.append((start, stop))
            if kind == "text":
                content.append(event["text"])
            elif kind == "reasoning":
                reasoning.append(event["text"])
            elif kind == "call_start":
                open_calls.add(event["index"])
            elif kind == "call_end":
                open_calls.discard(event["index"])
        if open_calls:
            return f"calls {sorted(open_calls)} never end"
        if "".join(content) != message.content or "".join(reasoning) != message.reasoning:
            return "the message is not the sum of its events"
        return self._gaps(text, covered)

    def _gaps(self, text: str, covered: list[tuple[int, int]]) -> str | None:
        end = 0
        for start, stop in [*sorted(covered), (len(text), len(text))]:
            gap = text[end:start]
            if gap and not self.framing.fullmatch(_solid(gap)):
                return f"{gap!r} at {end} is lost: it is in no event, and is not framing"
            end = max(end, stop)
        return None


def _solid(text: str) -> str:
    return "".join(text.split())


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal with their JSON types.

    >>> same({"a": 1}, {"a": 1.0}), same([True], [1]), same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    (False, False, True)
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            same(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def partition(choices: Choices, text: str) -> list[str]:
    """Return the text in pieces of random length, some of them empty."""
    longest = choices.pick((1, 2, 3, 7, 20, 80))
    pieces = []
    at = 0
    while at < len(text):
        size = choices.integer(0 if choices.chance(0.05) else 1, longest)
        pieces.append(text[at : at + size])
        at += size
    return pieces


def mutated(choices: Choices, text: str, other: str, domain: Domain) -> str:
    """Return a good text gone bad: cut, doubled, spliced, or with markers in wrong places."""
    pieces = (
        *domain.markers,
        *cuts(domain.markers),
        '"',
        "{",
        "}",
        "\n",
        " ",
        ",",
        "[",
        "]",
        ":",
        "'",
        "\\",
        "é",
        "x",
    )
    for _ in range(choices.integer(1, 3)):
        at = choices.integer(0, len(text))
        to = min(len(text), at + choices.integer(0, 12))
        match choices.integer(0, 6):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:at]
            case 2:
                text = text[:to] + text[at:]
            case 3:
                text = text[:at] + other[min(at, len(other)) :]
            case 4:
                text = text[:at] + choices.pick(pieces) + text[to:]
            case 5 if text[at:to]:
                text = text[:at] + text[at:to][::-1] + text[to:]
            case _:
                text = text[:at] + choices.pick(pieces) + text[at:]
    return text


def garbage(choices: Choices, domain: Domain) -> str:
    """Return a text of markers, cut markers, brackets and noise in no order."""
    pieces = (
        *domain.markers,
        *domain.markers,
        *cuts(domain.markers),
        "get_weather",
        "f",
        "city",
        "=",
        "1",
        "null",
        " ",
    )
    noise = (
        '"',
        "{",
        "}",
        "\n",
        "\n\n",
        "   ",
        ",",
        "[",
        "]",
        ":",
        "'",
        "\\",
        "(",
        ")",
        "é",
        "🙂",
        '{"name": "f"',
        "\x00",
    )
    drawn = (
        choices.pick(pieces if choices.chance(0.6) else noise)
        for _ in range(choices.integer(0, 14))
    )
    return "".join(drawn)
