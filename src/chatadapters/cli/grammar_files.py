"""Grammars as files: what the command line gives about a request in, texts of files out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..emit import REQUEST_TARGETS
from .facts import file_name
from .files import InputError, read_json, read_tools

if TYPE_CHECKING:
    from ..adapter import Adapter

_WORDS = ("auto", "required", "none")
_TOKENIZER = "tokenizer.json"


def request(
    targets: list[str], tools: str | None, choice: str, model: str | None
) -> dict[str, Any]:
    """Return what ``emit`` takes for a grammar; nothing where no grammar is asked for."""
    if not REQUEST_TARGETS.keys() & set(targets):
        if tools or model:
            given = "--tools" if tools else "--model"
            raise click.UsageError(f"{given} is for grammars: add --target lark, for example")
        return {}
    if tools is None:
        raise click.UsageError("a grammar is for a set of tools: name their file with --tools")
    named = {"type": "function", "function": {"name": choice}}
    return {
        "tools": read_tools(tools),
        "tool_choice": choice if choice in _WORDS else named,
        "special_tokens": special_tokens(Path(model)) if model else None,
    }


def special_tokens(folder: Path) -> dict[str, int]:
    """Return the special tokens of a model's tokenizer, with their ids. Raises ``InputError``."""
    path = folder / _TOKENIZER
    table = read_json(str(path))
    added = table.get("added_tokens") if isinstance(table, dict) else None
    if not isinstance(added, list):
        raise InputError(
            str(path), "no list of added_tokens", "name a folder with a tokenizer.json"
        )
    return {one["content"]: one["id"] for one in added if one.get("special")}


def given(target: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a request that a target takes."""
    if target not in REQUEST_TARGETS:
        return {}
    return {key: value for key, value in request.items() if target == "lark" or key in _SHARED}


_SHARED = ("tools", "tool_choice")


def files(adapter: Adapter, target: str, folder: Path, request: dict[str, Any]) -> dict[Path, str]:
    """Return the texts of a grammar's files."""
    told = given(target, request)
    text = adapter.emit(target, **told)
    found = {folder / file_name(adapter.name, target): text}
    if target == "gbnf":
        lazy = adapter.emit(target, lazy=True, **told)
        if json.loads(lazy) is not None:
            found[folder / f"{adapter.name}_lazy.json"] = lazy
    return found
