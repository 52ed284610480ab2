"""Whether a grammar generates a text: a matcher that steps through sets of places at once.

A set of places in the text is one whole number, a bit for each. A node turns the set of places
where it may begin into the set of those where it may end, so that no text is tried twice and no
choice is gone back on; ambiguity and recursion cost nothing special.
"""

from __future__ import annotations

from .nodes import (
    START,
    Chars,
    Choice,
    Grammar,
    Node,
    Ranges,
    Repeat,
    Rule,
    Sequence,
    Text,
    Token,
    Without,
    needs,
    recursive,
)


def accepts(grammar: Grammar, text: str) -> bool:
    """Tell whether the whole text is one that the grammar generates."""
    return farthest(grammar, text) is None


def farthest(grammar: Grammar, text: str) -> int | None:
    """Return the last place up to which some of the grammar fits; None where the text does."""
    matcher = _Matcher(grammar.rules, text)
    ends = matcher.after(grammar.rules[START], 1)
    return None if ends >> len(text) & 1 else matcher.seen.bit_length() - 1


class _Matcher:
    def __init__(self, rules: dict[str, Node], text: str) -> None:
        self.rules = rules
        self.text = text
        self.all = (1 << len(text) + 1) - 1
        self.seen = 1  # every place that was reached
        self.known: dict[tuple[int, int], int] = {}  # of rules
        self.classes: dict[Ranges, int] = {}
        self.places: dict[str, list[int]] = {}
        again = recursive(rules)
        self.chains = {name for name in again if again.isdisjoint(_inside(rules[name]))}

    def after(self, node: Node, start: int) -> int:
        """Return the places where a node may end that begins at one of these."""
        if not start:
            return 0
        match node:
            case Text(text) | Token(text):
                ends = self._text(text, start)
            case Chars(ranges):
                ends = (start & self._class(ranges)) << 1
            case Sequence(parts):
                ends = start
                for part in parts:
                    ends = self.after(part, ends)
            case Choice(options):
                ends = 0
                for option in options:
                    ends |= self.after(option, start)
            case Repeat(part, least, most):
                ends = self._repeat(part, least, most, start)
            case Without(texts):
                ends = self._without(texts, start)
            case Rule(name):
                key = id(self.rules[name]), start
                found = self.known.get(key)
                if found is None:
                    self.known[key] = 0  # what a rule that begins with itself adds: nothing
                    goes_on = name in self.chains
                    found = self._chain(name, start) if goes_on else self._rule(name, start)
                    self.known[key] = found
                ends = found
        self.seen |= ends
        return ends

    def _rule(self, name: str, start: int) -> int:
        return self.after(self.rules[name], start)

    def _chain(self, name: str, start: int) -> int:
        """Follow rules that go on with one of themselves, as the states of an automaton do."""
        pending, done, ends = {name: start}, dict[str, int](), 0
        while pending:
            at, new = pending.popitem()
            new &= ~done.get(at, 0)
            if new:
                done[at] = done.get(at, 0) | new
                ends |= self._last(self.rules[at], new, pending)
        return ends

    def _last(self, node: Node, start: int, pending: dict[str, int]) -> int:
        if isinstance(node, Choice):
            ends = 0
            for option in node.options:
                ends |= self._last(option, start, pending)
            return ends
        if isinstance(node, Sequence) and node.parts:
            for part in node.parts[:-1]:
                start = self.after(part, start)
            return self._last(node.parts[-1], start, pending)
        if isinstance(node, Rule) and node.name in self.chains:
            if start:
                pending[node.name] = pending.get(node.name, 0) | start
            return 0
        return self.after(node, start)

    def _find(self, text: str) -> list[int]:
        found = self.places.get(text)
        if found is None:
            found, at = [], self.text.find(text)
            while at >= 0:
                found.append(at)
                at = self.text.find(text, at + 1)
            self.places[text] = found
        return found

    def _text(self, text: str, start: int) -> int:
        ends = 0
        for at in self._find(text):
            if start >> at & 1:
                ends |= 1 << at + len(text)
        return ends

    def _class(self, ranges: Ranges) -> int:
        found = self.classes.get(ranges)
        if found is None:
            found = 0
            for at, char in enumerate(self.text):
                code = ord(char)
                if any(first <= code <= last for first, last in ranges):
                    found |= 1 << at
            self.classes[ranges] = found
        return found

    def _repeat(self, part: Node, least: int, most: int | None, start: int) -> int:
        if isinstance(part, Chars) and not least and most is None:
            # Adding carries a place through a run of ones, as far as the run goes.
            runs = self._class(part.ranges)
            return (((start & runs) + runs) ^ runs | start) & self.all
        ends, last, count = (0 if least else start), start, 0
        while last and (most is None or count < most):
            new = self.after(part, last)
            count += 1
            if count >= least:
                fresh = new & ~ends if most is None else new
                if most is not None and not new & ~ends and new == last:
                    break
                ends |= new
                last = fresh
            elif new == last:  # it may be nothing: enough of them are there
                count, last = max(count, least - 1), new
            else:
                last = new
        return ends

    def _without(self, texts: tuple[str, ...], start: int) -> int:
        found = sorted((at, at + len(text) - 1) for text in texts for at in self._find(text))
        ends, lowest, limit = 0, len(self.text), len(self.text)
        # From the back: a start may reach the last character but one of the first text after it.
        for at, last in reversed(found):
            later = start >> at + 1 << at + 1 & (1 << lowest + 1) - 1
            ends |= _span(later, limit)
            lowest, limit = at, min(limit, last)
        return ends | _span(start & (1 << lowest + 1) - 1, limit)


def _inside(node: Node) -> set[str]:
    """Return the rules in a node that something may follow."""
    if isinstance(node, Choice):
        return {name for option in node.options for name in _inside(option)}
    if isinstance(node, Sequence) and node.parts:
        before = {name for part in node.parts[:-1] for name in needs(part).rules}
        return before | _inside(node.parts[-1])
    return set() if isinstance(node, Rule) else set(needs(node).rules)


def _span(starts: int, limit: int) -> int:
    """Return the places from the first of these up to the limit."""
    if not starts:
        return 0
    first = (starts & -starts).bit_length() - 1
    return (1 << limit + 1) - (1 << first) if first <= limit else 0
