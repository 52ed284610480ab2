"""Grammars of answers: the matcher against the definition, and texts that are read back."""

from __future__ import annotations

import random

import pytest

from chatadapters.cfg import gbnf, lark, plain
from chatadapters.cfg.automaton import automaton
from chatadapters.cfg.expressions import expression, shared_rule
from chatadapters.cfg.first import first_characters
from chatadapters.cfg.matcher import accepts, farthest
from chatadapters.cfg.nodes import Chars, Choice, Grammar, Repeat, Rule, Sequence, Text, Without
from chatadapters.cfg.read_back import read_gbnf, read_lark

LETTERS = "ab"


def ends(rules, node, text, start):
    """Return where a node may end, by the definition of each kind; texts are short."""
    match node:
        case Text(said):
            return {start + len(said)} if text.startswith(said, start) else set()
        case Chars(ranges):
            inside = start < len(text) and any(a <= ord(text[start]) <= b for a, b in ranges)
            return {start + 1} if inside else set()
        case Sequence(parts):
            found = {start}
            for part in parts:
                found = {end for at in found for end in ends(rules, part, text, at)}
            return found
        case Choice(options):
            return {end for option in options for end in ends(rules, option, text, start)}
        case Repeat(part, least, most):
            found, now = set(), {start}
            for count in range(1 + (least + len(text) + 1 if most is None else most)):
                found |= now if count >= least else set()
                now = {end for at in now for end in ends(rules, part, text, at)}
            return found
        case Without(texts):
            stops = range(start, len(text) + 1)
            return {end for end in stops if not any(one in text[start:end] for one in texts)}
        case Rule(name):
            return ends(rules, rules[name], text, start)


class Nodes:
    """Random nodes over two letters."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self, most=3):
        return "".join(self.random.choices(LETTERS, k=self.random.randint(1, most)))

    def node(self, depth=0):
        pick = self.random.choice
        match pick("tcsoRwr" if depth < 3 else "tcw"):
            case "t":
                return Text(self.word())
            case "c":
                return Chars(((97, pick((97, 98))),))
            case "s":
                return Sequence(tuple(self.node(depth + 1) for _ in range(pick((0, 1, 2, 3)))))
            case "o":
                return Choice(tuple(self.node(depth + 1) for _ in range(pick((1, 2, 3)))))
            case "R":
                least = pick((0, 1, 2, 3))
                most = pick((None, least, least + 1, least + 3))
                return Repeat(self.node(depth + 1), least, most)
            case "w":
                return Without(tuple(self.word() for _ in range(pick((0, 1, 2)))))
        return Rule("other")


def test_the_matcher_does_what_the_nodes_say():
    made, positive = Nodes(5), 0
    for _ in range(1500):
        inner = made.node(2)
        while isinstance(inner, Rule):
            inner = made.node(2)
        rules = {"root": made.node(), "other": Sequence((Text("a"), inner))}
        if "other" in repr(inner):
            continue
        text = "".join(made.random.choices(LETTERS, k=made.random.randint(0, 7)))
        wanted = len(text) in ends(rules, rules["root"], text, 0)
        assert accepts(Grammar(rules), text) == wanted, (rules, text)
        positive += wanted
    assert positive > 200


def test_a_nested_grammar_is_matched_and_the_place_of_a_mistake_is_told():
    inner = expression('"[" (root ("," root)*)? "]" | [0-9]+', str)
    grammar = Grammar({"root": inner})
    assert accepts(grammar, "[1,[2,[]],33]")
    assert farthest(grammar, "[1,[2,[],33]") == 12
    assert farthest(grammar, "[1,x]") == 3


def test_a_long_text_without_a_text_is_matched_state_by_state():
    node, rules = automaton(("</a>", "<b>"))
    grammar = Grammar({"root": node, **dict(rules)})
    long = "x<" * 3000
    assert accepts(grammar, long)
    assert farthest(grammar, f"{long}</a>y") == len(long) + 3


def test_an_automaton_is_the_texts_without_the_given_ones():
    made = Nodes(6)
    for _ in range(800):
        texts = tuple(made.word(4) for _ in range(made.random.randint(1, 3)))
        node, rules = automaton(texts)
        said = "".join(made.random.choices("abc", k=made.random.randint(0, 9)))
        wanted = not any(text in said for text in texts)
        assert accepts(Grammar({"root": node, **dict(rules)}), said) == wanted, (texts, said)


ODD = "\x00\x1f \"'/\\[]^-&~<>|\x7f\u2028\U0001f642é"
PIECES = (
    Text(ODD),
    Chars(tuple((ord(char), ord(char)) for char in sorted(ODD))),
    Chars(((0, 44), (46, 0xD7FF), (0xE000, 0x10FFFF))),
    Without(("</x>", '"', "/")),
    Without((ODD,)),
    Repeat(Choice((Text("a"), Text("b"))), 2, 5),
)


@pytest.mark.parametrize("node", PIECES, ids=repr)
@pytest.mark.parametrize("again", ["gbnf", "lark"])
def test_every_character_is_spelled_so_that_it_is_read_back(node, again):
    whole = Sequence((Text("<"), node, Text(">")))
    grammar = Grammar({"root": Choice((whole, Sequence((Text("("), Rule("root"), Text(")")))))})
    back = read_gbnf(gbnf.gbnf(grammar)) if again == "gbnf" else read_lark(lark.lark(grammar))
    inner = ["", "a", "ab", "abab", "ababab", "-", "</x>", "/", ODD, ODD[:9], *ODD]
    for text in (f"<{said}>" for said in inner):
        assert accepts(back, text) == accepts(grammar, text), text
        assert accepts(back, f"(({text}))") == accepts(grammar, text), text


def test_repetitions_are_spelled():
    text = gbnf.gbnf(Grammar({"root": Repeat(Chars(((97, 98),)), 3)}))
    assert text == "root ::= [a-b]{3,}\n"
    assert plain.plain(Grammar({"root": Repeat(Text("x"), 2, 4)})) == 'start: ("x")~2..4\n'
    endless = Grammar({"root": Repeat(Text("x"), 2, None)})
    assert plain.plain(endless) == 'start: ("x")~2 ("x")*\n'


def test_a_rule_that_goes_on_with_itself_at_its_end_is_a_loop():
    digits, x = Chars(((48, 57),)), Text("x")
    loops = {
        '[0-9] more | ""': Repeat(digits),
        '[0-9] more | "x"': Sequence((Repeat(digits), x)),
        'more [0-9] | "x"': Choice((Sequence((Rule("more"), digits)), x)),
    }
    for text, wanted in loops.items():
        assert repr(shared_rule("more", text)) == repr(wanted), text


def test_the_first_characters_look_behind_what_may_be_nothing():
    rules = {
        "root": Sequence((Repeat(Text(" "), 0, 1), Rule("name"), Text("("))),
        "name": Choice((Text("get"), Text("put"), Repeat(Chars(((48, 50),))))),
    }
    assert first_characters(Grammar(rules), "root") == [" ", "(", "0", "1", "2", "g", "p"]
    assert first_characters(Grammar({"root": Without(())}), "root") == []
