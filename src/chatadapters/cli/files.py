"""Files of the command line: paths in, checked text or JSON out; whole files or none written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ChatAdaptersError

STDIN = "-"
CHUNK = 65536


class InputError(ChatAdaptersError):
    """What a command was given cannot be used: where, why, and what to do."""

    def __init__(self, place: str, reason: str, fix: str) -> None:
        super().__init__(f"{place}: {reason}: {fix}")


def read_bytes(path: str) -> bytes:
    """Return a file's bytes; ``-`` is stdin. Raises ``InputError``."""
    try:
        return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise InputError(_place(path), error.strerror or str(error), "check the path") from None


def read_text(path: str) -> str:
    """Return a file's text, line breaks as they are; ``-`` is stdin. Raises ``InputError``."""
    return _decode(read_bytes(path), path)


def stream_text(path: str) -> Iterator[str]:
    """Give the text piece by piece, as it arrives; ``-`` is stdin. Raises ``InputError``."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    seen = 0
    for piece in _pieces(path):
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise _not_utf8(error, path, seen - held) from None
        seen += len(piece)
        if text:
            yield text


def read_json(path: str) -> Any:
    """Return what a JSON file holds; ``-`` is stdin. Raises ``InputError``."""
    text = read_text(path).removeprefix("\ufeff")
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"{_place(path)}, line {error.lineno}, column {error.colno}"
        reason = f"not JSON ({error.msg[0].lower()}{error.msg[1:]})"
        lines = text[: error.pos + 80].rstrip().split("\n")
        quote = lines[min(error.lineno, len(lines)) - 1][:80]
        raise InputError(
            place, f"{reason}: {quote!r}" if quote else "not JSON (empty)", "write valid JSON"
        ) from None
    except UnicodeEncodeError as error:
        raise InputError(
            _place(path), f"half of a character: {error.object[error.start]!r}",
            "write the character itself, or both halves of the surrogate pair",
        ) from None  # fmt: skip
    except RecursionError:
        raise InputError(_place(path), "nested too deeply", "flatten it") from None
    except ValueError as error:
        raise InputError(
            _place(path), f"not to be read: {error}", "write shorter numbers"
        ) from None
    return value


def read_tools(path: str) -> list[dict[str, Any]]:
    """Return the tools of a JSON file: a list, or in an object. Raises ``InputError``."""
    value = read_json(path)
    return check_tools(value.get("tools") if isinstance(value, dict) else value, _place(path)) or []


def check_tools(tools: Any, place: str) -> list[dict[str, Any]] | None:
    """Return tools that have OpenAI's shape; ``None`` stays ``None``. Raises ``InputError``."""
    shape = '[{"type": "function", "function": {"name": ..., "parameters": {...}}}]'
    if tools is None:
        return None
    if not isinstance(tools, list):
        raise InputError(place, f"tools are a list, not {tools!r:.60}", f"write {shape}")
    for position, tool in enumerate(tools):
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            where = f"{place}, tools[{position}]"
            raise InputError(where, f"not a tool: {tool!r:.60}", f"write {shape}")
        if not isinstance(function.get("parameters") or {}, dict):
            where = f"{place}, tools[{position}].parameters"
            raise InputError(where, "not a JSON Schema object", f"write {shape}")
    return tools


def read_conversation(path: str) -> dict[str, Any]:
    """Return a conversation file as an object with ``messages``. Raises ``InputError``.

    The file is a JSON list of messages, or an object such as the body of a chat completion request.
    """
    value = read_json(path)
    table = {"messages": value} if isinstance(value, list) else value
    shape = '[{"role": "user", "content": "Hi"}] or {"messages": [...], "tools": [...]}'
    if not isinstance(table, dict) or not isinstance(table.get("messages"), list):
        raise InputError(_place(path), "not a conversation", f"write {shape}")
    for position, message in enumerate(table["messages"]):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            where = f"{_place(path)}, messages[{position}]"
            raise InputError(where, f"not a message: {message!r:.60}", f"write {shape}")
    check_tools(table.get("tools"), _place(path))
    return table


def write_files(files: Mapping[Path, str]) -> None:
    """Write text files, all of them or none; missing folders are made.

    Each file is written beside its place and then moved there, so that nobody sees half of one.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            waiting[path] = beside
            with beside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        for path in files:
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder, not a file", str(path))
        for path, beside in waiting.items():
            os.replace(beside, path)
    except OSError as error:
        place = error.filename or next(iter(files), "")
        raise InputError(
            str(place),
            f"cannot be written ({error.strerror})",
            "use -o with a folder that you may write to",
        ) from None
    finally:
        for beside in waiting.values():
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _pieces(path: str) -> Iterator[bytes]:
    try:
        if path != STDIN:
            yield Path(path).read_bytes()
        elif hasattr(sys.stdin.buffer, "read1"):
            while piece := sys.stdin.buffer.read1(CHUNK):
                yield piece
        else:
            yield sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(_place(path), error.strerror or str(error), "check the path") from None
    yield b""


def _decode(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(error, path, 0) from None


def _not_utf8(error: UnicodeDecodeError, path: str, offset: int) -> InputError:
    bad = error.object[error.start]
    return InputError(
        _place(path),
        f"not UTF-8: byte {offset + error.start} is {bad:#04x}",
        "save or send it as UTF-8",
    )


def _place(path: str) -> str:
    return "stdin" if path == STDIN else path
