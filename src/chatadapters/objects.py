"""JSON objects in a lowered fragment: literals and holes in, ``Obj`` nodes out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from .fragments import Fragment
from .ir import Alt, Codec, Hole, Lit, Node, Obj, Seq

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
    for node in _inlined(fragment, seq):
        if isinstance(node, Lit | Hole):
            run.append(node)
        else:
            found += [*_objects(fragment, run), node]
            run = []
    return (*found, *_objects(fragment, run))


def _inlined(fragment: Fragment, seq: Seq) -> Seq:
    """Return the nodes with each object that has optional keys made an ``Obj``."""
    found: list[Node] = []
    run: list[Lit | Hole] = []
    plain: list[Node] = []
    optional: set[int] = set()
    for node in (*seq, None):
        inner = [node] if isinstance(node, Lit | Hole) else _entry(node) if node else []
        if inner:
            if not isinstance(node, Lit | Hole):
                count = sum(isinstance(one, Hole) for one in run)
                holes = (one for one in inner if isinstance(one, Hole))
                optional |= {count + n for n, _ in enumerate(holes)}
            run += inner
            plain.append(node)  # type: ignore[arg-type]
            continue
        found += _objects(fragment, run, frozenset(optional)) if optional else plain
        found += [node] if node else []
        run, plain, optional = [], [], set()
    return tuple(found)


def _entry(node: Node) -> list[Lit | Hole]:
    """Return what a condition without an alternative prints, where it is keys of an object."""
    branches = node.branches if isinstance(node, Alt) else ()
    inner = [one for branch in branches for one in branch if isinstance(one, Lit | Hole)]
    text = "".join(one.text if isinstance(one, Lit) else "0" for one in inner).strip()
    plain = len(branches) == 2 and () in branches and len(inner) == sum(map(len, branches))
    return inner if plain and re.fullmatch(r',\s*".*|".*,', text, re.DOTALL) else []


def _objects(
    fragment: Fragment, run: Sequence[Lit | Hole], optional: frozenset[int] = frozenset()
) -> list[Node]:
    holes = [node for node in run if isinstance(node, Hole)]
    text, number = "", 0
    for node in run:
        if isinstance(node, Lit):
            text += node.text
        else:
            bare = node.codec.name != "raw" or (node.field == "count" and text[-1:] != '"')
            text += (_JSON_MARK if bare else _RAW_MARK).format(number)
            number += 1
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            value, end = None, start + 1
        if isinstance(value, _Pairs) and _is_named(value, holes):
            return _named(run)
        if isinstance(value, _Pairs) and _HOLE.search(text, start, end):
            obj = _build(fragment, value, holes, optional)
            return [*_split(text[:start], holes), obj, *_split(text[end:], holes)]
        start = text.find("{", end)
    return list(run)


def _is_named(pairs: _Pairs, holes: Sequence[Hole]) -> bool:
    """Whether an object is one entry: the name of the call as its key, the arguments under it."""
    marks = [_HOLE.fullmatch(text) for text in pairs[0] if isinstance(text, str)] if pairs else []
    fields = [holes[int(mark.group(1))].field for mark in marks if mark]
    return len(pairs) == 1 and fields == ["name", "arguments"]


def _named(run: Sequence[Lit | Hole]) -> list[Node]:
    """Return the run with the name as a text between quotes: it ends where its quote does."""
    found: list[Node] = []
    for node in run:
        if isinstance(node, Hole) and node.field == "name" and node.codec.name == "json":
            found += [Lit('"'), Hole("name", Codec("raw"), node.line), Lit('"')]
        else:
            found.append(node)
    joined: list[Node] = []
    for part in found:
        if isinstance(part, Lit) and joined and isinstance(joined[-1], Lit):
            joined[-1] = Lit(joined[-1].text + part.text)
        else:
            joined.append(part)
    return joined


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


def _build(
    fragment: Fragment, pairs: _Pairs, holes: Sequence[Hole], optional: frozenset[int]
) -> Obj:
    fields: list[tuple[str, Hole | Obj | Lit]] = []
    missing: set[str] = set()
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
            if int(mark.group(1)) in optional:
                missing.add(key)
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
            fields.append((key, _build(fragment, value, holes, optional)))
        else:
            text = json.dumps(value, ensure_ascii=False)
            _refuse_hole(
                fragment, text, holes, key, f"the value of the key {key!r} is only partly a hole"
            )
            fields.append((key, Lit(text)))
    return Obj(tuple(fields), frozenset(missing), line)


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
