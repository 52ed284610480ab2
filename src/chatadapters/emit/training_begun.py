"""What of an answer its prompt already holds: a declaration's starts in, Jinja lines out.

The lines stand at the start of an assistant's turn and work out what the generation prompt was when
that turn was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jinja2 import nodes

from ..codecs.printers import quoted
from ..fragments import Fragment
from .jinja_prelude import defines, uses
from .jinja_prelude import generation as at_generation
from .jinja_text import Writer

Starts = Sequence[tuple[str, str]]  # (text of the generation prompt, the part of it that is output)
_IN_TURN = {  # in a turn these are not what they are at the end of the conversation
    "position": "loop.index0",
    "first": "loop.index0 == 0",
    "previous": 'messages[loop.index0 - 1].role if loop.index0 else ""',
    "previous_turn": "_at.previous",
}


class AnswerWriter(Writer):
    """A writer that hands the lines of ``{{ output }}`` to ``answer``, which returns others."""

    def __init__(
        self,
        loops: Callable[[nodes.For, Writer, int], list[str] | None],
        answer: Callable[[list[str], int], list[str]],
    ) -> None:
        super().__init__(loops)
        self.answer = answer

    def _printed(self, node: nodes.Node, depth: int) -> list[str]:
        lines = super()._printed(node, depth)
        if isinstance(node, nodes.Name) and node.name == "output" and "output" in self.inlined:
            return self.answer(lines, depth)
        return lines


def facts(fragments: Mapping[str, Fragment]) -> list[nodes.Node]:
    """Return the statements of ``prompt.macros`` that depend on the messages, in their order.

    What turns write down for later ones is no fact.
    """
    macros = fragments["prompt.macros"].tree
    turns = [one.tree for key, one in fragments.items() if key != "prompt.macros"]
    written = {node.name for tree in turns for node in tree.find_all(nodes.NSRef)}
    return [one for one in _depending(macros) if not defines(one) & written]


def _depending(macros: nodes.Template) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    names = {"messages"}
    while True:
        more = [one for one in macros.body if one not in found and _names(one) & names]
        if not more:
            return [one for one in macros.body if one in found]
        found += more
        names |= set[str]().union(*map(defines, more))


def reached(macros: nodes.Template, used: set[str]) -> set[str]:
    """Return the names with all that the macros among them use."""
    waiting, names = list(macros.body), set(used)
    while found := [one for one in waiting if defines(one) & names]:
        waiting = [one for one in waiting if one not in found]
        names |= set[str]().union(*map(uses, found))
    return names


def begun(
    writer: Writer, fragments: Mapping[str, Fragment], starts: Starts, wanted: set[str]
) -> list[str]:
    """Return lines that set ``_begun`` to what the prompt of this turn held of the answer.

    ``wanted`` are the parts that matter, all others count as nothing.
    """
    rests = {rest if rest in wanted else "" for _, rest in starts}
    if len(rests) == 1:
        return [f"{{%- set _begun = {quoted(rests.pop())} -%}}"]
    generation, macros = fragments["prompt.generation"], fragments["prompt.macros"]
    used = uses(generation.tree)
    reads = reached(macros.tree, used)
    inner = []
    if known := [one for one in facts(fragments) if defines(one) & reads]:
        inner.append("{%- set messages = messages[:loop.index0] | list -%}")
        writer.fragment = macros
        inner += writer.body(known, 0)
    printed = writer.print(generation)
    for line in at_generation(used):
        name = line.split(" ", 3)[2]
        inner.append(f"{{%- set {name} = {_IN_TURN[name]} -%}}" if name in _IN_TURN else line)
    lines = ["{%- set _prompted -%}", *(f"  {line}" for line in [*inner, *printed])]
    lines += ["{%- endset -%}", '{%- set _begun = "" -%}']
    word = "if"
    for text, rest in starts:
        if rest and rest in wanted:
            lines.append(f"{{%- {word} _prompted == {quoted(text)} -%}}")
            lines.append(f"  {{%- set _begun = {quoted(rest)} -%}}")
            word = "elif"
    return [*lines, "{%- endif -%}"]


def _names(statement: nodes.Node) -> set[str]:
    return uses(statement) | defines(statement)
