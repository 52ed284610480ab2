"""The variables of a turn: the names that a fragment uses in, Jinja lines that set them out."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import nodes

from .. import fragments
from ..codecs.printers import quoted
from ..declaration import Declaration, HistoryPolicy
from .jinja_text import Writer

# What a name is computed from: other variables, facts about the conversation, counters, macros.
_NEEDS: dict[str, set[str]] = {
    "follows_tool": {"previous"},
    "precedes_tool": {"next"},
    "previous_turn": {"_at.role", "_at.previous"},
    "next_turn": {"_turns", "_at.turn"},
    "first_user": {"_scan.first_user"},
    "last_user": {"_scan.last_user"},
    "after_last_user": {"_scan.last_user"},
    "content": {"_content"},
    "system": {"_content"},
    "systems": {"_content"},
    "results": {"_turns", "_at.turn"},
    "result": {"_at.caller", "_match"},
    "result.content": {"_content"},
    "result.id": {"_id"},
    "result.ordinal": {"_at.base"},
    "call.id": {"_id"},
    "call.ordinal": {"_at.base"},
    "_id": {"_at.base"},
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


def text_of(message: str) -> str:
    """Return the expression for a message's text; macros are slow, so most messages need none."""
    content = f"{message}.content"
    return f"{content} if {content} is string else _content({content})"


_NEXT_TURN = "_turns[_at.turn] | int"
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
    "next_turn": f'messages[{_NEXT_TURN}].role if ({_NEXT_TURN}) < (messages | length) else ""',
    "first_user": "loop.index0 == _scan.first_user",
    "last_user": "loop.index0 == _scan.last_user",
    "after_last_user": "loop.index0 > _scan.last_user",
    "content": text_of("message"),
    "calls": "message.tool_calls if message.tool_calls else []",
    "results": f"messages[loop.index0 + 1:{_NEXT_TURN}] | list",
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
    "message": "{}",
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
    """Return the variables that a fragment uses, with ``call.x`` and ``result.x`` for fields."""
    found = {node.name for node in tree.find_all(nodes.Name)}
    targets: dict[str, set[str]] = {"result": {"result"}, "call": set()}
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and isinstance(loop.target, nodes.Name):
            if loop.iter.name == "calls":
                targets["call"].add(loop.target.name)
            if loop.iter.name == "results":
                found.add("result")
                targets["result"].add(loop.target.name)
    for kind, names in targets.items():
        found |= {f"{kind}.{field}" for field in fields(tree, names)}
    return needs(found)


def defines(statement: nodes.Node) -> set[str]:
    """Return the names that a statement of ``prompt.macros`` defines or changes."""
    if isinstance(statement, nodes.Macro):
        return {statement.name}
    targets = [statement, *statement.find_all((nodes.Assign, nodes.AssignBlock))]
    # What a loop sets is gone after it; only a namespace keeps what it is given there.
    kinds = nodes.NSRef if isinstance(statement, nodes.For) else nodes.Name | nodes.NSRef
    return {
        part.name
        for one in targets
        if isinstance(one, nodes.Assign | nodes.AssignBlock)
        for part in (one.target, *one.target.find_all((nodes.Name, nodes.NSRef)))
        if isinstance(part, kinds)
    }


def fields(tree: nodes.Node, names: Iterable[str]) -> set[str]:
    """Return the fields that are read of the variables with these names."""
    return {
        node.attr
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name in names
    }


def policy(declaration: Declaration) -> tuple[str, set[str]]:
    """Return the condition under which past reasoning is kept, and the names it needs."""
    history = declaration.output.history
    if declaration.output.history_when is not None:
        fragment = fragments.parse(declaration, "output.history_when")
        writer = Writer(lambda node, writer, depth: None)
        writer.fragment = fragment
        (output,) = fragment.tree.find_all(nodes.Output)
        return writer.expression(output.nodes[0]), uses(fragment.tree)
    if isinstance(history, str):
        return _POLICIES[history]
    condition, needed = "true", set(history)
    for option, table in history.items():
        for value, name in reversed(table.items()):
            text, more = _POLICIES[name]
            needed |= more
            tests = {"true": option, "false": f"not {option}"}
            test = tests.get(value, f"{option} == {quoted(value)}")
            condition = f"({text} if {test} else {condition})"
    return condition, needed


