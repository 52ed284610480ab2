"""The parser's table: a declaration and its IR in, the states and routes of the runtime out.

A route is a chain of literal tokens that leads to reasoning, to content or into a call. A text
state looks for the first token of any of its routes anywhere; an anchored state tries its routes
right where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os.path import commonprefix
from typing import Any

from . import overlaps
from .calltable import call_table
from .declaration import Declaration
from .errors import DeclarationError
from .ir import Seq
from .positions import Position, Positions, positions
from .routes import Route, Set, again, by_first_token
from .spellings import KEY, Spellings, Tokens

_DEEPEST_CHAIN = 8


def table(declaration: Declaration, tree: Seq) -> dict[str, Any]:
    """Return the table that the runtime reads output with. Raises ``DeclarationError``."""
    spellings = Spellings(declaration)
    found = positions(tree)
    builder = _Builder(declaration, found, spellings)
    silent = _Builder(declaration, found, spellings, calls=False)
    outer = tuple(
        dict.fromkeys(t for route in builder.outside for t in route.tokens[0] if len(t) > 2)
    )
    bare = {route.call for route in builder.routes(found.first) if not route.tokens}
    exact = bool(builder.exact)
    calls = tuple(
        {**call_table(declaration, body, spellings, outer, exact), "bare": number in bare}
        for number, body in enumerate(found.calls)
    )
    states = builder.states()
    spellings.check_all_used()
    for marker in set(declaration.accept.missing) - builder.missing:
        raise declaration.error(
            f"{marker!r} may be missing, but no call begins with it and another marker",
            "accept.missing",
            0,
            "write the marker as the fragment has it, from one white space to the next",
            "remove it",
        )
    return {
        "stop": declaration.stop,
        "lead": builder.lead,
        "states": states,
        "states_without_calls": silent.states(),
        "calls": calls,
        "id_parts": declaration.ids.parts if declaration.ids else (),
        "before": "",
        "starts": (),
    }


class _Builder:
    def __init__(
        self, declaration: Declaration, found: Positions, spellings: Spellings, calls: bool = True
    ) -> None:
        self.declaration, self.found = declaration, found
        self.spellings, self.calls = spellings, calls
        self.keys: list[tuple[str, Any]] = []
        self.missing: set[str] = set()
        self.content = self._after("content")
        start = self.routes(found.first)
        # What is printed before a marker inside content counts there, not what is printed at the
        # message's start.
        anywhere = {route.target: route for route in (*start, *self.routes(self.content))}
        self.outside = [
            route
            for route in self.allowed(anywhere.values())
            if route.call is not None and route.tokens
        ]
        bare = [route for route in start if not route.tokens and self.is_named(route)]
        self.lead = self.space_to_hole(found.first)
        self.exact = self.lead if bare and self.lead else ""
        if self.exact:
            self.lead = ""
        elif bare and any(p.kind in ("content", "reasoning") for p in found.first):
            raise self.error(
                "{{ content }} and {{ call.name }} may both begin the message, "
                "and nothing tells them apart",
                bare[0],
                "print literal text, or a line break, before {{ content }}",
                "print a marker before {{ call.name }}",
            )
        self.check_reasoning()

    def error(self, message: str, route: Route | None, *fixes: str) -> DeclarationError:
        line = (
            self.found.calls[route.call].line if route is not None and route.call is not None else 0
        )
        return self.declaration.error(message, KEY, line, *fixes)

    def check_reasoning(self) -> None:
        """Check for literal text on both sides of reasoning. Raises ``DeclarationError``."""
        contents = [position for position in self.found.all if position.kind == "content"]
        before = [self.found.first, *(self.found.follow[position] for position in contents)]
        for position in (position for position in self.found.all if position.kind == "reasoning"):
            if any(position in {p for p, _ in self.reach(here)} for here in before):
                raise self.declaration.error(
                    "{{ reasoning }} may begin where {{ content }} may stand, "
                    "and nothing tells them apart",
                    KEY,
                    position.line,
                    "print a marker such as <think> before {{ reasoning }}, "
                    "also where the generation prompt prints it",
                    "print {{ content }} in the same branch, after the end of the reasoning",
                )
            after = self.found.follow[position]
            if not after or self.holes(after):
                raise self.declaration.error(
                    "nothing but white space ends {{ reasoning }}"
                    if after
                    else "nothing ends {{ reasoning }}",
                    KEY,
                    position.line,
                    "print a marker such as </think> after {{ reasoning }}",
                )

    def is_named(self, route: Route) -> bool:
        """Whether a route without tokens begins with a name, not with an object's brace."""
        return route.call is not None and bool(self.found.calls[route.call].header)

    # -- sets of positions

    def _after(self, kind: str) -> Set:
        return frozenset(q for p in self.found.all if p.kind == kind for q in self.found.follow[p])

    def holes(self, here: Iterable[Position]) -> set[str]:
        """Return the holes that may come next, white space aside."""
        return {p.kind for p, _ in self.reach(here) if p.kind in ("content", "reasoning")}

    def reach(
        self, here: Iterable[Position], space: str = "", depth: int = 0
    ) -> Iterator[tuple[Position, str]]:
        """Yield what may come next, and the white space printed before it."""
        for position in sorted(here, key=lambda p: p.number):
            if position.blank and depth < _DEEPEST_CHAIN:
                yield from self.reach(self.found.follow[position], space + position.text, depth + 1)
            else:
                yield position, space
                if position.kind == "content":
                    yield from self.reach(self.found.follow[position], "", depth + 1)

    def space_to_hole(self, here: Iterable[Position]) -> str:
        """Return the longest white space that is printed here before a hole."""
        spaces = [space for p, space in self.reach(here) if p.kind in ("content", "reasoning")]
        return max(spaces, key=len, default="")

    # -- routes

    def routes(self, here: Iterable[Position]) -> list[Route]:
        """Return the ways on from here, one for each target."""
        found: dict[tuple[Any, ...], Route] = {}
        for position, space in self.reach(here):
            for route in self._from(position, (), space, 0):
                old = found.get(route.target)
                if old:
                    longer = max(old.lead, route.lead, key=len)
                    route = replace(old, framings=old.framings | route.framings, lead=longer)
                found[route.target] = route
        return list(found.values())

    def allowed(self, routes: Iterable[Route]) -> list[Route]:
        """Return the routes that a request allows: none into a call where it has no tools."""
        return [route for route in routes if self.calls or route.call is None]

    def _from(self, position: Position, tokens: Tokens, space: str, depth: int) -> Iterator[Route]:
        if position.kind == "call":
            yield Route(tokens, frozenset((space,)), position.call, frozenset())
            if len(tokens) > 1 and set(tokens[0]) & set(self.declaration.accept.missing):
                self.missing |= set(tokens[0])
                yield Route(tokens[1:], frozenset((space,)), position.call, frozenset())
        elif position.kind == "lit":
            text = position.text
            if not tokens:
                space += text[: len(text) - len(text.lstrip())]
            tokens = (*tokens, *self.spellings.tokens(text))
            after = frozenset(self.found.follow[position])
            if self.holes(after) or position in self.found.last or depth >= _DEEPEST_CHAIN:
                lead = text[len(text.rstrip()) :] + self.space_to_hole(after)
                yield Route(
                    tokens, frozenset((space,)), None, after, lead if self.holes(after) else ""
                )
            else:
                for following, _ in self.reach(after):
                    yield from self._from(following, tokens, space, depth + 1)

    # -- states

    def states(self) -> tuple[dict[str, Any], ...]:
        self.keys = [("start", self.found.first)]
        done: list[dict[str, Any]] = []
        while len(done) < len(self.keys):
            kind, here = self.keys[len(done)]
            done.append(getattr(self, f"_{kind}")(here))
        return tuple(done)

    def index(self, kind: str, here: Any) -> int:
        if (kind, here) not in self.keys:
            self.keys.append((kind, here))
        return self.keys.index((kind, here))

    def goto(self, route: Route) -> int:
        if route.call is not None:
            return self.index("called", route.call)
        holes = self.holes(route.after)
        if len(holes) > 1:
            raise self.error(
                "reasoning and content may both come next, and nothing tells them apart",
                None,
                "print a marker such as <think> before {{ reasoning }}",
                "print a marker before {{ content }}",
            )
        return self.index("reasoning" if "reasoning" in holes else "text", route.after)

    def _start(self, here: Set) -> dict[str, Any]:
        then = self.index("text", self.content)
        anchored = []
        if self.exact:
            after = frozenset(p for p in here if p.blank)
            first = commonprefix([p.text for p in after])  # noqa: RUF071  (texts, not paths)
            lead = self.exact.removeprefix(first)
            goal = Route(
                (), frozenset(), None, frozenset().union(*(self.found.follow[p] for p in after))
            )
            anchored.append(self.route(replace(goal, tokens=((first,),), lead=lead, exact=True)))
        routes = overlaps.longest_first(self.allowed(self.routes(here)))
        overlaps.check_anchored(self.declaration, routes)
        anchored += [self.route(route) for route in routes]
        if not anchored:
            return self._text(self.content)
        return {
            "anchored": tuple(anchored),
            "space": "text",
            "then": then,
            "widest": _widest(routes),
        }

    def _called(self, call: int) -> dict[str, Any]:
        position = next(p for p in self.found.all if p.kind == "call" and p.call == call)
        after = frozenset(self.found.follow[position])
        routes = self.routes(after)
        # Inside a section that a marker closes, white space alone may separate calls.
        closed = position not in self.found.last and not self.holes(after)
        bare = [route for route in routes if not route.tokens and self.is_named(route)]
        routes = [route for route in routes if route not in bare]
        routes += [route for route in bare if closed and any(route.framings)]
        routes = overlaps.longest_first(routes)
        overlaps.check_anchored(self.declaration, routes)
        content = frozenset(p for p, _ in self.reach(after) if p.kind == "content")
        then = self.index("text", frozenset(q for p in content for q in self.found.follow[p]))
        return {
            "anchored": tuple(map(self.route, routes)),
            "space": "gap",
            "then": then,
            "widest": 0,
        }

    def _text(self, here: Set) -> dict[str, Any]:
        return self._free([*self.allowed(self.routes(here)), *self.outside], False)

    def _reasoning(self, here: Set) -> dict[str, Any]:
        holes = [p for p, _ in self.reach(here) if p.kind == "reasoning"]
        after = frozenset(q for p in holes for q in self.found.follow[p])
        ends = self.allowed(route for route in self.routes(after) if route.tokens)
        if self.declaration.accept.calls_in_reasoning:
            ends += self.outside
        return self._free(ends, True)

    def _free(self, routes: list[Route], reasoning: bool) -> dict[str, Any]:
        """Return a state that gives text until one of its markers comes."""
        by_core = by_first_token(self.declaration, routes)
        variants = self._variants(by_core)
        return {
            "anchored": (),
            "reasoning": reasoning,
            "routes": {
                core: {**self.either(same), **again(self.declaration, core, by_core)}
                for core, same in by_core.items()
            },
            "cores": (*by_core, *self.declaration.stop),
            "variants": variants,
            "longest": max(map(len, variants), default=0),
            "quick": tuple(dict.fromkeys(variant[0] for variant in variants)),
        }

    def either(self, routes: list[Route]) -> dict[str, Any]:
        """Return a route, with those to try after it, which begin with the same token."""
        first, *others = map(self.route, routes)
        if not others:
            return first
        for route, made in zip(routes, (first, *others), strict=True):
            if route.rest:
                made["rest"] = (route.rest,)
        return {**first, "others": tuple(others)}

    def _variants(self, by_core: dict[str, list[Route]]) -> tuple[str, ...]:
        overlaps.check_markers(self.declaration, tuple(by_core))
        cores = [*by_core, *self.declaration.stop]
        framed = [f + core for core, same in by_core.items() for f in sorted(same[0].framings)]
        return tuple(dict.fromkeys([*framed, *cores]))

    def route(self, route: Route) -> dict[str, Any]:
        return {
            "first": route.tokens[0] if route.tokens else (),
            "tokens": route.tokens[1:],
            "framings": tuple(sorted(route.framings - {""}, key=lambda f: (-len(f), f))),
            "exact": route.exact,
            "call": route.call,
            "goto": self.goto(route),
            "lead": route.lead,
        }


def _widest(routes: list[Route]) -> int:
    return max((len(f) for route in routes for f in route.framings), default=0)
