"""The printed shape of an answer: an adapter in, what grammars and servers build on out.

It is read off answers that the adapter prints for probe messages, so that every condition of the
output fragment has been decided by the template itself.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
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
    ``arguments``, how they are spelled. ``firsts`` and ``lasts`` are all there are, with reasoning
    or content before and without; ``lead`` is what content begins with where calls begin with a
    word, or with nothing of their own; ``tail`` is what follows content. ``reasoning`` is None or
    has the texts ``open``, ``close``, ``gap`` (white space after it) and ``lone`` (what stands for
    a block that is left out), ``instead`` (a call's opening, where that alone ends it before a
    call), and the conditions under which a prompt leaves it ``undecided``. ``after`` is what a
    parser has read where the reasoning is over.
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


def _print(
    adapter: Adapter,
    content: str,
    reasoning: str,
    calls: int,
    arguments: Mapping[str, str] = MappingProxyType({_KEY: _VALUE}),
) -> str:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {
                "id": f"probe{number:04}",
                "type": "function",
                "function": {"name": _NAME, "arguments": dict(arguments)},
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
    close, instead = rest[: rest.index(_CONTENT)], ""
    if adapter.declaration.limits.calls != 0:
        # What stands before content only is no part of the end: calls may come there instead.
        _, _, called = _print(adapter, "", _REASONING, 1).partition(_REASONING)
        shared = _shared((close, called), adapter.declaration.special)
        before, word = shared.rsplit(maxsplit=1) if len(shared.split()) > 1 else ("", "")
        if word.endswith("="):
            shared = before  # a word that goes on differently
        instead = "" if shared.strip() else called.partition(_NAME)[0]
        close = shared if shared.strip() else close
    gap, close = close[len(close.rstrip()) :], close.rstrip()
    bare, found, _ = _print(adapter, _CONTENT, "", 0).partition(_CONTENT)[0].partition(close)
    lone = f"{bare.lstrip()}{found}" if found and opening.strip() not in bare else ""
    return {
        "open": opening,
        "close": close,
        "gap": gap,
        "lone": lone,
        "instead": instead,
        "undecided": undecided(adapter),
    }


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
    pieces, more = _alike(found)
    ends = [one.end() - size for one, size in zip(found, more, strict=True)]
    betweens = {text[end : other.start()] for end, other in zip(ends, found[1:], strict=False)}
    if len(betweens) > 1:
        raise ChatAdaptersError(f"{adapter.name}: calls are separated in more than one way")
    after_content = None
    lasts = {text[ends[-1] :]: True}
    if limits.content_with_calls:
        mixed = _print(adapter, _CONTENT, "", many)
        place = mixed.find(_CONTENT) + len(_CONTENT)
        calls = list(pattern.finditer(mixed, place))
        after_content = mixed[place : calls[0].start()] if calls else None
        if len(calls) == many:
            lasts[mixed[calls[-1].end() - more[-1] :]] = True
    firsts = [text[start : found[0].start()]]
    if reasoning:
        bare = _print(adapter, "", "", many)
        calls = list(pattern.finditer(bare))
        place = bare.find(reasoning["close"]) + len(reasoning["close"])
        if len(calls) == many and not len(reasoning["close"]) <= place <= calls[0].start():
            place = 0  # it has no empty block of reasoning
        if len(calls) == many:
            lasts[bare[calls[-1].end() - more[-1] :]] = True
            firsts.append(bare[place : calls[0].start()])
    firsts = [first for first in firsts if _REASONING not in first] or firsts
    space = ""
    if pieces[0][0] == "text":
        core = pieces[0][1].lstrip()
        space = pieces[0][1].removesuffix(core)
        pieces = ((("text", core),) if core else ()) + pieces[1:]
    return {
        "pieces": pieces,
        "first": firsts[0] + space,
        "after_content": None if after_content is None else after_content + space,
        "between": betweens.pop() + space if betweens else None,
        "last": next(iter(lasts)),
        "lasts": tuple(lasts),
        "firsts": tuple(dict.fromkeys(first + space for first in firsts)),
        "most": limits.calls,
        "anchored": _anchored(adapter),
        "lead": _exact_lead(adapter) or _marked_lead(adapter, reasoning),
        "tail": _print(adapter, _CONTENT, "", 0).partition(_CONTENT)[2],
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


def _marked_lead(adapter: Adapter, reasoning: dict[str, Any] | None) -> str:
    """Return with what content begins, up to a marker, where calls begin with a word; or ""."""
    special = tuple(adapter.declaration.special)
    content = _print(adapter, _CONTENT, "", 0).partition(_CONTENT)[0]
    called = _print(adapter, "", "", 1)
    same = len(_shared((content, called), special))
    marks = [mark for mark in special if mark in content]
    if not called[same:].lstrip()[:1].isalnum():
        return ""
    if not marks:  # a word, unless it is the end of reasoning
        ends = reasoning is not None and content.strip() in reasoning["close"]
        return "" if ends else content.lstrip()
    first = min(marks, key=lambda mark: (content.find(mark), -len(mark)))
    return content[: content.find(first) + len(first)].lstrip()


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
    pieces, at = list[tuple[str, str]](), found.start()
    for (start, end), name in _spans(found):
        name = name.rpartition("_")[0]
        pieces += [("text", found.string[at:start]), (name.removesuffix("_json"), name)]
        at = end
    pieces.append(("text", found.string[at : found.end()]))
    return tuple((kind, text) for kind, text in pieces if text)


def _spans(found: re.Match[str]) -> list[tuple[tuple[int, int], str]]:
    return sorted((found.span(name), name) for name, text in found.groupdict().items() if text)


def _alike(found: list[re.Match[str]]) -> tuple[tuple[tuple[str, str], ...], list[int]]:
    """Return the pieces of a call, and how much more each of these calls ends with.

    What ends only some of them, such as a comma, stands between calls.
    """
    pieces = _pieces(found[0])
    tails = [_pieces(one)[-1] for one in found]
    if any(kind != "text" for kind, _ in tails):
        return pieces, [0] * len(found)
    tail = _shared([text for _, text in tails], ())
    more = [len(text) - len(tail) for _, text in tails]
    return (*pieces[:-1], *([("text", tail)] if tail else [])), more


def _empty(adapter: Adapter, loop: Rep) -> str:
    """Return what stands between the texts around pairs where there are none."""
    pattern = _numbered(_pattern(_core(loop.body)))
    found = pattern.search(_print(adapter, "", "", 1))
    bare = _print(adapter, "", "", 1, {})
    if found is None:
        return ""
    start, end = next(span for span, name in _spans(found) if name.startswith("arguments"))
    before, after = found.string[:start], found.string[end:]
    inner = bare[len(before) : len(bare) - len(after)]
    return inner if bare == before + inner + after else ""


def _shared(texts: Sequence[str], marks: Iterable[str]) -> str:
    """Return what all texts begin with; none of these marks is cut in two."""
    size = next(
        (n for n, chars in enumerate(zip(*texts, strict=False)) if len(set(chars)) > 1),
        min(map(len, texts)),
    )
    for mark in marks:
        at = texts[0].find(mark)
        while at >= 0:
            size = at if at < size < at + len(mark) else size
            at = texts[0].find(mark, at + 1)
    return texts[0][:size]


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
        if empty := _empty(adapter, loop):
            spec["empty"] = empty
        return spec
    hole = next(
        node for node in walk(loop.body) if isinstance(node, Hole) and node.field == "arguments"
    )
    spec = {"kind": hole.codec.name, "options": dict(hole.codec.options)}
    if hole.codec.name == "elements":
        table = next(call["table"] for call in adapter.table["calls"])
        spec["until"] = table["until"][0]
    return spec
