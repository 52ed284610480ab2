"""llama.cpp's GBNF: a grammar in, its text out, and with it what a lazy grammar waits for.

The text holds nothing that xgrammar's reader of EBNF does not take too.
"""

from __future__ import annotations

import json
from functools import lru_cache

from ..grammar.ebnf import literal
from .automaton import automaton
from .first import first_characters
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
    used,
    walk,
)
from .spelling import braces, char_class

# llama.cpp refuses a repetition that makes 2,000 rules or more.
MOST_REPEATED = 1999
RELAXED = "more than {} repetitions are not counted ({} to {} became {} or more)"
_WORD, _PATTERN = 1, 2  # llama.cpp's kinds of triggers


def gbnf(grammar: Grammar, start: str = START) -> str:
    """Return the text of a grammar, or of what one of its rules stands for."""
    return _text(used(grammar.rules, start), start)


def lazy(grammar: Grammar, special: list[str]) -> dict[str, object] | None:
    """Return the fields of a request to llama-server whose grammar sleeps until a call begins.

    None where calls are forced: such a grammar holds from the first token.
    """
    starts = [name for name in (grammar.opening, grammar.calls) if name]
    if not starts:
        return None
    triggers: list[dict[str, object]] = []
    if grammar.opening:
        space = "[ \\t\\r\\n]*" if grammar.spaced else ""
        first = "".join(map(_escaped, first_characters(grammar, grammar.opening)))
        triggers.append({"type": _PATTERN, "value": f"^{space}([{first}])"})
    triggers += [{"type": _WORD, "value": word} for word in grammar.triggers]
    rules = {START: _choice(starts)}
    for start in starts:
        rules |= used(grammar.rules, start)
    return {
        "grammar": _text(rules, START),
        "grammar_lazy": True,
        "grammar_triggers": triggers,
        "preserved_tokens": special,
    }


def _choice(names: list[str]) -> Node:
    found = tuple(map(Rule, names))
    return found[0] if len(found) == 1 else Choice(found)


def _text(rules: dict[str, Node], start: str) -> str:
    lines = [f"root ::= {_printed(rules[start])}"]
    lines += [f"{_name(name)} ::= {_printed(rules[name])}" for name in rules if name != start]
    states: dict[str, str] = {}
    for node in rules.values():
        for texts in needs(node).withouts:
            for name, state in automaton(texts)[1]:
                states.setdefault(name, f"{name} ::= {_printed(state)}")
    return "\n".join((*lines, *states.values(), ""))


def losses(grammar: Grammar) -> list[str]:
    """Return what of the grammar is not in the text, a sentence each."""
    found = [
        RELAXED.format(MOST_REPEATED, one.least, one.most or "any", _counts(one)[0])
        for node in grammar.rules.values()
        for one in walk(node)
        if isinstance(one, Repeat) and _counts(one) != (one.least, one.most)
    ]
    return list(dict.fromkeys(found))


def _name(name: str) -> str:
    return name.replace("_", "-")


def _counts(node: Repeat) -> tuple[int, int | None]:
    most = node.most if node.most is None or node.most <= MOST_REPEATED else None
    return min(node.least, MOST_REPEATED), most


@lru_cache(maxsize=4096)
def _printed(node: Node) -> str:
    """Return the expression of a node, made so that it can stand in a choice."""
    match node:
        case Text(text) | Token(text):
            return literal(text)
        case Chars(ranges):
            return characters(ranges)
        case Sequence(parts):
            return " ".join(map(_inner, parts)) or '""'
        case Choice(options):
            return " | ".join(map(_printed, options))
        case Repeat():
            return _repeated(node)
        case Without(texts):
            return _printed(automaton(texts)[0])
        case Rule(name):
            return _name(name)


def _inner(node: Node) -> str:
    """Return the expression of a node, made so that it can stand in a sequence."""
    text = _printed(node)
    return f"({text})" if isinstance(node, Choice) else text


def _repeated(node: Repeat) -> str:
    least, most = _counts(node)
    one = _printed(node.part)
    if not isinstance(node.part, Chars | Rule):
        one = f"({one})"
    return one + braces(least, most)


@lru_cache(maxsize=1024)
def characters(ranges: Ranges) -> str:
    """Return the class of these characters."""
    return char_class(ranges, _character, "[^\\u0000]")


def _character(code: int) -> str:
    if code < 128 and chr(code).isalnum():
        return chr(code)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped(char: str) -> str:
    """Return a character as it stands in a class of a regular expression."""
    return char if char.isalnum() else f"\\{char}" if char.isprintable() else json.dumps(char)[1:-1]
