"""The fragment variables: the names that fragments use in, the Jinja lines that compute them out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jinja2 import nodes

from ..codecs.printers import quoted
from ..declaration import Declaration, HistoryPolicy

# What a variable of a turn needs: other variables, facts about the whole conversation, counters.
_NEEDS = {
    "follows_tool": {"previous"},
    "precedes_tool": {"next"},
    "previous_turn": {"_at.role"},
    "next_turn": {"_turns", "_at.turn"},
    "first_user": {"_scan.first_user"},
    "last_user": {"_scan.last_user"},
    "after_last_user": {"_scan.last_user"},
    "content": {"_content"},
    "system": {"_content"},
    "systems": {"_content"},
    "system_message": set(),
    "results": {"_turns", "_at.turn"},
    "result": {"_at.caller", "_match"},
    "result.content": {"_content"},
    "result.id": {"_id"},
    "result.ordinal": {"_at.base"},
    "call.id": {"_id"},
    "call.ordinal": {"_at.base"},
    "_at.base": {"_at.count"},
}
_POLICIES: dict[HistoryPolicy, tuple[str, set[str]]] = {
    "last_user": ("loop.index0 > _scan.last_user", {"_scan.last_user"}),
    "all": ("true", set()),
    "none": ("false", set()),
    "tool_turns": ("message.tool_calls", set()),
    "tool_turns_after_last_user": (
        "(message.tool_calls and loop.index0 > _scan.last_user)",
        {"_scan.last_user"},
    ),
    "since_last_final": ("loop.index0 >= _scan.last_final", {"_scan.last_final"}),
    "last_only": ("loop.last", set()),
}
_SIMPLE = {
    "position": "loop.index0",
    "role": "message.role",
    "name": 'message.name if message.name else ""',
    "tool_call_id": 'message.tool_call_id if message.tool_call_id else ""',
    "first": "loop.first",
    "last": "loop.last",
    "previous": 'messages[loop.index0 - 1].role if loop.index0 else ""',
    "next": '"" if loop.last else messages[loop.index0 + 1].role',
    "follows_tool": 'previous == "tool"',
    "precedes_tool": 'next == "tool"',
    "previous_turn": '_at.role if message.role == "tool" else _at.previous',
    "next_turn": 'messages[_turns[_at.turn] | int].role if (_turns[_at.turn] | int) < (messages | length) else ""',
    "first_user": "loop.index0 == _scan.first_user",
    "last_user": "loop.index0 == _scan.last_user",
    "after_last_user": "loop.index0 > _scan.last_user",
    "content": "_content(message.content)",
    "calls": "message.tool_calls if message.tool_calls else []",
    "results": "messages[loop.index0 + 1:_turns[_at.turn] | int] | list",
}
_AT_GENERATION = {
    "position": "messages | length",
    "role": '"assistant"',
    "name": '""',
    "tool_call_id": '""',
    "first": "(messages | length) == 0",
    "last": "true",
    "previous": 'messages[-1].role if messages else ""',
    "next": '""',
    "follows_tool": 'previous == "tool"',
    "precedes_tool": "false",
    "previous_turn": "_at.role",
    "next_turn": '""',
    "first_user": "false",
    "last_user": "false",
    "after_last_user": "true",
    "content": '""',
    "reasoning": '""',
    "calls": "[]",
    "results": "[]",
    "result": "{}",
    "message": "messages[-1]",
}


def needs(names: Iterable[str]) -> set[str]:
    """Return the names with all that they are computed from."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _NEEDS.get(name, ())
    return found


def uses(tree: nodes.Node) -> set[str]:
    """Return the variables that a fragment uses, and ``call.x`` or ``result.x`` for fields of its loops."""
    found = {node.name for node in tree.find_all(nodes.Name)}
    targets = {"result": {"result"}, "call": set[str]()}
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and isinstance(loop.target, nodes.Name):
            if loop.iter.name == "calls":
                targets["call"].add(loop.target.name)
            if loop.iter.name == "results":
                found.add("result")
                targets["result"].add(loop.target.name)
    for kind, names in targets.items():
        found |= {
            f"{kind}.{node.attr}"
            for node in tree.find_all(nodes.Getattr)
            if isinstance(node.node, nodes.Name) and node.node.name in names
        }
    return needs(found)


def policy(declaration: Declaration) -> tuple[str, set[str]]:
    """Return the condition under which past reasoning is kept, and what it needs."""
    history = declaration.output.history
    if isinstance(history, str):
        return _POLICIES[history]
    condition, needed = "true", set[str]()
    for option, table in history.items():
        for value, name in reversed(table.items()):
            text, more = _POLICIES[name]
            needed |= more
            test = {"true": option, "false": f"not {option}"}.get(value, f"{option} == {quoted(value)}")
            condition = f"({text} if {test} else {condition})"
    return condition, needed


