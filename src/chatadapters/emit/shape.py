"""The printed shape of an answer: an adapter in, what grammars and servers build on out.

It is read off answers that the adapter prints for probe messages, so that every condition of the
output fragment has been decided by the template itself.
"""

from __future__ import annotations

import itertools
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import ChatAdaptersError
from ..ir import Alt, Hole, Lit, Node, Obj, Rep, Seq, walk
from ..pairs import pair_of
from ..runtime import Parser
from .undecided import undecided

if TYPE_CHECKING:
    from ..adapter import Adapter

_NAME, _KEY, _VALUE = "probe_name", "probe_key", "probe_value"
_CONTENT, _REASONING = "probe content", "probe reasoning"
_MANY = 3


def shape(adapter: Adapter) -> dict[str, Any]:
    """Return the shape of an adapter's answers, plain data.

    ``calls`` is None where the format carries none; else ``pieces`` of one call, the texts
    ``first`` (before the first call of a message without content), ``after_content``, ``between``
    and ``last``, white space included, ``most`` (calls in a message, None if any) and
    ``arguments``, how they are spelled. ``reasoning`` is None or has the texts ``open``, ``close``
    and ``gap`` (white space after it), and the conditions under which a prompt leaves it
    ``undecided``. ``after`` is what a parser has read where the reasoning is over.
    """
    declaration = adapter.declaration
    fields = {node.field for node in walk(adapter.ir) if isinstance(node, Hole)}
    reasoning = _reasoning(adapter) if "reasoning" in fields else None
    calling = bool(fields & {"arguments", "value"}) and declaration.limits.calls != 0
    return {
        "name": adapter.name,
        "special": declaration.special,
        "stop": declaration.stop,
        "ids": declaration.ids.parts if declaration.ids else (),
        "reasoning": reasoning,
        "after": _after(adapter, reasoning),
        "calls": _calls(adapter, reasoning) if calling else None,
    }


def _print(adapter: Adapter, content: str, reasoning: str, calls: int) -> str:
    arguments = {_KEY: _VALUE}
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {
                "id": f"probe{number:04}",
                "type": "function",
                "function": {"name": _NAME, "arguments": arguments},
            }
            for number in range(calls)
        ]
    tools = [{"type": "function", "function": {"name": _NAME, "parameters": {"type": "object"}}}]
    return adapter.output([{"role": "user", "content": "Hello"}, message], tools)


def _pairs(adapter: Adapter) -> Rep | None:
    loops = (node for node in walk(adapter.ir) if isinstance(node, Rep))
    return next((loop for loop in loops if loop.over == "arguments"), None)


# -- reasoning


def _reasoning(adapter: Adapter) -> dict[str, Any]:
    text = _print(adapter, _CONTENT, _REASONING, 0)
    opening, rest = text.split(_REASONING)
    close = rest[: rest.index(_CONTENT)]
    gap = close[len(close.rstrip()) :]
    return {"open": opening, "close": close.rstrip(), "gap": gap, "undecided": undecided(adapter)}


def _after(adapter: Adapter, reasoning: dict[str, Any] | None) -> str:
    """Return what the parser has read where an answer goes on after its reasoning.

    Where a generation prompt can close the reasoning itself, it is the rest of that prompt.
    """
    table = adapter.table
    if reasoning is None:
        return str(table["before"])
    for _, rest in table["starts"]:
        if rest and Parser({**table, "before": rest}).reasoned is not None:
            return str(rest)
    return f"{reasoning['open']}{reasoning['close']}{reasoning['gap']}"


# -- calls


def _calls(adapter: Adapter, reasoning: dict[str, Any] | None) -> dict[str, Any]:
    limits = adapter.declaration.limits
    many = _MANY if limits.calls is None else min(_MANY, limits.calls)
    loop = next(node for node in walk(adapter.ir) if isinstance(node, Rep) and node.over == "calls")
    pattern = _numbered(_pattern(_core(loop.body)))
    text = _print(adapter, "", _REASONING if reasoning else "", many)
    found = list(pattern.finditer(text))
    if len(found) != many:
        raise ChatAdaptersError(f"{adapter.name}: a printed call is not where its fragment has it")
    start = 0
    if reasoning:
        close = text.find(reasoning["close"], text.find(_REASONING) + len(_REASONING))
        start = close + len(reasoning["close"]) if close >= 0 else 0
    betweens = {text[one.end() : other.start()] for one, other in pairwise(found)}
    if len(betweens) > 1:
        raise ChatAdaptersError(f"{adapter.name}: calls are separated in more than one way")
    after_content = None
    if limits.content_with_calls:
        mixed = _print(adapter, _CONTENT, "", many)
        place = mixed.find(_CONTENT) + len(_CONTENT)
        first = pattern.search(mixed, place)
        after_content = mixed[place : first.start()] if first else None
    pieces = _pieces(found[0])
    space = ""
    if pieces[0][0] == "text":
        core = pieces[0][1].lstrip()
        space = pieces[0][1].removesuffix(core)
        pieces = ((("text", core),) if core else ()) + pieces[1:]
    return {
        "pieces": pieces,
        "first": text[start : found[0].start()] + space,
        "after_content": None if after_content is None else after_content + space,
        "between": betweens.pop() + space if betweens else None,
        "last": text[found[-1].end() :],
        "most": limits.calls,
        "anchored": _anchored(adapter),
        "lead": _exact_lead(adapter),
        "arguments": _spelling(adapter, loop),
    }


