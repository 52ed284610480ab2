"""Routes through an output: ways on from a state in, out come those with one first token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import overlaps
from .declaration import Declaration
from .positions import Position
from .spellings import Tokens

Set = frozenset[Position]


@dataclass(frozen=True)
class Route:
    """One way on: its tokens, the white space printed before them, and where it leads.

    ``rest`` is the end of its first token, where another route's is the beginning of that.
    """

    tokens: Tokens
    framings: frozenset[str]
    call: int | None
    after: Set
    lead: str = ""
    exact: bool = False
    rest: str = ""

    @property
    def target(self) -> tuple[Any, ...]:
        return self.tokens, self.call, self.after if self.call is None else None, self.exact


def by_first_token(declaration: Declaration, routes: Iterable[Route]) -> dict[str, list[Route]]:
    """Return the routes out of a text by what they begin with, in the order in which to try them.

    Raises ``DeclarationError`` where nothing tells two of them apart.
    """
    found: dict[str, list[Route]] = {}
    for route in routes:
        for core in route.tokens[0] if route.tokens else ():
            same = found.setdefault(core, [])
            framings = frozenset[str]().union(route.framings, *(one.framings for one in same))
            if route.target not in [one.target for one in same]:
                same.append(route)
            found[core] = [replace(one, framings=framings) for one in same]
    for core in sorted(found, key=len, reverse=True):
        short = next((one for one in found if one != core and core.startswith(one)), "")
        if short and all(route.call is not None for route in found[short]):
            longer = [replace(one, rest=core[len(short) :]) for one in found.pop(core)]
            found[short] = longer + found[short]
    for core, same in found.items():
        overlaps.check_anchored(declaration, same)
        found[core] = overlaps.longest_first(same)
    return found


def again(declaration: Declaration, core: str, cores: Iterable[str]) -> dict[str, int]:
    """Return where in a marker that led nowhere another one may begin, if one may."""
    known = (*cores, *declaration.stop)
    places = range(1, len(core))
    place = next((n for n in places if any(o.startswith(core[n:]) for o in known)), 0)
    return {"again": place} if place else {}
