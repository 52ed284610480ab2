"""A declaration in, the chat template out with marks around what the model writes, for training.

Transformers' ``{% generation %}`` blocks say which tokens a loss is computed on
(``apply_chat_template(..., return_assistant_tokens_mask=True)``). A mark begins where the
generation prompt of the turn ends, so what the prompt opens (``<think>``) is not marked, and ends
behind the stop string. ``unmarked`` takes the marks out again and leaves the serving template.
"""

from __future__ import annotations

import re

from jinja2 import nodes

from .. import fragments
from ..codecs.printers import quoted
from ..declaration import Declaration
from . import jinja
from .training_begun import AnswerWriter, Starts, begun

MARK = "{#- mark -#}"  # at the end of every line that is not the serving template's
_OPEN, _CLOSE = "{%- generation -%}", "{%- endgeneration -%}"
_CUT = f'" -}}}}{_CLOSE}{{{{- "'  # the end of a mark inside a literal
_BEGINS, _ENDS = "{#- output begins -#}", "{#- output ends -#}"
_RESULTS = "{%- for _result in results -%}"
_SAID = """{%- if _begun and _said.startswith(_begun) -%}
  {{- _begun -}}
  {%- set _said = _said[(_begun | length):] -%}
{%- endif -%}"""
_LITERAL = re.compile(r'\s*\{\{- "((?:[^"\\]|\\.)*)" -\}\}')
_PRINT = re.compile(r"\s*\{\{- (.*) -\}\}")
_BRANCH = re.compile(r"\s*\{%- (if|elif|else|endif)\b")


def template(declaration: Declaration, starts: Starts) -> str:
    """Return the template with marks. ``starts`` are those of the parser's table."""
    return _Training(declaration, starts).whole()


def unmarked(text: str) -> str:
    """Return the serving template of a template with marks."""
    lines = text.replace(_CUT, "").split("\n")
    return "\n".join(line for line in lines if not line.endswith(MARK))


def marks_stop(text: str) -> bool:
    """Say whether a template with marks marks a stop string anywhere.

    It does not where the stop string is the beginning of the next turn, or printed by a macro.
    """
    return _STOPPED in text


def losses(declaration: Declaration, text: str) -> list[str]:
    """Return, in sentences, what a template with marks leaves unmarked."""
    found = []
    if not marks_stop(text):
        found.append("the stop string is no part of the answer's own turn here: it is not marked")
    tree = fragments.parse(declaration, "prompt.assistant").tree
    printed = (part for output in tree.find_all(nodes.Output) for part in output.nodes)
    names = {
        name.name
        for part in printed
        for name in (part, *part.find_all(nodes.Name))
        if isinstance(name, nodes.Name)
    }
    if names & {"content", "reasoning"}:
        found.append("some answers are printed, in part, outside the output: that is not marked")
    return found


_STOPPED = "{#- stop -#}" + MARK


