"""``adapters schema``: nothing in, the JSON Schema of a declaration out."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


@click.command()
def command() -> None:
    """Print the JSON Schema of a declaration, for editors.

    With it an editor completes and checks declarations; a first line `#:schema PATH` names it
    in a declaration.

    \b
    Example:
      adapters schema > declaration.schema.json
    """
    sys.stdout.write(text())


def text() -> str:
    """Return the JSON Schema of a declaration as text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a declaration.

    What a declaration must have it may also take from the one that it extends.
    """
    from ..declaration import Declaration

    found: dict[str, Any] = Declaration.model_json_schema(by_alias=True)
    properties, kinds = found["properties"], found["$defs"]
    for ours in ("name", "file"):
        properties.pop(ours)
    needed: dict[str, Any] = {"required": found.pop("required"), "properties": {}}
    for key in ("prompt", "output"):
        kind = properties[key]["$ref"].rpartition("/")[2]
        needed["properties"][key] = {"required": kinds[kind].pop("required")}
    found = _plain(found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "if": {"not": {"required": ["extends"]}},
        "then": needed,
    }


def _plain(node: Any) -> Any:
    """Drop what says nothing: names of keys as titles, and null, which TOML does not have."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: value for key, value in node.items() if key != "title" or not isinstance(value, str)
    }
    if kept.get("default", 0) is None:
        del kept["default"]
    kinds = [kind for kind in kept.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) > 1:
        kept["anyOf"] = kinds
    for kind in kinds if len(kinds) == 1 else []:
        kept = {**kind, **kept}
    return {key: _plain(value) for key, value in kept.items()}
