"""The structural tag of a request: an answer's shape, tools and a tool choice in; plain data out.

The node types are xgrammar's. Calls are repeated by ``triggered_tags`` and ``tags_with_separator``
only, so that a server can limit their number in those.
"""

from __future__ import annotations

from .arguments import arguments_node
from .strings import MOST_COUNTED

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_SPACE = " \t\r\n"
_ORDINAL = "[0-9]{1,6}"
_ID = "[a-zA-Z0-9_.:-]{1,64}"


def structural_tag(
    shape: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]] | None,
    tool_choice: Any = "auto",
    *,
    parallel: bool = True,
    reasoning: bool = False,
    read: str = "",
) -> dict[str, Any] | None:
    """Return the structural tag for an answer, or None where nothing is to be enforced.

    ``tool_choice`` is ``"auto"``, ``"required"``, ``"none"`` or the OpenAI shape that names a tool.
    A tool's arguments follow its schema where its ``strict`` is true, and under ``required`` and a
    named tool also where it has no ``strict``; else they are well formed. ``reasoning``: the answer
    may begin with a reasoning block, of which the prompt holds ``read`` already.
    Raises ``ValueError`` where the choice and the tools do not fit.
    """
    functions = [dict(tool.get("function") or tool) for tool in tools or ()]
    if tool_choice == "none" or not functions:
        return None
    if shape["calls"] is None:
        raise ValueError("this format carries no tool calls; leave out `tools`")
    named = _named(tool_choice)
    if named is not None:
        functions = [function for function in functions if function.get("name") == named]
        if not functions:
            known = [str((tool.get("function") or tool).get("name")) for tool in tools or ()]
            raise ValueError(
                f"tool_choice names {named!r}, which is not among the tools: {', '.join(known)}"
            )
    free = named is None and tool_choice != "required"
    counted = MOST_COUNTED // len(functions)
    calls = [_call(shape, function, not free, counted) for function in functions]
    once = not parallel or named is not None or shape["calls"]["most"] == 1
    body = _auto(shape, calls, once) if free else _forced(shape, calls, once)
    if reasoning and shape["reasoning"]:
        body = _reasoned(shape["reasoning"], body, read)
    return {"type": "structural_tag", "format": body}


def _named(choice: Any) -> str | None:
    if isinstance(choice, str):
        if choice in ("auto", "required"):
            return None
        raise ValueError(f"tool_choice is {choice!r}: use auto, required, none or a named tool")
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise ValueError(f"tool_choice names no function: {choice!r}")
    return name


# -- one call


def _call(
    shape: Mapping[str, Any], function: Mapping[str, Any], forced: bool, counted: int
) -> dict[str, Any]:
    """Return the tag of one tool's call: literal text as far as it goes, then the arguments."""
    begin = ""
    nodes: list[dict[str, Any]] = []
    for kind, text in _spelled(shape, str(function.get("name"))):
        if kind == "text" and not nodes:
            begin += text
        elif kind == "text" and nodes[-1]["type"] == "const_string":
            nodes[-1]["value"] += text
        elif kind == "text":
            nodes.append({"type": "const_string", "value": text})
        elif kind == "pattern":
            nodes.append({"type": "regex", "pattern": text})
        else:
            strict = function.get("strict")
            enforced = forced if strict is None else bool(strict)
            spelling = shape["calls"]["arguments"]
            nodes.append(arguments_node(spelling, function.get("parameters"), enforced, counted))
    end = nodes.pop()["value"] if nodes and nodes[-1]["type"] == "const_string" else ""
    return {"type": "tag", "begin": begin, "content": _sequence(nodes), "end": end}


