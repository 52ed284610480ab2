"""Declaration files as raw tables: TOML text in, a table with what it extends merged in out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .complaints import line_at
from .errors import DeclarationError, Place

Loader = Callable[[str], dict[str, Any]]


def read_text(path: Path) -> str:
    """Return the text of a declaration file. Raises ``DeclarationError``."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeclarationError(
            f"not UTF-8: byte {error.start} is {error.object[error.start]:#04x}",
            place=Place(str(path)),
            fixes=["save the file as UTF-8"],
        ) from None
    except OSError as error:
        raise DeclarationError(
            f"cannot be read: {error.strerror}", place=Place(str(path)), fixes=["check the path"]
        ) from None


def read_table(path: Path) -> dict[str, Any]:
    """Return the raw TOML table of a declaration file. Raises ``DeclarationError``."""
    return parse(read_text(path), str(path))


def parse(text: str, file: str) -> dict[str, Any]:
    """Return the raw table of a TOML text. Raises ``DeclarationError``."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, where = str(error).partition(" (at ")
        found = re.match(r"line ([0-9]+)", where)
        opened = max(text.rfind("'''"), text.rfind('"""'))
        line = (
            int(found.group(1))
            if found
            else text.count("\n", 0, opened if opened >= 0 else len(text.rstrip())) + 1
        )
        raise DeclarationError(
            f"not valid TOML: {reason}{f' (at {where}' if where else ''}",
            place=Place(Path(file).name, "", line),
            quote=line_at(text, line),
            fixes=[
                "close every string, list and table; a string stands between quotes",
                "put literal text with quotes or backslashes between ''' and '''",
            ],
        ) from None


def extend(
    raw: dict[str, Any], file: str, load_base: Loader | None, seen: tuple[str, ...]
) -> dict[str, Any]:
    """Return a raw table merged into what it extends: keys replace, tables merge one level."""
    base = raw.get("extends")
    if not isinstance(base, str):
        return raw
    if base in seen or load_base is None:
        reason = (
            f"extends {base!r} leads back to itself"
            if base in seen
            else f"cannot look up extends = {base!r}"
        )
        raise DeclarationError(
            reason,
            place=Place(Path(file).name, "extends"),
            quote=f'extends = "{base}"',
            fixes=["name another declaration", "remove `extends`"],
        )
    merged = dict(extend(load_base(base), f"{base}.toml", load_base, (*seen, base)))
    # These are facts about the base's own models and templates, not about its format.
    for key in ("models", "aliases", "evidence", "references", "deviations"):
        merged.pop(key, None)
    for key, value in raw.items():
        old = merged.get(key)
        merged[key] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