def defaults(declaration: Declaration, used: set[str]) -> list[str]:
    """Return the lines that give options and tokens their defaults."""
    from ..codecs.printers import constant

    values = {**declaration.tokens, **{k: v for k, v in declaration.options.items() if v != {}}}
    lines = []
    for name, value in values.items():
        if name in used:
            lines.append(f"{{%- if {name} is not defined -%}}{{%- set {name} = {constant(value)} -%}}{{%- endif -%}}")
    if "tools" in used:
        lines.append("{%- if tools is not defined -%}{%- set tools = none -%}{%- endif -%}")
    if "date" in used and "date" not in values:
        lines.append('{%- if date is not defined -%}{%- set date = strftime_now("%Y-%m-%d") -%}{%- endif -%}')
    return lines


def macros(declaration: Declaration, used: set[str]) -> list[str]:
    """Return the macros that read messages."""
    lines: list[str] = []
    if "_content" in used:
        joiner = declaration.prompt.parts
        # The loop goes over an alias: vLLM would take a loop over the parameter for a template that wants parts.
        lines += """{%- macro _content(value) -%}
  {%- set parts = value -%}
  {%- if value is string -%}
    {{- value -}}
  {%- elif value is mapping or value is number -%}
    {{- value | tojson -}}
  {%- elif value is defined and value is not none -%}
    {%- set seen = namespace(any=false) -%}
    {%- for part in parts -%}
      {%- set text = part if part is string else part.text -%}
      {%- if text is string -%}
        {{- (JOIN if seen.any else "") ~ text -}}
        {%- set seen.any = true -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}""".replace("JOIN", quoted(joiner)).split("\n")
    if "_match" in used:
        lines += """{%- macro _match(calls, id, place) -%}
  {%- set at = namespace(place=place, found=not id or (place < (calls | length) and calls[place].id == id)) -%}
  {%- if not at.found -%}
    {%- for call in calls -%}
      {%- if not at.found and call.id == id -%}
        {%- set at.place = loop.index0 -%}
        {%- set at.found = true -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{- at.place -}}
{%- endmacro -%}""".split("\n")
    if "_id" in used and declaration.ids is not None:
        lines += _id_macro(declaration.ids.pattern)
    return lines


def _id_macro(pattern: str) -> list[str]:
    pieces = re.split(r"(\{[a-z]+(?::\d+)?\})", pattern)
    tests, made, length = ["given is string"], [], 0
    if pieces[0]:
        tests.append(f"given.startswith({quoted(pieces[0])})")
    for piece in filter(None, pieces):
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
    return [
        "{%- macro _id(given, name, index, ordinal) -%}",
        f"  {{{{- given if {' and '.join(tests)} else {_join(made)} -}}}}",
        "{%- endmacro -%}",
    ]


def _join(parts: list[str]) -> str:
    return f"({' ~ '.join(parts)})" if len(parts) > 1 else parts[0]


def conversation(used: set[str]) -> list[str]:
    """Return the lines that read the whole conversation once, each linear in its length."""
    lines: list[str] = []
    if "systems" in used:
        lines += [
            "{%- set _scan_systems = namespace(texts=[]) -%}",
            "{%- for message in messages -%}",
            '  {%- if message.role == "system" -%}',
            "    {%- set _scan_systems.texts = _scan_systems.texts + [_content(message.content)] -%}",
            "  {%- endif -%}",
            "{%- endfor -%}",
            "{%- set systems = _scan_systems.texts -%}",
        ]
    if used & {"system", "systems", "system_message"}:
        lines.append('{%- if messages and messages[0].role == "system" -%}')
        if "system" in used:
            lines.append("  {%- set system = _content(messages[0].content) -%}")
        if "system_message" in used:
            lines.append("  {%- set system_message = messages[0] -%}")
        if "systems" not in used:
            lines.append("  {%- set messages = messages[1:] | list -%}")
        lines.append("{%- endif -%}")
    if "systems" in used:
        lines.append('{%- set messages = messages | rejectattr("role", "equalto", "system") | list -%}')
    scanned = sorted(name.partition(".")[2] for name in used if name.startswith("_scan."))
    if scanned:
        lines.append(f"{{%- set _scan = namespace({', '.join(f'{name}=-1' for name in scanned)}) -%}}")
        lines.append("{%- for message in messages -%}")
        tests = {
            "first_user": 'message.role == "user" and _scan.first_user < 0',
            "last_user": 'message.role == "user"',
            "last_final": 'message.role == "assistant" and not message.tool_calls',
        }
        for name in scanned:
            lines.append(f"  {{%- if {tests[name]} -%}}")
            lines += [f"    {{%- set _scan.{name} = loop.index0 -%}}", "  {%- endif -%}"]
        lines.append("{%- endfor -%}")
    if "_turns" in used:
        lines += [
            "{%- set _turns -%}",
            "  {%- for message in messages -%}",
            '    {{- "" if message.role == "tool" else loop.index0 ~ "," -}}',
            "  {%- endfor -%}",
            "  {{- messages | length -}}",
            "{%- endset -%}",
            '{%- set _turns = _turns.split(",") -%}',
        ]
    fields = {"turn": "0", "role": '""', "previous": '""', "caller": "-1", "base": "0", "count": "0"}
    counted = _counted(used)
    if counted:
        lines.append(f"{{%- set _at = namespace({', '.join(f'{n}={fields[n]}' for n in counted)}) -%}}")
    return lines


