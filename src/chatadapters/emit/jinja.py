"""A declaration in, its chat template out; and three templates of the same parts, for checks."""

from __future__ import annotations

from jinja2 import nodes

from .. import fragments
from ..codecs.printers import quoted
from ..declaration import Declaration
from . import jinja_head as head
from . import jinja_prelude as prelude
from .jinja_text import Writer

_ROLES = ("system", "user", "assistant", "tool")


def template(declaration: Declaration) -> str:
    """Return the chat template."""
    return _Builder(declaration).whole()


def output_template(declaration: Declaration) -> str:
    """Return a template that prints only the output of the last message, its reasoning kept."""
    return _Builder(declaration, keep=True).last_output()


def deviation_template(declaration: Declaration) -> str:
    """Return a template that prints ``turn:deviation,`` wherever a deviation's condition holds."""
    return _Builder(declaration).held_deviations()


def opening_template(declaration: Declaration) -> str:
    """Return a template that prints only the opening."""
    return _Builder(declaration).only_opening()


class _Builder:
    """Assembles one template; the body comes first, as the head holds what the body needs."""

    def __init__(self, declaration: Declaration, keep: bool = False) -> None:
        self.declaration, self.keep = declaration, keep
        self.fragments = fragments.parse_all(declaration)
        self.writer = Writer(self._loop)
        self.writer.inlined["output"] = self.fragments["output.text"]
        # Every template takes the system message out of the turns, or none does.
        uses = (prelude.uses(fragment.tree) for fragment in self.fragments.values())
        self.used = prelude.needs(set[str]().union(*uses) & head.TAKEN)

    def whole(self) -> str:
        opening = self._print("prompt.opening")
        turns = self._turns()
        generation = []
        if self.declaration.prompt.generation:
            used = self._use("prompt.generation")
            inner = [*prelude.generation(used), *self._print("prompt.generation")]
            generation = ["{%- if add_generation_prompt -%}", *_indent(inner), "{%- endif -%}"]
        return self._assemble(opening, turns, generation)

    def last_output(self) -> str:
        variables = self._turn(self._use("output.text"), "assistant")
        inner = [*variables, *self._print("output.text")]
        return self._assemble([], ["{%- if loop.last -%}", *_indent(inner), "{%- endif -%}"], [])

    def held_deviations(self) -> str:
        keys = [f"deviations[{number}].when" for number in range(len(self.declaration.deviations))]
        lines = self._turn(set[str]().union(*map(self._use, keys)), None)
        for number, key in enumerate(keys):
            output = self.fragments[key].tree.body[0]
            assert isinstance(output, nodes.Output)
            self.writer.fragment = self.fragments[key]
            condition = self.writer.expression(output.nodes[0])
            mark = quoted(f":{number},")
            lines += [f"{{%- if {condition} -%}}", f"  {{{{- loop.index0 ~ {mark} -}}}}"]
            lines.append("{%- endif -%}")
        return self._assemble([], lines, [])

    def only_opening(self) -> str:
        return self._assemble(self._print("prompt.opening"), [], [])

    def _assemble(self, opening: list[str], turns: list[str], generation: list[str]) -> str:
        declaration = self.declaration
        own = self._macros()
        comment = f"Made by chatadapters from {declaration.name}.toml; change that file, not this."
        loop = []
        if turns:
            inner = _indent([*head.counters(self.used), *turns])
            loop = ["{%- for message in messages -%}", *inner, "{%- endfor -%}"]
        lines = [
            f"{{#- {comment} -#}}",
            *head.defaults(declaration, self.used),
            *head.macros(declaration, self.used),
            *(line for text in self.writer.macros.values() for line in text.split("\n")),
            *head.conversation(self.used),
            *own,
            *opening,
            *loop,
            *generation,
        ]
        return "\n".join(lines) + "\n"

    def _macros(self) -> list[str]:
        """Print those of the macros and shared variables that the rest of the template uses."""
        macros = self.fragments["prompt.macros"]
        waiting, kept = list(macros.tree.body), list[nodes.Node]()
        while found := [one for one in waiting if prelude.defines(one) & self.used]:
            waiting = [one for one in waiting if one not in found]
            kept += found
            self.used |= set[str]().union(*map(prelude.uses, found))
        self.writer.fragment = macros
        return self.writer.body([one for one in macros.tree.body if one in kept], 0)

    def _print(self, key: str) -> list[str]:
        self._use(key)
        return self.writer.print(self.fragments[key])

    def _use(self, key: str) -> set[str]:
        """Note what a fragment uses, the output in it included, and return it."""
        used = prelude.uses(self.fragments[key].tree)
        if "output" in used:
            used |= prelude.uses(self.fragments["output.text"].tree)
        if self.declaration.output.inline and used & {"content", "reasoning"}:
            used |= prelude.needs(("content", "reasoning"))
        if "reasoning" in used and not self.keep:
            used |= prelude.needs(prelude.policy(self.declaration)[1])
        self.used |= used
        return used

    def _turns(self) -> list[str]:
        prompt, lines = self.declaration.prompt, list[str]()
        known = [role for role in _ROLES if getattr(prompt, role) is not None]
        for role in known:
            test = f'{{%- {"elif" if lines else "if"} message.role == "{role}" -%}}'
            lines += [test, *_indent(self._branch(role))]
        if prompt.other is None:
            tail = quoted(f" is none of {', '.join(known)}")
            lines.append("{%- else -%}")
            lines.append(f'  {{{{- raise_exception("the role " ~ message.role ~ {tail}) -}}}}')
        elif prompt.other:
            lines += ["{%- else -%}", *_indent(self._branch("other"))]
        return [*lines, "{%- endif -%}"]

    def _branch(self, role: str) -> list[str]:
        key = f"prompt.{role}"
        return [*self._turn(self._use(key), role), *self._print(key)]

    def _turn(self, used: set[str], role: str | None) -> list[str]:
        return prelude.turn(self.declaration, used, role, self.keep)

    def _loop(self, node: nodes.For, writer: Writer, depth: int) -> list[str] | None:
        """Return the head of a loop over calls or results, which are made from the messages."""
        if not isinstance(node.iter, nodes.Name) or node.iter.name not in ("calls", "results"):
            return None
        over = node.iter.name
        if not isinstance(node.target, nodes.Name) or node.test is not None:
            message = f"a loop over {over} has one variable and no condition"
            fix = f"write {{% for {over[:-1]} in {over} %}}"
            raise writer.fragment.error(message, node.lineno, fix)
        target = node.target.name
        read = set[str]().union(*(prelude.fields(part, [target]) for part in node.body))
        if over == "calls":
            inner = prelude.call(self.declaration, target, read)
        else:
            calls = "(message.tool_calls if message.tool_calls else [])"
            used = {f"result.{field}" for field in read}
            inner = prelude.result(self.declaration, target, calls, "_result", "loop.index0", used)
        pad = "  " * depth
        first = f"{pad}{{%- for _{over[:-1]} in {over} -%}}"
        return [first, *(f"{pad}  {line}" for line in inner)]


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
