"""The encodings of arguments: their names and options in, dialects out."""

from __future__ import annotations

from .dialect import Dialect, new_blocks
from .elements import elements_dialect
from .quoted import json_dialect, python_dialect
from .raw import quote_dialect, text_dialect

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MOST_SPECS = 100
NO_GRAMMAR = "arguments spelled as {} have no grammar yet, so nothing can be enforced"
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
    options: Mapping[str, Any] = spec.get("options") or {}
    if options.get("string"):
        raise ValueError(NO_GRAMMAR.format("JSON in a string"))
    if spec["kind"] == "elements":
        return elements_dialect(options)
    blocks = new_blocks()
    kind = spec["kind"]
    if kind == "json" or (kind == "pairs" and spec["codec"] == "json"):
        return json_dialect("j", blocks, options)
    if kind == "literal":
        return quote_dialect("l", blocks, options)
    if kind == "pairs":
        return text_dialect("t", blocks, options, spec["ends"], "typed" in spec)
    if options.get("values") == "json":
        return json_dialect("k", blocks, {}, slash="")
    inner = python_dialect("p", blocks)
    strings = options.get("strings", "repr")
    mapped, listed = options.get("mappings") == "json", options.get("lists") == "json"
    if strings == "repr" and not mapped and not listed:
        return inner
    made = python_dialect("v", blocks, strings)  # the options hold for the arguments themselves
    as_json = json_dialect("k", blocks, {}, slash="") if mapped or listed else inner
    made.arrays = as_json if listed else inner
    made.objects = as_json if mapped else inner
    made.any_value()
    return made
