"""The encodings of arguments: their names and options in, dialects out."""

from __future__ import annotations

from .dialect import Dialect, new_blocks
from .quoted import json_dialect, python_dialect
from .raw import quote_dialect, text_dialect

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MOST_SPECS = 100
_DIALECTS: dict[str, Dialect] = {}
_REMEMBERED: dict[int, tuple[Mapping[str, Any], Dialect]] = {}


def dialect_of(spec: Mapping[str, Any]) -> Dialect:
    """Return the dialect in which the values of arguments are written; the same for the same."""
    given = _REMEMBERED.get(id(spec))
    if given is not None and given[0] is spec:
        return given[1]
    name = repr(spec)
    found = _DIALECTS.get(name)
    if found is None:
        found = _DIALECTS[name] = _made(spec)
    if len(_REMEMBERED) >= _MOST_SPECS:
        _REMEMBERED.clear()
    _REMEMBERED[id(spec)] = (spec, found)
    return found


def _made(spec: Mapping[str, Any]) -> Dialect:
    blocks = new_blocks()
    options: Mapping[str, Any] = spec.get("options") or {}
    kind = spec["kind"]
    if kind == "json" or (kind == "pairs" and spec["codec"] == "json"):
        return json_dialect("j", blocks, options)
    if kind == "literal":
        return quote_dialect("l", blocks, options)
    if kind == "pairs":
        return text_dialect("t", blocks, options, spec["ends"])
    inner = python_dialect("p", blocks)
    plain, mapped = options.get("strings") == "plain", options.get("mappings") == "json"
    if not plain and not mapped:
        return inner
    made = python_dialect("v", blocks, plain)  # the options hold for the arguments themselves
    made.arrays = inner
    made.objects = json_dialect("k", blocks, {}, slash="") if mapped else inner
    made.any_value()
    return made
