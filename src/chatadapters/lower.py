"""Lowering: the output fragment of a declaration in, its intermediate representation out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import nodes

from . import fragments, invertible, objects, vocabulary
from .declaration import Declaration
from .errors import did_you_mean
from .fragments import Fragment
from .ir import Alt, Codec, Hole, Lit, Node, Rep, Seq

RAW = Codec("raw")
PRINT_ONLY = frozenset(("trim", "lstrip", "rstrip"))
_TOP = frozenset(("content", "reasoning"))
_CALL = frozenset(("name", "id", "arguments"))
_PAIR = frozenset(("key", "value"))
_SUBSET = (
    "write literal text, {{ hole }}, {{ hole | codec }}, {% if %}, {% for call in calls %} or "
    "{% for key, value in call.arguments %}"
)


def lower(declaration: Declaration) -> Seq:
    """Return the IR of a declaration's output fragment. Raises ``DeclarationError``."""
    fragment = fragments.parse(declaration, "output.text")
    check_declared(declaration)
    tree = _Lowering(fragment).body(fragment.tree.body, _TOP)
    invertible.check(fragment, tree)
    return tree


def check_declared(declaration: Declaration) -> None:
    """Check the keys that name variables or strings of the output. Raises ``DeclarationError``."""
    for option, value in declaration.options.items():
        if not option.isidentifier():
            raise declaration.error(
                f"{option!r} is no name that Jinja can read",
                f"options.{option}",
                0,
                f"call it {re.sub(r'[^A-Za-z0-9_]', '_', option)!r}",
            )
        if option in vocabulary.CONVERSATION_NAMES | vocabulary.TURN_NAMES:
            raise declaration.error(
                f"the option {option!r} would hide the fragment variable of that name",
                f"options.{option}",
                0,
                "choose another name",
                f"remove it: {option} is there without it",
            )
        if isinstance(value, dict) and value:
            raise declaration.error(
                "a default is true, false, a whole number or a string",
                f"options.{option}",
                0,
                "write one of these",
                "write {} for an option that is undefined unless it is given",
            )
    history = declaration.output.history
    for option in () if isinstance(history, str) else history:
        if option not in declaration.options:
            raise declaration.error(
                f"the history policy hangs on the option {option!r}, which is not declared"
                + did_you_mean(option, declaration.options),
                "output.history",
                0,
                f"declare it under [options]: {option} = false",
            )


def join(tree: Sequence[Node]) -> Seq:
    """Return the nodes with neighbouring literals joined."""
    found: list[Node] = []
    for node in tree:
        if isinstance(node, Lit) and found and isinstance(found[-1], Lit):
            found[-1] = Lit(found[-1].text + node.text)
        elif not (isinstance(node, Lit) and not node.text):
            found.append(node)
    return tuple(found)


