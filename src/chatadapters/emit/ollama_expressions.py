"""Jinja expressions in, Go expressions out, as far as Ollama's variables and functions go."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jinja2 import nodes

from ..declaration import Declaration
from ..errors import ChatAdaptersError
from ..fragments import Fragment

THINKING = ("enable_thinking", "thinking", "think")  # options that are Ollama's own switch
_COMPARE = {"eq": "eq", "ne": "ne", "gt": "gt", "gteq": "ge", "lt": "lt", "lteq": "le"}
TRIMS = ("trim", "lstrip", "rstrip")
_FIELDS = ("function", "name", "description", "parameters", "type", "required", "properties")
_TURN = {
    "calls": "ToolCalls",
    "role": "Role",
    "content": "Content",
}
_MESSAGE = {"content": "Content", "role": "Role", "tool_calls": "ToolCalls"}
_PLACE = {
    "previous": "$previous",
    "next": "$next",
    "previous_turn": "$turn",
    "follows_tool": '(eq $previous "tool")',
    "precedes_tool": '(eq $next "tool")',
    "first": '(eq $previous "")',
    "last": "(eq (len (slice $.Messages $i)) 1)",
    "first_user": "(not $asked)",
    "last_user": "(eq $i $lastUser)",
    "after_last_user": "(gt $i $lastUser)",
}
_AT_GENERATION = {
    "next": '""',
    "precedes_tool": "false",
    "last": "true",
    "first_user": "false",
    "last_user": "false",
    "after_last_user": "true",
    "content": '""',
    "reasoning": '""',
    "calls": "false",
}
_HISTORY = {
    "all": "true",
    "none": "false",
    "last_user": "(gt $i $lastUser)",
    "tool_turns": "$message.ToolCalls",
    "tool_turns_after_last_user": "(and $message.ToolCalls (gt $i $lastUser))",
    "last_only": _PLACE["last"],
}
JSON = (
    "JSON is printed as Go prints it: without spaces and line breaks, the keys of arguments in "
    "alphabetical order, <, > and & as \\u003c, \\u003e and \\u0026; of a tool's schema only what "
    "Ollama keeps"
)


class Unsayable(ChatAdaptersError):
    """A fragment needs what Ollama's templates do not have: where, and the expression."""

    def __init__(self, fragment: Fragment, line: int, what: str) -> None:
        quote = fragment.quote(line).strip()
        shown = f"\n\n    {quote[:200]}\n\n" if quote else " "
        super().__init__(
            f"{fragment.place(line)}: Ollama's templates have nothing for {what}:{shown}"
            "Use the target 'jinja' with a server that runs Jinja templates, or write this part "
            "without it."
        )


