"""Markers that cannot be told apart: the routes of one state in, nothing or an error out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from .declaration import Declaration
from .errors import DeclarationError

if TYPE_CHECKING:
    from .routes import Route

KEY = "output.text"


def line_of(declaration: Declaration, marker: str) -> int:
    """Return the line of the output fragment on which a marker stands first, or 0."""
    text = declaration.output.text
    place = text.find(marker)
    return text.count("\n", 0, place) + 1 if place >= 0 else 0


def alike(declaration: Declaration, one: Route, other: Route) -> DeclarationError:
    """Return the error about two routes that begin alike."""
    common, found = _common(one, other)
    if found:
        return _inside(declaration, *found)
    marker = one.tokens[max(common, 1) - 1][0]
    return declaration.error(
        f"two different things begin with the marker {marker!r}",
        KEY,
        line_of(declaration, marker),
        "write the common beginning once, before the {% if %}",
        "give one of them a marker of its own",
    )


def check_markers(declaration: Declaration, cores: Sequence[str]) -> None:
    """Check the markers that are looked for in one text. Raises ``DeclarationError``."""
    for core in cores:
        if core in declaration.stop:
            raise declaration.error(
                f"the marker {core!r} is also a stop string, which ends the message",
                KEY,
                line_of(declaration, core),
                "take it out of `stop`",
                "print another marker",
            )
    both = [*cores, *declaration.stop]
    for one in both:
        for other in both:
            if one != other and one in other:
                raise _inside(declaration, one, other)


def check_anchored(declaration: Declaration, routes: Iterable[Route]) -> None:
    """Check the routes that are tried where they stand. Raises ``DeclarationError``.

    Something else may begin like a call, as a call whose header does not hold is given up; and it
    may begin with a call's marker, as the longest is tried first.
    """
    marked = [route for route in routes if route.tokens and not route.exact]
    for first in (text for route in marked for text in route.tokens[0]):
        check_markers(declaration, [first])
    for one, other in combinations(marked, 2):
        shorter = min(one, other, key=lambda route: (len(route.tokens), route.call is not None))
        if shorter.call is not None:
            continue
        common, found = _common(one, other)
        if found and not (begins(one, other) or begins(other, one)):
            raise _inside(declaration, *found)
        if common == len(shorter.tokens):
            raise alike(declaration, one, other)


def begins(call: Route, other: Route) -> bool:
    """Whether a call's marker, which more of the call follows, is the beginning of another's."""
    common, found = _common(call, other)
    return call.call is not None and found is not None and found[0] in call.tokens[common]


def longest_first(routes: Iterable[Route]) -> list[Route]:
    """Return routes to try in turn: one before the call whose marker is the beginning of its."""
    ordered: list[Route] = []
    for route in routes:
        places = [n for n, other in enumerate(ordered) if begins(other, route)]
        ordered.insert(min(places, default=len(ordered)), route)
    return ordered


def _common(one: Route, other: Route) -> tuple[int, tuple[str, str] | None]:
    """Return how many tokens two routes share; and the next two, where one begins the other."""
    common = 0
    for tokens, others in zip(one.tokens, other.tokens, strict=False):
        if not set(tokens) & set(others):
            for a in tokens:
                for b in others:
                    if a.startswith(b) or b.startswith(a):
                        return common, (min(a, b, key=len), max(a, b, key=len))
            break
        common += 1
    return common, None


def _inside(declaration: Declaration, one: str, other: str) -> DeclarationError:
    how = "is the beginning of" if other.startswith(one) else "stands inside"
    return declaration.error(
        f"the marker {one!r} {how} the marker {other!r}, and both may come in the same place",
        KEY,
        line_of(declaration, other) or line_of(declaration, one),
        f"make {one!r} longer, up to where the two differ",
        "leave one of them out",
    )
