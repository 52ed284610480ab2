"""A declaration in, the chat template out that only appends: no turn is ever printed anew.

Every turn is printed as it was when it was new: an answer as the model wrote it, any other turn as
it stood in the prompt of the answer to it. The rules below are what official templates look ahead
with; each can be left out, which is how ``prefix`` finds the one that rewrites history.
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import nodes

from ..codecs.printers import quoted
from ..declaration import Declaration
from . import jinja
from . import jinja_head as head
from . import jinja_prelude as prelude
from .training_begun import AnswerWriter, Starts, begun, facts, reached

# rule -> the names that look ahead by it
NAMES = {
    "last": {"last"},
    "next": {"next", "precedes_tool", "next_turn"},
    "last_user": {"last_user", "after_last_user", "_scan.last_user", "_scan.last_final"},
    "generation_prompt": {"add_generation_prompt"},
    "facts": {"messages"},  # and what macros compute from them
}
# the reasoning that a policy drops, and what the generation prompt opens and closes at once
RULES = ("history", "begun", *NAMES)
_AHEAD = set[str]().union(*NAMES.values())
_ANSWERS = """{%- set _answers -%}
  {%- for message in messages -%}
    {{- loop.index0 ~ "," if message.role == "assistant" else "" -}}
  {%- endfor -%}
  {{- messages | length -}}
{%- endset -%}
{%- set _answers = _answers.split(",") -%}
{%- set _answered = namespace(count=0) -%}
{%- set _all = messages -%}
{%- set _asked = add_generation_prompt -%}"""
_SEEN = """{%- set _end = loop.index0 + 1 -%}
{%- if message.role == "assistant" -%}
  {%- set _answered.count = _answered.count + 1 -%}
{%- else -%}
  {%- set _end = _answers[_answered.count] | int -%}
{%- endif -%}
{%- set messages = _all[:_end] -%}"""
_ASKED = """{%- set add_generation_prompt = _asked -%}
{%- if _end < (_all | length) -%}
  {%- set add_generation_prompt = message.role != "assistant" -%}
{%- elif message.role == "assistant" -%}
  {%- set add_generation_prompt = false -%}
{%- endif -%}"""


def template(
    declaration: Declaration,
    starts: Starts,
    closed: Mapping[str, str],
    rules: tuple[str, ...] = RULES,
) -> str:
    """Return the template; it is the plain one where no rule that is on changes anything.

    ``closed`` says how an answer without reasoning begins, by what its prompt holds of it.
    """
    made = _Stable(declaration, starts, closed, rules)
    return made.whole() if made.changes else jinja.template(declaration)


class _Stable(jinja._Builder):
    def __init__(
        self,
        declaration: Declaration,
        starts: Starts,
        closed: Mapping[str, str],
        rules: tuple[str, ...],
    ) -> None:
        super().__init__(declaration, keep="history" in rules)
        self.rules, self.starts = rules, starts
        self.writer = AnswerWriter(self._loop, self._answer)
        self.writer.inlined["output"] = self.fragments["output.text"]
        self.on = set[str]().union(*(NAMES[rule] for rule in rules if rule in NAMES))
        self.in_turns: set[str] = set()
        self.kept = dict(closed) if "begun" in rules else {}
        if self.keep:
            _keep_reasoning(self.fragments["prompt.assistant"].tree.body)
        self.facts = facts(self.fragments)
        self.ahead, self.fact_names = set[str](), set[str]()
        self._turns()
        self.ahead = self.in_turns & self.on
        named = set[str]().union(*map(prelude.defines, self.facts))
        self.fact_names = named & self.in_turns if "facts" in rules else set()
        dropped = prelude.policy(declaration)[0] != "true" and "reasoning" in self.in_turns
        self.changes = bool(self.ahead or self.fact_names or self.kept or (self.keep and dropped))

    def _use(self, key: str) -> set[str]:
        used = super()._use(key)
        if key not in ("prompt.opening", "prompt.generation"):
            self.in_turns |= reached(self.fragments["prompt.macros"].tree, used)
        return used

    # -- what is printed

    def _turn(self, used: set[str], role: str | None) -> list[str]:
        cut = self.ahead or self.fact_names  # then `_seen` has said these already
        early = {"results"} | (_AHEAD - self.on) if cut else set[str]()
        return [_in_seen(line) for line in super()._turn(used - early, role)]

    def _branch(self, role: str) -> list[str]:
        lines = super()._branch(role)
        if role == "assistant" and self.kept:
            self._use("prompt.generation")
            added = begun(self.writer, self.fragments, self.starts, set(self.kept))
            added += _unsaid(self.kept)
            if self.ahead or self.fact_names:  # some engines have no scope for what a set holds
                added.append("{%- set messages = _all[:_end] -%}")
                added += self._fact_lines()
            lines = [*added, *lines]
        return lines

    def _answer(self, lines: list[str], depth: int) -> list[str]:
        pad = "  " * depth
        if self.kept:
            said = "not reasoning and " if "reasoning" in self.in_turns else ""
            bare = f"_begun and {said}not _said.startswith(_begun)"
            lines = [f"{pad}{{%- set _said -%}}", *(f"  {line}" for line in lines)]
            lines += [f"{pad}{{%- endset -%}}"]
            lines += [f"{pad}{{%- if {bare} -%}}", f"{pad}  {{{{- _unsaid -}}}}"]
            lines += [f"{pad}{{%- endif -%}}", f"{pad}{{{{- _said -}}}}"]
        return [*lines, *(f"{pad}{line}" for line in self._restored())]

    def _restored(self) -> list[str]:
        """Return the lines that give what stands after the output the whole conversation again."""
        names = _after_output(self.fragments["prompt.assistant"].tree.body)
        used = prelude.needs(names) & self.on
        if not used:
            return []
        lines = ["{%- set messages = _all -%}"]
        if "add_generation_prompt" in used:
            lines.append("{%- set add_generation_prompt = _asked -%}")
        lines += head.conversation({n for n in used if n.startswith(("_scan.", "_turns"))})
        return [*lines, *prelude.turn(self.declaration, used, "assistant", True)]

    def _assemble(self, opening: list[str], turns: list[str], generation: list[str]) -> str:
        text = super()._assemble(opening, turns, generation)
        if not (self.ahead or self.fact_names):
            return text
        lines = text.split("\n")
        start = len(lines) - 1 - lines[::-1].index("{%- for message in messages -%}")
        first = start + 1 + len(head.counters(self.used))
        lines[start] = "{%- for message in _all -%}"
        lines[first:first] = _indented(self._seen())
        lines[start:start] = _ANSWERS.split("\n")
        return "\n".join(lines)

    def _seen(self) -> list[str]:
        """Return the lines at the start of a turn that cut the conversation where it ended then."""
        early = self.in_turns & ({"results"} | (_AHEAD - self.on))
        lines = [
            line
            for line in prelude.turn(self.declaration, early, None, True)
            if not line.startswith("{%- set _scan")
        ]
        lines += _SEEN.split("\n")
        if "add_generation_prompt" in self.ahead:
            lines += _ASKED.split("\n")
        scans = {n for n in self.ahead if n.startswith("_scan.")}
        scans |= {"_turns"} if "next_turn" in self.ahead else set()
        lines += head.conversation(scans)
        return [*lines, *self._fact_lines()]

    def _fact_lines(self) -> list[str]:
        if not self.fact_names:
            return []
        self.writer.fragment = self.fragments["prompt.macros"]
        kept = [one for one in self.facts if prelude.defines(one) & self.used]
        return self.writer.body(kept, 0)


def _unsaid(kept: Mapping[str, str]) -> list[str]:
    """Return lines that set ``_unsaid`` to how an answer begins that has no reasoning."""
    lines = ["{%- set _unsaid = _begun -%}"]
    for rest, said in kept.items():
        if rest != said:
            lines.append(f"{{%- if _begun == {quoted(rest)} -%}}")
            lines += [f"  {{%- set _unsaid = {quoted(said)} -%}}", "{%- endif -%}"]
    return lines


def _keep_reasoning(body: list[nodes.Node]) -> None:
    """Take out the branches that do nothing but drop the reasoning."""
    for node in list(body):
        if not isinstance(node, nodes.If):
            continue
        drops = [isinstance(one, nodes.Assign) and _empties_reasoning(one) for one in node.body]
        if drops and all(drops) and not node.elif_ and not node.else_:
            body.remove(node)


def _empties_reasoning(node: nodes.Assign) -> bool:
    named = isinstance(node.target, nodes.Name) and node.target.name == "reasoning"
    return named and isinstance(node.node, nodes.Const) and node.node.value == ""


def _in_seen(line: str) -> str:
    """Return a line of a turn for a conversation that is cut behind it."""
    return line.replace("loop.last", "(loop.index0 + 1 == (messages | length))")


def _after_output(body: list[nodes.Node]) -> set[str]:
    """Return the names that statements use after the one that prints the output."""
    found: set[str] = set()
    seen = False
    for node in body:
        names = {name.name for name in node.find_all(nodes.Name)}
        if seen:
            found |= names
        elif "output" in names:
            seen = True
            found |= names  # the same statement may go on after it
    return found


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
