"""The intermediate representation of an output fragment: made by lowering, read by every emitter.

It has five node kinds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

Options = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Codec:
    """How a value is spelled: the name of a codec and its options, sorted by name."""

    name: str
    options: Options = ()


@dataclass(frozen=True)
class Lit:
    """Literal text, printed exactly."""

    text: str


@dataclass(frozen=True)
class Hole:
    """A place for a value.

    It is ``content``, ``reasoning``, ``name``, ``id``, ``arguments``, ``key`` or ``value``;
    ``type``, the type of a value; or ``count``, the number of a call.
    """

    field: str
    codec: Codec
    line: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True)
class Alt:
    """One of several branches; an empty branch makes the others optional."""

    branches: tuple[Seq, ...]
    line: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True)
class Rep:
    """A repetition over ``calls`` or ``arguments``."""

    over: str
    body: Seq
    line: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True)
class Obj:
    """A JSON object: its keys in printed order.

    Each is a hole, a nested object or a constant (``Lit`` of JSON text). ``optional`` are keys
    that are not always printed.
    """

    fields: tuple[tuple[str, Hole | Obj | Lit], ...]
    optional: frozenset[str] = frozenset()
    line: int = dataclasses.field(default=0, compare=False)


Node = Lit | Hole | Alt | Rep | Obj
Seq = tuple[Node, ...]


def walk(tree: Sequence[Node]) -> list[Node]:
    """Return every node of a tree, outer ones first."""
    found: list[Node] = []
    for node in tree:
        found.append(node)
        match node:
            case Alt(branches):
                for branch in branches:
                    found += walk(branch)
            case Rep(_, body):
                found += walk(body)
            case Obj(fields):
                found += walk([value for _, value in fields])
    return found
