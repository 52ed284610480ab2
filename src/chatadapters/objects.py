"""JSON objects in a lowered fragment: literals and holes in, ``Obj`` nodes out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from .fragments import Fragment
from .ir import Codec, Hole, Lit, Node, Obj, Seq

_RAW_MARK = "\ue000{}\ue001"
_JSON_MARK = '"\ue002{}\ue003"'
_HOLE = re.compile("[\ue000\ue002]([0-9]+)[\ue001\ue003]")
_MARK = re.compile('"\ue002[0-9]+\ue003"|\ue000[0-9]+\ue001')


class _Pairs(list[tuple[str, Any]]):
    """The pairs of a decoded JSON object."""


def find(fragment: Fragment, seq: Seq) -> Seq:
    """Make each maximal run that is a JSON object an ``Obj``. Raises ``DeclarationError``."""
    found: list[Node] = []
    run: list[Lit | Hole] = []
    for node in seq:
        if isinstance(node, Lit | Hole):
            run.append(node)
        else:
            found += [*_objects(fragment, run), node]
            run = []
    return (*found, *_objects(fragment, run))


def _objects(fragment: Fragment, run: Sequence[Lit | Hole]) -> list[Node]:
    holes = [node for node in run if isinstance(node, Hole)]
    text, number = "", 0
    for node in run:
        if isinstance(node, Lit):
            text += node.text
        else:
            text += (_RAW_MARK if node.codec.name == "raw" else _JSON_MARK).format(number)
            number += 1
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            value, end = None, start + 1
        if isinstance(value, _Pairs) and _HOLE.search(text, start, end):
            obj = _build(fragment, value, holes)
            return [*_split(text[:start], holes), obj, *_split(text[end:], holes)]
        start = text.find("{", end)
    return list(run)


def _split(text: str, holes: Sequence[Hole]) -> list[Node]:
    """Turn marked text back into literals and holes."""
    found: list[Node] = []
    end = 0
    for mark in _MARK.finditer(text):
        found += [
            Lit(text[end : mark.start()]),
            holes[int(mark.group().strip('"\ue000\ue001\ue002\ue003'))],
        ]
        end = mark.end()
    return [node for node in (*found, Lit(text[end:])) if node != Lit("")]


def _build(fragment: Fragment, pairs: _Pairs, holes: Sequence[Hole]) -> Obj:
    fields: list[tuple[str, Hole | Obj | Lit]] = []
    line = holes[0].line
    for key, value in pairs:
        _refuse_hole(fragment, key, holes, "name", "a key of a JSON object is a hole")
        if any(key == other for other, _ in fields):
            raise fragment.error(
                f"the key {key!r} stands twice in one object",
                line,
                f"remove one {key!r}",
                "give one of them another name",
            )
        mark = _HOLE.fullmatch(value) if isinstance(value, str) else None
        if mark:
            hole = holes[int(mark.group(1))]
            line = hole.line
            name = hole.codec.name
            if name not in ("raw", "json"):
                written = f"{{{{ call.{hole.field}"
                raise fragment.error(
                    f"the codec {name!r} cannot stand in a JSON object",
                    line,
                    f"print it as JSON: {written} | json }}}}",
                    f"print {written} | {name} }}}} without a JSON object around it",
                )
            fields.append(
                (key, Hole(hole.field, hole.codec if name == "json" else Codec("json"), line))
            )
        elif isinstance(value, _Pairs):
            fields.append((key, _build(fragment, value, holes)))
        else:
            text = json.dumps(value, ensure_ascii=False)
            _refuse_hole(
                fragment, text, holes, key, f"the value of the key {key!r} is only partly a hole"
            )
            fields.append((key, Lit(text)))
    return Obj(tuple(fields), line)


def _refuse_hole(
    fragment: Fragment, text: str, holes: Sequence[Hole], key: str, message: str
) -> None:
    if found := _HOLE.search(text):
        hole = holes[int(found.group(1))]
        raise fragment.error(
            message,
            hole.line,
            f'write "{key}": {{{{ call.{hole.field} | json }}}}, with nothing else in the value',
            "put the rest of the text under a key of its own",
        )
