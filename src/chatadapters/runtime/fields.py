"""The keys of a call that is one JSON object: read ahead up to the name, then as they arrive."""

from __future__ import annotations

from .json_stream import pass_value, read_string
from .scan import LONGEST_NAME, MOST_HELD

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

    from .calls import Caller
    from .events import ToolCall
    from .scan import Steps


class Fields:
    """The keys of one JSON object; ``fields`` says what holes they fill.

    A ``bare`` object, with no marker before it, is a call only where its first key is declared.
    ``named`` is the name that it must hold, None where it may be any.
    """

    def __init__(self, p: Caller, fields: dict[str, Any], bare: bool, named: str | None) -> None:
        self.p = p
        self.bare = bare
        self.named = named
        self.stack = [fields]
        self.name = ""
        self.id: str | None = None
        self.arguments = (0, 0)
        self.offset = 0
        self.first = True
        self.seen: set[str] = set()

    def header(self, position: int) -> Steps:
        """Read ahead until the name is known; return False where this is no call.

        Positions are kept as offsets from where the call begins, as the buffer moves under them.
        """
        p = self.p
        position = yield from p.tokens(position, (("{",),))
        while position >= 0:
            position, kind = yield from self._next(position)
            if position < 0 or not self.stack or position - p.at > MOST_HELD:
                return False
            if kind == "end":
                continue
            if kind == "name":
                position, self.name = yield from read_string(p, position, 2 * LONGEST_NAME)
                if position < 0 or not self.name or not p.known(self.name):
                    return False
                if self.named is not None and self.name != self.named:
                    return False
                self.offset = position - p.at
                return True
            if kind == "id" and p.buffer[position] == '"':
                position, self.id = yield from read_string(p, position, 2 * LONGEST_NAME)
                continue
            begin = position - p.at
            position = yield from pass_value(p, None, position)
            if kind == "arguments":
                self.arguments = (begin, position - p.at)
        return False

    def body(self, call: ToolCall) -> Steps:
        """Read the rest of the object, consuming it; return a status, "" while all is well."""
        p = self.p
        while self.stack:
            position, kind = yield from self._next(p.at)
            if position < 0:
                return "truncated" if p.ended else "malformed"
            p.at = position
            if kind == "end":
                continue
            good = True
            if kind == "arguments" and not call._json:
                good = yield from p.read_json(call)
            elif kind == "id" and self.id is None and p.buffer[position] == '"':
                position, self.id = yield from read_string(p, position, 2 * LONGEST_NAME)
                good = position >= 0
                p.at = max(position, p.at)
            else:
                end = yield from pass_value(p, lambda text, end: p.argue(call, "", end), position)
                good = end >= 0
            if not good:
                return "truncated" if p.ended else "malformed"
        return ""

    def _next(self, position: int) -> Steps:
        """Go to the next value: return (its place, the hole it fills or "skip").

        After a closing brace, "end" stands for the hole.
        """
        p = self.p
        while True:
            position = yield from p.skip_space(position)
            if position < 0 or position >= len(p.buffer):
                return -1, ""
            char = p.buffer[position]
            if char == "}":
                self.stack.pop()
                self.first = False
                return position + 1, "end"
            if not self.first:
                if char != ",":
                    return -1, ""
                position = yield from p.skip_space(position + 1)
                if position < 0 or position >= len(p.buffer):
                    return -1, ""
            position, key = yield from read_string(p, position, 2 * LONGEST_NAME)
            if position < 0:
                return -1, ""
            position = yield from p.tokens(position, ((":",),))
            if position < 0:
                return -1, ""
            position = yield from p.skip_space(position)
            if position < 0 or position >= len(p.buffer):
                return -1, ""
            opening = self.first and not self.seen and len(self.stack) == 1
            if opening and key not in self.stack[0] and self.bare:
                return -1, ""
            self.first = False
            hole = self.stack[-1].get(key)
            if isinstance(hole, dict) and p.buffer[position] == "{":
                self.stack.append(hole)
                self.first = True
                position += 1
                continue
            if hole is None or not isinstance(hole, str) or hole in self.seen:
                return position, "skip"
            self.seen.add(hole)
            return position, hole


def unpack(text: str) -> str | None:
    """Return the JSON object that a value is or holds (null: an empty one), or None without one."""
    import json

    if text[:1] == "{":
        return text
    if text == "null":
        return "{}"
    try:
        inner = json.loads(text)
        if isinstance(inner, str) and isinstance(json.loads(inner), dict):
            return inner
    except (ValueError, RecursionError):
        pass
    return None
