"""Structural tags: the plain data of ``grammar.tag`` in, one grammar of the whole answer out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import Any

from .expressions import expression, rules_of, shared, shared_rule
from .nodes import NOTHING, START, Choice, Grammar, Node, Repeat, Rule, Sequence, Text, Without

# The rules that a tool's own schema makes; those of all others are the same in every grammar.
_OWN = re.compile(r"root|r[0-9]+")
_CALLS, _OPENING = "calls", "opening"


def read(tag: Mapping[str, Any], marks: tuple[str, ...] = ()) -> Grammar:
    """Return the grammar of a structural tag; a trigger that cuts one of ``marks`` is made whole.

    Raises ``ValueError`` for a node that ``grammar.tag`` never makes.
    """
    reader = _Reader(marks)
    root = reader.node(tag["format"])
    return Grammar(
        {START: root, **reader.rules},
        reader.triggers,
        reader.calls,
        reader.opening,
        reader.spaced,
    )


class _Reader:
    def __init__(self, marks: tuple[str, ...]) -> None:
        self.marks = marks
        self.rules: dict[str, Node] = {}
        self.triggers: tuple[str, ...] = ()
        self.calls = self.opening = ""
        self.spaced = False
        self._grammars: dict[str, Rule] = {}

    def node(self, given: Mapping[str, Any]) -> Node:
        kind = given["type"]
        make = getattr(self, f"_{kind}", None)
        if make is None:
            raise ValueError(f"a structural tag's node of type {kind!r} cannot be read")
        found: Node = make(given)
        return found

    def _const_string(self, given: Mapping[str, Any]) -> Node:
        return Text(given["value"])

    def _regex(self, given: Mapping[str, Any]) -> Node:
        return shared(given["pattern"])

    def _any_text(self, given: Mapping[str, Any]) -> Node:
        return Without(())

    def _grammar(self, given: Mapping[str, Any]) -> Node:
        known = self._grammars.get(given["grammar"])
        if known is not None:
            return known
        prefix = f"t{len(self._grammars) + 1}-"
        self._grammars[given["grammar"]] = Rule(prefix + START)

        def name(of: str) -> str:
            return prefix + of if _OWN.fullmatch(of) else of

        for rule, text in rules_of(given["grammar"]):
            if _OWN.fullmatch(rule):
                self.rules[prefix + rule] = expression(text, name)
            elif rule not in self.rules:
                self.rules[rule] = shared_rule(rule, text)
        return self._grammars[given["grammar"]]

    def _tag(self, given: Mapping[str, Any]) -> Node:
        content, end = given["content"], given["end"]
        free = content["type"] == "any_text"
        inner = Without((end,) if end else ()) if free else self.node(content)
        return _sequence((Text(given["begin"]), inner, Text(end)))

    def _sequence(self, given: Mapping[str, Any]) -> Node:
        return _sequence(tuple(self.node(one) for one in given["elements"]))

    def _or(self, given: Mapping[str, Any]) -> Node:
        found = [self.node(one) for one in given["elements"]]
        last = given["elements"][-1]
        if last["type"] == "optional" and last["content"]["type"] == "sequence":
            # calls where the answer begins, or else text: `grammar.tag` writes it so
            self.rules[_OPENING], found[0] = found[0], Rule(_OPENING)
            self.opening = _OPENING
            self.spaced = last["content"]["elements"][0]["type"] == "grammar"
        return Choice(tuple(found))

    def _optional(self, given: Mapping[str, Any]) -> Node:
        return Repeat(self.node(given["content"]), 0, 1)

    def _tags_with_separator(self, given: Mapping[str, Any]) -> Node:
        one = self._one_of(given["tags"])
        if given["stop_after_first"]:
            return one
        return _sequence((one, Repeat(_sequence((Text(given["separator"]), one)))))

    def _triggered_tags(self, given: Mapping[str, Any]) -> Node:
        trigger = self._whole(given["triggers"][0], [tag["begin"] for tag in given["tags"]])
        # The trigger stands beside the text before it, so that both can be one terminal.
        rests = [{**tag, "begin": tag["begin"].removeprefix(trigger)} for tag in given["tags"]]
        text, word, rest = Without((trigger,)), Text(trigger), self._one_of(rests)
        self.triggers, self.calls = (trigger,), _CALLS
        if given["stop_after_first"]:
            self.rules[_CALLS] = _sequence((word, rest))
            return _sequence((text, Repeat(_sequence((word, rest)), 0, 1)))
        self.rules[_CALLS] = _sequence((word, rest, Repeat(_sequence((text, word, rest))), text))
        return _sequence((Repeat(_sequence((text, word, rest))), text))

    def _whole(self, trigger: str, begins: list[str]) -> str:
        for mark in self.marks:
            for size in range(1, min(len(mark), len(trigger) + 1)):
                whole = trigger[:-size] + mark
                if trigger.endswith(mark[:size]) and all(one.startswith(whole) for one in begins):
                    return whole
        return trigger

    def _one_of(self, tags: Iterable[Mapping[str, Any]]) -> Node:
        """Return any of the tags, as a rule: calls are written in more than one place."""
        found = tuple(self._tag(tag) for tag in tags)
        names = chain(("call", "other-call"), (f"call-{n}" for n in count(3)))
        name = next(name for name in names if name not in self.rules)
        self.rules[name] = found[0] if len(found) == 1 else Choice(found)
        return Rule(name)


def _sequence(parts: tuple[Node, ...]) -> Node:
    """Return a sequence without nothing in it, and with neighbouring texts in one."""
    found: list[Node] = []
    for part in parts:
        if isinstance(part, Sequence):
            inner = list(part.parts)
        else:
            inner = [] if isinstance(part, Text) and not part.text else [part]
        for one in inner:
            if isinstance(one, Text) and found and isinstance(found[-1], Text):
                found[-1] = Text(found[-1].text + one.text)
            else:
                found.append(one)
    return found[0] if len(found) == 1 else Sequence(tuple(found)) if found else NOTHING
