"""Lowering: the output fragment of a declaration in, the intermediate representation out, or an error with ways out."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes

from . import fragments, objects
from .declaration import Declaration
from .fragments import Fragment
from .ir import Alt, Codec, Hole, Lit, Node, Obj, Rep, Seq, walk

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
    tree = _Lowering(fragment).body(fragment.tree.body, _TOP)
    _check_calls(fragment, tree)
    _check_adjacent(fragment, tree)
    return tree


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
                    kind = type(node).__name__.lower()
                    raise self.fragment.error(
                        f"{{% {kind} %}} cannot be run backwards", node.lineno, _SUBSET, "move it to [prompt]"
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
        filters: list[nodes.Filter] = []
        while isinstance(node, nodes.Filter) and node.node is not None:
            if node.name not in PRINT_ONLY:
                filters.append(node)
            node = node.node
        match node:
            case nodes.Name(name=name):
                field = name
            case nodes.Getattr(node=nodes.Name(name="call"), attr=attr):
                field = attr
            case _:
                raise self.fragment.error("this expression cannot be run backwards", line, _SUBSET)
        if field not in fields:
            where = {_TOP: "outside the calls", _CALL: "inside a call", _PAIR: "inside an argument"}[fields]
            raise self.fragment.error(
                f"the hole {field!r} cannot stand {where}", line, f"holes that can: {', '.join(sorted(fields))}"
            )
        if len(filters) > 1:
            raise self.fragment.error("a hole has one codec", line, f"keep one of: {[f.name for f in filters]}")
        if filters:
            codec = fragments.codec_of(self.fragment, filters[0], field)
        elif field in ("arguments", "value"):
            raise self.fragment.error(
                f"the hole {field!r} needs a codec", line, f"write {{{{ ... | {'json' if field == 'arguments' else 'text'} }}}}"
            )
        else:
            codec = RAW
        return Hole(field, codec, line)

    def branch(self, node: nodes.If, fields: frozenset[str]) -> Seq:
        bodies = [node.body, *(other.body for other in node.elif_), node.else_]
        return _alternatives([self.body(body, fields) for body in bodies], node.lineno)

    def loop(self, node: nodes.For, fields: frozenset[str]) -> Seq:
        source: nodes.Node = node.iter
        while isinstance(source, nodes.Filter) and source.name == "items" and source.node is not None:
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
                    "this loop cannot be run backwards",
                    node.lineno,
                    "write {% for call in calls %} outside a call",
                    "write {% for key, value in call.arguments %} inside a call",
                )
        if node.else_ or node.test is not None or node.recursive:
            raise self.fragment.error(
                "a loop that is run backwards has no else, no condition and no recursion", node.lineno, _SUBSET
            )
        return (Rep(over, self.body(node.body, inner), node.lineno),)


def _alternatives(branches: list[Seq], line: int) -> Seq:
    """Return the choice between branches; equal ones merge, as conditions are print-time only."""
    kept = list(dict.fromkeys(branches))
    if len(kept) == 1:
        return kept[0]
    return (Alt(tuple(kept), line),)


def _check_calls(fragment: Fragment, tree: Seq) -> None:
    for node in walk(tree):
        if not isinstance(node, Rep):
            continue
        holes = [inner for inner in walk(node.body) if isinstance(inner, Hole)]
        fields = [hole.field for hole in holes]
        wanted = ("key", "value") if node.over == "arguments" else ("arguments",)
        if node.over == "calls" and any(isinstance(n, Rep) for n in walk(node.body)):
            wanted = ()
        for field in wanted:
            if field not in fields:
                raise fragment.error(
                    f"this loop never prints {field!r}, so it cannot be read back", node.line, f"print {field} in it"
                )
        if node.over == "calls" and "name" not in fields and "id" not in fields:
            raise fragment.error(
                "a call without its name cannot be read back", node.line, "print {{ call.name }} in the loop"
            )
        if "name" not in fields and "id" in fields:
            ids = fragment.declaration.ids
            if ids is None or "{name}" not in ids.pattern:
                raise fragment.error(
                    "a call without its name cannot be read back, as its id does not hold the name",
                    node.line,
                    "print {{ call.name }} in the loop",
                    'say in [ids] how the id holds the name: pattern = "functions.{name}:{ordinal}"',
                )


def _check_adjacent(fragment: Fragment, tree: Seq) -> None:
    """Refuse two raw holes with nothing between them, and a raw hole in a call that nothing ends."""
    for before, after in zip(tree, tree[1:], strict=False):
        first, second = _edge(before, -1), _edge(after, 0)
        if isinstance(first, Hole) and isinstance(second, Hole) and _raw(first) and first.field != "id":
            raise fragment.error(
                f"nothing stands between the holes {first.field!r} and {second.field!r}, "
                "so it cannot be told where the first one ends",
                second.line or first.line,
                f"print literal text after {first.field!r}",
                f"give {first.field!r} a codec that ends by itself, such as json",
            )
    for node in tree:
        match node:
            case Alt(branches):
                for branch in branches:
                    _check_adjacent(fragment, branch)
            case Rep(_, body):
                _check_adjacent(fragment, body)
                last = _edge(body[-1], -1) if body else None
                if isinstance(last, Hole) and _raw(last):
                    raise fragment.error(
                        f"nothing ends the hole {last.field!r}: it is the last thing in its loop",
                        last.line,
                        f"print literal text after {last.field!r}",
                    )


def _edge(node: Node, end: int) -> Node | None:
    """Return the node at one end of a node, through what is not optional."""
    match node:
        case Rep(_, body) if body:
            return _edge(body[end], end)
        case Alt(branches) if all(branches):
            return _edge(branches[0][end], end)
    return node


def _raw(hole: Hole) -> bool:
    return hole.codec.name in ("raw", "text")
