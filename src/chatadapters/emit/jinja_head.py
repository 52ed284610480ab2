"""The head of a template: what the body uses in, defaults, macros and conversation facts out."""

from __future__ import annotations

import re

from ..codecs.printers import constant, quoted
from ..declaration import Declaration
from .jinja_prelude import text_of

TAKEN = frozenset(("system", "system_message", "systems"))

# The loop goes over an alias: vLLM would take a loop over the parameter for a wish to get parts.
_CONTENT = """{%- macro _content(given) -%}
  {%- set parts = given -%}
  {%- if given is string -%}
    {{- given -}}
  {%- elif given is mapping or given is number -%}
    {{- given | tojson -}}
  {%- elif given is defined and given is not none -%}
    {%- set seen = namespace(any=false) -%}
    {%- for part in parts -%}
      {%- set text = part if part is string else part.text -%}
      {%- if text is string -%}
        {{- (JOINER if seen.any else "") ~ text -}}
        {%- set seen.any = true -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}"""
_CONTENT_JOINED = _CONTENT.replace('(JOINER if seen.any else "") ~ text', "text")
_CONTENT_JOINED = "\n".join(line for line in _CONTENT_JOINED.split("\n") if "seen" not in line)
_MATCH = """{%- macro _match(calls, id, place) -%}
  {%- set at = namespace(place=place, found=false) -%}
  {%- for call in calls -%}
    {%- if not at.found and call.id == id -%}
      {%- set at.place = loop.index0 -%}
      {%- set at.found = true -%}
    {%- endif -%}
  {%- endfor -%}
  {{- at.place -}}
{%- endmacro -%}"""
_TURNS = """{%- set _turns -%}
  {%- for message in messages -%}
    {{- "" if message.role == "tool" else loop.index0 ~ "," -}}
  {%- endfor -%}
  {{- messages | length -}}
{%- endset -%}
{%- set _turns = _turns.split(",") -%}"""
_SYSTEMS = """{%- set _systems = namespace(texts=[]) -%}
{%- for message in messages -%}
  {%- if message.role == "system" -%}
    {%- set _systems.texts = _systems.texts + [TEXT] -%}
  {%- endif -%}
{%- endfor -%}
{%- set systems = _systems.texts -%}""".replace("TEXT", text_of("message"))
_SCANS = {
    "first_user": 'message.role == "user" and _scan.first_user < 0',
    "last_user": 'message.role == "user"',
    "last_final": 'message.role == "assistant" and not message.tool_calls',
}
_COUNTERS = {  # in the order of their updates
    "turn": ("0", "_at.turn + 1"),
    "previous": ('""', "_at.role"),
    "role": ('""', "message.role"),
    "caller": ("-1", "loop.index0"),
    "base": ("0", "_at.base + _at.count"),
    "count": ("0", "(message.tool_calls | length) if message.tool_calls else 0"),
}


def defaults(declaration: Declaration, used: set[str]) -> list[str]:
    """Return the lines that give options and tokens their defaults."""
    values = {k: v for k, v in {**declaration.tokens, **declaration.options}.items() if v != {}}
    texts = {name: constant(value) for name, value in values.items()}
    texts = {"tools": "none", "date": 'strftime_now("%Y-%m-%d")'} | texts
    return [
        f"{{%- if {name} is not defined -%}}{{%- set {name} = {text} -%}}{{%- endif -%}}"
        for name, text in texts.items()
        if name in used
    ]


def macros(declaration: Declaration, used: set[str]) -> list[str]:
    """Return the macros that read messages."""
    lines: list[str] = []
    if "_content" in used:
        joiner = declaration.prompt.parts
        made = _CONTENT.replace("JOINER", quoted(joiner)) if joiner else _CONTENT_JOINED
        lines += made.split("\n")
    if "_match" in used:
        lines += _MATCH.split("\n")
    if "_id" in used and declaration.ids is not None:
        lines += _id_macro(declaration.ids.pattern)
    return lines


def _id_macro(pattern: str) -> list[str]:
    pieces = [piece for piece in re.split(r"(\{[a-z]+(?::\d+)?\})", pattern) if piece]
    tests, made, length = ["given is string"], [], 0
    if not pieces[0].startswith("{"):
        tests.append(f"given.startswith({quoted(pieces[0])})")
    for piece in pieces:
        alnum = re.fullmatch(r"\{alnum:(\d+)\}", piece)
        if alnum:
            width = int(alnum.group(1))
            length += width
            made.append(f'("{"0" * width}" ~ ordinal)[-{width}:]')
        elif piece in ("{name}", "{index}", "{ordinal}"):
            made.append(piece[1:-1])
        else:
            length += len(piece)
            made.append(quoted(piece))
    if "{alnum:" in pattern and not re.search(r"\{(name|index|ordinal)\}", pattern):
        tests.append(f"(given | length) == {length}")
    otherwise = f"({' ~ '.join(made)})" if len(made) > 1 else made[0]
    return [
        "{%- macro _id(given, name, index, ordinal) -%}",
        f"  {{{{- given if {' and '.join(tests)} else {otherwise} -}}}}",
        "{%- endmacro -%}",
    ]


def conversation(used: set[str]) -> list[str]:
    """Return the lines that read the whole conversation once, each linear in its length."""
    lines: list[str] = []
    if "systems" in used:
        lines += _SYSTEMS.split("\n")
    if used & TAKEN:
        lines.append('{%- if messages and messages[0].role == "system" -%}')
        if "system" in used:
            lines.append(f"  {{%- set system = {text_of('messages[0]')} -%}}")
        if "system_message" in used:
            lines.append("  {%- set system_message = messages[0] -%}")
        if "systems" not in used:
            lines.append("  {%- set messages = messages[1:] | list -%}")
        lines.append("{%- endif -%}")
    if "systems" in used:
        others = 'messages | rejectattr("role", "equalto", "system") | list'
        lines.append(f"{{%- set messages = {others} -%}}")
    scanned = [name for name in _SCANS if f"_scan.{name}" in used]
    if scanned:
        initial = ", ".join(f"{name}=-1" for name in scanned)
        lines.append(f"{{%- set _scan = namespace({initial}) -%}}")
        lines.append("{%- for message in messages -%}")
        for name in scanned:
            lines.append(f"  {{%- if {_SCANS[name]} -%}}")
            lines += [f"    {{%- set _scan.{name} = loop.index0 -%}}", "  {%- endif -%}"]
        lines.append("{%- endfor -%}")
    if "_turns" in used:
        lines += _TURNS.split("\n")
    counted = [name for name in _COUNTERS if f"_at.{name}" in used]
    if counted:
        initial = ", ".join(f"{name}={_COUNTERS[name][0]}" for name in counted)
        lines.append(f"{{%- set _at = namespace({initial}) -%}}")
    return lines


def counters(used: set[str]) -> list[str]:
    """Return the lines at the start of each turn that keep the counters."""
    updates = [
        f"  {{%- set _at.{name} = {update} -%}}"
        for name, (_, update) in _COUNTERS.items()
        if f"_at.{name}" in used
    ]
    return ['{%- if message.role != "tool" -%}', *updates, "{%- endif -%}"] if updates else []