def _anchored(adapter: Adapter) -> bool:
    """Whether a call may stand only where the message begins."""
    return not any(
        one["call"] is not None
        for state in adapter.table["states"]
        if not state["anchored"]
        for route in state["routes"].values()
        for one in (route, *route.get("others", ()))
    )


def _exact_lead(adapter: Adapter) -> str:
    """Return the white space that alone says that content begins, or ""."""
    for route in adapter.table["states"][0]["anchored"]:
        if route["exact"]:
            return str(route["first"][0])
    return ""


def _core(body: Seq) -> Seq:
    """Return the nodes of a call without the framing under conditions around them."""
    nodes = list(body)
    while nodes and _framing(nodes[0]):
        nodes.pop(0)
    while nodes and _framing(nodes[-1]):
        nodes.pop()
    return tuple(nodes)


def _framing(node: Node) -> bool:
    return isinstance(node, Alt) and not any(isinstance(n, Hole | Obj | Rep) for n in walk((node,)))


def _pattern(nodes: Seq) -> str:
    """Return the pattern of one printed call, a named group for each hole."""
    return "".join(map(_one, nodes))


def _numbered(pattern: str) -> re.Pattern[str]:
    """Compile a pattern; a hole that comes twice is two groups, told apart by a number."""
    count = itertools.count()
    return re.compile(
        re.sub(r"\(\?P<(\w+)>", lambda m: f"(?P<{m.group(1)}_{next(count)}>", pattern), re.DOTALL
    )


def _one(node: Node) -> str:
    match node:
        case Lit(text):
            return re.escape(text)
        case Hole(field="name", codec=codec):
            return f'"(?P<name_json>{_NAME})"' if codec.name == "json" else f"(?P<name>{_NAME})"
        case Hole(field="id", codec=codec):
            return '"(?P<id_json>[^"]*)"' if codec.name == "json" else "(?P<id>.*?)"
        case Hole(field="count"):
            return '"?(?P<count>[0-9]+)"?'
        case Hole(field="arguments", codec=codec):
            if codec.name == "elements":
                mark = re.escape(str(dict(codec.options)["mark"]))
                return f"(?P<arguments>{mark}<{_KEY}>{_VALUE}{mark}</{_KEY}>)"
            if dict(codec.options).get("string"):
                return rf'(?P<arguments>"\{{[^{{}}]*?{_KEY}[^{{}}]*?{_VALUE}[^{{}}]*?\}}")'
            quote = re.escape(str(dict(codec.options).get("quote", "")))
            ending = f"(?:{quote})?" if quote else "[\"'|<>]*"
            inner = f"[^{{}}]*?{_KEY}[^{{}}]*?{_VALUE}{ending}"
            if codec.name != "python":
                inner = r"\{" + inner + r"\s*\}"
            return f"(?P<arguments>{inner})"
        case Rep(over="arguments"):
            return f"(?P<arguments>.*?{_VALUE}{re.escape(_ending(node))})"
        case Obj(fields, optional):
            comma, parts = "", list[str]()
            for key, one in fields:
                part = rf"{comma}\s*{re.escape(json.dumps(key))}\s*:\s*{_one(one)}"
                parts.append(f"(?:{part})?" if key in optional else part)
                comma = r"\s*,"
            return r"\{" + "".join(parts) + r"\s*\}"
        case Alt(branches):
            return "(?:" + "|".join(map(_pattern, branches)) + ")"
        case _:
            return ".*?"


def _ending(loop: Rep) -> str:
    last = loop.body[-1]
    return last.text if isinstance(last, Lit) else ""


def _pieces(found: re.Match[str]) -> tuple[tuple[str, str], ...]:
    """Return one call as (kind, text) pieces: literal text, and the holes between."""
    spans = sorted((found.span(name), name) for name, text in found.groupdict().items() if text)
    pieces, at = list[tuple[str, str]](), found.start()
    for (start, end), name in spans:
        name = name.rpartition("_")[0]
        pieces += [("text", found.string[at:start]), (name.removesuffix("_json"), name)]
        at = end
    pieces.append(("text", found.string[at : found.end()]))
    return tuple((kind, text) for kind, text in pieces if text)


def _spelling(adapter: Adapter, loop: Rep) -> dict[str, Any]:
    """Return how arguments are spelled: a kind, the codec's options, and the texts around pairs."""
    pairs = _pairs(adapter)
    if pairs is not None:
        pair = pair_of(pairs)
        assert pair is not None
        table = next(call["table"] for call in adapter.table["calls"] if call["payload"] == "pairs")
        spec = {
            "kind": "pairs",
            "codec": pair.value.name,
            "options": dict(pair.value.options),
            "open": pair.opening,
            "middle": pair.middle,
            "close": pair.closing,
            "ends": table["ends"],
        }
        if pair.typed:
            spec["typed"] = {"after": pair.after, "words": pair.kinds}
        if "escaped" in table:
            spec["escaped"] = True
        return spec
    hole = next(
        node for node in walk(loop.body) if isinstance(node, Hole) and node.field == "arguments"
    )
    spec = {"kind": hole.codec.name, "options": dict(hole.codec.options)}
    if hole.codec.name == "elements":
        table = next(call["table"] for call in adapter.table["calls"])
        spec["until"] = table["until"][0]
    return spec