class Expressions:
    """The expressions of one declaration's fragments; ``losses`` is what they cannot keep."""

    def __init__(self, declaration: Declaration, fragments: Mapping[str, Fragment]) -> None:
        self.declaration, self.fragments = declaration, fragments
        self.losses: dict[str, None] = {}
        self.thinking = [name for name in declaration.options if name in THINKING]
        self.fragment: Fragment
        self.role = ""
        self.names: dict[str, str] = {}  # what the fragment calls a thing -> the Go expression
        self.loops: list[tuple[str, str]] = []  # (variable of the index, list)
        shared = fragments["prompt.macros"].tree
        self.macros = {node.name: node for node in shared.find_all(nodes.Macro)}
        stored = [node for node in shared.body if isinstance(node, nodes.Assign)]
        self.constants = {
            node.target.name: node.node for node in stored if isinstance(node.target, nodes.Name)
        }
        self.calling: list[str] = []  # the macros that are being printed

    def error(self, node: nodes.Node, what: str) -> Unsayable:
        return Unsayable(self.fragment, node.lineno or 1, what)

    def expression(self, node: nodes.Node | None) -> str:
        """Return the Go expression: a variable, a constant or a call in parentheses."""
        match node:
            case nodes.Const(value=bool() as value):
                return "true" if value else "false"
            case nodes.Const(value=int() | str() as value):
                return json.dumps(value, ensure_ascii=False)
            case nodes.Name(name=name):
                return self._name(node, name)
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=attr):
                return self._loop(node, attr)
            case nodes.Getattr(node=nodes.Name(name="result"), attr="name"):
                return "$message.ToolName"
            case nodes.Getattr(node=target, attr=attr):
                return self._field(node, target, attr)
            case nodes.Not(node=inner):
                asked = self.expression(inner)
                return {"true": "false", "false": "true"}.get(asked, f"(not {asked})")
            case nodes.And(left=left, right=right):
                return self._both("and", left, right)
            case nodes.Or(left=left, right=right):
                return self._both("or", left, right)
            case nodes.CondExpr(expr1=one) if is_either(node):
                return self.expression(one)  # Ollama's tools always have a function
            case nodes.Compare(expr=left, ops=[op]):
                return self._compare(node, self.expression(left), op)
            case nodes.Filter(node=inner, name=name) if name in TRIMS:
                self.losses["texts that the format trims are printed as they are"] = None
                return self.expression(inner)
            case nodes.Filter(node=inner, name="length"):
                return f"(len {self.expression(inner)})"
            case nodes.Test(node=inner, name=name):
                return self._test(node, inner, name)
        assert node is not None
        what = f"Jinja's {type(node).__name__} here"
        if isinstance(node, nodes.Call):
            what = "a macro or a method in an expression"
        elif isinstance(node, nodes.Filter):
            what = f"the filter `{node.name}`"
        raise self.error(node, what)

    def _name(self, node: nodes.Node, name: str) -> str:
        declared = self.declaration
        at_end = _AT_GENERATION if self.role in ("generation", "opening") else {}
        if name in self.names:
            return self.names[name]
        if name in at_end:
            return at_end[name]
        if name == "reasoning":
            kept = self._kept()
            fixed = {"true": "$message.Thinking", "false": "false"}
            return fixed.get(kept, f"(and {kept} $message.Thinking)")
        if name in _TURN:
            return f"$message.{_TURN[name]}" if self.loops else f".{_TURN[name]}"
        if name in _PLACE:
            return _PLACE[name]
        known = {"tools": "$.Tools", "system": "$.System", "add_generation_prompt": "true"}
        if name in known:
            return known[name]
        if name == "date":
            return "currentDate"
        if name in declared.tokens:
            return json.dumps(declared.tokens[name], ensure_ascii=False)
        if name in self.thinking and isinstance(declared.options[name], bool):
            asked = "(or $.Think (not $.IsThinkSet))"
            return asked if declared.options[name] else "(and $.IsThinkSet $.Think)"
        if isinstance(self.constants.get(name), nodes.Const | nodes.Name):
            return self.expression(self.constants[name])
        default = declared.options.get(name)
        if name in declared.options:
            if default == {}:
                return "false"
            if isinstance(default, bool | int | str):
                return self.expression(nodes.Const(default, lineno=node.lineno))
        raise self.error(node, f"`{name}`")

    def _loop(self, node: nodes.Node, attr: str) -> str:
        if self.loops:
            index, over = self.loops[-1]
            if not over and attr == "first":
                return index
            if over and attr in ("first", "last", "index0"):
                last = f"(eq (len (slice {over} {index})) 1)"
                return {"first": f"(eq {index} 0)", "last": last, "index0": index}[attr]
        raise self.error(node, f"`loop.{attr}`")

    def _field(self, node: nodes.Node, target: nodes.Node, attr: str) -> str:
        if isinstance(target, nodes.Name) and target.name in self.names:
            value = self.names[target.name]
            over = self.loops[-1][1] if self.loops else ""
            if value.startswith("$") and ".ToolCalls" in over and attr in ("name", "arguments"):
                return f"{value}.Function.{attr.capitalize()}"
            if attr in _FIELDS and ".ToolCalls" not in over:
                return f"{value}.{attr.capitalize()}"
        elif isinstance(target, nodes.Name) and target.name == "message" and attr in _MESSAGE:
            known = self._name(node, "content") if self.role in ("opening", "generation") else ""
            return known or f"$message.{_MESSAGE[attr]}"
        elif isinstance(target, nodes.Getattr) and attr in _FIELDS:
            return f"{self.expression(target)}.{attr.capitalize()}"
        raise self.error(node, f"`.{attr}`")

    def _both(self, word: str, left: nodes.Node, right: nodes.Node) -> str:
        one, other = self.expression(left), self.expression(right)
        absorbing, neutral = ("false", "true") if word == "and" else ("true", "false")
        if absorbing in (one, other):
            return absorbing
        if neutral in (one, other):
            return other if one == neutral else one
        return f"({word} {one} {other})"

    def _compare(self, node: nodes.Node, left: str, op: nodes.Operand) -> str:
        if op.op in ("in", "notin") and isinstance(op.expr, nodes.List | nodes.Tuple):
            made = f"(eq {left} {' '.join(self.expression(item) for item in op.expr.items)})"
            return made if op.op == "in" else f"(not {made})"
        if op.op not in _COMPARE:
            raise self.error(node, "`in` for texts")
        right = self.expression(op.expr)
        if left[0] == '"' and right[0] == '"' and op.op in ("eq", "ne"):  # an option's default
            return "true" if (left == right) == (op.op == "eq") else "false"
        return f"({_COMPARE[op.op]} {left} {right})"

    def _test(self, node: nodes.Test, inner: nodes.Node, name: str) -> str:
        if isinstance(inner, nodes.Name):
            given = inner.name
            if name == "defined" and given in self.thinking:
                return "$.IsThinkSet" if self.declaration.options[given] == {} else "true"
            if name in ("true", "false") and given in self.declaration.options:
                asked = self.expression(inner)
                return asked if name == "true" else self.expression(nodes.Not(inner))
            if name == "defined":
                return self._name(inner, given)
            if name == "none" and given == "tools":
                return "(not $.Tools)"
        if name in ("string", "none") and isinstance(inner, nodes.Getattr):
            return "false" if inner.attr == "arguments" or name == "none" else "true"
        raise self.error(node, f"the test `is {name}`")

    def _kept(self) -> str:
        history, options = self.declaration.output.history, self.declaration.options
        if self.declaration.output.history_when is not None:
            raise Unsayable(self.fragments["output.history_when"], 1, "`history_when`")
        if isinstance(history, Mapping):
            option, table = next(iter(history.items()))
            given = options.get(option)
            history = table.get(json.dumps(given) if isinstance(given, bool) else str(given), "all")
        if history not in _HISTORY:
            raise self.error(self.fragment.tree, f'`history = "{history}"`')
        return _HISTORY[history]


def is_either(node: nodes.Node) -> bool:
    """Whether this is ``tool.function``, or the tool itself where it has none."""
    if not isinstance(node, nodes.CondExpr):
        return False
    tested = node.test.node if isinstance(node.test, nodes.Test) else node.test
    function = isinstance(node.expr1, nodes.Getattr) and node.expr1.attr == "function"
    return function and tested == node.expr1


def bare(asked: str) -> str:
    """Return an expression without the parentheses around all of it."""
    if not asked.startswith("("):
        return asked
    depth = 0
    for at, character in enumerate(asked):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return asked[1:-1] if at == len(asked) - 1 else asked
    return asked