def _counted(used: set[str]) -> list[str]:
    names = [name.partition(".")[2] for name in sorted(used) if name.startswith("_at.")]
    return [*names, "previous"] if "role" in names else names


def counters(used: set[str]) -> list[str]:
    """Return the lines at the start of each turn that keep the counters."""
    updates = {
        "turn": "_at.turn + 1",
        "previous": "_at.role",
        "role": "message.role",
        "caller": "loop.index0",
        "base": "_at.base + _at.count",
        "count": "(message.tool_calls | length) if message.tool_calls else 0",
    }
    counted = _counted(used)
    if not counted:
        return []
    lines = [f"  {{%- set _at.{n} = {value} -%}}" for n, value in updates.items() if n in counted]
    return ['{%- if message.role != "tool" -%}', *lines, "{%- endif -%}"]


def turn(declaration: Declaration, used: set[str], role: str | None, keep: bool) -> list[str]:
    """Return the lines that set the variables of one turn.

    ``role`` is the role of the branch, ``None`` where the lines serve every role; ``keep`` ignores the history policy.
    """
    inline = declaration.output.inline
    if inline and role in ("assistant", None) and used & {"content", "reasoning"}:
        used = needs(used | {"content", "reasoning"})
    lines = [f"{{%- set {name} = {value} -%}}" for name, value in _SIMPLE.items() if name in used]
    if "reasoning" in used:
        lines += _reasoning(declaration, inline, role, keep)
    if "result" in used and role in ("tool", None):
        lines += [
            "{%- set _calls = messages[_at.caller].tool_calls if _at.caller >= 0 else [] -%}",
            "{%- set _calls = _calls if _calls else [] -%}",
            *result(declaration, "result", "_calls", "message", "loop.index0 - _at.caller - 1", used),
        ]
    return lines


def generation(used: set[str]) -> list[str]:
    """Return the lines that set the same variables for the generation prompt."""
    return [f"{{%- set {name} = {value} -%}}" for name, value in _AT_GENERATION.items() if name in used]


def _reasoning(
    declaration: Declaration, inline: tuple[str, str] | None, role: str | None, keep: bool
) -> list[str]:
    lines = [
        "{%- set reasoning = message.reasoning_content if message.reasoning_content is string else "
        "(message.reasoning if message.reasoning is string else message.thinking) -%}",
        "{%- if reasoning is not string -%}",
        '  {%- set reasoning = "" -%}',
    ]
    if inline:
        opened, closed = map(quoted, inline)
        only = "" if role else 'message.role == "assistant" and '
        lines += [
            f"  {{%- if {only}{closed} in content -%}}",
            f'    {{%- set reasoning = content.split({closed})[0].rstrip("\\n").split({opened})[-1].lstrip("\\n") -%}}',
            f'    {{%- set content = content.split({closed})[-1].lstrip("\\n") -%}}',
            "  {%- endif -%}",
        ]
    lines.append("{%- endif -%}")
    condition, _ = policy(declaration)
    if not keep and condition != "true":
        lines.append('{%- if not (' + condition + ') -%}{%- set reasoning = "" -%}{%- endif -%}')
    return lines


def call(declaration: Declaration, target: str, fields: set[str]) -> list[str]:
    """Return the lines at the start of a loop over ``calls`` that set its variable."""
    given = '(_call.id if _call.id else "")'
    values = {
        "name": "_function.name",
        "arguments": "_function.arguments if _function.arguments else {}",
        "id": f"_id({given}, _function.name, loop.index0, _at.base + loop.index0)" if declaration.ids else given,
        "index": "loop.index0",
        "ordinal": "_at.base + loop.index0",
    }
    shown = ", ".join(f'"{name}": {value}' for name, value in values.items() if name in fields)
    return [
        "{%- set _function = _call.function if _call.function else _call -%}",
        f"{{%- set {target} = {{{shown}}} -%}}",
    ]


def result(
    declaration: Declaration, target: str, calls: str, message: str, place: str, used: set[str]
) -> list[str]:
    """Return the lines that set the variable that describes a tool result and the call it answers."""
    given = f'({message}.tool_call_id if {message}.tool_call_id else "")'
    made = "_id(_call.id if _call.id else tool_id, _function.name, _place, _at.base + _place)"
    values = {
        "name": f'_function.name if _function.name else ({message}.name if {message}.name else "")',
        "id": f"{made.replace('tool_id', given)} if _call else {given}" if declaration.ids else given,
        "index": "_place",
        "ordinal": "_at.base + _place",
        "content": f"_content({message}.content)",
        "message": message,
    }
    shown = ", ".join(f'"{name}": {value}' for name, value in values.items() if f"result.{name}" in used)
    return [
        f"{{%- set _place = _match({calls}, {message}.tool_call_id, {place}) | int -%}}",
        f"{{%- set _call = {calls}[_place] if _place < ({calls} | length) else {{}} -%}}",
        "{%- set _function = _call.function if _call.function else _call -%}",
        f"{{%- set {target} = {{{shown}}} -%}}",
    ]
