"""Jinja syntax trees in, Jinja out in which every text that was given goes through a macro."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jinja2 import nodes

from ..codecs.printers import quoted
from ..fragments import CODECS
from ..markers import Marker
from ..vocabulary import CONVERSATION_NAMES, TURN_NAMES
from .jinja_text import Writer, say

SAFE = "_safe"  # the macro's name
_STRIPS = frozenset(("trim", "lstrip", "rstrip", "strip", "upper", "lower"))
_NUMBERS = (nodes.Sub, nodes.Mul, nodes.FloorDiv, nodes.Mod, nodes.Neg)


class GuardedWriter(Writer):
    """Prints what is not the template's own through the macro that breaks markers."""

    def __init__(self, loops: object, known: Sequence[Marker], own: set[str]) -> None:
        super().__init__(loops)  # type: ignore[arg-type]
        self.known, self.own = known, own
        self.printed_role = False
        self._set: dict[str, bool] = {}
        self._macros: dict[str, nodes.Macro] = {}

    def learn(self, trees: Sequence[nodes.Node]) -> None:
        """Note which names hold only what was printed, and so went through the macro."""
        for tree in trees:
            self._macros.update((macro.name, macro) for macro in tree.find_all(nodes.Macro))
        for tree in trees:
            for macro in tree.find_all(nodes.Macro):
                for name in macro.args:
                    self._note(name, False)
            for loop in tree.find_all(nodes.For):
                for target in (loop.target, *loop.target.find_all(nodes.Name)):
                    self._note(target, False)
            for block in tree.find_all(nodes.AssignBlock):
                self._note(block.target, self._frames(block))
            for assign in tree.find_all(nodes.Assign):
                self._note(assign.target, self._printed_before(assign.node))

    def _frames(self, node: nodes.Node, seen: frozenset[str] = frozenset()) -> bool:
        """Whether what is printed inside has a marker of its own, which must stay whole.

        Where it has none, it is guarded again as a whole: texts that a macro cuts and joins may
        make a marker together.
        """
        printed: list[nodes.Node] = [
            part for output in node.find_all(nodes.Output) for part in output.nodes
        ]
        printed += [assign.node for assign in node.find_all(nodes.Assign)]
        for part in (one for given in printed for one in _sides(given)):
            text = _literal(part)
            if text is not None and self._piece(text):
                return True
            if _is_role(part) or (isinstance(part, nodes.Name) and part.name in self.own):
                return True
        called = {
            call.node.name
            for call in node.find_all(nodes.Call)
            if isinstance(call.node, nodes.Name)
        }
        return any(
            self._frames(self._macros[name], seen | {name})
            for name in (called & set(self._macros)) - seen
        )

    def _piece(self, text: str) -> bool:
        """Whether a text has a marker, or begins or ends with more of one than a character."""
        pieces = [*ends(text, self.known), *begins(text, self.known)]
        whole = any(marker.text in text for marker in self.known)
        return whole or any(len(one) > 1 and signed(one) for one in pieces)

    def _note(self, target: nodes.Node, clean: bool) -> None:
        if isinstance(target, nodes.Name):
            clean = clean and target.name not in TURN_NAMES | CONVERSATION_NAMES - {"date"}
            self._set[target.name] = clean and self._set.get(target.name, True)

    def statement(self, node: nodes.Node, depth: int) -> list[str]:
        if not isinstance(node, nodes.Output):
            return super().statement(node, depth)
        lines: list[str] = []
        parts = self._parts(node)
        before = ""  # the end of the literal before, which is printed with the text after it
        for at, part in enumerate(parts):
            text = _literal(part)
            if text is not None:
                text = text[len(self._after_hole(parts, at)) :]
                before = self._before_hole(text, parts, at)
                lines += say(text.removesuffix(before), depth)
            elif not self._needs(part):
                lines += self._printed(part, depth)
            elif isinstance(part, nodes.CondExpr):
                lines.append(f"{'  ' * depth}{{{{- {self._either(part)} -}}}}")
            else:
                after = self._after_hole(parts, at + 1)
                around = [quoted(before)] * bool(before), [quoted(after)] * bool(after)
                given = self.expression(part)
                if before or after or isinstance(part, nodes.Concat):
                    given = " ~ ".join([*around[0], *map(self.atom, _flat(part)), *around[1]])
                lines.append(f"{'  ' * depth}{{{{- {SAFE}({given}) -}}}}")
                before = ""
        return lines

    def _parts(self, node: nodes.Output) -> list[nodes.Node]:
        """Return the parts that are printed; texts with nothing between them are one part."""
        parts: list[nodes.Node] = []
        for part in (one for given in node.nodes for one in _flat(given)):
            if parts and self._joins(part) and self._joins(parts[-1]):
                parts[-1] = nodes.Concat([*_flat(parts[-1]), part], lineno=part.lineno)
            else:
                parts.append(part)
        return parts

    def _joins(self, node: nodes.Node) -> bool:
        """Whether it is a text that was given, guarded together with what is beside it."""
        plain = not isinstance(node, nodes.CondExpr) and _literal(node) is None
        return plain and self._needs(node)

    def _before_hole(self, text: str, parts: Sequence[nodes.Node], at: int) -> str:
        """Return the end of a literal that a marker may begin with, if a text follows it."""
        if at + 1 == len(parts) or not self._joins(parts[at + 1]):
            return ""
        return max(ends(text, self.known), key=len, default="")

    def _after_hole(self, parts: Sequence[nodes.Node], at: int) -> str:
        """Return the beginning of a literal that a marker may end with, if a text precedes it."""
        text = _literal(parts[at]) if 0 < at < len(parts) else None
        if text is None or not self._joins(parts[at - 1]):
            return ""
        return max(begins(text, self.known), key=len, default="")

    def _either(self, node: nodes.CondExpr) -> str:
        """Return a choice whose sides are guarded one by one, as one may be the template's own."""
        sides = []
        for side in (node.expr1, node.expr2):
            if side is None:
                sides.append('""')
            else:
                text = " ~ ".join(
                    f"{SAFE}({self.expression(part)})" if self._needs(part) else self.atom(part)
                    for part in _flat(side)
                )
                sides.append(f"({text})")
        return f"{sides[0]} if {self.atom(node.test)} else {sides[1]}"

    def _needs(self, node: nodes.Node) -> bool:
        """Whether a printed expression may hold a text that the template was given."""
        if isinstance(node, nodes.Name) and node.name in self.inlined:
            return False
        if _is_role(node):
            self.printed_role = True
            return False
        return not self._printed_before(node)

    def _printed_before(self, node: nodes.Node) -> bool:
        """Whether an expression holds only numbers, own texts, and what was printed before."""
        match node:
            case nodes.Const() | nodes.TemplateData():
                return True
            case nodes.Name(name=name):
                return self._set.get(name, name in self.own)
            case nodes.Call(node=nodes.Name(name=name)):
                return name not in self._macros or self._frames(self._macros[name])
            case nodes.CondExpr(expr1=yes, expr2=no):
                return all(self._printed_before(side) for side in (yes, no) if side is not None)
            case nodes.Concat(nodes=parts):
                return all(map(self._printed_before, parts))
            case nodes.Add(left=left, right=right) | nodes.Or(left=left, right=right):
                return self._printed_before(left) and self._printed_before(right)
            case nodes.Filter(name=name, node=inner) if name in _STRIPS and inner is not None:
                return self._printed_before(inner)
            case nodes.Filter(name=name) if name in CODECS:
                return self._framing_codec(self.codec(node))
            case nodes.Filter(name=name):
                return name in ("length", "int")
            case nodes.Call(node=nodes.Getattr(node=inner, attr=attr)) if attr in _STRIPS:
                return self._printed_before(inner)
            case nodes.Getitem(node=inner, arg=nodes.Slice()):
                return self._printed_before(inner)
            case nodes.Getattr(node=nodes.Name(name="loop")):
                return True
        return isinstance(node, _NUMBERS)

    def _framing_codec(self, printed: str) -> bool:
        """Whether a codec prints through macros that have markers of their own, and guard texts."""
        spelled = [quoted(one.text)[1:-1] for one in self.known]
        macros = (made for name, made in self.macros.items() if printed.startswith(name))
        return any(text in made for made in macros for text in spelled)


