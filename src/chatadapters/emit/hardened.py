"""A declaration in, the chat template out that breaks markers in the texts it is given.

Every printed expression that is not the template's own goes through a macro that puts a space into
each marker, and one where a text begins or ends with half a marker or more. Nothing else changes:
conditions see the texts as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment

from ..codecs.printers import constant, quoted
from ..declaration import Declaration
from ..markers import BREAK, Marker, markers
from . import jinja
from .guarded import SAFE, GuardedWriter, signed


def template(declaration: Declaration) -> str:
    """Return the template.

    It prints what the plain one prints of texts that hold no marker and neither begin nor end with
    half of one.

    No role is trusted in it, the system's neither: a server does not know who wrote what.
    """
    return _Hardened(declaration).whole()


class _Hardened(jinja._Builder):
    def __init__(self, declaration: Declaration) -> None:
        super().__init__(declaration)
        self.markers = markers(declaration)
        own = {*declaration.tokens, *declaration.options, "date", "role"}
        self.guard = GuardedWriter(self._loop, self.markers, own)
        self.guard.inlined["output"] = self.fragments["output.text"]
        self.guard.fragment = self.fragments["prompt.macros"]
        self.guard.learn([fragment.tree for fragment in self.fragments.values()])
        self.writer = self.guard

    def _assemble(self, opening: list[str], turns: list[str], generation: list[str]) -> str:
        # The codecs' macros print texts too; those that they call are among them.
        made = dict(self.guard.macros)
        for name, text in made.items():
            tree = Environment(keep_trailing_newline=True).parse(text)
            self.guard.learn([tree])
            self.guard.macros[name] = "\n".join(self.guard.body(tree.body, 0))
        text = super()._assemble(opening, turns, generation)
        head, rest = text.split("\n", 1)
        roles = _roles(self.markers) if self.guard.printed_role else []
        return "\n".join([head, *_macro(self.markers), *roles, rest])


def _macro(known: Sequence[Marker]) -> list[str]:
    """Return the macro that puts a space into every marker of a text.

    Where a text begins or ends with half a marker or more, a space keeps what is printed next to it
    apart: the format's own text, or another one.
    """
    signs = sorted({sign for one in known for sign in one.text if signed(sign)})
    plain = [one for one in known if not signed(one.text)]
    lines = [
        f"{{%- macro {SAFE}(given) -%}}",
        "  {%- if given is string or given is mapping or given is iterable -%}",
        '    {%- set text = given ~ "" -%}',
        *(f"    {line}" for one in plain for line in _broken(one)),
    ]
    if signs:  # most texts hold none of these characters, and are done
        test = " or ".join(f"{quoted(sign)} in text" for sign in signs)
        lines.append(f"    {{%- if {test} -%}}")
        lines += [f"      {line}" for one in known if one not in plain for line in _broken(one)]
        lines += [f"      {line}" for line in _edges(known)]
        lines.append("    {%- endif -%}")
    return [
        *lines,
        "    {{- text -}}",
        "  {%- else -%}",
        "    {{- given -}}",
        "  {%- endif -%}",
        "{%- endmacro -%}",
    ]


def _broken(marker: Marker) -> list[str]:
    step = f"text | replace({quoted(marker.text)}, {quoted(marker.broken)})"
    return [f"{{%- set text = {step} -%}}"] * (2 if _overlaps(marker.text) else 1)


def _edges(known: Sequence[Marker]) -> list[str]:
    """Return lines that put a space where a text ends, or begins, with half a marker or more."""
    lines = list[str]()
    cuts = [(one.text, size) for one in known for size in range(2, len(one.text))]
    halves = [(text, size) for text, size in cuts if size * 2 >= len(text)]
    for method, spaced, pieces in (
        ("endswith", f"text ~ {quoted(BREAK)}", {text[:size] for text, size in halves}),
        ("startswith", f"{quoted(BREAK)} ~ text", {text[-size:] for text, size in halves}),
    ):
        said = sorted(filter(signed, pieces))
        shortest = [one for one in said if not any(other != one and other in one for other in said)]
        if not said:
            continue
        # a piece holds a shortest one, and few texts do
        test = " or ".join(f"{quoted(one)} in text" for one in shortest)
        lines += [
            f"{{%- if {test} -%}}",
            "  {%- set edge = namespace(found=false) -%}",
            f"  {{%- for piece in {constant(said)} -%}}",
            f"    {{%- if text.{method}(piece) -%}}",
            "      {%- set edge.found = true -%}",
            "    {%- endif -%}",
            "  {%- endfor -%}",
            f"  {{%- set text = {spaced} if edge.found else text -%}}",
            "{%- endif -%}",
        ]
    return lines


def _overlaps(text: str) -> bool:
    """Whether two of a marker may share characters, so that one replacement leaves the second."""
    return any(text.endswith(text[:size]) for size in range(1, len(text)))


def _roles(known: Sequence[Marker]) -> list[str]:
    """Return lines that refuse a role which is no word: it is printed inside of markers."""
    signs = sorted({sign for one in known for sign in one.text if signed(sign)})
    test = " or ".join(f"{quoted(sign)} in message.role" for sign in signs)
    return [
        "{%- for message in messages -%}",
        f"  {{%- if {test} -%}}",
        '    {{- raise_exception("the role " ~ message.role ~ " is no word") -}}',
        "  {%- endif -%}",
        "{%- endfor -%}",
    ]
