"""Positions and what may follow each (Glushkov construction): IR in, FIRST and FOLLOW sets out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from .ir import Alt, Hole, Lit, Obj, Rep, Seq


@dataclass(frozen=True)
class Position:
    """One occurrence of a literal, a content or reasoning hole, or a call (from its first hole)."""

    number: int
    kind: str
    text: str = ""
    call: int = -1
    line: int = 0

    @property
    def blank(self) -> bool:
        """Whether this is a literal of white space only."""
        return self.kind == "lit" and self.text.isspace()


@dataclass(frozen=True)
class CallBody:
    """The part of a call that one routine reads: header nodes, the payload, the closing literal."""

    header: Seq
    payload: Hole | Rep | Obj
    close: str
    line: int


@dataclass
class Positions:
    """FIRST of the whole IR, FOLLOW and LAST, and the bodies of its calls."""

    first: frozenset[Position] = frozenset()
    last: frozenset[Position] = frozenset()
    follow: dict[Position, set[Position]] = field(default_factory=lambda: defaultdict(set))
    calls: list[CallBody] = field(default_factory=list)
    all: list[Position] = field(default_factory=list)


_Sets = tuple[bool, frozenset[Position], frozenset[Position]]


def positions(tree: Seq) -> Positions:
    """Return the positions of a lowered output fragment."""
    found = Positions()
    _, found.first, found.last = _sequence(found, tree, root=True)
    return found


def _sequence(found: Positions, seq: Seq, root: bool = False) -> _Sets:
    nullable, first, last = True, frozenset[Position](), frozenset[Position]()
    for node in seq:
        inner_nullable, inner_first, inner_last = _node(found, node, root)
        for position in last:
            found.follow[position] |= inner_first
        if nullable:
            first |= inner_first
        last = inner_last | last if inner_nullable else inner_last
        nullable = nullable and inner_nullable
    return nullable, first, last


def _node(found: Positions, node: object, root: bool) -> _Sets:
    match node:
        case Lit(text):
            return _one(found, Position(len(found.all), "lit", text))
        case Hole(field=name, line=line):
            return _one(found, Position(len(found.all), name, line=line), nullable=True)
        case Alt(branches):
            sets = [_sequence(found, branch) for branch in branches]
            return (
                any(s[0] for s in sets),
                frozenset().union(*(s[1] for s in sets)),
                frozenset().union(*(s[2] for s in sets)),
            )
        case Rep(_, body, line):
            nullable, first, last = _call(found, body, line)
            for position in last:
                found.follow[position] |= first
            # Outside any branch a message may have no calls; in a branch with literals around them
            # it has some.
            return nullable or root, first, last
    raise AssertionError(f"a {type(node).__name__} stands outside the calls")


def _one(found: Positions, position: Position, nullable: bool = False) -> _Sets:
    found.all.append(position)
    return nullable, frozenset((position,)), frozenset((position,))


def _call(found: Positions, body: Seq, line: int) -> _Sets:
    start = next(n for n, node in enumerate(body) if not _literal(node))
    payload = max(
        n for n, node in enumerate(body) if isinstance(node, Rep | Obj) or _is_arguments(node)
    )
    end = payload + 1
    close = ""
    if end < len(body) and isinstance(body[end], Lit):
        close, end = body[end].text, end + 1  # type: ignore[union-attr]
    part = body[payload]
    assert isinstance(part, Hole | Rep | Obj)
    found.calls.append(CallBody(body[start:payload], part, close, line))
    before = _sequence(found, body[:start])
    here = _one(found, Position(len(found.all), "call", call=len(found.calls) - 1, line=line))
    after = _sequence(found, body[end:])
    for position in before[2]:
        found.follow[position] |= here[1]
    for position in here[2]:
        found.follow[position] |= after[1]
    return (
        False,
        before[1] | here[1] if before[0] else before[1],
        after[2] | here[2] if after[0] else after[2],
    )


def _literal(node: object) -> bool:
    return isinstance(node, Lit) or (
        isinstance(node, Alt)
        and all(_literal(inner) for branch in node.branches for inner in branch)
    )


def _is_arguments(node: object) -> bool:
    return isinstance(node, Hole) and node.field == "arguments"
