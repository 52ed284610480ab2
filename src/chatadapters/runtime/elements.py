"""Arguments spelled as elements named by their keys, lists as repeated elements; JSON text out."""

from __future__ import annotations

from .pairs import read_value
from .scan import LONGEST_KEY, Scanner
from .values import allowed_types, escape, inner_schema

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

    from .events import ToolCall
    from .scan import Steps

_MOST_NESTED = 100


class Element:
    """An open element: its name, its schema, and the kind of value it turned out to be."""

    __slots__ = ("array", "end", "fresh", "schema", "seen")

    def __init__(self, end: str, schema: Any, array: bool, fresh: bool) -> None:
        self.end = end
        self.schema = schema
        self.array = array
        self.fresh = fresh
        self.seen: set[str] = set()


def read_elements(p: Scanner, call: ToolCall, table: dict[str, Any], root: Any) -> Steps:
    """Read elements to the call's closing token, which is left; return a status, "" if all is well.

    ``root`` is the schema of the arguments, which types them.
    """
    opener, status = table["mark"] + "<", ""
    stack = [Element("", root, False, True)]
    p.argue(call, "{", p.at)
    while True:
        there = yield from p.drop_space()
        if not there:
            return "truncated"
        top = stack[-1]
        ends = (top.end,) if top.end else table["until"]
        _, size = yield from p.token(p.at, ends)
        if size > 0:
            p.argue(call, ("]" if top.array else "}") if top.fresh else "", p.at)
            if not top.end:
                return status
            p.at += size
            stack.pop()
            continue
        name = yield from _element_name(p, opener)
        if not name or len(stack) > _MOST_NESTED:
            return "truncated" if p.ended else "malformed"
        fresh = top.fresh and (top.array or name not in top.seen)
        comma = ", " if top.seen else ""
        top.seen.add(name)
        if fresh:
            p.argue(call, comma if top.array else f'{comma}"{escape(name)}": ', p.at)
        schema = inner_schema(top.schema, root, None if top.array else name)
        types = allowed_types(schema, root)
        kind = yield from _element_kind(p, table, name, types)
        end = f"{table['mark']}</{name}>"
        if kind in ("array", "object"):
            p.argue(call, ("[" if kind == "array" else "{") if fresh else "", p.at)
            stack.append(Element(end, schema, kind == "array", fresh))
            continue
        if kind == "empty" and "string" not in types and types & {"array", "object", "null"}:
            text = "[]" if "array" in types else "{}" if "object" in types else "null"
            p.argue(call, text if fresh else "", p.at)
            p.at += len(end)
            continue
        leaf = {**table, "ends": (end,), "longest": len(end), "quick": (end[0],)}
        outcome = yield from read_value(p, call, leaf, types, fresh)
        if outcome == "truncated":
            return outcome
        status = outcome or status


def _element_name(p: Scanner, opener: str) -> Steps:
    """Consume an opening tag and return its name, or "" where there is none."""
    position, size = yield from p.token(p.at, (opener,))
    if size < 0:
        return ""
    _, place = yield from p.until(position + size, (">",), LONGEST_KEY)
    start = p.at + size
    name = p.buffer[start:place] if place >= 0 else ""
    if not name or any(char in "/<\n" for char in name):
        return ""
    p.at = place + 1
    return name


def _element_kind(p: Scanner, table: dict[str, Any], name: str, types: frozenset[str]) -> Steps:
    """Look at what an element begins with: a container by its first element, else text."""
    opener = table["mark"] + "<"
    position = yield from p.skip_space(p.at)
    if position < 0:
        return "text"
    position, size = yield from p.token(position, (opener,))
    if size < 0:
        return "text"
    space = position - p.at
    _, place = yield from p.until(position + size, (">",), LONGEST_KEY)
    first = p.buffer[p.at + space + size : place] if place >= 0 else ""
    if first == f"/{name}":
        return "text" if space else "empty"
    if not first or any(char in "/<\n" for char in first):
        return "text"
    if "array" in types and (first == table["item"] or "object" not in types):
        return "array"
    return "object" if "object" in types else "text"
