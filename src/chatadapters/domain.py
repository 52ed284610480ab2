"""What a wire format cannot carry: a declaration and its table in, sentences out."""

from __future__ import annotations

from typing import Any

from .declaration import Declaration
from .ir import Hole, Seq, walk


def sentences(declaration: Declaration, tree: Seq, table: dict[str, Any]) -> list[str]:
    """Return the limits of a format, the plainest first."""
    found = _limits(declaration)
    stops = _list(declaration.stop)
    for state in table["states"]:
        if state["anchored"]:
            continue
        what = "reasoning" if state["reasoning"] else "content"
        for core, route in sorted(state["routes"].items()):
            if any(one["call"] is None for one in (route, *route.get("others", ()))):
                found.append(f"{what} that contains {core!r}: it ends there")
            else:
                found.append(
                    f"{what} that contains {core!r} followed by a whole call header: "
                    "it is read as a call"
                )
        if stops:
            found.append(f"{what} that contains {stops}: the message ends there")
    found += _start(table)
    for call in table["calls"]:
        found += _arguments(call)
    if any(
        isinstance(node, Hole) and node.field == "name" and node.codec.name == "raw"
        for node in walk(tree)
    ):
        found.append(
            "tool names with other characters than letters, digits and _ - . : / "
            "where no tools are given"
        )
    return list(dict.fromkeys(found))


def _limits(declaration: Declaration) -> list[str]:
    limits, found = declaration.limits, []
    if limits.calls == 0:
        found.append("tool calls")
    elif limits.calls is not None:
        found.append(
            f"more than {limits.calls} tool call{'s' if limits.calls > 1 else ''} in one message"
        )
    if not limits.content_with_calls:
        found.append("content beside tool calls: it is dropped")
    if not limits.reasoning:
        found.append("reasoning: it is dropped")
    if declaration.prompt.other == "":
        found.append(
            "messages of other roles than system, user, assistant and tool: they are dropped"
        )
    return found


def _start(table: dict[str, Any]) -> list[str]:
    found = []
    for route in table["states"][0]["anchored"]:
        if not route["first"] and route["call"] is not None:
            call = table["calls"][route["call"]]
            if call["payload"] == "object":
                found.append(
                    "content that begins with a JSON object whose first key is "
                    f"{_list(tuple(call['table']))}"
                )
            else:
                found.append("content that begins with a tool's name and the rest of a call header")
    return found


def _arguments(call: dict[str, Any]) -> list[str]:
    table, kind = call["table"], call["payload"]
    if kind == "pairs":
        ends, follow = _list(table.get("cdata", table)["ends"]), _list(table["follow"])
        escaped = "" if "escaped" in table else f"{_list(table['middle'][0])} or "
        found = [
            f"a string argument that contains {ends} and then, "
            f"after white space or nothing, {follow}",
            f"an argument name that contains {escaped}a line break",
        ]
        if "typed" in table:
            return found
        return [
            *found,
            "the string 'null' or 'None' where the schema allows both null and string",
            "a number, boolean, array or object where the schema also allows a string, "
            "or says no type: it is a string",
        ]
    if kind == "elements":
        mark = table["mark"]
        return [
            f"a string argument that contains its own end, such as {mark + '</key>'!r}, and then "
            f"{_list(table['follow'])}",
            f"a string that begins with {mark + '<'!r} where the schema allows a list or an object",
            "null: its key is left out, and in a list it is an empty text",
            "an empty list or object where the schema also allows a string, or says no type",
            "a number, boolean, list or object where the schema also allows a string, "
            "or says no type: it may be a string",
            "an argument name with / < > or a line break, or none at all",
        ]
    if kind == "literal" and table["keywords"]:
        return ["argument names that are no Python identifiers"]
    if kind == "literal":
        quotes = _list(tuple(delimiter for delimiter, _ in table["quotes"]))
        return [
            f"a string that contains {quotes}",
            "argument names with one of { } [ ] , : or a quote or a line break, or none at all",
            "the order of the arguments: they are sorted",
        ]
    return []


def _list(texts: tuple[str, ...]) -> str:
    return " or ".join(repr(text) for text in dict.fromkeys(texts))
