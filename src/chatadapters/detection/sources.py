"""A model's folder, a template's file or a tokenizer_config.json in, chat templates out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ChatAdaptersError

LARGEST = 1 << 20  # bytes of a template; the largest official one has 30 thousand
LARGEST_FILE = 1 << 26  # bytes of a tokenizer_config.json, which may hold a vocabulary
FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


def templates(path: Path) -> dict[str, str]:
    """Return the chat templates of a file or a folder by where they stand.

    Raises ``ChatAdaptersError``.
    """
    if not path.is_dir():
        return _of_file(path)
    for name in FILES:
        if (path / name).is_file() and (found := _of_file(path / name, required=False)):
            more = sorted((path / "additional_chat_templates").glob("*.jinja"))
            return found | {f"{each.parent.name}/{each.name}": check(_text(each)) for each in more}
    raise ChatAdaptersError(
        f"{path}: no chat template in {', '.join(FILES)}: name the folder of a model, or a template"
    )


def check(text: str, place: str = "the template") -> str:
    """Return a template's text. Raises ``ChatAdaptersError`` for what cannot be one."""
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST:
        raise ChatAdaptersError(_too_large(place, size, LARGEST))
    if "{{" not in text and "{%" not in text:
        what = "is empty" if not text.strip() else "has no {{ ... }} or {% ... %} in it"
        raise ChatAdaptersError(f"{place}: not a Jinja template: it {what}")
    return text


def _of_file(path: Path, required: bool = True) -> dict[str, str]:
    if path.suffix != ".json":
        return {path.name: check(_text(path), str(path))}
    try:
        table = json.loads(_text(path, LARGEST_FILE))
    except (ValueError, RecursionError) as error:
        raise ChatAdaptersError(f"{path}: not JSON: {error}") from None
    found = table.get("chat_template") if isinstance(table, dict) else None
    if isinstance(found, str):
        return {f"chat_template in {path.name}": check(found, str(path))}
    named = _named(found)
    if not named and required:
        raise ChatAdaptersError(
            f"{path}: has no chat_template: name a tokenizer_config.json that has one, or a file "
            "with the template itself"
        )
    return {
        f"chat_template {name!r} in {path.name}": check(text, f"{path}, {name}")
        for name, text in named.items()
    }


def _named(found: Any) -> dict[str, str]:
    pairs = (
        [(item.get("name"), item.get("template")) for item in found if isinstance(item, dict)]
        if isinstance(found, list)
        else list(found.items())
        if isinstance(found, dict)
        else []
    )
    return {str(name): text for name, text in pairs if isinstance(text, str)}


def _text(path: Path, most: int = LARGEST) -> str:
    try:
        size = path.stat().st_size
        if size > most:
            raise ChatAdaptersError(_too_large(str(path), size, most))
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ChatAdaptersError(
            f"{path}: not a Jinja template: byte {error.start} is not UTF-8"
        ) from None
    except OSError as error:
        raise ChatAdaptersError(f"{path}: {error.strerror}: check the path") from None


def _too_large(place: str, size: int, most: int) -> str:
    return (
        f"{place}: has {size / 1e6:.1f} MB, and what is read here at most {most / 1e6:.1f} MB: "
        "name a chat template, or the folder of a model"
    )
