"""Grammars as files: what the command line gives about a request in, texts of files out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..emit import REQUEST_TARGETS, TAKES
from .facts import file_name
from .files import InputError, read_json, read_tools

if TYPE_CHECKING:
    from ..adapter import Adapter

_WORDS = ("auto", "required", "none")
_TOKENIZER = "tokenizer.json"
LAZY = "_lazy.json"  # the end of the name of a grammar that sleeps until a call begins


def request(
    targets: list[str], tools: str | None, choice: str, model: str | None
) -> dict[str, Any]:
    """Return what ``emit`` takes for a grammar; nothing where no grammar is asked for."""
    if not REQUEST_TARGETS.keys() & set(targets):
        asked = {"--tools": tools, "--tool-choice": choice != _WORDS[0], "--model": model}
        for given in (option for option, value in asked.items() if value):
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
    fix = "name a folder with a tokenizer.json"
    if not isinstance(added, list):
        raise InputError(str(path), "no list of added_tokens", fix)
    for number, one in enumerate(added):
        token = one if isinstance(one, dict) else {}
        if not isinstance(token.get("content"), str) or not isinstance(token.get("id"), int):
            where = f"{path}, added_tokens[{number}]"
            raise InputError(where, f"no token with a content and an id: {one!r:.60}", fix)
    return {one["content"]: one["id"] for one in added if one.get("special")}


def given(target: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a request that a target takes."""
    taken = TAKES.get(target, ())
    return {key: value for key, value in request.items() if key in taken}


def losses(adapter: Adapter, target: str, request: dict[str, Any]) -> list[str]:
    """Return what a target's files do not keep, the one of a sleeping grammar included."""
    lazy = {"lazy": True} if target == "gbnf" else {}
    return adapter.losses(target, **given(target, request), **lazy)


def files(adapter: Adapter, target: str, folder: Path, request: dict[str, Any]) -> dict[Path, str]:
    """Return the texts of a grammar's files."""
    told = given(target, request)
    text = adapter.emit(target, **told)
    found = {folder / file_name(adapter.name, target): text}
    if target == "gbnf":
        lazy = adapter.emit(target, lazy=True, **told)
        if json.loads(lazy) is not None:
            found[folder / f"{adapter.name}{LAZY}"] = lazy
    return found
