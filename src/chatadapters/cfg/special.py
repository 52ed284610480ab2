"""Special tokens in a grammar: rules of text in; rules with the tokens apart from the text out.

To llguidance a special token is no text: no terminal holds one. So each stands for itself, also in
the free text of a message, where the format's own markers may come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..grammar.ebnf import outside, points
from .nodes import (
    MESSAGE,
    Chars,
    Choice,
    Node,
    Repeat,
    Rule,
    Sequence,
    Text,
    Token,
    Without,
    flat,
    needs,
)

Run = tuple[Node, ...]
Texts = tuple[str, ...]
_ANY = Chars(outside(()))


def with_tokens(
    rules: dict[str, Node], special: Iterable[str], written: Iterable[str], triggers: Texts
) -> dict[str, Node]:
    """Return rules in which special tokens are tokens.

    ``written`` are those that may stand in a message's free text, which is the text without the
    ``triggers``, unless they begin one. In reasoning and in values none stands.
    """
    return _Marked(rules, special, tuple(written), triggers).rules


def kept_out(special: Iterable[str], written: Iterable[str], triggers: Texts) -> list[str]:
    """Return the tokens that stand nowhere in free text, though only texts with them must not."""
    barred = _Barred(triggers, _pattern(special))
    return [one for one in barred.too_many if one in written]


def _pattern(special: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))))


class _Barred:
    """What free text must not hold: tokens, and one text that goes on after a token."""

    def __init__(self, texts: Texts, special: re.Pattern[str]) -> None:
        self.tokens: set[str] = set()
        self.too_many: list[str] = []  # tokens that are barred though only texts with them are
        self.words: Texts = ()  # the tokens of the text, and what follows each
        self.rests: Texts = ()
        for text in texts:
            words = tuple(special.findall(text))
            if not words:
                continue
            before, *rests = special.split(text)
            if not any((before, *rests)) and len(words) == 1:
                self.tokens.add(words[0])
            elif before or self.words or words[0] in words[1:]:
                self.too_many.append(words[0])
            else:
                self.words, self.rests = words, tuple(rests)
        self.tokens.update(self.too_many)


class _Marked:
    def __init__(
        self, rules: dict[str, Node], special: Iterable[str], written: Texts, triggers: Texts
    ) -> None:
        self.special, self.written = _pattern(special), written
        self.contents = ((), triggers)
        self.rules = dict(rules)
        self.free = 0
        for name, node in rules.items():
            if name not in MESSAGE:
                self.rules[name] = self.node(node, False)
        for name in MESSAGE:
            if name in rules:
                self.rules[name] = self.node(rules[name], True)

    def node(self, node: Node, message: bool) -> Node:
        match node:
            case Text(text):
                return self._text(text) if self.special.search(text) else node
            case Sequence(parts):
                inner = flat(
                    part if isinstance(part, Without) else self.node(part, message)
                    for part in parts
                ).parts
                return flat(self._frees(inner)) if message else Sequence(inner)
            case Choice(options):
                return Choice(tuple(self.node(option, message) for option in options))
            case Repeat(part, least, most):
                return Repeat(self.node(part, message), least, most)
            case Without(texts) if message and texts in self.contents:
                return self._free((), texts, ())
            case Without(texts) if not message and len(texts) == 1:
                return self._value(node)
        return node

    def _text(self, text: str) -> Node:
        """Return a text with the special tokens in it as tokens."""
        parts, at = list[Node](), 0
        for found in self.special.finditer(text):
            parts += [Text(text[at : found.start()])] if found.start() > at else []
            parts.append(Token(found[0]))
            at = found.end()
        parts += [Text(text[at:])] if at < len(text) else []
        return Sequence(tuple(parts))

    # -- free text

    def _frees(self, parts: Run) -> list[Node]:
        found, before, at = list[Node](), list[Node](), 0
        while at < len(parts):
            part = parts[at]
            at += 1
            if isinstance(part, Without) and part.texts in self.contents:
                end = at
                while end < len(parts) and self._is_text(parts[end]):
                    end += 1
                found.append(self._free(tuple(before), part.texts, parts[at:end]))
                before, at = [], end
            elif self._is_text(part):
                before.append(part)
            else:
                found += [*before, part]
                before = []
        return [*found, *before]

    def _is_text(self, node: Node) -> bool:
        """Tell whether a node is text that can be one terminal with free text beside it."""
        if isinstance(node, Rule):
            node = self.rules[node.name]
        found = needs(node)
        return not (found.tokens or found.rules or found.withouts)

    def _free(self, before: Run, texts: Texts, after: Run) -> Node:
        """Return free text, with the texts beside it."""
        barred, text = _Barred(texts, self.special), Without(texts)
        tokens = [one for one in self.written if one not in barred.tokens]
        if not tokens:
            return flat((*before, text, *after))
        if barred.words and barred.words[0] in tokens:
            return self._states(before, text, after, barred, tokens)
        any_token = _either([Token(one) for one in tokens])
        loop = Repeat(Sequence((text, any_token)))
        if not before:
            return flat((loop, text, *after))
        return Choice(
            (flat((*before, text, any_token, loop, text, *after)), flat((*before, text, *after)))
        )

    def _value(self, text: Without) -> Node:
        """Return free text of values; it may hold the token with which its end begins."""
        barred = _Barred(text.texts, self.special)
        if len(barred.words) != 1:
            return text
        return self._states((), text, (), barred, [*barred.words])

    def _states(
        self, before: Run, text: Without, after: Run, barred: _Barred, tokens: list[str]
    ) -> Node:
        """Return free text in which one text that begins with a token does not stand.

        Each rule is a state: how many of the tokens of that text have just been written.
        """
        words, rests = barred.words, barred.rests
        self.free += 1
        names = [f"free-{self.free}-{number}" for number in range(len(words) + 1)]

        def then(options: list[str]) -> list[Run]:
            """Return the tokens of these that may come next, and the states after them."""
            others = [Token(one) for one in options if one != words[0]]
            found: list[Run] = [(_either(others), Rule(names[0]))] if others else []
            return [*found, (Token(words[0]), Rule(names[1]))] if words[0] in options else found

        def state(number: int, before: Run) -> Node:
            if number in (0, len(words)):
                said = _not_with(rests[-1], text) if number else text
                found = [flat((*before, said, *rest)) for rest in (*then(tokens), after)]
                return Choice(tuple(found))
            word, rest = words[number], rests[number - 1]
            found = [flat((text, *one)) for one in then([t for t in tokens if t != word])]
            if number + 1 < len(words) or rests[-1]:
                found.append(flat((Text(rest), Token(word), Rule(names[number + 1]))))
            if word in tokens:
                other = _not_with(rest, text, exactly=True)
                found += [flat((other, *one)) for one in then([word])]
            return Choice((*found, flat((text, *after))))

        last = len(words) + bool(rests[-1])
        self.rules |= {names[number]: state(number, ()) for number in range(last)}
        return state(0, before) if before else Rule(names[0])


def _not_with(start: str, text: Node, exactly: bool = False) -> Node:
    """Return text that does not begin with ``start``, or that is not exactly that."""
    options = [
        flat((Text(start[:n]), Repeat(Sequence((_all_but(start[n]), text)), 0, 1)))
        for n in range(len(start))
    ]
    if exactly:
        options.append(flat((Text(start), _ANY, text)))
    return _either(options)


def _all_but(char: str) -> Node:
    return Chars(outside(points(char)))


def _either(options: Iterable[Node]) -> Node:
    found = tuple(options)
    return found[0] if len(found) == 1 else Choice(found)
