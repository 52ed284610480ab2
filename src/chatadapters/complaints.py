"""What pydantic says about a declaration, said for people: where, the quoted line, and ways out."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from .errors import DeclarationError, Place, did_you_mean

_KINDS = {
    "string_type": ("not a valid string", 'write it between quotes: {key} = "..."'),
    "bool_type": ("not true or false", "write true or false, without quotes"),
    "bool_parsing": ("not true or false", "write true or false, without quotes"),
    "int_type": ("not a whole number", "write digits, without quotes"),
    "int_parsing": ("not a whole number", "write digits, without quotes"),
    "tuple_type": ("not a list", 'write a list: {key} = ["..."]'),
    "dict_type": ("not a table", "write a table: [{key}], and its keys below it"),
    "model_type": ("not a table", "write a table: [{key}], and its keys below it"),
    "model_attributes_type": ("not a table", "write a table: {{ ... }}"),
    "literal_error": ("not one of the words that this key takes", "use {expected}"),
    "string_pattern_mismatch": (
        "not 64 hexadecimal digits",
        "copy what `sha256sum` prints of the template file",
    ),
    "greater_than_equal": ("below zero", "write 0 or more"),
    "option": (
        "not a default that an option can have",
        "write true, false, a whole number, a string or {{}}",
    ),
}


def explain(
    error: ValidationError, file: str, text: str, *, cls: type[BaseModel]
) -> DeclarationError:
    """Turn pydantic's first complaint into one of ours."""
    # A key that is not known may be one that is missing, with a typing error.
    errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = _real_keys(errors[0]["loc"])
    first = max(
        (e for e in errors if _real_keys(e["loc"])[: len(keys)] == keys),
        key=lambda e: len(e["loc"]),
    )
    keys = _real_keys(first["loc"])
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)[1:]
    line = _line_of(text, [str(key) for key in keys])
    place, quote, word = Place(file, path, line), line_at(text, line), str(keys[-1])
    if first["type"] == "extra_forbidden":
        table: Any = cls
        for part in keys[:-1]:
            field = getattr(table, "model_fields", {}).get(part)
            table = field.annotation if field is not None else table
            table = next(
                (a for a in getattr(table, "__args__", ()) if hasattr(a, "model_fields")), table
            )
        known = [
            f.alias or n
            for n, f in getattr(table, "model_fields", {}).items()
            if n not in ("name", "file")
        ]
        fixes = [f"use one of: {', '.join(known)}", "remove it"]
        return DeclarationError(
            f"unknown key {word!r}{did_you_mean(word, known)}",
            place=place,
            quote=quote,
            fixes=fixes,
        )
    if first["type"] == "missing":
        owner = "".join(f"[{key}]" for key in keys[:-1] if isinstance(key, str))
        fix = (
            f"add {word} = ... under {owner}"
            if owner
            else f"add {word} = ... at the top of the file"
        )
        if any(isinstance(key, int) for key in keys):
            fix = f"add {word} = ... to this entry"
        if word in ("prompt", "output"):
            fix = f"add the table [{word}]"
        return DeclarationError(
            f"the key {path!r} is missing", place=place, quote=quote, fixes=[fix]
        )
    other = (f"{first['msg'][0].lower()}{first['msg'][1:]}", "correct the value")
    message, fix = _KINDS.get("option" if keys[0] == "options" else first["type"], other)
    fix = fix.format(key=word, expected=first.get("ctx", {}).get("expected"))
    return DeclarationError(
        f"{message}: {first['input']!r:.200}",
        place=place,
        quote=quote,
        fixes=[fix, "see `adapters schema` for the keys and their types"],
    )


def _real_keys(loc: tuple[int | str, ...]) -> list[int | str]:
    """Return a pydantic location without the names of union members."""
    keys = [key for key in loc if not (isinstance(key, str) and re.search(r"[\[(]", key))]
    if keys[0] == "options":
        del keys[2:]
    return keys


def line_at(text: str, line: int) -> str:
    """Return a line of a text, counted from 1, or ""."""
    lines = text.split("\n")
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line of a TOML text on which a key stands, or else its table's, or 0."""
    table, found = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = f"{header.group(1).strip()}."
            if table.rstrip(".") == ".".join(keys[: table.count(".")]):
                found = number
        elif key := re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line):
            path = (table + key.group(1)).replace('"', "").split(".")
            if path == keys[: len(path)]:
                return number
    return found