def _spelled(shape: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Return a call's pieces with the tool's name filled in: texts, patterns and the arguments."""
    found: list[tuple[str, str]] = []
    for kind, text in shape["calls"]["pieces"]:
        if kind == "name":
            found.append(("text", _escaped(name) if text == "name_json" else name))
        elif kind == "count":
            found.append(("pattern", _ORDINAL))
        elif kind == "id":
            for part in shape["ids"] or ("",):
                if part == "{name}":
                    found.append(("text", name))
                elif part.startswith("{alnum:"):
                    found.append(("pattern", f"[a-zA-Z0-9]{{{part[7:-1]}}}"))
                elif part in ("{index}", "{ordinal}"):
                    found.append(("pattern", _ORDINAL))
                else:
                    found.append(("text", part) if part else ("pattern", _ID))
        else:
            found.append((kind, text))
    return found


def _escaped(name: str) -> str:
    import json

    return json.dumps(name, ensure_ascii=False)[1:-1]


# -- a message


def _auto(shape: Mapping[str, Any], tags: list[dict[str, Any]], once: bool) -> dict[str, Any]:
    """Return free text with calls in it; where a call's opening comes, it must go on as one."""
    calls = shape["calls"]
    between = calls["between"] or ""
    before = calls["first"] if calls["after_content"] is None else calls["after_content"]
    if calls["anchored"]:
        char = (before + tags[0]["begin"]).lstrip(_SPACE)[0]
        return {"type": "or", "elements": [_repeated(tags, between, once), _not_beginning(char)]}
    if calls["last"] or before.strip() != (calls["between"] or before).strip():
        inner = _repeated(tags, between, once)
        opened = before.lstrip(_SPACE)
        marked = [{"type": "tag", "begin": opened, "content": inner, "end": calls["last"]}]
    else:
        marked = [{**tag, "begin": (before + tag["begin"]).lstrip(_SPACE)} for tag in tags]
        opened = before + (calls["pieces"][0][1] if calls["pieces"][0][0] == "text" else "")
    free = {
        "type": "triggered_tags",
        "triggers": [_trigger(shape, opened.strip(_SPACE))],
        "tags": marked,
        "at_least_one": False,
        "stop_after_first": once,
    }
    if not calls["lead"]:
        return free
    text = _sequence([{"type": "const_string", "value": calls["lead"]}, free])
    return {"type": "or", "elements": [_repeated(tags, between, once), _optional(text)]}


def _trigger(shape: Mapping[str, Any], opened: str) -> str:
    """Return the text after which a call is certain: a special token, or a word with no space."""
    starts = [mark for mark in shape["special"] if opened.startswith(mark)]
    return max(starts, key=len) if starts else opened.split()[0]


def _forced(shape: Mapping[str, Any], tags: list[dict[str, Any]], once: bool) -> dict[str, Any]:
    """Return calls and nothing else; of the white space before them some may be written already."""
    calls = shape["calls"]
    first = calls["first"].lstrip(_SPACE)
    space = calls["first"][: len(calls["first"]) - len(first)]
    nodes: list[dict[str, Any]] = []
    if space:
        ends = [{"type": "const_string", "value": space[n:]} for n in range(len(space))]
        nodes.append(_optional(ends[0] if len(ends) == 1 else {"type": "or", "elements": ends}))
    if first:
        nodes.append({"type": "const_string", "value": first})
    nodes.append(_repeated(tags, calls["between"] or "", once))
    if calls["last"]:
        nodes.append({"type": "const_string", "value": calls["last"]})
    return _sequence(nodes)


def _optional(node: dict[str, Any]) -> dict[str, Any]:
    return {"type": "optional", "content": node}


def _repeated(tags: list[dict[str, Any]], separator: str, once: bool) -> dict[str, Any]:
    return {
        "type": "tags_with_separator",
        "tags": tags,
        "separator": separator,
        "at_least_one": True,
        "stop_after_first": once,
    }


def _sequence(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    return nodes[0] if len(nodes) == 1 else {"type": "sequence", "elements": nodes}


def _not_beginning(char: str) -> dict[str, Any]:
    """Return text whose first character that is not white space is not ``char``."""
    escaped = "\\" + char if char in "]^-\\" else char
    head = f"root ::= [ \\t\\r\\n]* [^ \\t\\r\\n{escaped}]"
    first = {"type": "grammar", "grammar": head}
    return _optional({"type": "sequence", "elements": [first, {"type": "any_text"}]})


def _reasoned(marks: Mapping[str, Any], body: dict[str, Any], read: str) -> dict[str, Any]:
    """Return an answer that begins with reasoning, as much of it as the prompt has not written."""
    if marks["close"].strip() in read:
        return body
    opening = marks["open"].strip()
    if read:
        opening = "" if opening in read else marks["open"].removeprefix(read).strip()
    block: dict[str, Any] = {
        "type": "tag",
        "begin": opening,
        "content": {"type": "any_text"},
        "end": marks["close"].lstrip(_SPACE),
    }
    if read:
        return _sequence([block, body])
    space = marks["open"][: marks["open"].index(opening)]
    lead = [_optional({"type": "const_string", "value": space})] if space else []
    return _sequence([_optional(_sequence([*lead, block])), body])
