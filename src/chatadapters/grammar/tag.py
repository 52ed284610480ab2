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
        begun = _begun(shape, calls, once) if not free else None
        body = _reasoned(shape["reasoning"], shape["special"], body, read, begun)
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
    if calls["anchored"]:
        before = calls["first"] if calls["after_content"] is None else calls["after_content"]
        char = (before + tags[0]["begin"]).lstrip(_SPACE)[0]
        between = calls["between"] or ""
        return {"type": "or", "elements": [_repeated(tags, between, once), _not_beginning(char)]}
    if not calls["lead"]:
        return _free(shape, tags, once)
    alone = calls["after_content"] is None
    text = {"type": "any_text"} if alone else _free(shape, tags, once)
    lead = [_const(calls["lead"])]
    if calls["lead"].strip(_SPACE):
        lead.insert(0, {"type": "regex", "pattern": "[ \\t\\r\\n]{0,8}"})
    content = _sequence([*lead, text])
    return {"type": "or", "elements": [_forced(shape, tags, once), _optional(content)]}


def _free(shape: Mapping[str, Any], tags: list[dict[str, Any]], once: bool) -> dict[str, Any]:
    """Return text in which calls begin with a trigger."""
    calls = shape["calls"]
    before = calls["first"] if calls["after_content"] is None else calls["after_content"]
    if _lasts(calls) or before.strip() != (calls["between"] or before).strip():
        inner, end = _closed(calls, tags, once)
        opened = before.lstrip(_SPACE)
        marked = [{"type": "tag", "begin": opened, "content": inner, "end": end}]
    else:
        marked = [{**tag, "begin": (before + tag["begin"]).lstrip(_SPACE)} for tag in tags]
        opened = before + (calls["pieces"][0][1] if calls["pieces"][0][0] == "text" else "")
    return {
        "type": "triggered_tags",
        "triggers": [_trigger(shape, opened.lstrip(_SPACE))],
        "tags": marked,
        "at_least_one": False,
        "stop_after_first": once,
    }


def _closed(
    calls: Mapping[str, Any], tags: list[dict[str, Any]], once: bool
) -> tuple[dict[str, Any], str]:
    """Return calls up to their very end, and that end: in xgrammar calls in a tag need one."""
    between = calls["between"] or ""
    texts = [text for text in calls.get("lasts") or (calls["last"],) if text]
    if texts:
        end = _common_end(texts)
        rests = [text.removesuffix(end) for text in texts]
        last = [_either([_const(text) for text in rests])] if any(rests) else []
        return _sequence([_repeated(tags, between, once), *last]), end
    end = _common_end([tag["end"] for tag in tags])
    one = _repeated([{**tag, "end": tag["end"].removesuffix(end)} for tag in tags], "", True)
    if once:
        return one, end
    more = _sequence([_repeated(tags, between, False), *([_const(between)] if between else [])])
    return _sequence([_optional(more), one]), end


def _common_end(texts: Sequence[str]) -> str:
    first = min(texts, key=len)
    ends = (first[n:] for n in range(len(first)))
    return next((end for end in ends if all(text.endswith(end) for text in texts)), "")


def _trigger(shape: Mapping[str, Any], opened: str) -> str:
    """Return the text after which a call is certain: a special token, or a word with no space.

    Where an answer without calls may end with it too, some more is certain.
    """
    starts = [mark for mark in shape["special"] if opened.startswith(mark)]
    found = max(starts, key=len) if starts else opened.split()[0]
    while found in shape["calls"].get("tail", "") and len(found) < len(opened):
        found = opened[: len(found) + 1]
    return found


def _forced(shape: Mapping[str, Any], tags: list[dict[str, Any]], once: bool) -> dict[str, Any]:
    """Return calls and nothing else; of the white space before them some may be written already."""
    calls = shape["calls"]
    nodes: list[dict[str, Any]] = []
    for first in calls.get("firsts") or (calls["first"],):
        solid = first.lstrip(_SPACE)
        space = first[: len(first) - len(solid)]
        ends = [_const(space[n:]) for n in range(len(space))]
        before = [_optional(_either(ends))] if ends else []
        nodes.append(_sequence([*before, *([_const(solid)] if solid or not ends else [])]))
    opening = [_either(nodes)] if any(calls.get("firsts") or (calls["first"],)) else []
    return _sequence([*opening, _repeated(tags, calls["between"] or "", once), *_lasts(calls)])