class _Lowering:
    def __init__(self, fragment: Fragment) -> None:
        self.fragment = fragment

    def body(self, body: Sequence[nodes.Node], fields: frozenset[str]) -> Seq:
        found: list[Node] = []
        for node in body:
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        found += self.output(part, fields)
                case nodes.If():
                    found += self.branch(node, fields)
                case nodes.For():
                    found += self.loop(node, fields)
                case nodes.Assign(target=nodes.Name(name=name)) if name not in fields:
                    pass  # a name for later conditions
                case _:
                    raise self.fragment.error(
                        "this {% set %} cannot be run backwards",
                        node.lineno,
                        "print the hole itself, where it stands: {{ content }}",
                        "set a name to an expression, and use that name in conditions only",
                    )
        seq = join(found)
        return objects.find(self.fragment, seq) if fields == _CALL else seq

    def output(self, node: nodes.Expr, fields: frozenset[str]) -> Seq:
        match node:
            case nodes.TemplateData(data=data):
                return (Lit(data),)
            case nodes.Const(value=str() as text):
                return (Lit(text),)
            case nodes.CondExpr(expr1=one, expr2=other):
                first = self.output(one, fields)
                second = self.output(other, fields) if other is not None else ()
                return _alternatives([join(first), join(second)], node.lineno)
        return (self.hole(node, fields),)

    def hole(self, node: nodes.Expr, fields: frozenset[str]) -> Hole:
        line = node.lineno
        if fields == _CALL and _counts(node):
            return Hole("count", RAW, line)
        filters: list[nodes.Filter] = []
        while isinstance(node, nodes.Filter) and node.node is not None:
            if node.name not in PRINT_ONLY:
                filters.append(node)
            node = node.node
        match node:
            case nodes.Name(name=name) if fields != _CALL or name not in fields:
                field = name
            case nodes.Getattr(node=nodes.Name(name="call"), attr=attr):
                field = f"call.{attr}" if attr not in _CALL else attr
            case nodes.Name(name=name):
                raise self.fragment.error(
                    f"{{{{ {name} }}}} is not of the call",
                    line,
                    f"write {invertible.spelled(name)}",
                )
            case _:
                raise self.fragment.error(
                    "this expression cannot be run backwards: a hole is one field and at most "
                    "one codec",
                    line,
                    _SUBSET,
                )
        if field not in fields:
            where = {
                _TOP: "outside the calls",
                _CALL: "inside a call",
                _PAIR: "inside an argument",
            }[fields]
            raise self.fragment.error(
                f"{invertible.spelled(field)} cannot stand {where}: nothing would read it back",
                line,
                f"print one of: {', '.join(map(invertible.spelled, sorted(fields)))}",
                "remove it",
            )
        if len(filters) > 1:
            names = " or ".join(dict.fromkeys(f"| {f.name}" for f in reversed(filters)))
            raise self.fragment.error(
                "a hole has one codec, and this one has two filters", line, f"keep {names}"
            )
        if filters and filters[0].name not in fragments.CODECS:
            raise self.fragment.error(
                f"what the filter {filters[0].name!r} does cannot be undone, so the hole cannot "
                "be read back",
                line,
                f"print it as it is, {invertible.spelled(field)}",
                f"use a filter that only takes white space away: {', '.join(sorted(PRINT_ONLY))}",
            )
        if filters:
            codec = fragments.codec_of(self.fragment, filters[0], field)
            if codec.name == "type":
                field = "type"
        elif field in ("arguments", "value"):
            whole = ("json", "python", "literal", "elements")
            fixes = {"arguments": whole, "value": ("text", "json")}[field]
            raise self.fragment.error(
                f"{invertible.spelled(field)} needs a codec, which says how it is spelled",
                line,
                *(f"write {invertible.spelled(field)[:-3]} | {name} }}}}" for name in fixes),
            )
        else:
            codec = RAW
        return Hole(field, codec, line)

    def branch(self, node: nodes.If, fields: frozenset[str]) -> Seq:
        bodies = [node.body, *(other.body for other in node.elif_), node.else_]
        return _alternatives([self.body(body, fields) for body in bodies], node.lineno)

    def loop(self, node: nodes.For, fields: frozenset[str]) -> Seq:
        source: nodes.Node = node.iter
        while (
            isinstance(source, nodes.Filter) and source.name == "items" and source.node is not None
        ):
            source = source.node
        match node.target, source:
            case nodes.Name(name="call"), nodes.Name(name="calls") if fields == _TOP:
                over, inner = "calls", _CALL
            case (
                nodes.Tuple(items=[nodes.Name(name="key"), nodes.Name(name="value")]),
                nodes.Getattr(node=nodes.Name(name="call"), attr="arguments"),
            ) if fields == _CALL:
                over, inner = "arguments", _PAIR
            case nodes.Name(), nodes.Name(name="results"):
                return ()  # tool results are printed by the prompt, never by the model
            case _:
                raise self.fragment.error(
                    "this loop cannot be run backwards: its names and what it runs over are fixed",
                    node.lineno,
                    "write {% for call in calls %} outside a call",
                    "write {% for key, value in call.arguments %} inside a call",
                )
        if node.else_ or node.test is not None or node.recursive:
            raise self.fragment.error(
                "a loop that is run backwards has no else, no condition and no recursion",
                node.lineno,
                "print every item: {% for call in calls %} ... {% endfor %}",
                "put what stands under else into {% if not calls %} before the loop",
            )
        return (Rep(over, self.body(node.body, inner), node.lineno),)


def _counts(node: nodes.Expr) -> bool:
    """Whether an expression is the number of a call: ``call.index``, ``call.ordinal + 1``, ..."""
    if isinstance(node, nodes.Add) and isinstance(node.right, nodes.Const):
        node = node.left
    match node:
        case nodes.Getattr(node=nodes.Name(name="call"), attr="index" | "ordinal"):
            return True
        case nodes.Getattr(node=nodes.Name(name="loop"), attr="index" | "index0"):
            return True
    return False


def _alternatives(branches: list[Seq], line: int) -> Seq:
    """Return the choice between branches; equal ones merge, as conditions are print-time only."""
    kept = list(dict.fromkeys(branches))
    if len(kept) == 1:
        return kept[0]
    return (Alt(tuple(kept), line),)
