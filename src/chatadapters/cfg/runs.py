"""Runs of text for a lexer that never goes back: rules in, rules whose runs are whole out.

A terminal that ends with free text takes what follows it, too, and one that may be nothing takes
the beginning of what stands beside it. So the text after the former, and the latter itself, move
into the part of the grammar beside them, where they become one terminal with it.
"""

from __future__ import annotations

from collections.abc import Callable

from .nodes import (
    Choice,
    Node,
    Repeat,
    Rule,
    Sequence,
    Without,
    flat,
    is_nullable,
    needs,
    recursive,
)

_Run = tuple[Node, ...]


def solid_rules(rules: dict[str, Node]) -> set[str]:
    """Return the names of the rules that can be terminals: no recursion, no tokens."""
    again = recursive(rules)
    solid = {name for name in rules if name not in again}
    while True:
        broken = {name for name in solid if not is_solid(rules[name], solid)}
        if not broken:
            return solid
        solid -= broken


def is_solid(node: Node, solid: set[str]) -> bool:
    """Tell whether a node can be one terminal."""
    found = needs(node)
    return not found.tokens and solid.issuperset(found.rules)


def whole_runs(rules: dict[str, Node], solid: set[str]) -> dict[str, Node]:
    """Return the rules with their runs moved together; ``solid`` are those that are terminals."""
    made = _Runs(rules, solid)
    for name, node in rules.items():
        if name not in solid:
            made.rules[name] = made.node(node)
    return made.rules


class _Runs:
    def __init__(self, rules: dict[str, Node], solid: set[str]) -> None:
        self.rules = dict(rules)
        self.solid = solid
        self.again = recursive(rules)
        self.open: dict[str, bool] = {}
        self.moved: dict[tuple[str, int], tuple[Rule, _Run]] = {}

    def node(self, node: Node) -> Node:
        """Return a node with its runs whole."""
        if is_solid(node, self.solid):
            return node
        match node:
            case Sequence(parts):
                return self._sequence(parts)
            case Choice(options):
                return Choice(tuple(map(self.node, options)))
            case Repeat(part, least, most):
                return Repeat(self.node(part), least, most)
        return node

    def _sequence(self, parts: _Run) -> Node:
        found, at = list[Node](), 0
        while at < len(parts):
            end = at
            while end < len(parts) and is_solid(parts[end], self.solid):
                end += 1
            run = parts[at:end]
            if end == len(parts):
                return flat((*found, *run))
            part = parts[end]
            if run and self._may_be_nothing(run) and self._begins_with_text(part):
                part = self.after(run, part)
            else:
                found += run
            part, at = self.node(part), end + 1
            while at < len(parts) and is_solid(parts[at], self.solid):
                at += 1
            run = parts[end + 1 : at]
            if run and self._is_open(part, run):
                part = self.before(part, run)
            else:
                at = end + 1
            found.append(part)
        return flat(found)

    # -- moving

    def before(self, node: Node, run: _Run) -> Node:
        """Return a node with a run after it, as far inside it as it goes."""
        if not is_solid(node, self.solid):
            match node:
                case Choice(options):
                    return Choice(tuple(self.before(one, run) for one in options))
                case Sequence(parts) if parts:
                    return flat((*parts[:-1], self.before(parts[-1], run)))
                case Repeat(part, 0, 1):
                    return Choice((self.before(part, run), flat(run)))
                case Rule(name) if name not in self.again and self._is_open(node, run):
                    return self._rule(f"{name}-then", run, self.before)
        return flat((node, *run))

    def after(self, run: _Run, node: Node) -> Node:
        """Return a node with a run before it, as far inside it as it goes."""
        if not is_solid(node, self.solid):
            match node:
                case Choice(options):
                    return Choice(tuple(self.after(run, one) for one in options))
                case Sequence(parts) if parts and not is_solid(parts[0], self.solid):
                    return flat((self.after(run, parts[0]), *parts[1:]))
                case Rule(name) if name not in self.again:
                    return self._rule(f"{name}-from", run, lambda one, run: self.after(run, one))
        return flat((*run, node))

    def _rule(self, name: str, run: _Run, move: Callable[[Node, _Run], Node]) -> Node:
        """Return another rule than the one of this name, with a run in it."""
        base = name.rpartition("-")[0]
        known = self.moved.get((name, id(run[0])))
        if known is None:
            made = Rule(f"{name}-{len(self.moved) + 1}")
            known = self.moved[name, id(run[0])] = made, run  # the run is kept, and so its id
            self.rules[made.name] = self.node(move(self.rules[base], run))
        return known[0]

    # -- asking

    def _may_be_nothing(self, run: _Run) -> bool:
        return all(is_nullable(one, set()) for one in run)

    def _begins_with_text(self, node: Node) -> bool:
        match node:
            case Sequence(parts):
                return bool(parts) and self._begins_with_text(parts[0])
            case Choice(options):
                return any(map(self._begins_with_text, options))
            case Rule(name) if name not in self.solid:
                return name not in self.again and self._begins_with_text(self.rules[name])
        return is_solid(node, self.solid)

    def _is_open(self, node: Node, run: _Run) -> bool:
        """Tell whether a node may end with free text, in which this run could stand."""
        match node:
            case Without():
                return True
            case Sequence(parts):
                return bool(parts) and self._is_open(parts[-1], run)
            case Choice(options):
                return any(self._is_open(option, run) for option in options)
            case Repeat(part):
                return self._is_open(part, run)
            case Rule(name) if name not in self.again:
                found = self.open.get(name)
                if found is None:
                    found = self.open[name] = self._is_open(self.rules[name], run)
                return found
        return False
