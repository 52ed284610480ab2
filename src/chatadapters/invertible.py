"""Whether an output fragment can be run backwards: its IR in, nothing or an error out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from .errors import did_you_mean
from .fragments import Fragment
from .ir import Alt, Hole, Lit, Node, Obj, Rep, Seq, walk

_OF_CALLS = ("name", "id", "arguments")
_PLACEHOLDERS = ("name", "index", "ordinal", "alnum:N")
_LONGEST_ID = 64


def check(fragment: Fragment, tree: Seq) -> None:
    """Check what needs no more than the tree. Raises ``DeclarationError``."""
    _check_ids(fragment)
    _check_codecs(fragment, tree)
    for node in walk(tree):
        if isinstance(node, Rep) and node.over == "calls":
            _check_call(fragment, node)
    _check_adjacent(fragment, tree)
    _check_top(fragment, tree)


def written(hole: Hole) -> str:
    """Return a hole as a fragment spells it, without its codec."""
    return spelled(hole.field)


def spelled(field: str) -> str:
    """Return a field as a fragment prints it."""
    if field == "count":
        return "{{ call.index }}"
    if field == "type":
        return "{{ value | type }}"
    return f"{{{{ {'call.' if field in _OF_CALLS else ''}{field} }}}}"


def _check_top(fragment: Fragment, tree: Seq) -> None:
    if not any(isinstance(node, Hole) and node.field == "content" for node in walk(tree)):
        raise fragment.error(
            "{{ content }} is never printed, so the text of an answer would be lost",
            1,
            "print {{ content }} where the text of the answer stands",
        )
    for field in ("content", "reasoning"):
        holes = _always(tree, field)
        if len(holes) > 1:
            raise fragment.error(
                f"{{{{ {field} }}}} is printed twice, and would be read back twice as long",
                holes[1].line,
                "print it once",
                "print one of the two under {% if %} and the other under {% else %}",
            )


def _always(tree: Sequence[Node], field: str) -> list[Hole]:
    """Return the holes of a field that are printed whatever the conditions say."""
    found: list[Hole] = []
    for node in tree:
        if isinstance(node, Hole) and node.field == field:
            found.append(node)
        elif isinstance(node, Alt):
            found += sorted((_always(branch, field) for branch in node.branches), key=len)[0]
    return found


def _check_codecs(fragment: Fragment, tree: Seq) -> None:
    """Refuse codecs that are printed in a place where they are not read."""
    inside = {id(value) for node in walk(tree) if isinstance(node, Obj) for _, value in node.fields}
    for node in walk(tree):
        if not isinstance(node, Hole) or id(node) in inside or node.codec.name == "raw":
            continue
        plain, codec = written(node), node.codec.name
        if node.field == "type" or (node.field == "key" and codec == "attribute"):
            continue
        if node.field in ("content", "reasoning", "key"):
            raise fragment.error(
                f"the codec {codec!r} of {plain} is printed and never read back",
                node.line,
                f"print the text as it is: {plain}",
            )
        if node.field in ("name", "id"):
            raise fragment.error(
                f"{plain} is printed as {codec} outside a JSON object, where it is not read back",
                node.line,
                "make the text around it one JSON object: look for a missing quote, colon, "
                "comma or brace",
                f"print the text as it is: {plain}",
            )
        if node.field == "value" and codec not in ("json", "text"):
            raise fragment.error(
                f"the codec {codec!r} of {plain} is printed and not read back in a loop over "
                "arguments",
                node.line,
                "write {{ value | text }}: strings as they are, the rest as JSON",
                "write {{ value | json }}: everything as JSON",
            )


def _check_call(fragment: Fragment, rep: Rep) -> None:
    holes = [node for node in walk(rep.body) if isinstance(node, Hole)]
    fields = {hole.field for hole in holes}
    payloads = [node for node in rep.body if _payload(node)]
    anywhere = _payloads(rep.body)
    for loop in (node for node in anywhere if isinstance(node, Rep)):
        missing = {"key", "value"} - {
            hole.field for hole in walk(loop.body) if isinstance(hole, Hole)
        }
        for field in sorted(missing):
            raise fragment.error(
                f"this loop over arguments never prints {{{{ {field} }}}}, so they cannot be "
                "read back",
                loop.line,
                "write its body as: <open>{{ key }}<middle>{{ value | text }}<close>",
            )
    if not anywhere and "arguments" not in fields:
        raise fragment.error(
            "a call is printed without its arguments, so they would be lost",
            rep.line,
            "print {{ call.arguments | json }} in the loop",
            "print {% for key, value in call.arguments %} in the loop",
        )
    if "name" not in fields and "id" not in fields:
        raise fragment.error(
            "a call is printed without its name, so it cannot be read back",
            rep.line,
            "print {{ call.name }} in the loop",
            "print {{ call.id }}, and say in [ids] how it holds the name: pattern = "
            '"functions.{name}:{ordinal}"',
        )
    if "name" not in fields:
        _check_derived(fragment, rep)
    if not payloads:
        line = _line(anywhere[0]) or rep.line
        raise fragment.error(
            "the arguments stand under a condition, and conditions are not known when they are "
            "read back",
            line,
            "take the arguments out of the {% if %}: a call without any prints an empty object",
            "print every call in one shape",
        )
    if len(anywhere) > 1:
        raise fragment.error(
            "the arguments of a call are printed twice",
            _line(anywhere[1]) or rep.line,
            "print them once",
        )
    place = rep.body.index(payloads[0])
    _check_around(fragment, payloads[0], rep.body[place + 1 :], rep.line)


def _check_around(fragment: Fragment, payload: Node, after: Seq, line: int) -> None:
    late = [node for node in walk(after) if isinstance(node, Hole)]
    if late:
        raise fragment.error(
            f"{written(late[0])} stands after the arguments, and a call is known by what stands "
            "before them",
            late[0].line,
            f"print {written(late[0])} before the arguments",
        )
    inside = {node.field for node in walk((payload,)) if isinstance(node, Hole)}
    if isinstance(payload, Obj) and "name" not in inside:
        raise fragment.error(
            "the arguments stand in a JSON object, and the name of the call does not",
            _line(payload) or line,
            'print the name in the same object: {"name": {{ call.name | json }}, "arguments": '
            "{{ call.arguments | json }}}",
            "print {{ call.arguments | json }} without an object around it",
        )


def _check_derived(fragment: Fragment, rep: Rep) -> None:
    ids = fragment.declaration.ids
    pattern = ids.pattern if ids else ""
    if "{name}" not in pattern:
        raise fragment.error(
            "a call is printed without its name, and its id does not hold the name",
            rep.line,
            "print {{ call.name }} in the loop",
            'say in [ids] how the id holds the name: pattern = "functions.{name}:{ordinal}"',
        )
    if "{name}{" in pattern or "}{name}" in pattern:
        raise fragment.declaration.error(
            f"nothing tells the name from its neighbour in the id pattern {pattern!r}",
            "ids.pattern",
            0,
            'put a character between them, as in "functions.{name}:{ordinal}"',
        )


def _check_ids(fragment: Fragment) -> None:
    declaration = fragment.declaration
    if declaration.ids is None:
        return
    pattern = declaration.ids.pattern
    known = ", ".join(f"{{{word}}}" for word in _PLACEHOLDERS)
    words = re.findall(r"\{([^{}]*)\}", pattern)
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", pattern)):
        raise declaration.error(
            "a brace of the id pattern has no partner",
            "ids.pattern",
            0,
            f"write placeholders as {known}",
        )
    for word in words:
        letters = re.fullmatch(r"alnum:([0-9]+)", word)
        if word not in _PLACEHOLDERS[:3] and not (
            letters and 0 < int(letters.group(1)) <= _LONGEST_ID
        ):
            guess = did_you_mean(word, _PLACEHOLDERS[:3])
            raise declaration.error(
                f"unknown placeholder {{{word}}} in the id pattern{guess}",
                "ids.pattern",
                0,
                f"use one of: {known}, where N is a number from 1 to {_LONGEST_ID}",
            )
    if not set(words) - {"name"}:
        raise declaration.error(
            "two calls would get the same id: nothing in the id pattern differs between them",
            "ids.pattern",
            0,
            "add {ordinal}, the number of the call in the conversation",
            "use {alnum:N}, N letters or digits",
        )


def _check_adjacent(fragment: Fragment, tree: Seq) -> None:
    """Refuse raw holes with nothing between them, and one in a call that nothing ends."""
    for before, after in pairwise(tree):
        first, second = _edge(before, -1), _edge(after, 0)
        if not isinstance(first, Hole) or not isinstance(second, Hole):
            continue
        if first.codec.name in ("raw", "text") and not _opens_with_brace(second):
            raise fragment.error(
                f"nothing stands between {written(first)} and {written(second)}, "
                "so it cannot be told where the first one ends",
                second.line or first.line,
                f"print literal text after {written(first)}",
                f"leave {written(first)} or {written(second)} out",
            )
    for node in tree:
        match node:
            case Alt(branches):
                for branch in branches:
                    _check_adjacent(fragment, branch)
            case Rep(_, body):
                _check_adjacent(fragment, body)
                last = _edge(body[-1], -1) if body else None
                if isinstance(last, Hole) and last.codec.name in ("raw", "text"):
                    raise fragment.error(
                        f"nothing ends {written(last)}: it is the last thing in its loop",
                        last.line,
                        f"print literal text after {written(last)}",
                    )


def _edge(node: Node, end: int) -> Node | None:
    """Return the node at one end of a node, through what is not optional."""
    match node:
        case Rep(_, body) if body:
            return _edge(body[end], end)
        case Alt(branches) if all(branches):
            return _edge(branches[0][end], end)
    return node


def _opens_with_brace(hole: Hole) -> bool:
    """Whether the hole always begins with a brace, which no name and no id holds."""
    return hole.field == "arguments" and hole.codec.name in ("json", "literal")


def _payloads(tree: Sequence[Node]) -> list[Node]:
    """Return the nodes that hold arguments, the outermost ones, in every branch."""
    found: list[Node] = []
    for node in tree:
        if _payload(node):
            found.append(node)
        elif isinstance(node, Alt):
            found += [inner for branch in node.branches for inner in _payloads(branch)]
    return found


def _payload(node: Node) -> bool:
    """Whether a node of a call holds its arguments."""
    if isinstance(node, Obj):
        return any(
            isinstance(inner, Hole) and inner.field == "arguments" for inner in walk((node,))
        )
    return isinstance(node, Rep) or (isinstance(node, Hole) and node.field == "arguments")


def _line(node: Node) -> int:
    return 0 if isinstance(node, Lit) else node.line
