"""Text in which certain texts do not stand, for engines that have no word for it: rules out."""

from __future__ import annotations

import zlib
from collections import deque
from functools import lru_cache

from ..grammar.ebnf import outside, points, tidy
from .nodes import NOTHING, Chars, Choice, Node, Repeat, Rule, Sequence


@lru_cache(maxsize=512)
def automaton(texts: tuple[str, ...]) -> tuple[Node, tuple[tuple[str, Node], ...]]:
    """Return the node of any text without these, and the rules that it needs.

    Each rule is a state: how much of one of the texts has just been written. It may end there, or
    go on to the state after one more character.
    """
    single = points(text for text in texts if len(text) == 1)
    if all(len(text) == 1 for text in texts):
        return Repeat(Chars(outside(single))), ()
    goto, dead, fail = _machine(texts)
    alphabet = sorted({char for text in texts for char in text})
    name = f"without-{zlib.crc32(repr(texts).encode()):08x}"
    rules: list[tuple[str, Node]] = []
    for state in range(len(goto)):
        if state in dead:
            continue
        targets: dict[int, list[str]] = {}
        for char in alphabet:
            targets.setdefault(_next(goto, fail, state, char), []).append(char)
        options: list[Node] = [NOTHING]
        for target, chars in sorted(targets.items()):
            if target not in dead:
                ranges = points(chars)
                if target == 0:
                    ranges = tidy((*ranges, *outside(points(alphabet))))
                options.append(Sequence((Chars(ranges), Rule(f"{name}-{target}"))))
        if 0 not in targets:
            rest = Sequence((Chars(outside(points(alphabet))), Rule(f"{name}-0")))
            options.insert(1, rest)
        rules.append((f"{name}-{state}", Choice(tuple(options))))
    return Rule(f"{name}-0"), tuple(rules)


def _machine(texts: tuple[str, ...]) -> tuple[list[dict[str, int]], set[int], list[int]]:
    """Return the trie of the texts, the states in which one of them stands, and where to fall."""
    goto: list[dict[str, int]] = [{}]
    dead: set[int] = set()
    for text in texts:
        at = 0
        for char in text:
            if char not in goto[at]:
                goto[at][char] = len(goto)
                goto.append({})
            at = goto[at][char]
        dead.add(at)
    fail = [0] * len(goto)
    queue = deque(goto[0].values())
    while queue:
        at = queue.popleft()
        for char, child in goto[at].items():
            queue.append(child)
            fail[child] = _next(goto, fail, fail[at], char)
            if fail[child] in dead:
                dead.add(child)
    return goto, dead, fail


def _next(goto: list[dict[str, int]], fail: list[int], state: int, char: str) -> int:
    while state and char not in goto[state]:
        state = fail[state]
    return goto[state].get(char, 0)