def _flat(node: nodes.Node) -> Iterator[nodes.Node]:
    """Give the parts of a printed expression, in order."""
    if isinstance(node, nodes.Concat):
        for part in node.nodes:
            yield from _flat(part)
    else:
        yield node


def _sides(node: nodes.Node) -> Iterator[nodes.Node]:
    """Give the parts of a printed expression, those of both sides of a choice."""
    for part in _flat(node):
        if isinstance(part, nodes.CondExpr):
            for side in (part.expr1, part.expr2):
                if side is not None:
                    yield from _sides(side)
        elif isinstance(part, nodes.Add | nodes.Or):
            yield from _sides(part.left)
            yield from _sides(part.right)
        else:
            yield part


def _literal(node: nodes.Node) -> str | None:
    match node:
        case nodes.TemplateData(data=text) | nodes.Const(value=str() as text):
            return str(text)
    return None


def _is_role(node: nodes.Node) -> bool:
    match node:
        case nodes.Name(name="role") | nodes.Getattr(node=nodes.Name(name="message"), attr="role"):
            return True
    return False


def ends(text: str, known: Sequence[Marker]) -> Iterator[str]:
    for marker in known:
        for size in range(1, min(len(marker.text), len(text) + 1)):
            if text.endswith(marker.text[:size]):
                yield marker.text[:size]


def begins(text: str, known: Sequence[Marker]) -> Iterator[str]:
    for marker in known:
        for size in range(1, min(len(marker.text), len(text) + 1)):
            if text.startswith(marker.text[-size:]):
                yield marker.text[-size:]


def signed(text: str) -> bool:
    """Whether a text holds a sign: words alone end and begin by chance."""
    return not all(sign.isalnum() or sign in "_- " for sign in text)
