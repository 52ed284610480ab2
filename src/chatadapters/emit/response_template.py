"""transformers' response template: an adapter in; the template, and what it cannot keep, out.

``tokenizer.parse_response``, ``transformers serve`` and vLLM's parsers named hf read it. Sources:
transformers/utils/chat_parsing and vllm/parser/response_template.py, which serves the fields
thinking, content and tool_calls and no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ChatAdaptersError
from ..runtime import Parser
from .response_calls import TYPED, Region, listed, region
from .response_patterns import SPACE, either, literal, unnamed
from .response_routes import Delimiters, delimiters

if TYPE_CHECKING:
    from ..adapter import Adapter

Json = dict[str, Any]
_END = "\\Z"
_UNREAD = (
    "calls: no content parser of transformers reads Python keyword arguments; a call stays in the "
    "content, as the model wrote it"
)
_SECOND = "a second call in a message: nothing tells where it begins, and the answer is an error"


@dataclass(frozen=True)
class ResponseTemplate:
    """A response template and its losses, one sentence each.

    ``template`` is None where neither calls nor reasoning would be read, and the losses say why.
    Without losses it is complete: it gives every message that the adapter carries, but for texts
    that look like the beginning of a call. ``typed``: the tools say the types of arguments, so that
    ``parse_response`` needs ``tools=``.
    """

    template: Json | None
    losses: tuple[str, ...]
    typed: bool

    @property
    def complete(self) -> bool:
        """Whether nothing is lost."""
        return not self.losses


def response_template(adapter: Adapter) -> ResponseTemplate:
    """Return the response template of an adapter."""
    table = adapter.table
    losses: list[str] = []
    made: Region | None = None
    objects = False
    if table["calls"]:
        call = table["calls"][0]
        made = region(call, adapter.ir, table["id_parts"])
        objects = call["payload"] == "object"
        losses += made.losses if made is not None else [_UNREAD]
    if made is None:
        table = {**table, "states": table["states_without_calls"]}
    spaced = objects and _spaced(adapter)
    found = delimiters(table, made.close if made else "", objects=objects, spaced=spaced)
    fields: Json = {}
    if found.reasoning or found.reasoned:
        fields["thinking"] = _thinking(found, made, table["stop"])
    if made is not None:
        fields["tool_calls"] = _calls(found, made, table)
        losses += [_SECOND] if found.single else []
    elif losses and not fields:
        return ResponseTemplate(None, tuple(losses), False)
    fields["content"] = _content(found, made.close if made else "", table["stop"])
    template = {"defaults": {"role": "assistant"}, **_anchor(table), "fields": fields}
    return ResponseTemplate(template, tuple(losses), TYPED in losses)


def losses(adapter: Adapter) -> list[str]:
    """Return, in sentences, what the response template of an adapter cannot keep."""
    return list(response_template(adapter).losses)


def emit_response_template(adapter: Adapter) -> str:
    """Return the response template as JSON. Raises ``ChatAdaptersError`` where there is none."""
    return json.dumps(useful(adapter), ensure_ascii=False, indent=2) + "\n"


def useful(adapter: Adapter) -> Json:
    """Return the response template of an adapter. Raises ``ChatAdaptersError``."""
    made = response_template(adapter)
    if made.template is None:
        raise ChatAdaptersError(
            f"{adapter.name} has no response template: {'; '.join(made.losses)}: use the parser, "
            f"`adapters compile {adapter.name} --target python`, or --target vllm"
        )
    return made.template


def _spaced(adapter: Adapter) -> bool:
    """Whether white space is printed between two calls of a message."""
    calls = adapter.shape["calls"]
    kind, text = calls["pieces"][-1]
    between = (text if kind == "text" else "") + (calls["between"] or "")
    return between != between.rstrip()


# -- where the answer begins


def _anchor(table: Json) -> Json:
    heads = dict.fromkeys(_head(table, *pair) for pair in table["starts"])
    if heads and all(heads):
        found = list(heads)
        return {"start_anchor": found[0] if len(found) == 1 else found}
    ways = []
    for whole, rest in table["starts"]:
        head = _head(table, whole, rest)
        ways += [f"{literal(head)}(?={literal(whole[len(head) :])}{_END})"] if whole else []
    return {"start_anchor_pattern": f"\\A[\\s\\S]*?(?:{'|'.join([*ways, _END])})"}


def _head(table: Json, whole: str, rest: str) -> str:
    """Return the part of a generation prompt before the answer.

    Reasoning that the prompt itself writes is no part of the answer.
    """
    parser = Parser({**table, "before": ""})
    parser.feed(rest)
    said = parser.message.reasoning.strip() and parser.reasoned is not None
    return whole if said else whole.removesuffix(rest)


# -- the fields


def _thinking(found: Delimiters, made: Region | None, stop: tuple[str, ...]) -> Json:
    close: Json
    if not found.answered and all(len(way.tokens) == 1 for way in found.reasoned):
        # As texts where they can be: vLLM then finds the end of the reasoning by its tokens.
        texts = [text for way in found.reasoned for text in way.spelled()]
        close = {"close": list(dict.fromkeys([*texts, *stop]))}
    else:
        ways = [way.pattern for way in found.reasoned]
        if made is not None and found.answered:
            ways.append(f"(?={unnamed(found.openings() + made.header)})")
        ways += [f"(?={_any(stop)})"] if stop else []
        close = {"close_pattern": "|".join(dict.fromkeys(ways))}
    return {"open_pattern": either(way.pattern for way in found.reasoning), **close, **_exact()}


def _calls(found: Delimiters, made: Region, table: Json) -> Json:
    if found.listed:
        listed(made, table["calls"][0]["table"])
    ends = SPACE + made.close if made.close else ""
    if not ends:
        ahead = [*dict.fromkeys(found.following), *map(literal, table["stop"])]
        ways = [way.pattern + SPACE for way in found.closers]
        ways += [f"(?={either(ahead)})"] if ahead else []
        ends = f"(?<=[}}\\]]){SPACE}{either(ways)}" if ways else ""
    close = {"close_pattern": f"\\G{made.body}\\K{ends}"} if ends else {}
    repeats = {} if found.listed else {"repeats": True}
    return {"open_pattern": found.openings() + made.header, **close, **repeats, **made.field}


def _content(found: Delimiters, closed: str, stop: tuple[str, ...]) -> Json:
    """Return the field of what is in no other; what stands around it closes it and is dropped."""
    ways = list(dict.fromkeys(way.pattern for way in found.skipped))
    if closed:
        ways += [way.pattern + SPACE for way in found.closers]
        # The end of a call takes the white space with which a stop string may begin.
        cut = [text.lstrip() for text in stop if text != text.lstrip()]
        ways += [f"(?<={closed}){literal(text)}[\\s\\S]*" for text in cut if text]
    ways += [f"{_any(stop)}[\\s\\S]*"] if stop else []
    return {**({"close_pattern": "|".join(ways)} if ways else {}), **_exact()}


def _any(texts: Iterable[str]) -> str:
    return either(map(literal, texts))


def _exact() -> Json:
    return {"content": "text", "content_args": {"strip": False}}
