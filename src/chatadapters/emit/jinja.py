"""A declaration in, its chat template out (and three templates made of the same parts, for checks)."""

from __future__ import annotations

from jinja2 import nodes

from .. import fragments
from ..codecs.printers import quoted
from ..declaration import Declaration
from ..fragments import Fragment
from . import jinja_prelude as prelude
from .jinja_text import Writer

_ROLES = ("system", "user", "assistant", "tool")


def template(declaration: Declaration) -> str:
    """Return the chat template."""
    return _Builder(declaration).whole()


def output_template(declaration: Declaration) -> str:
    """Return a template that prints only the output fragment of the last message, its reasoning kept."""
    return _Builder(declaration, keep=True).last_output()


def deviation_template(declaration: Declaration) -> str:
    """Return a template that prints ``turn:deviation,`` wherever the condition of a deviation holds."""
    return _Builder(declaration).held_deviations()


def opening_template(declaration: Declaration) -> str:
    """Return a template that prints only the opening."""
    return _Builder(declaration).only_opening()


class _Builder:
    """Assembles one template: the body is printed first, so that the head holds what it turned out to need."""

    def __init__(self, declaration: Declaration, keep: bool = False) -> None:
        self.declaration, self.keep = declaration, keep
        self.fragments = fragments.parse_all(declaration)
        self.writer = Writer(self._loop)
        self.writer.inlined["output"] = self.fragments["output.text"]
        self.used: set[str] = set()
        taken = {"system", "systems", "system_message"}
        consumers = [key for key in self.fragments if key.startswith(("prompt.", "output."))]
        for key in consumers:  # the system message is taken from the turns in every template, or in none
            self.used |= prelude.uses(self.fragments[key].tree) & taken
        self.used = prelude.needs(self.used)

    def whole(self) -> str:
        opening = self._print("prompt.opening")
        loop = self._messages([f"  {line}" for line in self._turns()])
        generation = []
        if self.declaration.prompt.generation:
            inner = [*self._at_generation(), *self._print("prompt.generation")]
            generation = ["{%- if add_generation_prompt -%}", *_indent(inner), "{%- endif -%}"]
        return self._assemble([*opening, *loop, *generation])

    def last_output(self) -> str:
        used = self._use("output.text")
        inner = [*self._turn(used, "assistant"), *self.writer.print(self.fragments["output.text"])]
        lines = ["{%- if loop.last -%}", *_indent(inner), "{%- endif -%}"]
        return self._assemble(self._messages(_indent(lines)))

    def held_deviations(self) -> str:
        keys = [f"deviations[{number}].when" for number in range(len(self.declaration.deviations))]
        used = set[str]().union(*(self._use(key) for key in keys))
        lines = self._turn(used, None)
        for number, key in enumerate(keys):
            fragment = self.fragments[key]
            output = fragment.tree.body[0]
            assert isinstance(output, nodes.Output)
            self.writer.fragment = fragment
            condition = self.writer.expression(output.nodes[0])
            lines.append(f"{{%- if {condition} -%}}{{{{- loop.index0 ~ {quoted(f':{number},')} -}}}}{{%- endif -%}}")
        return self._assemble(self._messages(_indent(lines)))

    def only_opening(self) -> str:
        return self._assemble(self._print("prompt.opening"))

    def _print(self, key: str) -> list[str]:
        self._use(key)
        return self.writer.print(self.fragments[key])

    def _use(self, key: str) -> set[str]:
        """Note what a fragment uses and return it."""
        tree = self.fragments[key].tree
        used = prelude.uses(tree)
        if "output" in used:
            used |= prelude.uses(self.fragments["output.text"].tree)
        if "reasoning" in used:
            used |= set() if self.keep else prelude.needs(prelude.policy(self.declaration)[1])
            history = self.declaration.output.history
            used |= set(history) if isinstance(history, dict) and not self.keep else set()
        if self.declaration.output.inline and used & {"content", "reasoning"}:
            used |= prelude.needs({"content"})
        self.used |= used
        return used

    def _turns(self) -> list[str]:
        declaration, lines, word = self.declaration, list[str](), "if"
        known = [role for role in _ROLES if getattr(declaration.prompt, role) is not None]
        for role in known:
            key = f"prompt.{role}"
            used = self._use(key)
            inner = [*self._turn(used, role), *self.writer.print(self.fragments[key])]
            lines += [f'{{%- {word} message.role == "{role}" -%}}', *_indent(inner)]
            word = "elif"
        lines.append("{%- else -%}")
        if declaration.prompt.other is None:
            tail = quoted(f" is not one of {', '.join(known)}")
            lines.append(f'  {{{{- raise_exception("the role " ~ message.role ~ {tail}) -}}}}')
        else:
            used = self._use("prompt.other")
            inner = [*self._turn(used, "other"), *self.writer.print(self.fragments["prompt.other"])]
            lines += _indent(inner)
        return [*lines, "{%- endif -%}"]

    def _turn(self, used: set[str], role: str | None) -> list[str]:
        return prelude.turn(self.declaration, used, role, self.keep)

    def _at_generation(self) -> list[str]:
        return prelude.generation(self._use("prompt.generation"))

    def _messages(self, inner: list[str]) -> list[str]:
        if "prompt.macros" in self.fragments:
            self._use("prompt.macros")
        counters = _indent(prelude.counters(self.used))
        return ["{%- for message in messages -%}", *counters, *inner, "{%- endfor -%}"]

    def _assemble(self, body: list[str]) -> str:
        own = self._print("prompt.macros")
        head = [f"{{#- Made by chatadapters from {self.declaration.name}.toml; change that file, not this one. -#}}"]
        lines = [
            *head,
            *prelude.defaults(self.declaration, self.used),
            *prelude.macros(self.declaration, self.used),
            *(line for text in self.writer.macros.values() for line in text.splitlines()),
            *prelude.conversation(self.used),
            *own,
            *body,
        ]
        return "\n".join(lines) + "\n"

    def _loop(self, node: nodes.For, writer: Writer, depth: int) -> list[str] | None:
        """Print the head of a loop over calls or results, which the template makes from the messages."""
        if not isinstance(node.iter, nodes.Name) or node.iter.name not in ("calls", "results"):
            return None
        if not isinstance(node.target, nodes.Name) or node.test is not None:
            raise writer.fragment.error(
                f"a loop over {node.iter.name} has one variable and no condition",
                node.lineno,
                f"write {{% for {node.iter.name[:-1]} in {node.iter.name} %}}",
            )
        target, over = node.target.name, node.iter.name
        used = {
            f"{over[:-1]}.{n.attr}"
            for body in node.body
            for n in body.find_all(nodes.Getattr)
            if isinstance(n.node, nodes.Name) and n.node.name == target
        }
        if over == "calls":
            item = "_call"
            inner = prelude.call(self.declaration, target, {name.partition(".")[2] for name in used})
        else:
            item = "_result"
            calls = "(message.tool_calls if message.tool_calls else [])"
            inner = prelude.result(self.declaration, target, calls, "_result", "loop.index0", used)
        pad = "  " * depth
        return [f"{pad}{{%- for {item} in {over} -%}}", *(f"{pad}  {line}" for line in inner)]


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


__all__ = ["Fragment", "deviation_template", "opening_template", "output_template", "template"]
