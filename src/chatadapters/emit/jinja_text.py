"""Jinja syntax trees in, portable Jinja out: every printed byte explicit, every tag trimmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from jinja2 import nodes

from .. import codecs
from ..codecs.printers import STRING_ARGUMENTS, constant, quoted
from ..fragments import CODECS, Fragment

_BINARY = {nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.FloorDiv: "//", nodes.Mod: "%"}
_COMPARE = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}
_ATOMS = (
    nodes.Name,
    nodes.Const,
    nodes.TemplateData,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Call,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
)
_STRIPS = {"trim": "strip", "lstrip": "lstrip", "rstrip": "rstrip"}


def say(text: str, depth: int = 0) -> list[str]:
    """Return the lines that print a text, one for each line of it."""
    return [
        f"{'  ' * depth}{{{{- {quoted(line)} -}}}}"
        for line in re.findall(r"[^\n]*\n+|[^\n]+", text)
    ]


class Writer:
    """Prints the fragments of one template and gathers the codec macros that they call.

    ``loops`` prints the heads of the loops over lists that the template itself makes (``calls``,
    ``results``); it returns ``None`` for an ordinary loop.
    """

    def __init__(self, loops: Callable[[nodes.For, Writer, int], list[str] | None]) -> None:
        self.loops = loops
        self.macros: dict[str, str] = {}
        self.inlined: dict[str, Fragment] = {}
        self.fragment: Fragment
        self._names: dict[tuple[object, ...], str] = {}

    def print(self, fragment: Fragment, depth: int = 0) -> list[str]:
        """Return the lines of a whole fragment."""
        outer = getattr(self, "fragment", None)
        self.fragment = fragment
        lines = self.body(fragment.tree.body, depth)
        if outer is not None:
            self.fragment = outer
        return lines

    def body(self, statements: Sequence[nodes.Node], depth: int) -> list[str]:
        return [line for statement in statements for line in self.statement(statement, depth)]

    def statement(self, node: nodes.Node, depth: int) -> list[str]:
        pad = "  " * depth
        match node:
            case nodes.Output(nodes=parts):
                return [line for part in parts for line in self._printed(part, depth)]
            case nodes.If(test=test, body=body, elif_=elifs, else_=otherwise):
                lines = [f"{pad}{{%- if {self.expression(test)} -%}}", *self.body(body, depth + 1)]
                for branch in elifs:
                    lines += [f"{pad}{{%- elif {self.expression(branch.test)} -%}}"]
                    lines += self.body(branch.body, depth + 1)
                if otherwise:
                    lines += [f"{pad}{{%- else -%}}", *self.body(otherwise, depth + 1)]
                return [*lines, f"{pad}{{%- endif -%}}"]
            case nodes.For():
                return self._loop(node, depth)
            case nodes.Assign(target=target, node=value):
                return [f"{pad}{{%- set {self.expression(target)} = {self.expression(value)} -%}}"]
            case nodes.AssignBlock(target=target, body=body):
                inner = self.body(body, depth + 1)
                return [
                    f"{pad}{{%- set {self.expression(target)} -%}}",
                    *inner,
                    f"{pad}{{%- endset -%}}",
                ]
            case nodes.Macro(name=name, args=args, defaults=defaults, body=body):
                plain: list[str] = [argument.name for argument in args]
                for offset, default in enumerate(reversed(defaults), 1):
                    plain[-offset] += f"={self.expression(default)}"
                inner = self.body(body, depth + 1)
                head = f"{pad}{{%- macro {name}({', '.join(plain)}) -%}}"
                return [head, *inner, f"{pad}{{%- endmacro -%}}"]
        raise self.fragment.error(
            f"{type(node).__name__} cannot be printed", node.lineno, "use plain Jinja"
        )

    def _printed(self, node: nodes.Node, depth: int) -> list[str]:
        match node:
            case nodes.TemplateData(data=text):
                return say(text, depth)
            case nodes.Const(value=str() as text):
                return say(text, depth)
            case nodes.Name(name=name) if name in self.inlined:
                return self.print(self.inlined[name], depth)
        text = self.expression(node)
        return [f"{'  ' * depth}{{{{- {text[1:-1] if _wrapped(text) else text} -}}}}"]

    def _loop(self, node: nodes.For, depth: int) -> list[str]:
        pad = "  " * depth
        lines = self.loops(node, self, depth)
        if lines is None:
            plain = not isinstance(node.iter, nodes.CondExpr)
            lines, over = [], self.expression(node.iter) if plain else self.atom(node.iter)
            if _is_arguments(node.iter) and isinstance(node.target, nodes.Tuple):
                lines = [f"{pad}{{%- if {over} is string -%}}"]
                lines += [
                    f"{pad}  {{{{- raise_exception({quoted(STRING_ARGUMENTS)}) -}}}}",
                    f"{pad}{{%- endif -%}}",
                ]
                over += " | items"
            condition = f" if {self.expression(node.test)}" if node.test else ""
            lines += [f"{pad}{{%- for {self._target(node.target)} in {over}{condition} -%}}"]
        lines += self.body(node.body, depth + 1)
        if node.else_:
            lines += [f"{pad}{{%- else -%}}", *self.body(node.else_, depth + 1)]
        return [*lines, f"{pad}{{%- endfor -%}}"]

    def _target(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Tuple):
            return ", ".join(self.expression(item) for item in node.items)
        return self.expression(node)

    def expression(self, node: nodes.Node) -> str:
        """Return the text of an expression."""
        match node:
            case nodes.Name(name=name):
                return str(name)
            case nodes.NSRef(name=name, attr=attr):
                return f"{name}.{attr}"
            case nodes.Const(value=value):
                return constant(value)
            case nodes.TemplateData(data=text):
                return quoted(text)
            case nodes.Getattr(node=target, attr=attr):
                return f"{self.atom(target)}.{attr}"
            case nodes.Getitem(node=target, arg=argument):
                return f"{self.atom(target)}[{self.expression(argument)}]"
            case nodes.Slice(start=start, stop=stop, step=step):
                parts = [
                    self.expression(part) if part is not None else "" for part in (start, stop)
                ]
                return ":".join(parts) + (f":{self.expression(step)}" if step is not None else "")
            case nodes.List(items=items):
                return f"[{', '.join(self.expression(item) for item in items)}]"
            case nodes.Tuple(items=items):
                inside = ", ".join(self.expression(item) for item in items)
                return f"({inside},)" if len(items) == 1 else f"({inside})"
            case nodes.Dict(items=pairs):
                inner = (f"{self.expression(p.key)}: {self.expression(p.value)}" for p in pairs)
                return f"{{{', '.join(inner)}}}"
            case nodes.Not(node=nodes.Test() as test):
                return self._test(test, "is not")
            case nodes.Not(node=inner):
                return f"not {self.atom(inner)}"
            case nodes.Neg(node=inner):
                return f"-{self.atom(inner)}"
            case nodes.And(left=left, right=right):
                return f"{self._operand(left, node)} and {self._operand(right, node)}"
            case nodes.Or(left=left, right=right):
                return f"{self._operand(left, node)} or {self._operand(right, node)}"
            case nodes.CondExpr(test=test, expr1=yes, expr2=no):
                otherwise = f" else {self.atom(no)}" if no is not None else ' else ""'
                return f"{self.atom(yes)} if {self._operand(test, node)}{otherwise}"
            case nodes.Compare(expr=left, ops=ops):
                rest = (f" {_COMPARE[op.op]} {self.atom(op.expr)}" for op in ops)
                return self.atom(left) + "".join(rest)
            case nodes.Concat(nodes=parts):
                return " ~ ".join(self.atom(part) for part in parts)
            case nodes.Add() if _has_text(node):
                return " ~ ".join(self.atom(part) for part in _summands(node))
            case nodes.BinExpr(left=left, right=right):
                return f"{self.atom(left)} {_BINARY[type(node)]} {self.atom(right)}"
            case nodes.Test():
                return self._test(node, "is")
            case nodes.Filter():
                return self._filter(node)
            case nodes.Call(node=target, args=args, kwargs=kwargs):
                given = [self.expression(argument) for argument in args]
                given += [f"{k.key}={self.expression(k.value)}" for k in kwargs]
                return f"{self.atom(target)}({', '.join(given)})"
        raise self.fragment.error(
            f"{type(node).__name__} cannot be printed", node.lineno, "use plain Jinja"
        )

    def atom(self, node: nodes.Node) -> str:
        """Return the text of an expression, in parentheses unless it needs none anywhere."""
        text = self.expression(node)
        return text if isinstance(node, _ATOMS) else _parenthesised(text)

    def _operand(self, node: nodes.Node, parent: nodes.Node) -> str:
        plain = nodes.Compare | nodes.Test | nodes.Not
        if isinstance(node, plain) or type(node) is type(parent):
            return self.expression(node)
        return self.atom(node)

    def _test(self, node: nodes.Test, verb: str) -> str:
        arguments = f"({', '.join(self.expression(a) for a in node.args)})" if node.args else ""
        return f"{self.atom(node.node)} {verb} {node.name}{arguments}"

    def _filter(self, node: nodes.Filter) -> str:
        assert node.node is not None
        if node.name in CODECS:
            return self.codec(node)
        given = [self.expression(argument) for argument in node.args]
        given += [f"{k.key}={self.expression(k.value)}" for k in node.kwargs]
        method = _STRIPS.get(node.name)
        if method and (given or node.name != "trim"):
            return f"{self.atom(node.node)}.{method}({', '.join(given)})"
        chained = isinstance(node.node, nodes.Filter) and node.node.name not in {*CODECS, *_STRIPS}
        target = self.expression(node.node) if chained else self.atom(node.node)
        return f"{target} | {node.name}" + (f"({', '.join(given)})" if given else "")

    def codec(self, node: nodes.Filter) -> str:
        """Return the expression that prints a value through a codec; note its macro."""
        assert node.node is not None
        codec = self.fragment.codec(node)
        spec, options = codecs.CODECS[codec.name], dict(codec.options)
        field = "arguments" if _is_arguments(node.node) else ""
        text = spec.expression(self.atom(node.node), options, field)
        if spec.macro is None or "{macro}" not in text:
            return text
        key = (codec.name, *codec.options)
        if key not in self._names:
            number = sum(1 for other in self._names if other[0] == codec.name)
            name = f"_{codec.name}{number + 1 if number else ''}"
            self._names[key] = name
            self.macros[name] = spec.macro(name, options)
        return text.replace("{macro}", self._names[key])


def _is_arguments(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Getattr) and node.attr == "arguments"


def _summands(node: nodes.Node) -> list[nodes.Node]:
    if isinstance(node, nodes.Add):
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _has_text(node: nodes.Node) -> bool:
    kinds = nodes.Concat | nodes.TemplateData
    return any(
        isinstance(part, kinds) or (isinstance(part, nodes.Const) and isinstance(part.value, str))
        for part in _summands(node)
    )


def _parenthesised(text: str) -> str:
    return text if _wrapped(text) else f"({text})"


def _wrapped(text: str) -> bool:
    """Say whether one pair of parentheses encloses the whole text."""
    if not text.startswith("("):
        return False
    depth, quote, escaped = 0, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quote = not quote
        elif not quote:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return at == len(text) - 1
    return False