def _begun(
    shape: Mapping[str, Any], tags: list[dict[str, Any]], once: bool
) -> dict[str, Any] | None:
    """Return calls after reasoning that their opening ends: what comes after that opening."""
    opening = shape["reasoning"].get("instead", "").lstrip(_SPACE)
    if not opening or not all(tag["begin"].startswith(opening) for tag in tags):
        return None
    rests = [{**tag, "begin": tag["begin"].removeprefix(opening)} for tag in tags]
    one: dict[str, Any] = _repeated(rests, "", True)
    if not once:
        between = shape["calls"]["between"] or ""
        more = {**_repeated(tags, between, False), "at_least_one": True}
        one = _sequence([one, _optional(_sequence([_const(between), more]))])
    return _sequence([one, *_lasts(shape["calls"])])


def _lasts(calls: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what may stand after the last call: nothing, or one node."""
    texts = calls.get("lasts") or (calls["last"],)
    return [_either([_const(text) for text in texts])] if any(texts) else []


def _const(text: str) -> dict[str, Any]:
    return {"type": "const_string", "value": text}


def _either(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    if {"type": "const_string", "value": ""} in nodes:
        rest = [node for node in nodes if node.get("value") != ""]
        return _optional(_either(rest))
    return nodes[0] if len(nodes) == 1 else {"type": "or", "elements": nodes}


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
    found: list[dict[str, Any]] = []
    for node in nodes:
        found += node["elements"] if node["type"] == "sequence" else [node]
    return found[0] if len(found) == 1 else {"type": "sequence", "elements": found}


def _not_beginning(char: str) -> dict[str, Any]:
    """Return text whose first character that is not white space is not ``char``."""
    escaped = "\\" + char if char in "]^-\\" else char
    head = f"root ::= [ \\t\\r\\n]* [^ \\t\\r\\n{escaped}]"
    first = {"type": "grammar", "grammar": head}
    return _optional({"type": "sequence", "elements": [first, {"type": "any_text"}]})


def _reasoned(
    marks: Mapping[str, Any],
    special: Sequence[str],
    body: dict[str, Any],
    read: str,
    begun: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return an answer that begins with reasoning, as much of it as the prompt has not written."""
    if marks["close"].strip() in read:
        return body
    opening = marks["open"].strip()
    written = read.strip()
    if written and opening not in read and not opening.startswith(written):
        return body  # the prompt has begun an answer that has no reasoning
    if read:
        opening = "" if opening in read else marks["open"].removeprefix(read).strip()
    close = marks["close"].lstrip(_SPACE)
    # Reasoning ends with the first special token of its end, whatever comes after that.
    ends = [mark for mark in special if close.startswith(mark)]
    end = max(ends, key=len) if ends else close
    tag = {"type": "tag", "begin": opening, "content": {"type": "any_text"}, "end": end}
    rest = [{"type": "const_string", "value": close[len(end) :]}] if close != end else []
    block = _sequence([tag, *rest])
    if read.strip(_SPACE):
        whole = _sequence([block, body])
        return whole if begun is None else _either([_thought(tag, marks, begun), whole])
    space = marks["open"][: marks["open"].index(opening)]
    lead = [_optional(_const(space))] if space else []
    lone = [_const(marks["lone"])] if marks.get("lone") else []
    whole = _sequence([_optional(_either([_sequence([*lead, block]), *lone])), body])
    if begun is None:
        return whole
    return _either([_sequence([*lead, _thought(tag, marks, begun)]), whole])


def _thought(
    tag: dict[str, Any], marks: Mapping[str, Any], begun: dict[str, Any]
) -> dict[str, Any]:
    return _sequence([{**tag, "end": marks["instead"]}, begun])
