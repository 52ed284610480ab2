"""The nodes of a grammar, and questions about them: may it be empty, how may it begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]  # code points, first to last, ascending, apart


@dataclass(slots=True, eq=False)
class Text:
    """Exactly this text."""

    text: str


@dataclass(slots=True, eq=False)
class Chars:
    """One character of these ranges."""

    ranges: Ranges


@dataclass(slots=True, eq=False)
class Sequence:
    """These, one after the other; without parts, nothing."""

    parts: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Choice:
    """One of these."""

    options: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Repeat:
    """So many of these, ``most`` is None where there is no limit."""

    part: Node
    least: int = 0
    most: int | None = None


@dataclass(slots=True, eq=False)
class Without:
    """Any text, also none, in which none of these texts stands."""

    texts: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Token:
    """One token of the tokenizer, whose text this is."""

    text: str


@dataclass(slots=True, eq=False)
class Rule:
    """What the rule of this name says."""

    name: str


Node = Text | Chars | Sequence | Choice | Repeat | Without | Token | Rule
NOTHING = Sequence(())
START = "root"
MESSAGE = (START, "opening", "calls", "call", "other-call")  # rules of a message, not of values


@dataclass(slots=True)
class Grammar:
    """Rules by name; the one called ``root`` is the whole answer.

    Where text may come before a call, ``triggers`` are the texts after which one is certain, and
    ``calls`` is the rule of all that stands from there on. ``opening`` is the rule of calls that
    stand at the beginning only, or after white space if ``spaced``.
    """

    rules: dict[str, Node]
    triggers: tuple[str, ...] = ()
    calls: str = ""
    opening: str = ""
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What is in a node: rules, the texts that ``Without`` leaves out, and whether tokens."""

    rules: tuple[str, ...]
    withouts: tuple[tuple[str, ...], ...]
    tokens: bool


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below a node."""
    if isinstance(node, Sequence):
        return node.parts
    if isinstance(node, Choice):
        return node.options
    return (node.part,) if isinstance(node, Repeat) else ()


def walk(node: Node) -> Iterator[Node]:
    """Give a node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def flat(parts: Iterable[Node]) -> Sequence:
    """Return a sequence without sequences and nothing in it."""
    found = list[Node]()
    for part in parts:
        if isinstance(part, Sequence):
            found += flat(part.parts).parts
        elif not isinstance(part, Text) or part.text:
            found.append(part)
    return Sequence(tuple(found))


@lru_cache(maxsize=16384)
def needs(node: Node) -> Needs:
    """Return what a node needs of its grammar."""
    rules, withouts, tokens = list[str](), list[tuple[str, ...]](), False
    queue = [node]
    while queue:
        one = queue.pop()
        kind = type(one)
        if kind is Sequence:
            queue += one.parts[::-1]  # type: ignore[union-attr]
        elif kind is Choice:
            queue += one.options[::-1]  # type: ignore[union-attr]
        elif kind is Repeat:
            queue.append(one.part)  # type: ignore[union-attr]
        elif kind is Rule:
            rules.append(one.name)  # type: ignore[union-attr]
        elif kind is Without:
            withouts.append(one.texts)  # type: ignore[union-attr]
        elif kind is Token:
            tokens = True
    return Needs(tuple(rules), tuple(withouts), tokens)


def used(rules: dict[str, Node], start: str = START) -> dict[str, Node]:
    """Return the rules that a rule needs, itself first."""
    found, queue = dict[str, Node](), [start]
    while queue:
        name = queue.pop()
        if name not in found:
            found[name] = rules[name]
            queue += reversed(needs(rules[name]).rules)
    return found


def recursive(rules: dict[str, Node]) -> set[str]:
    """Return the names of the rules that lead back to themselves."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack, found = list[str](), set[str]()

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in needs(rules[name]).rules:
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[-len(group) :]
            if len(group) > 1 or name in needs(rules[name]).rules:
                found.update(group)

    for name in rules:
        if name not in order:
            visit(name)
    return found


def is_nullable(node: Node, known: set[str]) -> bool:
    """Tell whether a node may be nothing; ``known`` are the rules that may."""
    match node:
        case Text(text):
            return not text
        case Chars() | Token():
            return False
        case Sequence(parts):
            return all(is_nullable(part, known) for part in parts)
        case Choice(options):
            return any(is_nullable(option, known) for option in options)
        case Repeat(part, least):
            return not least or is_nullable(part, known)
        case Without():
            return True
        case Rule(name):
            return name in known


def nullable_rules(rules: dict[str, Node]) -> set[str]:
    """Return the names of the rules that may be nothing."""
    known, grown = set[str](), True
    while grown:
        more = {n for n, node in rules.items() if n not in known and is_nullable(node, known)}
        known |= more
        grown = bool(more)
    return known
