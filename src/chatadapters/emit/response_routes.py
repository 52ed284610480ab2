"""The parser's states as delimiters of transformers' response parser: a table in, patterns out.

Our parser walks states; theirs knows which region it is in and nothing else. So each way from a
text, from the reasoning or from a call becomes a pattern, sorted by where it leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .response_patterns import SPACE, START, chain, either, framing, lead

Tokens = tuple[tuple[str, ...], ...]
_LEAST = 3  # characters by which a token is told from text


@dataclass(frozen=True)
class Way:
    """One way on: its tokens, what stands before them, and the white space printed after them."""

    tokens: Tokens
    before: str = ""  # a pattern
    framings: tuple[str, ...] = ()
    lead: str = ""
    after: str = ""  # a pattern
    call: bool = False
    reasoning: bool = False

    @property
    def pattern(self) -> str:
        """The pattern of the way."""
        return self.before + self.rest

    @property
    def rest(self) -> str:
        """The pattern without what stands before the tokens."""
        return chain(self.tokens) + lead(self.lead) + self.after

    def spelled(self) -> list[str]:
        """Return every text of a way of one token, as printed first."""
        return [
            before + core + self.lead[:size]
            for before in (*self.framings, "")
            for core in self.tokens[0]
            for size in range(len(self.lead), -1, -1)
        ]


@dataclass
class Delimiters:
    """The ways by where they lead; an opening of a call ends where its header begins."""

    reasoning: list[Way] = field(default_factory=list)
    reasoned: list[Way] = field(default_factory=list)  # from the reasoning to a text
    answered: bool = False  # whether a call may follow the reasoning at once
    calls: list[Way] = field(default_factory=list)
    skipped: list[Way] = field(default_factory=list)  # what stands around a text and is none
    closers: list[Way] = field(default_factory=list)  # what may end a section after a call
    following: list[str] = field(default_factory=list)  # what another call begins with
    listed: bool = False  # the calls of a message are one JSON list
    single: bool = False  # nothing tells where a second call of a message begins

    def openings(self) -> str:
        """Return the pattern of all openings of calls."""
        prefixes: dict[str, list[str]] = {}
        for way in self.calls:
            prefixes.setdefault(way.rest, []).append(way.before)
        return either(_before(before) + rest for rest, before in prefixes.items())


def _before(prefixes: list[str]) -> str:
    """Return what may stand before an opening, which white space at the start is no part of."""
    anywhere = [prefix for prefix in prefixes if prefix != START]
    printed = [prefix for prefix in anywhere if prefix]
    return either(printed) if printed else "" if anywhere else START


def delimiters(table: Mapping[str, Any], closed: str, *, objects: bool, spaced: bool) -> Delimiters:
    """Return the delimiters of a table.

    ``closed`` is the pattern of what ends a call, "" if nothing does; ``objects``: a call is one
    JSON object; ``spaced``: white space stands between two of them.
    """
    found, later = Delimiters(), list[Way]()
    if table["lead"]:
        found.skipped.append(Way(((table["lead"][0],),), "\\A", lead=table["lead"][1:]))
    for state in table["states"]:
        for way in _ways(state, table["states"]):
            if state["anchored"] and state["space"] == "gap":
                later.append(way)
            elif way.call:
                found.calls.append(way)
                found.answered = found.answered or bool(state.get("reasoning"))
            elif way.reasoning:
                found.reasoning.append(way)
            else:
                (found.reasoned if state.get("reasoning") else found.skipped).append(way)
    _tell_apart(found, [*_ways(table["states"][0], table["states"])])
    _after_calls(found, later, closed, objects, spaced)
    return found


def _tell_apart(found: Delimiters, start: list[Way]) -> None:
    """Let a call that begins with its name not be what the format has a marker for."""
    marked = [way.rest for way in start if way.tokens and not way.call]
    if marked:
        other = f"(?!{either(marked)})"
        found.calls = [way if way.tokens else replace(way, after=other) for way in found.calls]


def _ways(state: Mapping[str, Any], states: Any) -> Iterator[Way]:
    """Give the ways out of a state."""
    anchored = state["anchored"]
    bare = "\\A" if any(route["exact"] for route in anchored) else START
    routes = [((route["first"],), route) for route in anchored] or [
        (((core + one.get("rest", ("",))[0],),), one)
        for core, route in state["routes"].items()
        for one in (route, *route.get("others", ()))
    ]
    for first, route in routes:
        tokens = (*(spelled for spelled in first if spelled), *route["tokens"])
        if route["exact"]:
            before = "\\A"
        elif anchored:
            before = START if tokens else bare
        else:
            before = framing(route["framings"])
        yield Way(
            tokens,
            before,
            tuple(route["framings"]),
            "" if route["call"] is not None else route["lead"],
            call=route["call"] is not None,
            reasoning=route["call"] is None and bool(states[route["goto"]].get("reasoning")),
        )


def _after_calls(
    found: Delimiters, later: list[Way], closed: str, objects: bool, spaced: bool
) -> None:
    """Add what may stand after a call: the next one, or the end of a section."""
    sections = [way.tokens for way in found.calls]
    again = [replace(way, before="") for way in later if way.call]
    only = [way for way in again if way.tokens not in sections]
    weak = [way for way in only if not way.tokens or len(way.tokens[0][0]) < _LEAST]
    found.listed = bool(weak) and objects and all(sections) and all(map(_bracket, sections))
    if found.listed:
        found.calls = [replace(way, tokens=_without_bracket(way.tokens)) for way in found.calls]
    else:
        found.following = [chain(way.tokens) for way in again if way.tokens]
        inside = (
            f"(?<={either(chain(tokens[:1]) for tokens in sections if tokens)}[\\s\\S]*)"
            if weak
            else ""
        )
        for way in only:
            if way not in weak:
                found.calls.append(replace(way, before=f"(?<={closed})"))
            elif way.tokens:
                found.calls.append(replace(way, after=inside))
            elif spaced:
                found.calls.append(replace(way, before=f"(?<=\\}}{SPACE})(?=\\{{){inside}"))
                found.following.append("\\{")
            else:
                found.single = True
    ends = [way for way in later if not way.call and way.tokens and way.tokens[0] != (",",)]
    if found.listed:
        ends = [replace(way, tokens=_without_bracket(way.tokens, first=True)) for way in ends]
    guard = f"(?<={closed})" if closed else ""
    found.closers = [replace(way, before=guard) for way in ends if way.tokens]


def _bracket(tokens: Tokens) -> bool:
    return all(text.endswith("[") for text in tokens[-1])


def _without_bracket(tokens: Tokens, *, first: bool = False) -> Tokens:
    """Return tokens without the bracket that opens a list, or the ``first`` one's that ends it."""
    if first:
        bare = tuple(text.removeprefix("]") for text in tokens[0])
        return (*((bare,) if any(bare) else ()), *tokens[1:])
    bare = tuple(text.removesuffix("[") for text in tokens[-1]) if tokens else ()
    return (*tokens[:-1], *((bare,) if any(bare) else ()))
