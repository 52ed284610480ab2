"""Limits of texts: what the compiler knows of a format in; which texts are lost, and why, out.

A limit is a claim about one hole. ``certify`` confirms it with a text that is lost, and tries
whether texts outside all limits are carried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import nodes

if TYPE_CHECKING:
    from ..declaration import Declaration

Test = Callable[[str], bool]
TRIMS = {"trim": "strip", "lstrip": "lstrip", "rstrip": "rstrip"}


def never(text: str) -> bool:
    return False


@dataclass(frozen=True)
class Limit:
    """Some texts that one hole does not carry.

    ``hole`` is a field of the intermediate representation, or ``string`` for the strings in
    arguments and ``nested`` for those inside their lists and objects; ``kind`` says in one word
    what ends or changes the text, ``words`` in a sentence. Only a text that is ``near`` may be lost
    by it; one that is ``lost`` is, whatever else is printed. ``silent``: ``render`` normalises such
    a text and does not refuse it. ``marks`` are the texts that it is about.
    """

    hole: str
    kind: str
    words: str
    near: Test
    lost: Test = never
    marks: tuple[str, ...] = ()
    silent: bool = False


def text_limits(
    declaration: Declaration, table: dict[str, Any], spoken: list[dict[str, Any]], first: bool
) -> Iterator[Limit]:
    """Give the limits of content and reasoning.

    ``spoken`` are the states in which printed texts are read; ``first``: content may begin an
    answer.
    """
    stops = tuple(declaration.stop)
    inline = declaration.output.inline
    for state in spoken:
        hole = "reasoning" if state["reasoning"] else "content"
        for core, route in sorted(state["routes"].items()):
            test = contains((core,))
            if any(one["call"] is None for one in (route, *route.get("others", ()))):
                words = f"{hole} that contains {core!r}: it ends there"
                yield Limit(hole, "end", words, test, marks=(core,))
            else:
                words = (
                    f"{hole} that contains {core!r} followed by a whole call header: "
                    "it is read as a call"
                )
                yield Limit(hole, "call", words, test, marks=(core,))
        if stops:
            words = f"{hole} that contains {either(stops)}: the message ends there"
            test = contains(stops)
            yield Limit(hole, "stop", words, test, test, stops)
    if first:
        yield from _beginnings(table)
    if inline:
        test = contains(inline[1:])
        words = f"content that contains {inline[1]!r}: what stands before it is reasoning"
        yield Limit("content", "inline", words, test, marks=inline[1:], silent=True)
    yield from _trims(declaration)


def _beginnings(table: dict[str, Any]) -> Iterator[Limit]:
    """Give the limits of content that is the beginning of a message."""
    start = table["states"][0]
    known = table["states"][start["then"]]["cores"] if start["anchored"] else ()
    for route in start["anchored"]:
        firsts = tuple(text for text in route["first"] if text not in known)
        if route["exact"] or (route["first"] and not firsts):
            continue
        if firsts:
            what = "a call" if route["call"] is not None else "what that marks"
            words = f"content that begins with {either(firsts)}: it may be read as {what}"
            yield Limit("content", "start", words, begins(firsts), marks=firsts)
            continue
        if route["call"] is None:
            continue
        call = table["calls"][route["call"]]
        if call["payload"] == "object":
            words = (
                "content that begins with a JSON object whose first key is "
                f"{either(tuple(call['table']))}"
            )
            yield Limit("content", "start", words, begins(("{",)), marks=("{",))
        else:
            words = "content that begins with a tool's name and the rest of a call header"
            yield Limit("content", "start", words, _word_first)


def _word_first(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip()[0].isspace()


def trims(fragment: str) -> list[tuple[str, str, str | None]]:
    """Return what an output fragment trims: (field, method of str, characters)."""
    found: list[tuple[str, str, str | None]] = []
    tree = jinja2.Environment(keep_trailing_newline=True).parse(fragment)
    for node in tree.find_all(nodes.Filter):
        inner: Any = node
        while isinstance(inner, nodes.Filter):
            inner = inner.node
        method = TRIMS.get(node.name)
        if method and isinstance(inner, nodes.Name) and inner.name in ("content", "reasoning"):
            argument = node.args[0].as_const() if node.args else None
            found.append((inner.name, method, argument))
    return found


def _trims(declaration: Declaration) -> Iterator[Limit]:
    places = {"strip": "begins or ends", "lstrip": "begins", "rstrip": "ends"}
    for hole, method, characters in dict.fromkeys(trims(declaration.output.text)):

        def test(text: str, method: str = method, characters: str | None = characters) -> bool:
            return bool(getattr(text, method)(characters) != text)

        what = "white space" if characters is None else either(tuple(characters))
        words = f"{hole} that {places[method]} with {what}: it is trimmed"
        marks = (" ", "\n") if characters is None else tuple(characters)
        yield Limit(hole, "trim", words, test, marks=marks, silent=True)


def contains(texts: Iterable[str]) -> Test:
    """Return whether a text has one of these in it."""
    known = tuple(texts)
    return lambda text: any(one in text for one in known)


def begins(texts: Iterable[str]) -> Test:
    """Return whether a text begins with one of these, white space aside."""
    known = tuple(texts)
    return lambda text: text.lstrip().startswith(known)


def either(texts: Iterable[str]) -> str:
    return " or ".join(repr(text) for text in dict.fromkeys(texts))