class _Training(jinja._Builder):
    def __init__(self, declaration: Declaration, starts: Starts) -> None:
        super().__init__(declaration)
        self.starts = starts
        self.rests = {rest for _, rest in starts if rest}
        self.writer = AnswerWriter(self._loop, self._answer)
        self.writer.inlined["output"] = self.fragments["output.text"]
        self.stops = [quoted(stop)[1:-1] for stop in declaration.stop]
        self.tokens = {"eos_token"} | {
            name for name, value in declaration.tokens.items() if value in declaration.stop
        }

    def _branch(self, role: str) -> list[str]:
        lines = super()._branch(role)
        if role != "assistant":
            return lines
        if self.rests:
            self._use("prompt.generation")
            added = begun(self.writer, self.fragments, self.starts, self.rests)
            lines = [*(line + MARK for line in added), *lines]
        while _BEGINS in (line.strip() for line in lines):  # once in each branch that prints it
            stripped = [line.strip() for line in lines]
            first, last = stripped.index(_BEGINS), stripped.index(_ENDS)
            pad = lines[first].removesuffix(_BEGINS)
            parts = _parts(lines[first + 1 : last])
            made = self._marked(parts[-1], lines[last + 1 :], pad, first=len(parts) == 1)
            if len(parts) > 1:
                made = [*self._marked(parts[0], [], pad, first=True), *parts[1], *made]
            lines = [*lines[:first], *made]
        return lines

    def _answer(self, lines: list[str], depth: int) -> list[str]:
        pad = "  " * depth
        return [f"{pad}{_BEGINS}", *lines, f"{pad}{_ENDS}"]

    def _marked(self, lines: list[str], after: list[str], pad: str, *, first: bool) -> list[str]:
        """Return the lines of an answer, or of a part of it, and what stands after it, marked.

        ``first``: what the prompt holds of the answer is taken off its beginning.
        """
        count = self._to_stop(after)
        taken = first and bool(self.rests)
        if count and not taken:
            return [f"{pad}{_OPEN}{MARK}", *lines, *self._cut(after[:count]), *after[count:]]
        made = ["{%- set _said -%}", "{%- endset -%}", *(_SAID.split("\n") if taken else ())]
        marked = [_OPEN, "{{- _said -}}"]
        if not count:  # a mark around nothing would be taken for one around all that follows
            marked = ["{%- if _said -%}", *marked, _CLOSE, "{%- endif -%}"]
        added = [f"{pad}{line}{MARK}" for line in [*made, *marked]]
        tail = [*self._cut(after[:count]), *after[count:]] if count else self._stops(after)
        return [added[0], *lines, *added[1:], *tail]

    def _to_stop(self, lines: list[str]) -> int:
        """Return how many lines lead to a stop string that is printed whatever holds."""
        depth = 0
        for number, line in enumerate(lines, 1):
            stops = self._stop_in(line) is not None
            if stops and not depth:
                return number
            if stops or not (_PRINT.fullmatch(line) or _BRANCH.match(line)):
                return 0
            word = _BRANCH.match(line)
            depth += {"if": 1, "endif": -1}.get(word.group(1), 0) if word else 0
            if depth < 0 or (not depth and word and word.group(1) in ("elif", "else")):
                return 0
        return 0

    def _stop_in(self, line: str) -> int | None:
        """Return where in a line a stop string ends, if it prints one."""
        literal = _LITERAL.fullmatch(line)
        if literal is None:
            printed = _PRINT.fullmatch(line)
            return len(line) if printed and printed.group(1) in self.tokens else None
        found = [
            literal.start(1) + at + len(stop)
            for stop in self.stops
            if (at := literal.group(1).find(stop)) >= 0
        ]
        return min(found, default=None)

    def _cut(self, lines: list[str]) -> list[str]:
        """Return lines of which the last one prints a stop string, with the mark closed there."""
        last = lines[-1]
        at = self._stop_in(last)
        assert at is not None
        literal = _LITERAL.fullmatch(last)
        if literal is None or at == literal.end(1):
            return [*lines, f"{_CLOSE}{_STOPPED}"]
        return [*lines[:-1], f"{_STOPPED}", last[:at] + _CUT + last[at:]]

    def _stops(self, lines: list[str]) -> list[str]:
        """Return lines with marks around the first stop string of every branch."""
        done: list[str] = []
        while lines:
            count = self._to_stop(lines)
            if not count:
                done.append(lines.pop(0))
                continue
            done += [f"{_OPEN}{MARK}", *self._cut(lines[:count])]
            lines = lines[count:]
            while lines and not _BRANCH.match(lines[0]):  # one stop in a branch
                done.append(lines.pop(0))
        return done


def _parts(lines: list[str]) -> list[list[str]]:
    """Return the lines of an output in one part, or in three where results stand in the middle."""
    if not any(_RESULTS in line for line in lines):
        return [lines]
    first = next(number for number, line in enumerate(lines) if _RESULTS in line)
    pad = lines[first].removesuffix(_RESULTS)
    last = lines.index(f"{pad}{{%- endfor -%}}", first)
    return [lines[:first], lines[first : last + 1], lines[last + 1 :]]