def turn(declaration: Declaration, used: set[str], role: str | None, keep: bool) -> list[str]:
    """Return the lines that set the variables of one turn.

    ``role`` is that of the branch, ``None`` where the lines serve every role; ``keep`` ignores the
    history policy.
    """
    lines = [f"{{%- set {name} = {value} -%}}" for name, value in _SIMPLE.items() if name in used]
    if "reasoning" in used and role in ("assistant", None):
        lines += _reasoning(declaration, role, keep)
    if "result" in used and role in ("tool", None):
        place = "loop.index0 - _at.caller - 1"
        if role is None:
            place += ' if message.role == "tool" else 0'
        lines += [
            "{%- set _calls = messages[_at.caller].tool_calls if _at.caller >= 0 else [] -%}",
            "{%- set _calls = _calls if _calls else [] -%}",
            *result(declaration, "result", "_calls", "message", place, used),
        ]
    return lines


def generation(used: set[str]) -> list[str]:
    """Return the lines that set the same variables for the generation prompt."""
    values = _AT_GENERATION.items()
    return [f"{{%- set {name} = {value} -%}}" for name, value in values if name in used]


def _reasoning(declaration: Declaration, role: str | None, keep: bool) -> list[str]:
    inline = declaration.output.inline
    lines = [
        "{%- set reasoning = message.reasoning_content if message.reasoning_content is string "
        "else (message.reasoning if message.reasoning is string else message.thinking) -%}",
        "{%- if reasoning is not string -%}",
        '  {%- set reasoning = "" -%}',
    ]
    if inline:
        opened, closed = map(quoted, inline)
        only = "" if role else 'message.role == "assistant" and '
        split = f'content.split({closed})[0].rstrip("\\n").split({opened})[-1].lstrip("\\n")'
        lines += [
            f"  {{%- if {only}{closed} in content -%}}",
            f"    {{%- set reasoning = {split} -%}}",
            f'    {{%- set content = content.split({closed})[-1].lstrip("\\n") -%}}',
            "  {%- endif -%}",
        ]
    lines.append("{%- endif -%}")
    condition, _ = policy(declaration)
    if not keep and condition != "true":
        lines += [f"{{%- if not {_wrap(condition)} -%}}", '  {%- set reasoning = "" -%}']
        lines.append("{%- endif -%}")
    return lines


def _wrap(condition: str) -> str:
    return condition if condition.startswith("(") or " " not in condition else f"({condition})"


def call(declaration: Declaration, target: str, fields: set[str]) -> list[str]:
    """Return the lines at the start of a loop over ``calls`` that set its variable."""
    given = '(_call.id if _call.id else "")'
    made = f"_id({given}, _function.name, loop.index0, _at.base + loop.index0)"
    values = {
        "name": "_function.name",
        "arguments": "_function.arguments if _function.arguments else {}",
        "id": made if declaration.ids else given,
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
    """Return the lines that set the variable for a tool result and the call it answers.

    ``calls``, ``message`` and ``place`` are Jinja expressions: the calls that it may answer, the
    tool message, and the index of the call that it answers by its order.
    """
    given = f'({message}.tool_call_id if {message}.tool_call_id else "")'
    made = f"_id(_call.id if _call.id else {given}, _function.name, _place, _at.base + _place)"
    name = f'({message}.name if {message}.name else "")'
    values = {
        "name": f"_function.name if _function.name else {name}",
        "id": f"({made} if _function.name else {given})" if declaration.ids else given,
        "index": "_place",
        "ordinal": "_at.base + _place",
        "content": text_of(message),
        "message": message,
    }
    shown = (f'"{key}": {value}' for key, value in values.items() if f"result.{key}" in used)
    asked = f"{message}.tool_call_id"
    other = f"_place >= ({calls} | length) or {calls}[_place].id != {asked}"
    return [
        f"{{%- set _place = {place} -%}}",
        f"{{%- if {asked} and ({other}) -%}}",
        f"  {{%- set _place = _match({calls}, {asked}, _place) | int -%}}",
        "{%- endif -%}",
        f"{{%- set _call = {calls}[_place] if _place < ({calls} | length) else {{}} -%}}",
        "{%- set _function = _call.function if _call.function else _call -%}",
        f"{{%- set {target} = {{{', '.join(shown)}}} -%}}",
    ]
